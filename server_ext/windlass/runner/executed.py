"""The executed notebook: filled while the job runs, and at every moment a whole notebook that opens.

Cells that did not change are not serialised again, so a snapshot holds the interpreter for microseconds. Which cell
does what, and when, is told by the run; this module knows no shell.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .notebook import Cell, Notebook
from .outputs import CellOutputs, DataOutput, clean_bundle, dumps

WRITE_SECONDS = 1.0


class CellRecord:
    """One cell of the executed notebook."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.count: int | None = None
        self.metadata = {key: value for key, value in cell.metadata.items() if key not in ("execution", "windlass")}
        self.outputs = CellOutputs()
        self._json: bytes | None = None

    def touch(self) -> None:
        """Something changed."""
        self._json = None

    def json(self) -> bytes:
        """The cell as nbformat 4.5 wants it."""
        if self._json is None:
            self._json = self._serialise()
        return self._json

    def _serialise(self) -> bytes:
        content: dict[str, Any] = {
            "cell_type": self.cell.kind,
            "id": self.cell.id,
            "metadata": self.metadata,
            "source": self.cell.source.splitlines(keepends=True),
        }
        if self.cell.attachments is not None:
            content["attachments"] = self.cell.attachments
        if self.cell.kind != "code":
            return dumps(content)
        content["execution_count"] = self.count
        return dumps(content)[:-1] + b',"outputs":[' + b",\n".join(self.outputs.fragments()) + b"]}"


class ExecutedNotebook:
    """All cells, with a lock around every change; any thread may print."""

    def __init__(self, notebook: Notebook, *, job: dict[str, Any]) -> None:
        self._lock = threading.RLock()
        self._records = {id(cell): CellRecord(cell) for cell in notebook.cells}
        self._metadata = {**notebook.metadata, "windlass": job}
        self._displays: dict[str, list[tuple[CellRecord, DataOutput]]] = {}
        self._current: CellRecord | None = None
        self.version = 1

    def describe(self, **job: Any) -> None:
        """Change what the notebook's metadata says about the job."""
        with self._lock:
            self._metadata["windlass"] = {**self._metadata["windlass"], **job}
            self.version += 1

    def skip(self, cell: Cell, reason: str) -> None:
        """Say at the cell that it was not run, and why."""
        with self._lock:
            record = self._records[id(cell)]
            record.metadata["windlass"] = {"skipped": reason}
            record.outputs.stream("stderr", f"[Windlass did not run this cell: {reason}.]\n", "")
            self._changed(record)

    def start(self, cell: Cell, count: int) -> None:
        """The cell begins to run; what is shown from now on is its own."""
        with self._lock:
            record = self._records[id(cell)]
            record.count = count
            now = timestamp()
            record.metadata["execution"] = {
                "iopub.status.busy": now,
                "iopub.execute_input": now,
                "shell.execute_reply.started": now,
            }
            self._current = record
            self._changed(record)

    def finish(self, cell: Cell) -> None:
        """The cell has ended."""
        with self._lock:
            record = self._records[id(cell)]
            now = timestamp()
            record.metadata["execution"].update({"shell.execute_reply": now, "iopub.status.idle": now})
            record.outputs.freeze()
            self._changed(record)

    def stream(self, name: str, final: str, live: str) -> None:
        """Text on stdout or stderr, to the cell now running (or the last one that ran)."""
        with self._lock:
            if self._current is not None:
                self._current.outputs.stream(name, final, live)
                self._changed(self._current)

    def display(self, data: dict[str, Any], metadata: dict[str, Any], *, display_id: str | None = None) -> None:
        """A rich output of the cell now running."""
        content = {"output_type": "display_data", "data": clean_bundle(data), "metadata": metadata}
        with self._lock:
            if self._current is not None:
                output = self._current.outputs.data(content)
                if display_id is not None:
                    self._displays.setdefault(display_id, []).append((self._current, output))
                self._changed(self._current)

    def update_display(self, data: dict[str, Any], metadata: dict[str, Any], *, display_id: str) -> None:
        """Show something else wherever `display_id` is shown."""
        with self._lock:
            for record, output in self._displays.get(display_id, []):
                output.replace(clean_bundle(data), metadata)
                self._changed(record)

    def result(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """The value of the cell's last expression."""
        with self._lock:
            if self._current is not None:
                content = {"output_type": "execute_result", "execution_count": self._current.count}
                self._current.outputs.data({**content, "data": clean_bundle(data), "metadata": metadata})
                self._changed(self._current)

    def error(self, ename: str, evalue: str, traceback: list[str]) -> None:
        """Why the cell now running failed."""
        content = {"output_type": "error", "ename": ename, "evalue": evalue, "traceback": traceback}
        with self._lock:
            if self._current is not None:
                self._current.outputs.data(content)
                self._changed(self._current)

    def clear_output(self, *, wait: bool) -> None:
        """Forget what the cell now running has shown."""
        with self._lock:
            if self._current is not None:
                self._current.outputs.clear(wait=wait)
                self._changed(self._current)

    def snapshot(self) -> tuple[int, list[bytes]]:
        """The version, and the whole file in pieces."""
        version, cells, metadata = self.parts()
        return version, join(cells, metadata)

    def parts(self) -> tuple[int, list[bytes], bytes]:
        """The version, each cell and the metadata as JSON; what has not changed is the same object as before."""
        with self._lock:
            cells = [record.json() for record in self._records.values()]
            return self.version, cells, dumps(self._metadata)

    def _changed(self, record: CellRecord) -> None:
        record.touch()
        self.version += 1


class NotebookFile:
    """Writes the executed notebook, off the training thread, and goes on trying when it cannot."""

    def __init__(self, notebook: ExecutedNotebook, path: Path, *, on_trouble: Callable[[OSError | None], None]) -> None:
        self._notebook = notebook
        self._path = path
        self._temporary = path.with_name(f".{path.name}.tmp")
        self._on_trouble = on_trouble
        self._lock = threading.Lock()
        self._written = 0
        self._not_before = 0.0
        self._troubled = False

    def write_if_due(self) -> None:
        """Write when something changed and the last write is a second ago; a slow disk is asked less often."""
        if self._notebook.version != self._written and time.monotonic() >= self._not_before:
            self.write()

    def write(self) -> None:
        """Write now. Never raises: trouble is reported once, and the end of it too."""
        with self._lock:
            began = time.monotonic()
            version, pieces = self._notebook.snapshot()
            try:
                with open(self._temporary, "wb") as target:  # noqa: PTH123  (Path.open costs more and adds nothing)
                    target.writelines(pieces)
                os.replace(self._temporary, self._path)  # noqa: PTH105  (likewise)
            except OSError as error:
                # Half a notebook is of no use, and others may need the room.
                with contextlib.suppress(OSError):
                    self._temporary.unlink()
                self._report(error)
            else:
                self._written = version
                self._report(None)
            took = time.monotonic() - began
            self._not_before = began + max(WRITE_SECONDS, 10 * took)

    def _report(self, error: OSError | None) -> None:
        if (error is not None) == self._troubled:
            return
        self._troubled = error is not None
        self._on_trouble(error)


def join(cells: list[bytes], metadata: bytes) -> list[bytes]:
    """The notebook file of these cells, in pieces."""
    pieces = [b'{"cells":[\n']
    for number, cell in enumerate(cells):
        pieces += [b",\n", cell] if number else [cell]
    return [*pieces, b'\n],"metadata":' + metadata + b',"nbformat":4,"nbformat_minor":5}\n']


def timestamp() -> str:
    """Now, by RFC 3339 in UTC with microseconds, as JupyterLab records timings."""
    now = dt.datetime.fromtimestamp(time.time(), dt.timezone.utc)
    return now.isoformat(timespec="microseconds").replace("+00:00", "Z")
