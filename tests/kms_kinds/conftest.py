from __future__ import annotations

import pytest

from tests.kms.lab import Lab
from tests.kms_kinds.ring import Ring


@pytest.fixture
def lab() -> Lab:
    return Lab.new()


@pytest.fixture(scope="session")
def ring() -> Ring:
    """Shared by all tests: they read from it, and leave its keys enabled."""
    return Ring(Lab.new())
