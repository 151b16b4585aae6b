"""One desk for all tests of a module: its server takes seconds to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.desk import Desk, open_desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with open_desk(tmp_path_factory.mktemp("desk")) as opened:
        yield opened
