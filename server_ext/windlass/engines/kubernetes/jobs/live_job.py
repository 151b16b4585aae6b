"""One job of this engine on this server: its specification, its copy on disk, and what was last said of it.

It outlives the cluster's own memory: when the job's object is gone, what was known stays. Asks no cluster.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import replace

from windlass.contract.cluster import JobPlacement
from windlass.engines.base import JobSpec, JobStatus, State
from windlass.engines.job_folder.files import claim_json, read_json, write_json
from windlass.engines.job_folder.logindex import RECORD, Record
from windlass.engines.job_folder.ranks import RankStatus, RankWatch
from windlass.engines.job_folder.record import JobRecord, read_record, read_spec, status_by, write_record, write_spec
from windlass.engines.kubernetes.jobs.holdings import PodHoldings
from windlass.engines.kubernetes.logs.following import LogFollower
from windlass.engines.kubernetes.logs.mirror import JobMirror
from windlass.engines.kubernetes.model import Kind
from windlass.engines.kubernetes.wording import short
from windlass.kube.resources import PYTORCH_JOBS

SENT = "sent to the cluster"


class LiveJob:
    """Methods that touch the disk say so, and are called off the event loop where there are many jobs."""

    def __init__(self, *, mirror: JobMirror, spec: JobSpec, kind: Kind, record: JobRecord | None) -> None:
        self.mirror = mirror
        self.spec = spec
        self.kind = kind
        self.record = record or JobRecord(state=State.PENDING, reason=SENT, kind=kind.name)
        self.looking = asyncio.Lock()
        """One look at a time: an older one must not be written over a newer one."""
        self.follower: LogFollower | None = None
        self.ending = False
        """Its end is known, and its log is read to its end."""
        self.position: int | None = None
        """In its queue, from 1, when that was last asked."""
        self.gone_at: float | None = None
        """Since when (`time.monotonic`) its object is gone while pods of it are still there."""
        self.wish = _wish(mirror)
        """Why it is to be stopped, where somebody said so."""
        self.stop_trouble: str | None = None
        """Why the wish was not carried out so far; whatever else is news of the job, this is to be read."""
        self.holdings = PodHoldings(mirror.folder.path)
        """What its pods held, for whoever counts what that costs."""
        self.home = _home(mirror)
        """The cluster and the namespace it was seen in; None where that was not written down."""
        self.kind_gone_at: float | None = None
        """Since when (`time.monotonic`) the cluster serves no such kind."""
        self._written = record
        self._ranks = RankWatch(mirror.folder, range(spec.world_size))
        self._status: JobStatus | None = None

    @property
    def id(self) -> str:
        """The job's."""
        return self.spec.id

    @property
    def is_final(self) -> bool:
        """Whether its end was written down."""
        return self.record.state.is_final

    @property
    def deciding_ranks(self) -> int:
        """How many ranks, from 0 on, have succeeded when the job has: a PyTorchJob's master decides alone."""
        is_masters = self.kind.name == PYTORCH_JOBS.kind
        return self.spec.processes_per_worker if is_masters else self.spec.world_size

    def is_at(self, home: tuple[str, str]) -> bool:
        """Whether the job is in this cluster and namespace, as far as is known."""
        return self.home in (None, home)

    def keep_home(self, home: tuple[str, str]) -> None:
        """It was seen there. Raises OSError."""
        write_json(self.mirror.folder.path / "home.json", {"server": home[0], "namespace": home[1]})
        self.home = home

    def ranks(self) -> list[RankStatus]:
        """What the ranks have said; reads files that have changed."""
        return self._ranks.statuses()

    def stand(self, record: JobRecord) -> JobStatus | None:
        """Take over how it stands; its status where that is news. Writes `state.json`. Raises OSError."""
        if self._written is None or replace(record, progress=None) != replace(self._written, progress=None):
            write_record(self.mirror.folder, record)
            self._written = record
        self.record = record
        status = status_by(self.mirror.folder, self.record)
        if status == self._status:
            return None
        self._status = status
        return status

    def status(self) -> JobStatus:
        """How it stood when it was last looked at. Reads files."""
        return self._status or status_by(self.mirror.folder, self.record)

    def wish_end(self, reason: str) -> None:
        """Keep the wish to stop it: the first reason holds. Raises OSError."""
        claim_json(self.mirror.folder.stop, {"reason": reason, "at": time.time()})
        self.wish = _wish(self.mirror)

    def drop_wish(self) -> None:
        """It cannot be stopped from here. Raises OSError."""
        self.mirror.folder.stop.unlink(missing_ok=True)
        self.wish = None

    def keep_placement(self, placement: JobPlacement) -> None:
        """Keep where it was, for when the cluster has forgotten it. Raises OSError."""
        write_json(self.mirror.folder.path / "placement.json", placement.model_dump(mode="json"))

    def kept_placement(self) -> JobPlacement | None:
        """Where it was when it ended."""
        content = read_json(self.mirror.folder.path / "placement.json")
        return JobPlacement.model_validate(content) if content is not None else None

    def first_line_at(self) -> float | None:
        """When its first line was printed, POSIX seconds."""
        return self._line_at(0, os.SEEK_SET)

    def heard_at(self) -> float | None:
        """When the last line that came was printed, POSIX seconds."""
        return self._line_at(-RECORD.size, os.SEEK_END)

    def _line_at(self, offset: int, whence: int) -> float | None:
        with suppress(OSError), self.mirror.folder.log_index.open("rb") as index:
            index.seek(offset, whence)
            found = index.read(RECORD.size)
            if len(found) == RECORD.size:
                return Record(*RECORD.unpack(found)).time
        return None


def begin(mirror: JobMirror, spec: JobSpec, kind: Kind) -> LiveJob:
    """A job that is new on this server. Makes its folder. Raises OSError."""
    mirror.create()
    if read_spec(mirror.folder) is None:
        write_spec(mirror.folder, replace(spec, kind=kind.name, environment=_kept(spec)))
    return LiveJob(mirror=mirror, spec=spec, kind=kind, record=read_record(mirror.folder))


def _kept(spec: JobSpec) -> dict[str, str]:
    """No environment lies on the disk: the cluster has it already. The experiment's name is the ledger's too."""
    name = "MLFLOW_EXPERIMENT_NAME"
    return {name: spec.environment[name]} if name in spec.environment else {}


def elsewhere(job: LiveJob) -> str:
    """Why nothing is known of a job that was sent to another cluster than the one at hand."""
    server, namespace = job.home or ("", "")
    return (
        f"it was sent to namespace {short(namespace, longest=63)} of the cluster at {short(server, longest=200)}, and "
        "this server looks at another: how it stands there is not known"
    )


def _home(mirror: JobMirror) -> tuple[str, str] | None:
    found = read_json(mirror.folder.path / "home.json") or {}
    server, namespace = found.get("server"), found.get("namespace")
    return (server, namespace) if isinstance(server, str) and isinstance(namespace, str) else None


def _wish(mirror: JobMirror) -> str | None:
    found = read_json(mirror.folder.stop)
    return None if found is None else str(found.get("reason") or "Stopped.")
