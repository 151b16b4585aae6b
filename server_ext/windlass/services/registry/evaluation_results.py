"""What the newest evaluation of a version found: from its job while that goes on, then from its run.

One's own jobs are in the ledger; whoever else evaluated the version, from whatever server, left its run's id on the
version. The run counts only when its own tags say that it is of this version.
"""

from __future__ import annotations

from windlass.contract.jobs import JobState
from windlass.contract.models import EvaluationResult
from windlass.errors import NotFound
from windlass.ledger.jobs import JobFilter, JobLedger
from windlass.ledger.tables import JobRow
from windlass.services.experiments.compare import compared
from windlass.services.experiments.reading import RunReader
from windlass.services.experiments.records import RunRecord
from windlass.services.experiments.rows import JOB_TAG
from windlass.services.present import present
from windlass.services.registry.evaluate import job_name
from windlass.services.registry.evaluation_notebook import CANDIDATE, NOTEBOOK, PRESENT, TAG
from windlass.services.registry.models import ModelRegistry
from windlass.services.registry.rows import Row, tags_of
from windlass.tracking.answers import MlflowRefused

_JOBS_LOOKED_AT = 50
_TOLD = ("alias", "data", "data_sha256", "targets", "model_type", "rows")


class EvaluationResults:
    """Results of evaluations. Methods raise Unavailable, MlflowRefused and Upstream."""

    def __init__(self, *, ledger: JobLedger, models: ModelRegistry, runs: RunReader) -> None:
        self._ledger = ledger
        self._models = models
        self._runs = runs

    async def newest(self, name: str, version: str, *, owner: str) -> EvaluationResult:
        """What the newest evaluation found, or how far it is. Raises NotFound when there is none."""
        found = await self._models.found(name, version)
        job = await self._job(found, owner=owner)
        marked = await self._marked(found)
        if marked is not None and (job is None or _is_newer(marked, job)):
            return _of_run(marked, job_id=marked.tags.get(JOB_TAG, ""))
        if job is None:
            raise NotFound("This version has not been evaluated yet.")
        return await self._of_job(job)

    async def _job(self, found: Row, *, owner: str) -> JobRow | None:
        """The owner's newest job for this version."""
        name, number = str(found["name"]), str(found["version"])
        wanted = JobFilter(owner=owner, notebook=NOTEBOOK, text=job_name(name, number))
        for row in await self._ledger.page(wanted, limit=_JOBS_LOOKED_AT):
            parameters = _parameters(row)
            if (parameters.get("model"), parameters.get("version")) == (name, number):
                return row
        return None

    async def _marked(self, found: Row) -> RunRecord | None:
        """The run that the version is marked with."""
        run_id = tags_of(found).get(TAG)
        run = await self._run(run_id) if run_id else None
        told = (run.tags.get(f"{TAG}.model"), run.tags.get(f"{TAG}.version")) if run else None
        return run if told == (str(found["name"]), str(found["version"])) else None

    async def _run(self, run_id: str) -> RunRecord | None:
        try:
            return await self._runs.known(run_id)
        except (NotFound, MlflowRefused):
            return None

    async def _of_job(self, row: JobRow) -> EvaluationResult:
        job, parameters = present(row), _parameters(row)
        result = EvaluationResult(
            job_id=row.id,
            done=job.state.is_final,
            version=str(parameters.get("version", "")),
            against=str(parameters.get("against") or "") or None,
        )
        if job.state is not JobState.SUCCEEDED:
            result.message = _why(job.error.evalue if job.error else job.reason, ended=result.done)
            return result
        run = await self._run(job.run_id) if job.run_id else None
        if run is None or not _is_complete(run):
            result.message = "The job has ended; what it found is not in MLflow yet, or was deleted there."
            return result
        return _of_run(run, job_id=row.id)


def _of_run(run: RunRecord, *, job_id: str) -> EvaluationResult:
    tags = {key.removeprefix(f"{TAG}."): value for key, value in run.tags.items() if key.startswith(f"{TAG}.")}
    against = tags.get("against")
    sides = [_metrics(run, PRESENT), _metrics(run, CANDIDATE)]
    error = tags.get("present_error")
    done = _is_complete(run) or run.has_ended
    message = f"Version {against} could not be evaluated: {error}" if error else None
    if not _is_complete(run):
        message = "The evaluation ended before it was done." if done else "It is being evaluated."
    return EvaluationResult(
        job_id=job_id,
        done=done,
        message=message,
        version=tags.get("version", ""),
        against=against,
        metrics=compared(sides),
        extra={"run_id": run.id, **{key: tags[key] for key in _TOLD if key in tags}},
    )


def _metrics(run: RunRecord, prefix: str) -> dict[str, float]:
    return {key.removeprefix(prefix): latest.value for key, latest in run.metrics.items() if key.startswith(prefix)}


def _is_complete(run: RunRecord) -> bool:
    return run.tags.get(f"{TAG}.done") == "true"


def _is_newer(run: RunRecord, job: JobRow) -> bool:
    """Whether a run is of a later evaluation than a job: a job's own run begins after it was made."""
    if run.tags.get(JOB_TAG) == job.id or run.started_ms is None:
        return False
    return run.started_ms * 1000 > job.created_us


def _parameters(row: JobRow) -> dict[str, object]:
    parameters = row.request.get("parameters")
    return parameters if isinstance(parameters, dict) else {}


def _why(reason: str, *, ended: bool) -> str:
    if ended:
        return reason or "The evaluation did not end well: its log says more."
    return reason or "It is being evaluated."
