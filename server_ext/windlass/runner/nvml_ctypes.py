"""NVIDIA's management library, by ctypes alone: images of jobs have a driver's library, and seldom a binding for it.

Each call fails for itself, and what a device does not say is None. While a call is under way no fork happens: a child
would find the library's locks held for ever. Nothing here decides when to ask or what becomes of the answers.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import threading
from ctypes import byref, c_int, c_uint, c_ulonglong, c_void_p
from typing import Any, NamedTuple, Optional

from .visible_gpus import visible

LIBRARY = "libnvidia-ml.so.1"
_FORK_WAITS_SECONDS = 0.2
_TEXT = 96
_SM_CLOCK = 1
_CELSIUS = 0
_SENT, _RECEIVED = 0, 1
_MIG_PROFILE = re.compile(r"\bMIG\s+(\S+)\s*$")
_GONE = frozenset({1, 9, 12, 15, 16, 18, 999})
"""Not initialized, no driver, no library, GPU lost, reset required, versions differ, unknown."""
_WORDS = {
    4: "its permissions do not let this job read them",
    9: "the NVIDIA driver is not loaded",
    12: "the NVIDIA driver's library is not installed",
    15: "a GPU has fallen off the bus",
    16: "a GPU has to be reset",
    18: "the driver was updated and its library does not fit the one that runs: the machine has to be restarted",
}


_NO_PERMISSION = 4
_NO_FUNCTION = 13


class _Calls:
    """One call at a time, and none while the process forks; for a call that hangs no fork waits long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_held = False
        os.register_at_fork(before=self._before, after_in_parent=self._after, after_in_child=self._in_child)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_exc: object) -> None:
        self._lock.release()

    def _before(self) -> None:
        self._is_held = self._lock.acquire(timeout=_FORK_WAITS_SECONDS)

    def _after(self) -> None:
        if self._is_held:
            self._lock.release()

    def _in_child(self) -> None:
        self._lock = threading.Lock()


_calls = _Calls()


class NoGpus(Exception):
    """The library cannot be used; the message says why, as the rest of a sentence."""


class NvmlError(Exception):
    """One call failed."""

    def __init__(self, code: int) -> None:
        super().__init__(_WORDS.get(code, f"NVML answers with error {code}"))
        self.code = code

    @property
    def is_final(self) -> bool:
        """Whether the device or the driver is gone, rather than that it does not say this one thing."""
        return self.code in _GONE


class _Memory(ctypes.Structure):
    _fields_ = (("total", c_ulonglong), ("free", c_ulonglong), ("used", c_ulonglong))


class _MemoryV2(ctypes.Structure):
    """Tells what the driver keeps for itself from what is used."""

    _fields_ = (
        ("version", c_uint),
        ("total", c_ulonglong),
        ("reserved", c_ulonglong),
        ("free", c_ulonglong),
        ("used", c_ulonglong),
    )


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", c_uint), ("memory", c_uint))


class Gpu(NamedTuple):
    """A card, or a MIG slice of one (`mig`: its profile)."""

    handle: int
    uuid: str
    number: int
    """Of the card, by PCI address."""
    name: str
    mig: str
    """Empty for a whole card."""
    parent: str = ""
    """The card that a slice is of."""
    instance: Optional[int] = None  # noqa: UP045 - evaluated by NamedTuple, in Python 3.9 too
    """The GPU instance that a slice is."""


class Nvml:
    """The library while it is loaded and the driver answers."""

    def __init__(self) -> None:
        """Raises NoGpus."""
        try:
            self._library = ctypes.CDLL(LIBRARY)
        except OSError:
            raise NoGpus("no NVIDIA driver is installed") from None
        self._has_v2 = True
        try:
            self._call("nvmlInit_v2")
        except NvmlError as error:
            raise NoGpus(str(error)) from None

    def close(self) -> None:
        """Let the driver go."""
        with contextlib.suppress(NvmlError):
            self._call("nvmlShutdown")

    def gpus(self, named: str | None) -> list[Gpu]:
        """The job's own; `named` is CUDA_VISIBLE_DEVICES. Raises NvmlError."""
        count = c_uint()
        self._call("nvmlDeviceGetCount_v2", byref(count))
        cards: list[list[Gpu]] = []
        uuids: list[tuple[str, list[str]]] = []
        trouble: NvmlError | None = None
        for index in range(count.value):
            parts: list[Gpu] = []
            uuid = ""
            try:
                uuid, parts = self._card(index)
            except NvmlError as error:
                # One that is lost is not the end of the others, and its place still counts for the numbers.
                trouble = error
            cards.append(parts)
            uuids.append((uuid, [part.uuid for part in parts]))
        if trouble is not None and not any(cards):
            raise trouble
        return visible(cards, uuids, named)

    def _card(self, index: int) -> tuple[str, list[Gpu]]:
        handle = c_void_p()
        self._call("nvmlDeviceGetHandleByIndex_v2", c_uint(index), byref(handle))
        card = Gpu(handle.value or 0, self._text("nvmlDeviceGetUUID", handle), index, self._name(handle), "")
        return card.uuid, self._slices(handle, card) or [card]

    def read(self, gpu: Gpu, *, with_pcie: bool) -> dict[str, Any]:
        """What a device says now, in bytes, watts, MHz and fractions of 1.

        Raises NvmlError when it or the driver is gone. `with_pcie` takes 40 ms: the driver counts for that long.
        """
        handle = c_void_p(gpu.handle)
        total, used = self._memory(handle)
        found: dict[str, Any] = {"memory": used, "memory_total": total}
        if gpu.mig:
            # Engine, power and temperature are the whole card's, which others use too.
            return found
        utilization, number = _Utilization(), c_uint()
        if self._tells("nvmlDeviceGetUtilizationRates", handle, byref(utilization)):
            found["engine"] = min(1.0, utilization.gpu / 100)
        if self._tells("nvmlDeviceGetPowerUsage", handle, byref(number)):
            found["power"] = number.value / 1000
        if self._tells("nvmlDeviceGetTemperature", handle, c_int(_CELSIUS), byref(number)):
            found["temp"] = number.value
        if self._tells("nvmlDeviceGetClockInfo", handle, c_int(_SM_CLOCK), byref(number)):
            found["clock"] = number.value
        if with_pcie:
            found["pcie"] = self._pcie(handle)
        return found

    def _pcie(self, handle: c_void_p) -> int | None:
        """Bytes a second, both ways."""
        both = 0
        for way in (_SENT, _RECEIVED):
            kilobytes = c_uint()
            if not self._tells("nvmlDeviceGetPcieThroughput", handle, c_int(way), byref(kilobytes)):
                return None
            both += kilobytes.value * 1024
        return both

    def _memory(self, handle: c_void_p) -> tuple[int | None, int | None]:
        if self._has_v2:
            second = _MemoryV2(version=ctypes.sizeof(_MemoryV2) | 2 << 24)
            try:
                self._call("nvmlDeviceGetMemoryInfo_v2", handle, byref(second))
            except NvmlError as error:
                if error.is_final:
                    raise
                self._has_v2 = False
            else:
                return second.total, second.used
        first = _Memory()
        return (
            (first.total, first.used) if self._tells("nvmlDeviceGetMemoryInfo", handle, byref(first)) else (None, None)
        )

    def _slices(self, handle: c_void_p, card: Gpu) -> list[Gpu]:
        """The MIG slices of a card that this process may use; none when it is not in that mode."""
        mode, pending, most = c_uint(), c_uint(), c_uint()
        if not self._tells("nvmlDeviceGetMigMode", handle, byref(mode), byref(pending)) or mode.value != 1:
            return []
        if not self._tells("nvmlDeviceGetMaxMigDeviceCount", handle, byref(most)):
            return []
        found = []
        for number in range(most.value):
            part = c_void_p()
            if self._tells("nvmlDeviceGetMigDeviceHandleByIndex", handle, c_uint(number), byref(part)):
                found.append(self._slice(part, card))
        return found

    def _slice(self, handle: c_void_p, card: Gpu) -> Gpu:
        profile = _MIG_PROFILE.search(self._name(handle))
        instance = c_uint()
        has_instance = self._tells("nvmlDeviceGetGpuInstanceId", handle, byref(instance))
        return Gpu(
            handle.value or 0,
            self._text("nvmlDeviceGetUUID", handle),
            card.number,
            card.name,
            profile.group(1) if profile else "slice",
            card.uuid,
            instance.value if has_instance else None,
        )

    def _name(self, handle: c_void_p) -> str:
        return self._text("nvmlDeviceGetName", handle)

    def _text(self, function: str, handle: c_void_p) -> str:
        text = ctypes.create_string_buffer(_TEXT)
        self._call(function, handle, text, c_uint(_TEXT))
        return text.value.decode("utf-8", "replace")

    def _tells(self, function: str, *arguments: Any) -> bool:
        """Whether a device says this; raises NvmlError when it is gone."""
        try:
            self._call(function, *arguments)
        except NvmlError as error:
            if error.is_final:
                raise
            return False
        return True

    def _call(self, name: str, *arguments: Any) -> None:
        try:
            function = getattr(self._library, name)
        except AttributeError:
            raise NvmlError(_NO_FUNCTION) from None
        with _calls:
            code = function(*arguments)
        if code:
            raise NvmlError(code)
