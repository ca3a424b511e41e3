"""Every test starts from facts alone: nothing one calendar worked out helps the next."""

from __future__ import annotations

import pytest

from scheduling.regimens import catalogue


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    for regimen in catalogue.all_current().values():
        regimen.memo.clear()
