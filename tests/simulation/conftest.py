from __future__ import annotations

import pytest

from tests.iam.lab import Lab


@pytest.fixture
def lab() -> Lab:
    return Lab()
