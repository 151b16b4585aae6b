"""Jobs on this machine: the engine protocol over folders, a queue and supervisors.

The server only writes down what is wanted and reads what has become of it. Everything that must go on without a server
is in the supervisors; so killing and starting a server again loses nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from windlass.costs.holding import Held, Holding
from windlass.engines.base import (
    EngineCapacity,
    EngineCheck,
    JobSpec,
    JobStatus,
    LaunchPlan,
    LogSlice,
    State,
)
from windlass.engines.job_folder import logreader
from windlass.engines.job_folder.files import claim_json
from windlass.engines.job_folder.journal import note
from windlass.engines.job_folder.paths import DataFolder, JobFolder, is_job_id
from windlass.engines.job_folder.record import (
    JobRecord,
    publish,
    read_record,
    read_spec,
    read_status,
)
from windlass.engines.local import dispatch, folders, launch, own_machine, queue, watch
from windlass.engines.local.identity import supervisor_of
from windlass.engines.local.limits import check_size, size_notices
from windlass.engines.local.machine import cpu_count, gpu_ids, gpu_names
from windlass.errors import Conflict, InvalidRequest, NotFound

_LARGEST_PAGE_BYTES = 8 * 1024 * 1024
_LITTLE_ROOM_BYTES = 200 * 1024 * 1024
_log = logging.getLogger(__name__)


class LocalEngine:
    """Runs jobs as processes of this machine, each under a supervisor that outlives the Jupyter server.

    Several servers of one user may use one `data_dir` at a time. `cpus` and `gpus` (ids as CUDA_VISIBLE_DEVICES has
    them) are what jobs may hold in all; what is found when left out. `stop_grace_seconds`: between asking a process
    to end and killing it. `poll_seconds`: how often supervisors and this object look for news.
    """

    name = "local"
    display_name = "This machine"

    def __init__(
        self,
        *,
        data_dir: Path,
        cpus: int | None = None,
        gpus: list[str] | None = None,
        stop_grace_seconds: float = 10.0,
        poll_seconds: float = 0.1,
    ) -> None:
        self._data = DataFolder(data_dir.absolute())
        self._cpus = max(1, cpus) if cpus is not None else cpu_count()
        self._gpus = gpus
        self._stop_grace_seconds = stop_grace_seconds
        self._poll_seconds = poll_seconds
        self._watchers: list[watch.Watcher] = []

    async def check(self) -> EngineCheck:
        """Whether jobs can be run: the data folder has to be writable."""
        try:
            await asyncio.to_thread(folders.prepare, self._data)
            room = (await asyncio.to_thread(shutil.disk_usage, self._data.root)).free
        except OSError as error:
            message = (
                f"The folder {self._data.root} cannot be used: {error.strerror}. Set WINDLASS_DATA_DIR to one that can."
            )
            return EngineCheck(available=False, message=message)
        little = room < _LITTLE_ROOM_BYTES
        message = f"Only {room // 2**20} MB are free in {self._data.root}: jobs may fail." if little else ""
        return EngineCheck(available=True, message=message or None, kinds=launch.KINDS)

    async def capacity(self) -> EngineCapacity:
        """CPU slots and GPUs, and how many jobs hold or want them."""
        return await asyncio.to_thread(self._capacity)

    async def held_gpus(self) -> dict[str, tuple[str, ...]]:
        """By job, the GPUs it holds now, as CUDA_VISIBLE_DEVICES names them."""
        found = await asyncio.to_thread(dispatch.load, self._data)
        return {job_id: tuple(entry.gpus) for job_id, entry in found.jobs.items() if entry.gpus}

    async def plan(self, spec: JobSpec) -> LaunchPlan:
        """What `submit` would start.

        Raises:
            InvalidRequest: the job can never run here; `fields` names what to change.
        """
        # It may ask an interpreter for torch and a driver for its GPUs: seconds that the event loop has not.
        return await asyncio.to_thread(self._plan, spec)

    def _plan(self, spec: JobSpec) -> LaunchPlan:
        if not is_job_id(spec.id):
            raise InvalidRequest(f"{spec.id!r} cannot be the id of a job.")
        kind = launch.choose_kind(spec)
        check_size(spec, capacity=self._total())
        launch.check_interpreter(spec, kind=kind)
        command = launch.command_line(spec, kind=kind, entry_point="windlass_run.py", port="<a free port>")
        return LaunchPlan(kind=kind, command=command, notices=tuple(size_notices(spec, capacity=self._total())))

    async def submit(self, spec: JobSpec) -> None:
        """Take the job over; a job of this id that is there already is left as it is.

        Raises:
            InvalidRequest: as `plan`.
            StorageFull, Unavailable: the job cannot be written down; nothing of it is left.
        """
        await asyncio.to_thread(self._submit, spec)

    async def adopt(self) -> list[JobStatus]:
        """All jobs in the data folder. Those whose supervisor has died meanwhile are cleared up first."""
        return await asyncio.to_thread(self._adopt)

    async def status(self, job_id: str) -> JobStatus | None:
        """One job's present status; None when there is no such job."""
        if not is_job_id(job_id):
            return None
        return await asyncio.to_thread(read_status, self._data.job(job_id))

    async def spec(self, job_id: str) -> JobSpec | None:
        """The job as it was submitted, for a ledger that has lost it; None when there is no such job."""
        if not is_job_id(job_id):
            return None
        return await asyncio.to_thread(read_spec, self._data.job(job_id))

    async def holding(self, job_id: str) -> Holding | None:
        """What a job held of this machine since it was started; None when there is no such job."""
        if not is_job_id(job_id):
            return None
        return await asyncio.to_thread(self._holding, job_id)

    def _holding(self, job_id: str) -> Holding | None:
        job = self._data.job(job_id)
        record, spec = read_record(job), read_spec(job)
        if record is None or spec is None:
            return None
        return own_machine.holding_of(record, spec, cpus=self._cpus, names=gpu_names())

    async def would_hold(self, spec: JobSpec) -> list[Held]:
        """What a job would hold of this machine."""

        def look() -> list[Held]:
            return own_machine.would_hold(spec, cpus=self._cpus, gpus=self._gpu_ids, names=gpu_names())

        return await asyncio.to_thread(look)

    def watch(self) -> AsyncIterator[JobStatus]:
        """Statuses as they change, from this call on, until `close`."""
        watcher = watch.Watcher(self._data, poll_seconds=self._poll_seconds)
        self._watchers.append(watcher)
        return watcher.statuses()

    async def logs(self, job_id: str, *, rank: int | None, offset: int, limit_bytes: int) -> LogSlice:
        """Output from `offset` on, at most `limit_bytes` (never less than one character, never more than 8 MiB).

        Raises:
            NotFound: there is no such job, or it has no such rank.
        """
        return await asyncio.to_thread(
            self._logs, job_id, rank=rank, offset=max(0, offset), limit_bytes=min(limit_bytes, _LARGEST_PAGE_BYTES)
        )

    async def executed_notebook(self, job_id: str) -> bytes | None:
        """The executed notebook as it is now; None before there is one. Raises NotFound."""
        with suppress(FileNotFoundError):
            return await asyncio.to_thread(self._existing(job_id).executed.read_bytes)
        return None

    async def use_folder(self, job_id: str, *, follow: bool = False) -> Path:
        """Where a job's ranks have their folders. Raises NotFound."""
        del follow  # they write there themselves
        return (await asyncio.to_thread(self._existing, job_id)).ranks

    async def notebook_version(self, job_id: str) -> str | None:
        """A token that changes when the executed notebook does: one `stat`. Raises NotFound."""
        try:
            found = self._existing(job_id).executed.stat()
        except FileNotFoundError:
            return None
        return f"{found.st_mtime_ns:x}-{found.st_size:x}"

    async def stop(self, job_id: str, *, reason: str) -> None:
        """End the job for good; its supervisor sees to it within `poll_seconds`. A job that has ended stays as it is.

        Raises:
            NotFound: there is no such job.
        """
        await asyncio.to_thread(self._stop, job_id, reason)

    async def remove(self, job_id: str) -> None:
        """Delete a job that has ended, with its files; one that is gone already is no error.

        Raises:
            Conflict: it has not ended.
        """
        await asyncio.to_thread(self._remove, job_id)

    async def close(self) -> None:
        """End all `watch`es. Jobs and their supervisors go on."""
        for watcher in self._watchers:
            watcher.close()
        self._watchers.clear()

    @property
    def _gpu_ids(self) -> Sequence[str]:
        return gpu_ids() if self._gpus is None else self._gpus

    def _total(self) -> queue.Capacity:
        return queue.Capacity(cpus=self._cpus, gpus=tuple(self._gpu_ids))

    def _configure(self, found: dispatch.JobQueue) -> None:
        """Write down how this engine was configured, for the supervisors that move the queue on."""
        found.settings = dispatch.Settings(
            cpus=self._cpus,
            gpus=list(self._gpu_ids),
            stop_grace_seconds=self._stop_grace_seconds,
            poll_seconds=self._poll_seconds,
        )

    def _capacity(self) -> EngineCapacity:
        found = dispatch.load(self._data)
        total = self._total()
        cpus_free, gpus_free = queue.free(total, found.holding())
        queued = len(found.waiting())
        return EngineCapacity(
            cpus=total.cpus,
            cpus_free=cpus_free,
            gpus=len(total.gpus),
            gpus_free=gpus_free,
            running=len(found.jobs) - queued,
            queued=queued,
        )

    def _submit(self, spec: JobSpec) -> None:
        plan = self._plan(spec)
        spec = replace(spec, created_at=spec.created_at or time.time())
        job = self._data.job(spec.id)
        with folders.storage_errors(self._data):
            folders.prepare(self._data)
            with dispatch.opened(self._data) as found:
                if job.path.exists():
                    return
                folders.make_folder(job, spec, JobRecord(state=State.QUEUED, kind=plan.kind))
                self._configure(found)
                found.jobs[spec.id] = dispatch.Entry.of(spec)
                try:
                    found.dispatch()
                except OSError:
                    shutil.rmtree(job.path, ignore_errors=True)
                    raise
        note(self._data, spec.id, what="submitted")

    def _adopt(self) -> list[JobStatus]:
        with folders.storage_errors(self._data):
            folders.prepare(self._data)
            folders.sweep(self._data)
        try:
            with dispatch.opened(self._data) as found:
                self._configure(found)
                dispatch.adopt_strays(found)
                found.save()
            watch.clear_up(self._data)
        except OSError as error:
            _log.warning("The local engine's queue cannot be moved on now: %s", error)
        job_ids = sorted(path.name for path in self._data.jobs.iterdir() if is_job_id(path.name))
        statuses = (read_status(self._data.job(job_id)) for job_id in job_ids)
        return [status for status in statuses if status is not None]

    def _existing(self, job_id: str) -> JobFolder:
        """Raises NotFound."""
        job = self._data.job(job_id)
        if not job.path.is_dir():
            raise NotFound(f"There is no job {job_id}; it may have been deleted.")
        return job

    def _logs(self, job_id: str, *, rank: int | None, offset: int, limit_bytes: int) -> LogSlice:
        job = self._existing(job_id)
        record, spec = read_record(job), read_spec(job)
        ended = record is None or record.state.is_final
        if rank is None:
            return logreader.read_merged(job, offset=offset, limit_bytes=limit_bytes, ended=ended)
        if spec is None or not 0 <= rank < spec.world_size:
            count = f"{spec.world_size} ranks, counted from 0" if spec is not None else "no ranks"
            raise NotFound(f"There is no rank {rank}; the job has {count}.")
        return logreader.read_rank(job, rank=rank, offset=offset, limit_bytes=limit_bytes, ended=ended)

    def _stop(self, job_id: str, reason: str) -> None:
        job = self._existing(job_id)
        with folders.storage_errors(self._data), dispatch.opened(self._data) as found:
            record = read_record(job)
            if record is None or record.state.is_final:
                return
            self._wish_end(job, reason)
            if job_id not in found.jobs:
                dispatch.adopt_strays(found)
            entry = found.jobs.get(job_id)
            if entry is not None and entry.phase == "waiting":
                del found.jobs[job_id]
                ended = replace(record, state=State.STOPPED, reason=reason, ended_at=time.time(), queue_position=None)
                publish(job, ended)
                found.dispatch()

    def _wish_end(self, job: JobFolder, reason: str) -> None:
        """Leave word for the supervisor; where no word can be written any more, a signal has to do."""
        try:
            claim_json(job.stop, {"reason": reason, "at": time.time()})
        except OSError:
            supervisor = supervisor_of(job)
            if supervisor is None or not supervisor.is_alive():
                raise
            os.kill(supervisor.pid, signal.SIGINT)

    def _remove(self, job_id: str) -> None:
        job = self._data.job(job_id)
        if not job.path.is_dir():
            return
        with folders.storage_errors(self._data), dispatch.opened(self._data) as found:
            if not job.path.is_dir():
                return
            record = read_record(job)
            if record is not None and not record.state.is_final:
                raise Conflict(f"The job {job_id} has not ended; stop it first.")
            found.jobs.pop(job_id, None)
            found.save()
            leaving = folders.put_aside(job)
        note(self._data, job_id, what="removed")
        shutil.rmtree(leaving, ignore_errors=True)
