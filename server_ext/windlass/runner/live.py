"""Where `windlass.progress()` finds the running job: by this module's name in sys.modules, so it imports nothing."""

from __future__ import annotations

import os
from collections.abc import Callable

_receivers: dict[int, Callable[[float, str | None], None]] = {}


def connect(receiver: Callable[[float, str | None], None]) -> None:
    """Let `receiver` have what this process reports; a forked child does not inherit it."""
    _receivers.clear()
    _receivers[os.getpid()] = receiver


def disconnect() -> None:
    """Stop passing reports on."""
    _receivers.clear()


def report(fraction: float, message: str | None) -> None:
    """Pass on a fraction that has been checked; nothing happens in a child process."""
    receiver = _receivers.get(os.getpid())
    if receiver is not None:
        receiver(fraction, message)
