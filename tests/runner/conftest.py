"""Fixtures of the runner's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .job import Job


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    """An empty job folder; whatever was started in it is ended afterwards."""
    made = Job(tmp_path / "job")
    yield made
    made.end()
