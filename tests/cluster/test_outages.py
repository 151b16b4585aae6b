"""The emulated API going away, as tests have it go away: nothing of it is left open for a later test to find."""

from __future__ import annotations

import gc
import socket
import sys

import pytest
from tests.cluster.emulator.server import Emulator

ROUNDS = 100


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Python could tell nobody, as sockets that were never closed."""
    gc.collect()
    told: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: told.append(str(what.exc_value)))
    return told


def test_who_comes_while_it_goes_away_is_let_in_or_turned_away_and_not_forgotten(unraisable: list[str]) -> None:
    emulator = Emulator().start()
    port = int(emulator.url.rpartition(":")[2])
    try:
        for _ in range(ROUNDS):
            coming = socket.create_connection(("127.0.0.1", port))
            with emulator.faults.outage():
                coming.close()
    finally:
        emulator.stop()
    gc.collect()
    assert unraisable == []
