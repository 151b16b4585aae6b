"""Job folders come whole and go whole, also when the server is killed half way.

What the disk refuses is said in a sentence; what a job is, and whether it may go, is not known here.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from windlass.engines.base import JobSpec
from windlass.engines.job_folder.files import is_disk_full, write_json
from windlass.engines.job_folder.paths import DataFolder, JobFolder
from windlass.engines.job_folder.record import JobRecord, write_record, write_spec
from windlass.engines.local.environment import keepable
from windlass.errors import StorageFull, Unavailable

_LEAVINGS_SECONDS = 3600.0


def prepare(data: DataFolder) -> None:
    """Make the data folder, for this user alone. Raises OSError."""
    data.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    data.jobs.mkdir(mode=0o700, exist_ok=True)


@contextmanager
def storage_errors(data: DataFolder) -> Iterator[None]:
    """Say in a sentence why the data folder cannot be written. Raises StorageFull, Unavailable."""
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise StorageFull(f"There is no room left in {data.root}; free some space and try again.") from error
        message = f"{data.root} cannot be written ({error.strerror or error}); set WINDLASS_DATA_DIR to another."
        raise Unavailable(message) from error


def make_folder(job: JobFolder, spec: JobSpec, record: JobRecord) -> None:
    """Make a job's folder, whole or not at all. Raises OSError."""
    new = JobFolder(job.path.with_name(f".new-{job.id}-{os.getpid()}"))
    shutil.rmtree(new.path, ignore_errors=True)
    try:
        for folder in (new.path, new.logs, new.ranks):
            folder.mkdir(mode=0o700)
        write_json(new.environment, keepable(os.environ))
        write_spec(new, spec)
        write_record(new, record)
        new.path.rename(job.path)
    except OSError:
        shutil.rmtree(new.path, ignore_errors=True)
        raise


def sweep(data: DataFolder) -> None:
    """Delete what a server left behind that was killed while it made or removed a job."""
    for path in data.jobs.iterdir():
        if path.name.startswith((".new-", ".removed-")):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _LEAVINGS_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)


def put_aside(job: JobFolder) -> Path:
    """Take the folder out of sight in one step. Returns where it is now, for `shutil.rmtree`. Raises OSError."""
    leaving = job.path.with_name(f".removed-{job.id}-{time.time_ns()}")
    job.path.rename(leaving)
    return leaving
