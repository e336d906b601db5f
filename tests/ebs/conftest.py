from __future__ import annotations

import pytest

from tests.sharing.accounts import Share, TwoAccounts


@pytest.fixture
def share(accounts: TwoAccounts) -> Share:
    """A world of one's own in which everything is allowed and the snapshot is shared."""
    return accounts.share()


@pytest.fixture
def slow(lifelike: TwoAccounts) -> Share:
    """The same, where things settle in AWS's time."""
    return lifelike.share()
