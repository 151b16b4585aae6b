"""Which cards and MIG slices there are: what does not change while the driver runs and nobody cuts a card anew."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pynvml

from windlass.metrics.nvml import faults

T = TypeVar("T")
Handle = Any
"""nvidia-ml-py's pointer to a device."""

_MIG_NAME = re.compile(r"\s+MIG\s+(?P<profile>\d+(?:c\.\d+)?g\.\d+gb\S*)$", re.IGNORECASE)
_MEMORY_EIGHTHS = 8


@dataclass(frozen=True, kw_only=True)
class Known:
    """A card or a slice, with the pointer that asks for it."""

    handle: Handle
    uuid: str
    name: str
    index: int
    is_card: bool = True
    cut: bool = False
    """A card in MIG mode: its slices are used, not itself."""
    parent: Known | None = None
    instance: int | None = None
    """The GPU instance that a slice is of."""
    profile: str | None = None
    memory_total_bytes: int | None = None


@dataclass(kw_only=True)
class Inventory:
    """What was found, and a sentence for each device that could not be named."""

    devices: list[Known] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def take_stock() -> Inventory:
    """All devices this process may see, each card before its slices. Raises NVMLError when nothing can be asked."""
    found = Inventory()
    for index in range(pynvml.nvmlDeviceGetCount()):
        try:
            card = _card(index)
        except pynvml.NVMLError as error:
            if faults.ends_session(error):
                raise
            why = faults.sickness(error) or f"{faults.words(error)}."
            found.problems.append(f"GPU {index} cannot be read: {why}")
            continue
        found.devices.append(card)
        if card.cut:
            found.devices += _slices(card, found.problems)
    return found


def _card(index: int) -> Known:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    mode = _given(lambda: pynvml.nvmlDeviceGetMigMode(handle))
    return Known(
        handle=handle,
        uuid=_text(pynvml.nvmlDeviceGetUUID(handle)),
        name=_given(lambda: _text(pynvml.nvmlDeviceGetName(handle))) or "NVIDIA GPU",
        index=index,
        cut=bool(mode and mode[0] == pynvml.NVML_DEVICE_MIG_ENABLE),
        memory_total_bytes=_given(lambda: int(pynvml.nvmlDeviceGetMemoryInfo(handle).total)),
    )


def _slices(card: Known, problems: list[str]) -> Iterator[Known]:
    most = _given(lambda: int(pynvml.nvmlDeviceGetMaxMigDeviceCount(card.handle))) or 0
    # Places of a card are not filled in order: one that is empty says nothing of the next.
    for place in range(most):
        found = _slice_or_why(card, place)
        if isinstance(found, Known):
            yield found
        elif found:
            problems.append(f"A MIG slice of GPU {card.index} cannot be read: {found}.")


def _slice_or_why(card: Known, place: int) -> Known | str:
    """The slice at a place; empty where there is none."""
    try:
        return _slice(card, pynvml.nvmlDeviceGetMigDeviceHandleByIndex(card.handle, place), place)
    except pynvml.NVMLError as error:
        if faults.ends_session(error):
            raise
        is_empty = error.value in faults.NOT_GIVEN or error.value == pynvml.NVML_ERROR_INVALID_ARGUMENT
        return "" if is_empty else faults.words(error)


def _slice(card: Known, handle: Handle, place: int) -> Known:
    total = _given(lambda: int(pynvml.nvmlDeviceGetMemoryInfo(handle).total))
    return Known(
        handle=handle,
        uuid=_text(pynvml.nvmlDeviceGetUUID(handle)),
        name=card.name,
        index=place,
        is_card=False,
        parent=card,
        instance=_given(lambda: int(pynvml.nvmlDeviceGetGpuInstanceId(handle))),
        profile=_given(lambda: _profile(card, handle)),
        memory_total_bytes=total,
    )


def _profile(card: Known, handle: Handle) -> str | None:
    """As `2g.10gb`: from the name, which drivers since R470 end so, else from the slice's size."""
    named = _MIG_NAME.search(_text(pynvml.nvmlDeviceGetName(handle)))
    if named:
        return named["profile"]
    attributes = pynvml.nvmlDeviceGetAttributes(handle)
    if not card.memory_total_bytes:
        return None
    gigabytes = profile_gigabytes(slice_mebibytes=attributes.memorySizeMB, card_bytes=card.memory_total_bytes)
    whole, compute = attributes.gpuInstanceSliceCount, attributes.computeInstanceSliceCount
    return f"{'' if whole == compute else f'{compute}c.'}{whole}g.{gigabytes}gb"


def profile_gigabytes(*, slice_mebibytes: int, card_bytes: int) -> int:
    """The gigabytes in a profile's name: the slice's part of the card, in eighths rounded up, of its whole gibibytes.

    The same as `getMigMemorySizeInGB` of NVIDIA's go-nvlib, by which the device plugin names resources.
    """
    eighths = math.ceil(slice_mebibytes * 2**20 * _MEMORY_EIGHTHS / card_bytes)
    return round(eighths / _MEMORY_EIGHTHS * math.ceil(card_bytes / 2**30))


def _given(ask: Callable[[], T]) -> T | None:
    """What is answered; None where this device or driver does not tell it, or not to us."""
    try:
        return ask()
    except pynvml.NVMLError as error:
        if error.value in faults.NOT_GIVEN or error.value == pynvml.NVML_ERROR_NO_PERMISSION:
            return None
        raise


def _text(given: str | bytes) -> str:
    return given.decode("utf-8", "replace") if isinstance(given, bytes) else given
