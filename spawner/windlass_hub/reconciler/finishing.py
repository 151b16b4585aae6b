"""Works off what is to be done about jobs that have ended, step by step; each may be interrupted, and done again.

In any order and as often as it takes: the MLflow run is closed, unless the user's own server does it; the job is
marked; the notification goes out. What is done is written into the job's row, behind the deed: killed in between, it is
done once more, and looks first at what is there.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, Protocol

from windlass.engines.base import State
from windlass.errors import Unavailable
from windlass.kube.client import KubeClient
from windlass.kube.errors import KubeError, NotFound
from windlass.kube.names import COST_ANNOTATION, RECORD_ANNOTATION, RECORD_FINISHED
from windlass.tracking.client import MlflowRefused, MlflowRest

from .closing_runs import Closed, close_runs
from .keeping import Decide
from .last_lines import last_lines
from .notifying import Notifier, NotTold, NotWanted
from .records import JobRecord, Records, RecordsAway
from .seen_jobs import SeenJob, SeenJobs

log = logging.getLogger("windlass_hub.reconciler")

AWAY_SECONDS = 30.0
"""How long an MLflow that does not answer is left alone."""
RUN_SECONDS = 120.0
"""How long the runs of one job may take; MLflow's client alone would wait for minutes, and all else with it."""
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 15.0, 3600.0
GIVE_UP_SECONDS = 7 * 86_400.0
TELL_FOR_SECONDS = 86_400.0
AT_ONCE = 8
MOST_ROWS = 5000

OpenMlflow = Callable[[], AbstractAsyncContextManager[MlflowRest]]


class Servers(Protocol):
    """Whose servers run."""

    async def running(self) -> Collection[str] | None:
        """Users with a server that runs now; None where nobody can say."""
        ...


class Finisher:
    """For one hub; used by one task at a time.

    Args:
        client: with the rights of the service's account.
        jobs: what the cluster has.
        records: where rows are kept.
        servers: whose servers run.
        mlflow: opens a client of the hub's MLflow server; None: there is none.
        notifier: None: nobody is told.
        grace_seconds: how long a user's own server is given to close the run.
        decide: writes the audit log.
        clock, wall: monotonic, and POSIX seconds.
    """

    def __init__(
        self,
        *,
        client: KubeClient,
        jobs: SeenJobs,
        records: Records,
        servers: Servers,
        mlflow: OpenMlflow | None,
        notifier: Notifier | None,
        grace_seconds: float,
        decide: Decide,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._jobs = jobs
        self._records = records
        self._servers = servers
        self._mlflow = mlflow
        self._notifier = notifier
        self._grace_seconds = grace_seconds
        self._decide = decide
        self._clock = clock
        self._wall = wall
        self._first_tried_at: dict[str, float] = {}
        self._later: dict[tuple[str, str], tuple[int, float]] = {}
        """By uid and step: how often it failed, and when to try again, by `clock`."""
        self._mlflow_away_until = 0.0
        self.problem: str | None = None
        """Why no run can be closed now, as a sentence."""

    async def work_off(self, *, may_act: Callable[[], bool] = lambda: True) -> None:
        """Try every step that is left and due. Raises RecordsAway where the rows cannot be read."""
        rows = await self._records.unfinished(limit=MOST_ROWS)
        due = [row for row in rows if self._is_due(row)]
        if not due:
            return
        running = await self._servers.running() if any(self._waits_for_server(row) for row in due) else None
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(row: JobRecord) -> None:
            async with slots:
                if may_act():
                    await self._guarded(row, running)

        await asyncio.gather(*(one(row) for row in due))

    def _waits_for_server(self, row: JobRecord) -> bool:
        return row.run == "pending" and self._mlflow is not None

    def _is_due(self, row: JobRecord) -> bool:
        steps = [step for step in ("run", "annotation", "notification") if getattr(row, step) == "pending"]
        return any(self._clock() >= self._later.get((row.uid, step), (0, 0.0))[1] for step in steps)

    async def _guarded(self, row: JobRecord, running: Collection[str] | None) -> None:
        for step, work in (("run", self._run), ("annotation", self._annotate), ("notification", self._notify)):
            if getattr(row, step) != "pending" or self._clock() < self._later.get((row.uid, step), (0, 0.0))[1]:
                continue
            try:
                changes = await work(row, running)
                if changes:
                    await self._records.update(row.uid, **changes)
                    row = replace(row, **changes)
                    self._later.pop((row.uid, step), None)
            except RecordsAway as error:
                log.warning("%s What was done for %s is done again.", error, row.name)
                return
            except Exception:
                # One row must not hold up the others, whatever is wrong with it.
                log.exception("The %s of the job %s/%s failed", step, row.namespace, row.name)
                self._put_off(row, step)
        if row.is_finished:
            self._first_tried_at.pop(row.uid, None)
            job = self._jobs.find(row.namespace, row.job_id)
            if job is not None and job.uid == row.uid:
                self._jobs.forget(job)

    async def _run(self, row: JobRecord, running: Collection[str] | None) -> dict[str, Any]:
        """See that the MLflow run is closed, by the user's server where there is one."""
        job = self._same_job(row)
        if job is not None and _annotations(job).get(RECORD_ANNOTATION) == RECORD_FINISHED:
            return {"run": "done", "finished_by": "server", "run_note": "The user's server closed it."}
        if self._mlflow is None:
            note = "No MLflow server is configured for the hub service (mlflow_url)."
            return {"run": "skipped", "finished_by": "nobody", "run_note": note}
        begun = self._first_tried_at.setdefault(row.uid, self._clock())
        # What is not known counts as running, for as long as a server is waited for.
        may_be_running = running is None or row.owner in running or self._jobs.problem is not None
        if may_be_running and self._clock() - begun < self._grace_seconds:
            return {}
        if self._clock() < self._mlflow_away_until:
            return {}
        pods = job.observed.pods if job is not None and row.state == State.FAILED.value else ()
        tail = await last_lines(self._client, pods, namespace=row.namespace)
        return await self._close_run(row, self._mlflow, tail)

    async def _close_run(self, row: JobRecord, open_mlflow: OpenMlflow, tail: str) -> dict[str, Any]:
        async def close() -> Closed:
            async with open_mlflow() as mlflow:
                return await close_runs(mlflow, row, tail=tail)

        try:
            closed = await asyncio.wait_for(close(), RUN_SECONDS)
        except asyncio.TimeoutError:
            self._put_off(row, "run")  # It may be this one's own fault.
            return self._mlflow_away(row, f"MLflow does not answer within {RUN_SECONDS:g} s.")
        except (Unavailable, OSError) as error:
            return self._mlflow_away(row, str(error))
        except MlflowRefused as error:
            return self._failed(row, "run", str(error), give_up_seconds=GIVE_UP_SECONDS)
        self.problem = None
        self._tell_of("job.run-closed", row, "allowed", runs=closed.found, closed=closed.closed, foreign=closed.foreign)
        if not closed.found:
            return {"run": "skipped", "finished_by": "nobody", "run_note": "MLflow has no run of this job and user."}
        by = "reconciler" if closed.closed else "server"
        return {"run": "done", "finished_by": by, "run_note": f"{closed.found} runs, {closed.closed} were open."}

    def _mlflow_away(self, row: JobRecord, why: str) -> dict[str, Any]:
        """Leave MLflow alone for a while, for all rows: once it is back none waits longer than that."""
        self._mlflow_away_until = self._clock() + AWAY_SECONDS
        given_up = self._wall() - row.recorded_at > GIVE_UP_SECONDS
        if self.problem is None or given_up:
            self._tell_of("job.run", row, "failed", reason=why, given_up=given_up)
        self.problem = why
        return {"run": "given-up", "run_note": why[:300]} if given_up else {}

    async def _annotate(self, row: JobRecord, _running: Collection[str] | None) -> dict[str, Any]:
        """Note on the job what it took, and that its record is finished."""
        if row.run == "pending":
            return {}
        if self._jobs.problem is not None:
            # A right that nobody grants must not keep rows forever: those behind them would never be read.
            return {"annotation": "given-up"} if self._wall() - row.recorded_at > GIVE_UP_SECONDS else {}
        job = self._same_job(row)
        if job is None or job.observed.job is None:
            return {"annotation": "skipped"}
        cost = {"gpu_hours": row.gpu_hours, "usd": row.usd, "note": row.cost_note}
        annotations = {COST_ANNOTATION: json.dumps(cost, separators=(",", ":")), RECORD_ANNOTATION: RECORD_FINISHED}
        # With its uid the API changes this object and no other of that name.
        patch = {"metadata": {"uid": row.uid, "annotations": annotations}}
        try:
            await self._client.patch(job.resource, row.name, patch, namespace=row.namespace)
        except NotFound:
            return {"annotation": "skipped"}
        except KubeError as error:
            return self._failed(row, "annotation", error.message, give_up_seconds=GIVE_UP_SECONDS)
        self._tell_of("job.marked-finished", row, "allowed")
        return {"annotation": "done"}

    async def _notify(self, row: JobRecord, _running: Collection[str] | None) -> dict[str, Any]:
        """Tell whom the administrator named."""
        if self._notifier is None:
            return {"notification": "skipped"}
        try:
            await self._notifier.tell(row)
        except NotTold as error:
            return self._failed(row, "notification", str(error), give_up_seconds=TELL_FOR_SECONDS)
        except NotWanted as error:
            self._tell_of("job.notified", row, "failed", reason=str(error))
            return {"notification": "given-up", "notification_note": str(error)}
        self._tell_of("job.notified", row, "allowed", delivery=row.delivery_id)
        return {"notification": "done"}

    def _failed(self, row: JobRecord, step: str, why: str, *, give_up_seconds: float) -> dict[str, Any]:
        """Try again later, or never."""
        given_up = self._wall() - row.recorded_at > give_up_seconds
        self._tell_of(f"job.{step}", row, "failed", reason=why, given_up=given_up)
        if not given_up:
            self._put_off(row, step)
            return {}
        note = {"run": "run_note", "notification": "notification_note"}.get(step)
        return {step: "given-up", **({note: why[:300]} if note else {})}

    def _put_off(self, row: JobRecord, step: str) -> None:
        failures, _ = self._later.get((row.uid, step), (0, 0.0))
        delay = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** min(failures, 12))
        self._later[row.uid, step] = (failures + 1, self._clock() + delay * random.uniform(0.8, 1.0))  # noqa: S311 - jitter

    def _same_job(self, row: JobRecord) -> SeenJob | None:
        job = self._jobs.find(row.namespace, row.job_id)
        return job if job is not None and job.uid == row.uid else None

    def _tell_of(self, action: str, row: JobRecord, decision: str, **detail: Any) -> None:
        self._decide(action, f"{row.namespace}/{row.name}", decision, owner=row.owner, job=row.job_id, **detail)


def _annotations(job: SeenJob) -> dict[str, str]:
    found = job.observed.job or job.observed.last or {}
    return found.get("metadata", {}).get("annotations") or {}
