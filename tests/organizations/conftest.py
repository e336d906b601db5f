from __future__ import annotations

import pytest
from iam.lab import Lab


@pytest.fixture
def lab() -> Lab:
    return Lab()
