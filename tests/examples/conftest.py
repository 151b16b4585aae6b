"""The example in a folder of its own, so that a run leaves nothing in the checkout."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.desk import Desk, open_desk

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with open_desk(tmp_path_factory.mktemp("examples"), tracked=True) as opened:
        for name in ("digits_ddp.ipynb", "digits_model.py"):
            shutil.copyfile(EXAMPLES / name, opened.folder / name)
        yield opened
