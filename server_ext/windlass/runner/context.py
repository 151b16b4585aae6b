"""What a rank knows about itself: read from the environment once, and nothing else is read from it.

The names are the protocol of docs/architecture.md, "The runner". This module knows no notebook and no shell.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path


class JobUnreadable(Exception):
    """The job cannot start as it was sent; the message says what to mend."""


@dataclass(frozen=True)
class JobContext:
    """One rank of one job."""

    job_id: str
    job_dir: Path
    bundle_dir: Path
    rank: int
    local_rank: int
    """Among the ranks of this machine."""
    world_size: int
    attempt: int
    log_to_files: bool
    report_to_stdout: bool
    """In a pod: the container's stdout is the only way out, for what the runner has to say too."""
    tracking_wait_seconds: float
    tracking_last_wait_seconds: float
    """In a pod: how long the end waits for an MLflow that is away."""
    local_world_size: int = 1
    """How many ranks this machine has."""

    @classmethod
    def from_environment(cls, bundle_dir: Path, environ: MutableMapping[str, str]) -> JobContext:
        """Read the protocol's variables. Raises JobUnreadable when one is no number."""
        return cls(
            job_id=environ.get("WINDLASS_JOB_ID", ""),
            job_dir=Path(environ.get("WINDLASS_JOB_DIR") or bundle_dir.parent).absolute(),
            bundle_dir=bundle_dir,
            rank=_integer(environ, "RANK", 0),
            local_rank=_integer(environ, "LOCAL_RANK", 0),
            world_size=_integer(environ, "WORLD_SIZE", 1),
            attempt=_integer(environ, "WINDLASS_ATTEMPT", 0),
            log_to_files=environ.get("WINDLASS_LOG_TO_FILES") == "1",
            report_to_stdout=environ.get("WINDLASS_REPORT") == "stdout" and environ.get("WINDLASS_LOG_TO_FILES") != "1",
            tracking_wait_seconds=_seconds(environ, "WINDLASS_TRACKING_WAIT"),
            tracking_last_wait_seconds=_seconds(environ, "WINDLASS_TRACKING_LAST_WAIT", 60.0),
            local_world_size=_integer(environ, "LOCAL_WORLD_SIZE", 1),
        )

    @property
    def rank_dir(self) -> Path:
        """Where this rank keeps its status."""
        return self.job_dir / "ranks" / str(self.rank)

    @property
    def status_path(self) -> Path:
        """What the supervisor reads."""
        return self.rank_dir / "status.json"

    @property
    def use_path(self) -> Path:
        """What this machine's ranks used; its first rank writes it."""
        return self.rank_dir / "gpus.jsonl"

    @property
    def log_path(self) -> Path:
        """This rank's stdout and stderr (when they go to a file)."""
        return self.job_dir / "logs" / f"rank-{self.rank}.log"

    @property
    def log_prefix(self) -> str:
        """What stands before each of this rank's lines where ranks share one output."""
        return f"[rank {self.rank}] " if self.world_size > 1 else ""

    @property
    def executed_path(self) -> Path:
        """The executed notebook; rank 0 alone writes it."""
        return self.job_dir / "executed.ipynb"

    @property
    def spawn_trouble_path(self) -> Path:
        """Where a child process of this rank says which notebook definition it missed."""
        return self.rank_dir / "spawn-missing.txt"


def complete_environment(environ: MutableMapping[str, str]) -> None:
    """Set what torchrun would have set, so that `init_process_group()` works in a world of one as well."""
    for name, value in (("RANK", "0"), ("LOCAL_RANK", "0"), ("WORLD_SIZE", "1"), ("MASTER_ADDR", "127.0.0.1")):
        environ.setdefault(name, value)
    if "MASTER_PORT" not in environ:
        environ["MASTER_PORT"] = str(_free_port())


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _integer(environ: MutableMapping[str, str], name: str, default: int) -> int:
    try:
        return int(environ.get(name) or default)
    except ValueError:
        raise JobUnreadable(f"The environment variable {name} has to be a whole number.") from None


def _seconds(environ: MutableMapping[str, str], name: str, default: float = 0.0) -> float:
    try:
        return float(environ.get(name) or default)
    except ValueError:
        raise JobUnreadable(f"The environment variable {name} has to be a number of seconds.") from None


def enter_notebook_folder(
    folder: Path, *, python_path: list[str], files_dir: Path, search_folders: tuple[str, ...] = ()
) -> None:
    """Go where the notebook lies and put that folder and `files/` first on `python_path` (sys.path).

    `search_folders` (below `files/`) come last: what the image has installed keeps its name.
    """
    os.chdir(folder)
    first = [str(folder)] if folder == files_dir else [str(folder), str(files_dir)]
    others = [entry for entry in python_path if entry not in first]
    last = dict.fromkeys(str(files_dir / each) for each in search_folders)
    python_path[:] = first + others + [entry for entry in last if entry not in first + others]
