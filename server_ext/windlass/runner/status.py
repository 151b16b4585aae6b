"""ranks/<rank>/status.json: what the supervisor reads of a rank. Written by rename, so that it is always whole."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LEAST_SECONDS = 0.5
CELL_SECONDS = 0.1


class StatusFile:
    """The rank's status, kept in memory and written at every step that matters. A write that fails is tried again."""

    def __init__(self, path: Path, *, rank: int, on_write: Callable[[str], None] | None = None) -> None:
        """`on_write` is given each status that is written, also one for which the disk has no room."""
        self._on_write = on_write
        self._path = str(path)
        self._temporary = str(path.with_name(".status.json.tmp"))
        self._lock = threading.RLock()
        self._dirty = False
        self._pause_seconds = LEAST_SECONDS
        self._written_at = 0.0
        self._own_fraction = False
        self._content: dict[str, Any] = {
            "rank": rank,
            "pid": os.getpid(),
            "phase": "starting",
            "cell": None,
            "cells": None,
            "fraction": None,
            "message": None,
            "started_at": time.time(),
            "updated_at": None,
            "ended_at": None,
            "exit_code": None,
            "error": None,
            "notices": [],
        }

    @property
    def ended(self) -> bool:
        """Whether the rank's end stands in the file."""
        return self._content["ended_at"] is not None

    def begin(self) -> None:
        """Write the first status."""
        self._write()

    def running(self, *, cells: int, says_progress: bool = False) -> None:
        """The notebook is read and starts. If it says its progress itself, cells done are no measure beside that."""
        with self._lock:
            self._own_fraction = says_progress
            self._content.update(phase="running", cells=cells)
            self._write()

    def cell(self, number: int) -> None:
        """Code cell `number` (from 1) starts. Written at once, unless a cell before was a blink ago.

        A rename can take a millisecond: of cells in quick succession the background thread writes the last one.
        """
        with self._lock:
            self._content["cell"] = number
            if not self._own_fraction:
                self._content["fraction"] = round((number - 1) / max(1, self._content["cells"] or 1), 4)
            self._dirty = True
            self._pause_seconds = CELL_SECONDS
        self.write_if_due()

    def progress(self, fraction: float, message: str | None) -> None:
        """What the notebook says about its progress; written at most twice a second."""
        with self._lock:
            self._own_fraction = True
            self._content["fraction"] = fraction
            if message is not None:
                self._content["message"] = message[:500]
            self._dirty = True
        self.write_if_due()

    def notice(self, text: str, *, instead_of: str | None = None) -> None:
        """Tell the user something, once; `instead_of` is a notice that it replaces."""
        with self._lock:
            notices: list[str] = self._content["notices"]
            if instead_of in notices:
                notices.remove(instead_of)
            if text not in notices:
                notices.append(text)
            self._dirty = True

    def failing(self, error: dict[str, Any]) -> None:
        """Keep the error as soon as it is known, before anything else can go wrong."""
        with self._lock:
            self._content["error"] = error
            self._write()

    def end(self, *, phase: str, exit_code: int) -> bool:
        """Say how it ended. The first to say so wins; whether this call was the first."""
        with self._lock:
            if self.ended:
                if self._dirty:
                    self._write()
                return False
            self._content.update(phase=phase, exit_code=exit_code, ended_at=time.time())
            if phase == "succeeded":
                self._content["fraction"] = 1.0
            if phase == "killed":
                self._content["error"] = None
            self._write()
            if self._dirty:
                self._write_in_place()
            return True

    def write_if_due(self) -> None:
        """Write what has changed, unless the last write is too short a time ago."""
        with self._lock:
            if self._dirty and time.monotonic() - self._written_at >= self._pause_seconds:
                self._write()

    def _write_in_place(self) -> None:
        """On a full disk: the end must be known, and the block that the last status fills is still ours."""
        error = self._content["error"]
        shorter = {**error, "traceback": error["traceback"][-3:], "evalue": error["evalue"][:500]} if error else None
        text = json.dumps({**self._content, "error": shorter, "message": None})
        with contextlib.suppress(OSError), open(self._path, "r+", encoding="ascii") as target:  # noqa: PTH123
            target.write(text)
            target.truncate()

    def _write(self) -> None:
        self._written_at = time.monotonic()
        self._content["updated_at"] = time.time()
        text = json.dumps(self._content)
        try:
            with open(self._temporary, "w", encoding="ascii") as target:  # noqa: PTH123  (at every cell: the quick way)
                target.write(text)
            os.replace(self._temporary, self._path)  # noqa: PTH105  (likewise)
        except OSError:
            self._dirty = True
        else:
            self._dirty = False
            self._pause_seconds = LEAST_SECONDS
        if self._on_write is not None:
            self._on_write(text)
