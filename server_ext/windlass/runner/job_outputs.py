"""Where a shell's displays and results go: into the executed notebook on rank 0, and as plain text into every log."""

from __future__ import annotations

from typing import Any

from .capped_text import shorten
from .executed import ExecutedNotebook
from .streams import JobStreams

_MOST_LOG_CHARACTERS = 10_000


class JobOutputs:
    """Implements `shell.OutputTarget`. Streams are flushed first, so that the order is the order of the code."""

    def __init__(self, streams: JobStreams, notebook: ExecutedNotebook | None) -> None:
        self._streams = streams
        self._notebook = notebook

    def display(self, data: dict[str, Any], metadata: dict[str, Any], *, display_id: str | None = None) -> None:
        """A rich output."""
        self._log(data)
        if self._notebook is not None:
            self._notebook.display(data, metadata, display_id=display_id)

    def update_display(self, data: dict[str, Any], metadata: dict[str, Any], *, display_id: str) -> None:
        """A change of a rich output; the log would only be flooded by it."""
        self._streams.flush()
        if self._notebook is not None:
            self._notebook.update_display(data, metadata, display_id=display_id)

    def result(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """The value of a cell's last expression."""
        self._log(data)
        if self._notebook is not None:
            self._notebook.result(data, metadata)

    def clear_output(self, *, wait: bool) -> None:
        """Forget what the cell has shown; the log keeps it."""
        self._streams.flush()
        if self._notebook is not None:
            self._notebook.clear_output(wait=wait)

    def _log(self, data: dict[str, Any]) -> None:
        text = data.get("text/plain")
        if isinstance(text, str):
            self._streams.log_only(shorten(text, limit=_MOST_LOG_CHARACTERS))
        else:
            self._streams.flush()
