"""What the tests of tracking share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.tracking.recorder import Recorder


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    yield made
    made.close()


@pytest.fixture(name="elsewhere")
def another_recorder() -> Iterator[Recorder]:
    made = Recorder()
    yield made
    made.close()


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("windlass.tracking.rest._pause", lambda _attempt, _response: 0.0)
