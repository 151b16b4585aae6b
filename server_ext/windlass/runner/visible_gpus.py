"""Which of a machine's GPUs are this job's, as CUDA_VISIBLE_DEVICES says it to CUDA.

NVML shows every device of the machine (or container) and knows nothing of that variable. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Device = TypeVar("Device")

_NONE = ("", "-1", "nodevfiles", "void", "none")


def visible(
    cards: Sequence[Sequence[Device]], uuids: Sequence[tuple[str, Sequence[str]]], named: str | None
) -> list[Device]:
    """The devices that CUDA would show, in its order.

    `cards` are what each card has to use, in the order of their PCI addresses: the card itself, or its MIG slices;
    `uuids` are a card's own and those of what it has. A number names a card, a UUID or its beginning a card or a
    slice; as with CUDA the first name that means nothing ends the list.
    """
    if named is None:
        return [device for devices in cards for device in devices]
    if named.strip().lower() in _NONE:
        return []
    found: list[Device] = []
    for name in (item.strip() for item in named.split(",")):
        meant = _meant(name, cards, uuids)
        if not meant:
            break
        found += [device for device in meant if device not in found]
    return found


def _meant(
    name: str, cards: Sequence[Sequence[Device]], uuids: Sequence[tuple[str, Sequence[str]]]
) -> Sequence[Device]:
    if name.isdigit():
        return cards[int(name)] if int(name) < len(cards) else ()
    if not name:
        return ()
    for devices, (card, parts) in zip(cards, uuids):  # noqa: B905 - Python 3.9
        for device, uuid in zip(devices, parts):  # noqa: B905
            if uuid.startswith(name):
                return [device]
        if card.startswith(name):
            return devices
    return ()
