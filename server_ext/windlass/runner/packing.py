"""What is reported, made small enough for a line of a log: JSON as it is, or compressed and in parts.

A pod's log is kept by the node, ten megabytes of it: so a cell has a largest size, a notebook too, and a cell above it
is sent without its largest outputs and says so.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from typing import Any

LARGEST_INLINE = 2800
"""Bytes of JSON that stay readable in the log."""
PART_CHARACTERS = 3800
LARGEST_CELL = 1024 * 1024
"""Bytes of one cell, compressed and in base64."""
LARGEST_NOTEBOOK = 4 * 1024 * 1024
_SMALL_OUTPUT = 16 * 1024


def pack(content: bytes) -> bytes:
    """JSON, compressed, as text."""
    return base64.b64encode(zlib.compress(content, 6))


def frames(kind: str, head: dict[str, Any], content: bytes, number: int) -> list[bytes]:
    """The frames of one report: `content` is JSON, `number` tells this report's parts from another's."""
    begin = _begin({"k": kind, **head})
    if len(content) <= LARGEST_INLINE and b"\n" not in content:
        return [begin + b'"v":' + content + b"}"]
    return packed_frames(kind, head, pack(content), number)


def packed_frames(kind: str, head: dict[str, Any], packed: bytes, number: int) -> list[bytes]:
    """As `frames`, of what `pack` has given."""
    begin = _begin({"k": kind, **head})
    parts = [packed[start : start + PART_CHARACTERS] for start in range(0, len(packed), PART_CHARACTERS)]
    return [
        begin + b'"n":%d,"p":%d,"ps":%d,"z":"%s"}' % (number, place, len(parts), part)
        for place, part in enumerate(parts)
    ]


def _begin(head: dict[str, Any]) -> bytes:
    return json.dumps(head, separators=(",", ":"))[:-1].encode("ascii") + b","


def fit_cell(content: bytes, *, room: int) -> tuple[bytes, bytes]:
    """A cell as it can be sent, and packed: the same, or without what is too large. `room` is in packed bytes."""
    packed = pack(content)
    if len(packed) <= room:
        return content, packed
    reduced = content
    for smaller in _smaller(json.loads(content)):
        reduced = json.dumps(smaller, separators=(",", ":"), sort_keys=True).encode("ascii")
        packed = pack(reduced)
        if len(packed) <= room:
            break
    return reduced, packed


def _smaller(cell: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The cell, its largest outputs left out one after the other."""
    outputs = [dict(output) for output in cell.get("outputs") or []]
    sizes = [len(json.dumps(output)) for output in outputs]
    for place in sorted(range(len(outputs)), key=sizes.__getitem__, reverse=True):
        if sizes[place] > _SMALL_OUTPUT:
            outputs[place] = _left_out(sizes[place])
            yield {**cell, "outputs": outputs}
    if outputs:
        cell = {**cell, "outputs": [_left_out(sum(sizes))]}
        yield cell
    cell.pop("attachments", None)
    yield cell
    # What is left is the source.
    yield {**cell, "metadata": {}, "source": ["# This cell is too large for this copy of the notebook.\n"]}


def _left_out(size: int) -> dict[str, Any]:
    text = (
        f"[An output of {size / 1e6:,.1f} MB is not in this copy of the notebook, which comes through the pod's log: "
        "there is no room for it. Log large results to MLflow.]\n"
    )
    return {"output_type": "stream", "name": "stderr", "text": text}
