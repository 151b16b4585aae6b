"""The outputs of one cell as a notebook holds them, kept small and already half-way to JSON.

Each finished output is turned into JSON once; only what still grows is done again. Locking is the caller's.
"""

from __future__ import annotations

import base64
import json
import math
from typing import Any

from .capped_text import CappedText, shorten

MOST_OUTPUTS = 500
HEAD_OUTPUTS = 400
MOST_TEXT_CHARACTERS = 200_000
MOST_RICH_BYTES = 16 * 1024 * 1024
MOST_CELL_BYTES = 64 * 1024 * 1024

_WIDGET_MIME = "application/vnd.jupyter.widget-view+json"


class StreamOutput:
    """Text of one stream; `live` is the part that may still be rewritten."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = CappedText()
        self.live = ""
        self._json: bytes | None = None

    def append(self, final: str, live: str) -> None:
        """Add final text and replace the live part."""
        if final:
            self.text.append(final)
        self.live = live
        self._json = None

    def freeze(self) -> None:
        """Take the live part as final."""
        if self.live:
            self.append(self.live, "")

    def json(self) -> bytes:
        """As nbformat wants it."""
        if self._json is None:
            text = self.text.render() + self.live
            self._json = dumps({"name": self.name, "output_type": "stream", "text": text})
        return self._json


class DataOutput:
    """A display, a result or an error."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._json = dumps(content)
        self._content = {key: value for key, value in content.items() if key not in ("data", "metadata")}

    def replace(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """Show something else in the same place (update_display)."""
        self._json = dumps({**self._content, "data": data, "metadata": metadata})

    def json(self) -> bytes:
        """As nbformat wants it."""
        return self._json


class CellOutputs:
    """What one cell has shown so far."""

    def __init__(self) -> None:
        self._outputs: list[StreamOutput | DataOutput] = []
        self._left_out = 0
        self._rich_bytes = 0
        self._clear_next = False

    def stream(self, name: str, final: str, live: str) -> None:
        """Add to a stream; a line that is still being written stays where it began."""
        self._clear_if_asked()
        self._open_stream(name).append(final, live)

    def _open_stream(self, name: str) -> StreamOutput:
        last = self._outputs[-1] if self._outputs else None
        if isinstance(last, StreamOutput) and last.name == name:
            return last
        for output in reversed(self._outputs[-4:]):
            if isinstance(output, StreamOutput) and output.name == name and output.live:
                return output
        stream = StreamOutput(name)
        self._add(stream)
        return stream

    def data(self, content: dict[str, Any]) -> DataOutput:
        """Add a display, a result or an error, already clean."""
        self._clear_if_asked()
        output = DataOutput(content)
        self._rich_bytes += len(output.json())
        if self._rich_bytes > MOST_CELL_BYTES and "data" in content:
            output.replace({"text/plain": "[an output left out here: this cell has shown too much]"}, {})
        self._add(output)
        return output

    def clear(self, *, wait: bool) -> None:
        """Forget everything, now or when the next output comes."""
        self._clear_next = wait
        if not wait:
            self._forget()

    def freeze(self) -> None:
        """Nothing is rewritten any more: the cell is done."""
        for output in self._outputs:
            if isinstance(output, StreamOutput):
                output.freeze()

    def fragments(self) -> list[bytes]:
        """Each output as JSON."""
        parts = [output.json() for output in self._outputs if not _is_blank(output)]
        if self._left_out:
            note = f"[… {self._left_out:,} outputs left out here …]\n"
            parts.insert(HEAD_OUTPUTS, dumps({"name": "stderr", "output_type": "stream", "text": note}))
        return parts

    def _add(self, output: StreamOutput | DataOutput) -> None:
        self._outputs.append(output)
        if len(self._outputs) > MOST_OUTPUTS:
            del self._outputs[HEAD_OUTPUTS]
            self._left_out += 1

    def _clear_if_asked(self) -> None:
        if self._clear_next:
            self._clear_next = False
            self._forget()

    def _forget(self) -> None:
        self._outputs.clear()
        self._left_out = 0
        self._rich_bytes = 0


def _is_blank(output: StreamOutput | DataOutput) -> bool:
    return isinstance(output, StreamOutput) and output.text.empty and not output.live


def clean_bundle(data: dict[str, Any]) -> dict[str, Any]:
    """A mime bundle that JSON and a notebook can hold: no bytes, no widget without its front end, nothing huge."""
    cleaned: dict[str, Any] = {}
    left_out: list[str] = []
    for mime, value in data.items():
        if mime == _WIDGET_MIME:
            continue
        if isinstance(value, bytes):
            value = base64.b64encode(value).decode("ascii")  # noqa: PLW2901  (the same value in its written form)
        if isinstance(value, str):
            if mime == "text/plain":
                value = shorten(value, limit=MOST_TEXT_CHARACTERS)  # noqa: PLW2901  (likewise)
            elif len(value) > MOST_RICH_BYTES:
                left_out.append(f"[{mime} of {len(value) / 1e6:,.1f} MB left out]\n")
                continue
        elif not mime.endswith("json"):
            value = str(value)  # noqa: PLW2901  (likewise)
        cleaned[str(mime)] = value
    if left_out or not cleaned:
        cleaned["text/plain"] = "".join(left_out) + str(cleaned.get("text/plain", ""))
    return cleaned


def dumps(value: Any) -> bytes:
    """JSON without NaN and without anything that a notebook's reader would refuse."""
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":"), sort_keys=True)
    except (ValueError, TypeError):
        text = json.dumps(_plain(value, depth=0), allow_nan=False, separators=(",", ":"))
    return text.encode("ascii")


def _plain(value: Any, *, depth: int) -> Any:
    if depth > 50:
        return None
    if isinstance(value, dict):
        return {str(key): _plain(item, depth=depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth=depth + 1) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int)) else str(value)
