"""What a rank reports between the lines of its output: told from text, put together again, and never trusted.

The user's code writes to the same stream, and so may anything else in the container: whatever is no frame is text, and
a frame that is cut, too large or no JSON is passed over. The other half is `windlass.runner.wire` and `packing`; the
format is in docs/architecture.md. Nothing here knows of time stamps, files or what a report means.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

RS = b"\x1e"
_FRAME = b"\x1ewindlass {"
LONGEST_FRAME = 12 * 1024

LARGEST_REPORT_BYTES = 48 * 1024 * 1024
"""Of JSON, when it is unpacked."""
_LARGEST_PACKED_BYTES = 16 * 1024 * 1024
_MOST_OPEN = 8
_KINDS = frozenset({"status", "run", "own_run", "cell", "metadata", "notebook", "gpus", "at"})


class Split(NamedTuple):
    """One line of a container: text, which goes on with the next line where it has no end, and a frame."""

    text: bytes
    ended: bool
    frame: bytes | None = None


def split(line: bytes) -> Split:
    """Tell text from frame, in a line without its end."""
    if RS not in line:
        return Split(line, ended=True)
    if line.startswith(_FRAME):
        return Split(b"", ended=False, frame=line[len(_FRAME) - 1 :])
    text = bytearray()
    position = 0
    while (found := line.find(RS, position)) >= 0:
        text += line[position:found]
        position = found + 1
        if position == len(line):
            return Split(bytes(text), ended=False)
        if line.startswith(RS, position):
            position += 1
        elif line.startswith(_FRAME, found):
            # Somebody began a line and a rank reported before it was whole.
            return Split(bytes(text), ended=False, frame=line[found + len(_FRAME) - 1 :])
        text += RS
    return Split(bytes(text) + line[position:], ended=True)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a rank has said. `value` is whatever JSON holds."""

    kind: str
    rank: int
    text_bytes: int
    """How much text this rank had sent before."""
    cell: int | None = None
    value: Any = None
    source: bytes = b""
    """The JSON as it was sent."""


@dataclass
class _Open:
    """A report of which parts have come."""

    number: int
    parts: list[str]
    count: int
    size: int = 0


@dataclass
class Assembler:
    """Puts the reports of one container together. Parts come in order; a report whose part is missing is dropped."""

    _open: dict[tuple[int, str], _Open] = field(default_factory=dict)

    @property
    def is_between(self) -> bool:
        """Whether no report is only half there."""
        return not self._open

    def add(self, frame: bytes) -> Report | None:
        """The report that this frame completes, or that it is."""
        head = _parse(frame) if len(frame) <= LONGEST_FRAME else None
        if not isinstance(head, dict):
            return None
        kind, rank, said = head.get("k"), _count(head.get("r")), _count(head.get("o"))
        if kind not in _KINDS or rank is None or said is None:
            return None
        content: bytes | None
        if "v" in head:
            self._open.pop((rank, kind), None)
            content, value = json.dumps(head["v"]).encode(), head["v"]
        else:
            packed = self._part(rank, kind, head)
            content = None if packed is None else _unpack(packed)
            value = None if content is None else _parse(content)
        if content is None:
            return None
        return Report(kind=kind, rank=rank, text_bytes=said, cell=_count(head.get("i")), value=value, source=content)

    def _part(self, rank: int, kind: str, head: dict[str, Any]) -> str | None:
        """The whole of the packed text, once its last part has come."""
        number, place, count = (_count(head.get(name)) for name in ("n", "p", "ps"))
        text = head.get("z")
        if number is None or place is None or count is None or not isinstance(text, str):
            return None
        found = self._open.get((rank, kind))
        if place == 0:
            if found is None and len(self._open) >= _MOST_OPEN:
                self._open.pop(next(iter(self._open)))
            found = self._open[rank, kind] = _Open(number=number, parts=[], count=count)
        if found is None or (found.number, found.count, len(found.parts)) != (number, count, place):
            self._open.pop((rank, kind), None)
            return None
        found.parts.append(text)
        found.size += len(text)
        if found.size > _LARGEST_PACKED_BYTES:
            del self._open[rank, kind]
            return None
        if len(found.parts) < count:
            return None
        del self._open[rank, kind]
        return "".join(found.parts)


def _unpack(packed: str) -> bytes | None:
    try:
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(base64.b64decode(packed, validate=True), LARGEST_REPORT_BYTES)
    except (zlib.error, binascii.Error, ValueError):
        return None
    return content if unpacking.eof else None


def _parse(content: bytes) -> Any:
    """The JSON value; None where it is none. NaN and its like are no JSON."""
    try:
        return json.loads(content, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _count(value: Any) -> int | None:
    return value if _is_count(value) else None
