"""Names of everything the local engine keeps on disk, so that no other module spells a file name.

docs/architecture.md is the other half of this module: the runner and the server read the same files. It knows names
only; it opens nothing.
"""

from __future__ import annotations

import re
from pathlib import Path

from windlass.errors import NotFound

_JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")

LAUNCHER = -1
"""The rank under which the launcher's own words are kept in the log index."""


def is_job_id(text: str) -> bool:
    """Whether this can name a job: it becomes a folder's name and the value of an environment variable."""
    return _JOB_ID.fullmatch(text) is not None


class DataFolder:
    """The data folder, shared by all Jupyter servers of one user."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.jobs = root / "jobs"
        self.journal = root / "jobs.journal"
        self.queue_lock = root / "queue.lock"
        self.queue = root / "queue.json"

    def job(self, job_id: str) -> JobFolder:
        """The folder of one job, whether it exists or not.

        Raises:
            NotFound: `job_id` cannot be the id of a job.
        """
        if not is_job_id(job_id):
            raise NotFound(f"There is no job {job_id!r}.")
        return JobFolder(self.jobs / job_id)


class JobFolder:
    """One job's folder: `path` is `jobs/<job_id>` of a data folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name
        self.spec = path / "spec.json"
        self.environment = path / "environment.json"
        self.state = path / "state.json"
        self.stop = path / "stop.json"
        self.supervisor = path / "supervisor.json"
        self.supervisor_log = path / "supervisor.log"
        self.bundle = path / "bundle"
        self.entry_point = self.bundle / "windlass_run.py"
        self.ranks = path / "ranks"
        self.logs = path / "logs"
        self.launcher_log = self.logs / "launcher.log"
        self.log_index = self.logs / "index.bin"
        self.executed = path / "executed.ipynb"
        self.runs = path / "runs.jsonl"

    @property
    def data(self) -> DataFolder:
        """The data folder this job lies in."""
        return DataFolder(self.path.parent.parent)

    def rank_status(self, rank: int) -> Path:
        """Where the runner of `rank` says how it is."""
        return self.ranks / str(rank) / "status.json"

    def use(self, rank: int) -> Path:
        """Where `rank` wrote down what the ranks of its machine used; `windlass.runner.gpu_lines` reads it."""
        return self.ranks / str(rank) / "gpus.jsonl"

    def log(self, rank: int) -> Path:
        """The output of `rank`, or of the launcher (`LAUNCHER`)."""
        return self.launcher_log if rank == LAUNCHER else self.logs / f"rank-{rank}.log"
