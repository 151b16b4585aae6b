"""The queue on disk: jobs enter it, leave it, and are started from it, whoever happens to be running.

`queue.json` lists the jobs that have not ended; it is read and replaced only with `queue.lock` held, by the server at
submit and by each supervisor when it ends. So the queue moves on while no Jupyter server runs, and no job is started
twice by two of them. Were the file ever lost, it is made again from the job folders.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from windlass.engines.base import JobSpec, State
from windlass.engines.job_folder import journal
from windlass.engines.job_folder.files import locked, read_json, write_json
from windlass.engines.job_folder.paths import DataFolder, JobFolder, is_job_id
from windlass.engines.job_folder.record import JobRecord, publish, read_record, read_spec
from windlass.engines.local import queue
from windlass.engines.local.identity import host_name, supervisor_is_alive, supervisor_of
from windlass.engines.local.start import start_supervisor

START_SECONDS = 30.0
"""How long a supervisor may take from being started to saying who it is, on a very busy machine."""

NEAR_PLACES = 10
PLACES_SECONDS = 1.0
"""Places further back are told once in so long: two hundred jobs stopped one by one must not cost 20,000 files."""


@dataclass(kw_only=True)
class Settings:
    """What the server that last looked was configured with: supervisors go by it when there is no server."""

    cpus: int = 1
    gpus: list[str] = field(default_factory=list)
    stop_grace_seconds: float = 10.0
    poll_seconds: float = 0.1


@dataclass(kw_only=True)
class Entry:
    """One job that has not ended. `taken`: it has been started and holds what is written here."""

    name: str
    created_at: float
    world_size: int
    gpus_wanted: int = 0
    phase: Literal["waiting", "taken"] = "waiting"
    position: int | None = None
    reason: str = ""
    cpus: int = 0
    gpus: list[str] = field(default_factory=list)
    host: str | None = None
    taken_at: float = 0.0
    reaper: dict[str, Any] | None = None
    """Who is clearing up after its supervisor, when that has died."""

    @classmethod
    def of(cls, spec: JobSpec) -> Entry:
        """The entry of a job that has just been submitted."""
        wanted = spec.gpus_per_worker * spec.workers
        return cls(name=spec.name, created_at=spec.created_at, world_size=spec.world_size, gpus_wanted=wanted)


@dataclass(kw_only=True)
class Places:
    """What the waiting jobs know of their places. Times are POSIX seconds."""

    told_at: float = 0.0
    """When all of them were told."""
    untold: bool = False
    """Whether some have moved since and do not know yet."""

    @property
    def are_due(self) -> bool:
        """Whether all may be told again."""
        return not 0 <= time.time() - self.told_at < PLACES_SECONDS


class JobQueue:
    """The queue while its lock is held; get one from `opened`."""

    def __init__(
        self, data: DataFolder, *, settings: Settings, jobs: dict[str, Entry], places: Places | None = None
    ) -> None:
        self.data = data
        self.settings = settings
        self.jobs = jobs
        self.places = places or Places()
        self._saved: dict[str, Any] | None = None

    @property
    def capacity(self) -> queue.Capacity:
        """What there is on this machine."""
        return queue.Capacity(cpus=self.settings.cpus, gpus=tuple(self.settings.gpus))

    def holding(self) -> list[queue.Holding]:
        """What jobs hold of this machine."""
        taken = [entry for entry in self.jobs.values() if entry.phase == "taken" and entry.host == host_name()]
        return [queue.Holding(name=entry.name, cpus=entry.cpus, gpus=tuple(entry.gpus)) for entry in taken]

    def waiting(self) -> list[queue.Waiting]:
        """All that have not been started."""
        return [
            queue.Waiting(
                job_id=job_id,
                name=entry.name,
                created_at=entry.created_at,
                world_size=entry.world_size,
                gpus=entry.gpus_wanted,
            )
            for job_id, entry in self.jobs.items()
            if entry.phase == "waiting"
        ]

    def save(self) -> None:
        """Write it down, if it is another than before. Raises OSError."""
        content = self._content()
        if content != self._saved:
            write_json(self.data.queue, content)
            self._saved = content

    def is_saved(self) -> None:
        """Say that the file holds just this."""
        self._saved = self._content()

    def _content(self) -> dict[str, Any]:
        jobs = {job_id: dict(vars(entry)) for job_id, entry in self.jobs.items()}
        return {"settings": dict(vars(self.settings)), "jobs": jobs, "places": dict(vars(self.places))}

    def dispatch(self) -> list[JobFolder]:
        """Start all that can start, and tell the others their place.

        Returns: jobs whose supervisor has died, for `reaper.reap` once the lock is given back; they keep what they
        hold until their processes are gone.
        Raises: OSError when the queue cannot be written; nothing has been started then.
        """
        dead = self._review_taken()
        decision = queue.decide(capacity=self.capacity, waiting=self.waiting(), holding=self.holding())
        for start in decision.starts:
            entry = self.jobs[start.job_id]
            entry.phase, entry.cpus, entry.gpus = "taken", start.cpus, list(start.gpus)
            entry.host, entry.taken_at, entry.position, entry.reason = host_name(), time.time(), None, ""
        moved = self._moves(decision.places)
        self.save()
        for place in moved:
            self._publish_place(place)
        for start in decision.starts:
            self._start(start)
        journal.rotate(self.data)
        return dead

    def _review_taken(self) -> list[JobFolder]:
        """Forget jobs that have ended, and find those whose supervisor died before it could say so."""
        dead = []
        for job_id, entry in [item for item in self.jobs.items() if item[1].phase == "taken"]:
            job = self.data.job(job_id)
            record = read_record(job)
            if not job.path.exists() or (record is not None and record.state.is_final):
                del self.jobs[job_id]
                continue
            alive = supervisor_is_alive(job)
            if alive is False:
                dead.append(job)
            elif alive is None and time.time() - entry.taken_at > START_SECONDS:
                entry.phase, entry.cpus, entry.gpus = "waiting", 0, []
                job.supervisor.unlink(missing_ok=True)
        return dead

    def _moves(self, places: Sequence[queue.Place]) -> list[queue.Place]:
        """Note places. Returns those to tell now: near the front, new in the queue, or all when it is time."""
        moved = [place for place in places if self._has_moved(place)]
        if self.places.are_due:
            told = moved
            self.places = Places(told_at=time.time() if moved else self.places.told_at)
        else:
            told = [
                place for place in moved if place.position <= NEAR_PLACES or self.jobs[place.job_id].position is None
            ]
            self.places.untold = len(told) < len(moved)
        for place in told:
            entry = self.jobs[place.job_id]
            entry.position, entry.reason = place.position, place.reason
        return told

    def _has_moved(self, place: queue.Place) -> bool:
        entry = self.jobs[place.job_id]
        return (entry.position, entry.reason) != (place.position, place.reason)

    def _publish_place(self, place: queue.Place) -> None:
        job = self.data.job(place.job_id)
        record = read_record(job) or JobRecord(state=State.QUEUED)
        publish(job, replace(record, state=State.QUEUED, reason=place.reason, queue_position=place.position, gpus=[]))

    def _start(self, start: queue.Start) -> None:
        job = self.data.job(start.job_id)
        record = read_record(job) or JobRecord(state=State.PENDING)
        record = replace(
            record, state=State.PENDING, reason="is being started", queue_position=None, gpus=list(start.gpus)
        )
        _show(job, record)
        try:
            start_supervisor(job)
        except OSError as error:
            reason = f"its supervisor could not be started: {error.strerror or error}"
            _show(job, replace(record, state=State.FAILED, reason=reason, ended_at=time.time()))


def _show(job: JobFolder, record: JobRecord) -> None:
    """Publish, but let no full disk come between the queue as saved and the start of its jobs."""
    with suppress(OSError):
        publish(job, record)


@contextmanager
def opened(data: DataFolder) -> Iterator[JobQueue]:
    """The queue, with its lock held. Changes are kept when `save` or `dispatch` is called."""
    with locked(data.queue_lock):
        yield load(data)


def load(data: DataFolder) -> JobQueue:
    """The queue as it is on disk: only to look at, unless the lock is held."""
    content = read_json(data.queue)
    if content is None:
        return _rebuilt(data)
    try:
        settings = Settings(**content["settings"])
        jobs = {job_id: Entry(**entry) for job_id, entry in content["jobs"].items()}
        places = Places(**content.get("places", {}))
    except (KeyError, TypeError, AttributeError):
        return _rebuilt(data)
    found = JobQueue(data, settings=settings, jobs=jobs, places=places)
    found.is_saved()
    return found


def _rebuilt(data: DataFolder) -> JobQueue:
    """The queue as the job folders tell it."""
    found = JobQueue(data, settings=Settings(), jobs={})
    adopt_strays(found)
    return found


def adopt_strays(found: JobQueue) -> None:
    """Take into the queue all jobs that have not ended and are not in it: a server may die between two writes."""
    if not found.data.jobs.is_dir():
        return
    for path in found.data.jobs.iterdir():
        if path.name in found.jobs or not is_job_id(path.name):
            continue
        job = JobFolder(path)
        spec, record = read_spec(job), read_record(job)
        if spec is None or (record is not None and record.state.is_final):
            continue
        entry = Entry.of(spec)
        if supervisor_is_alive(job) is not None:
            supervisor = supervisor_of(job)
            entry.phase, entry.host = "taken", supervisor.host if supervisor else host_name()
            entry.cpus = min(spec.world_size, found.settings.cpus)
            entry.gpus = list(record.gpus) if record is not None else []
        found.jobs[path.name] = entry


def settle(data: DataFolder, *, without: str | None = None) -> list[JobFolder]:
    """Let the queue move on, after job `without` has ended. Returns what `JobQueue.dispatch` does. Raises OSError."""
    with opened(data) as found:
        if without is not None:
            found.jobs.pop(without, None)
        return found.dispatch()
