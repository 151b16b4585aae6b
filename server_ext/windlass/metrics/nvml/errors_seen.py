"""The driver's errors (XID) of each card, as it reports them while it is watched.

Errors from before are not known, so a card without any has None here and not 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pynvml

from windlass.metrics.nvml import faults
from windlass.metrics.nvml.devices import Known

_MOST_AT_ONCE = 64


class ErrorsSeen:
    """One event set over all cards. Used by one thread; `close` before the library is shut down."""

    def __init__(self, cards: Iterable[Known]) -> None:
        self._last: dict[str, int] = {}
        self._set: Any = None
        with suppress(pynvml.NVMLError):
            self._set = pynvml.nvmlEventSetCreate()
        for card in cards if self._set is not None else ():
            # A card, a container or a driver that reports none: its errors stay unknown.
            with suppress(pynvml.NVMLError):
                pynvml.nvmlDeviceRegisterEvents(card.handle, pynvml.nvmlEventTypeXidCriticalError, self._set)

    def last(self, uuid: str) -> int | None:
        """The card's last error; None where none was reported since it is watched."""
        return self._last.get(uuid)

    def collect(self) -> None:
        """Take in what was reported since. Raises NVMLError only when the library has to be begun again."""
        if self._set is None:
            return
        try:
            for _ in range(_MOST_AT_ONCE):
                event = pynvml.nvmlEventSetWait(self._set, 0)
                uuid = pynvml.nvmlDeviceGetUUID(event.device)
                self._last[uuid.decode() if isinstance(uuid, bytes) else uuid] = int(event.eventData)
        except pynvml.NVMLError as error:
            if faults.ends_session(error):
                raise

    def close(self) -> None:
        """Let go of the event set."""
        if self._set is not None:
            with suppress(pynvml.NVMLError):
                pynvml.nvmlEventSetFree(self._set)
            self._set = None
