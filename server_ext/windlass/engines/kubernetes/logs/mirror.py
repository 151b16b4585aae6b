"""This server's copy of the folders of jobs in a cluster: what ranks report, checked and written where readers look.

A copy has the layout of `windlass.engines.job_folder`, so that whoever reads a local job's folder reads it too. Reports
come from the user's code and are not trusted: no path is made of them but from numbers, and what has the wrong type or
size is left out. Nothing here knows where reports come from.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from windlass.engines.job_folder.files import append_line, read_json, write_json
from windlass.engines.job_folder.paths import DataFolder, JobFolder, is_job_id
from windlass.engines.kubernetes.logs.frames import Report
from windlass.engines.kubernetes.logs.notebook_copy import NotebookCopy
from windlass.engines.kubernetes.logs.use_copy import UseCopy

_STATUS_FIELDS = (
    "rank",
    "pid",
    "phase",
    "cell",
    "cells",
    "fraction",
    "message",
    "started_at",
    "updated_at",
    "ended_at",
    "exit_code",
    "error",
    "notices",
)
_LARGEST_STATUS_BYTES = 1024 * 1024
_LARGEST_RUNS_BYTES = 1024 * 1024
_LONGEST_TEXT = 2000
_LARGEST_TIME = 2**53

_log = logging.getLogger(__name__)

RUNS, STATUS, NOTEBOOK, LOG, USE = "runs", "status", "notebook", "log", "use"
"""What of a copy may have changed."""


class Mirror:
    """All copies: `<data_dir>/kubernetes/jobs/<job_id>/`."""

    def __init__(self, data_dir: Path) -> None:
        self.data = DataFolder(data_dir / "kubernetes")

    def job(self, job_id: str) -> JobMirror:
        """The copy of one job, whether it exists or not. Raises NotFound for what can be no job's id."""
        return JobMirror(self.data.job(job_id))

    def job_ids(self) -> list[str]:
        """All jobs of which there is a copy."""
        try:
            found = sorted(path.name for path in self.data.jobs.iterdir() if path.is_dir())
        except FileNotFoundError:
            return []
        return [name for name in found if is_job_id(name)]


class JobMirror:
    """One job's copy. `apply` takes reports in memory, `settle` writes; one thread at a time."""

    def __init__(self, folder: JobFolder) -> None:
        self.folder = folder
        self.notebook = NotebookCopy(folder.executed)
        self._use = UseCopy(folder)
        self._statuses: dict[int, dict[str, Any]] = {}
        self._own_run: dict[str, Any] | None = None
        self._run_lines: dict[str, str] | None = None
        self._new_runs: list[str] = []
        self._taking: Mapping[str, Callable[[Report], None]] = {
            "status": self._take_status,
            "run": self._take_run,
            "own_run": self._take_own_run,
            "notebook": self._take_notebook,
            "cell": self._take_cell,
            "metadata": self._take_metadata,
            "gpus": self._take_use,
        }

    @property
    def exists(self) -> bool:
        """Whether there is a copy; false again once the job is removed."""
        return self.folder.path.is_dir()

    def forget_what_is_known(self) -> None:
        """Another process may have written the copy since."""
        self.notebook = NotebookCopy(self.folder.executed)
        self._use = UseCopy(self.folder)
        self._run_lines = None

    def create(self) -> None:
        """Make the folder, for its user alone. Raises OSError."""
        self.folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.logs.mkdir(exist_ok=True)
        self.folder.ranks.mkdir(exist_ok=True)

    def remove(self) -> None:
        """Forget everything about the job. Raises OSError."""
        if self.exists:
            shutil.rmtree(self.folder.path)

    def apply(self, report: Report) -> None:
        """Take a report over; what makes no sense is left out."""
        take = self._taking.get(report.kind)
        if take is None:
            return
        try:
            take(report)
        except Exception:  # noqa: BLE001 - it is the user's code's word: what it printed must not be lost with it
            _log.exception("A %s of rank %d of job %s was not understood", report.kind, report.rank, self.folder.id)

    def settle(self) -> set[str]:
        """Write what has changed; which parts that were.

        Raises:
            OSError: there is no room, or the folder is gone. What was not written is tried again by the next call.
        """
        changed: set[str] = set()
        while self._new_runs:
            append_line(self.folder.runs, self._new_runs[0])
            del self._new_runs[0]
            changed.add(RUNS)
        if self._own_run is not None:
            write_json(self.folder.path / "own_run.json", self._own_run)
            self._own_run = None
        if self.notebook.changed:
            self.notebook.write()
            changed.add(NOTEBOOK)
        for rank in list(self._statuses):
            path = self.folder.rank_status(rank)
            if self.exists:
                path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, self._statuses[rank])
            del self._statuses[rank]
            changed.add(STATUS)
        if self._use.changed:
            self._use.write()
            changed.add(USE)
        return changed

    def _take_status(self, report: Report) -> None:
        if isinstance(report.value, dict) and len(report.source) <= _LARGEST_STATUS_BYTES:
            known = {name: report.value[name] for name in _STATUS_FIELDS if name in report.value}
            self._statuses[report.rank] = {**known, "rank": report.rank}

    def _take_run(self, report: Report) -> None:
        run = _run(report.value)
        if run is None:
            return
        run["rank"] = report.rank
        lines = self._known_runs()
        line = json.dumps(run)
        if lines.get(run["run_id"]) == line or sum(map(len, lines.values())) + len(line) > _LARGEST_RUNS_BYTES:
            return
        lines[run["run_id"]] = line
        self._new_runs.append(line)

    def _take_own_run(self, report: Report) -> None:
        run = _run(report.value)
        if run is not None and read_json(self.folder.path / "own_run.json") != run:
            self._own_run = run

    def _take_notebook(self, report: Report) -> None:
        if report.rank == 0:
            self.notebook.replace(report.value, report.source)

    def _take_cell(self, report: Report) -> None:
        if report.rank == 0 and report.cell is not None:
            self.notebook.replace_cell(report.cell, report.value)

    def _take_metadata(self, report: Report) -> None:
        if report.rank == 0:
            self.notebook.replace_metadata(report.value)

    def _take_use(self, report: Report) -> None:
        self._use.add(report.rank, report.value)

    def _known_runs(self) -> dict[str, str]:
        if self._run_lines is None:
            self._run_lines = {}
            try:
                content = self.folder.runs.read_text(encoding="utf-8", errors="replace")
            except OSError:
                content = ""
            for line in content.splitlines():
                with suppress(ValueError, KeyError, TypeError):
                    self._run_lines[json.loads(line)["run_id"]] = line
        return self._run_lines


def _run(value: object) -> dict[str, Any] | None:
    """The fields of a line of runs.jsonl (or of own_run.json) that have the right type; None where it names no run."""
    if not isinstance(value, dict):
        return None
    known: dict[str, Any] = {}
    for name in ("run_id", "experiment_id", "tracking_uri", "name"):
        text = value.get(name)
        if name in value and (text is None or (isinstance(text, str) and len(text) <= _LONGEST_TEXT)):
            known[name] = text
    for name in ("own", "spooled"):
        if isinstance(value.get(name), bool):
            known[name] = value[name]
    at = value.get("at")
    # Not by isfinite, to which a whole number of four hundred digits is an error.
    if isinstance(at, int | float) and not isinstance(at, bool) and abs(at) < _LARGEST_TIME:
        known["at"] = at
    return known if isinstance(known.get("run_id"), str) and known["run_id"] else None
