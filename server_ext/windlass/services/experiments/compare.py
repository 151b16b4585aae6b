"""Runs side by side: parameters, metrics, and what else differs: code, data, packages.

"Differs" is judged on whole values, before any is cut for the table; a run without the thing differs from one that has
it. It draws nothing.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from windlass.contract.comparison import ComparedValue, CompareRequest, Comparison
from windlass.ledger.jobs import JobLedger
from windlass.ledger.tables import JobRow
from windlass.services.experiments.curves import beside
from windlass.services.experiments.jobs import jobs_of
from windlass.services.experiments.packages import ModelPackages, Versions, normalized
from windlass.services.experiments.reading import RunReader
from windlass.services.experiments.records import RunRecord, plain
from windlass.services.experiments.rows import DVC_TAGS, JOB_TAG, notebook_of, row_of, shortened
from windlass.tracking.tracking import Tracking

REQUIREMENTS_AT_ONCE = 6
_BUNDLE = "windlass.bundle_sha256"
_CODE: dict[str, Callable[[RunRecord], str | None]] = {
    "Notebook": notebook_of,
    "Git commit": lambda run: run.tags.get("mlflow.source.git.commit"),
    "Git branch": lambda run: run.tags.get("mlflow.source.git.branch"),
    "Git repository": lambda run: run.tags.get("mlflow.source.git.repoURL"),
    "Uncommitted changes": lambda run: run.tags.get("windlass.git.dirty"),
    "Bundle": lambda run: run.tags.get(_BUNDLE),
    "Entry point": lambda run: run.tags.get("mlflow.project.entryPoint"),
    "Image": lambda run: run.tags.get("windlass.image_digest") or run.tags.get("mlflow.docker.image.id"),
}
_DVC_PREFIXES = ("windlass.dvc.", "dvc.")

Values = Sequence["float | str | None"]


class Comparer:
    """Compares runs of the tracking server. Methods raise Unavailable, MlflowRefused and Upstream."""

    def __init__(self, *, tracking: Tracking, runs: RunReader, ledger: JobLedger) -> None:
        self._tracking = tracking
        self._runs = runs
        self._ledger = ledger
        self._models = ModelPackages()

    async def compare(self, request: CompareRequest, *, owner: str) -> Comparison:
        """Put runs side by side; those that cannot be had are named in `missing`."""
        found, missing = await self._runs.many(request.run_ids)
        records = list(found.values())
        jobs = await jobs_of(records, ledger=self._ledger, owner=owner)
        packages = await self._packages(records, jobs)
        # Thousands of metrics of a hundred runs take a while to lay out.
        comparison = await asyncio.to_thread(_lay_out, records, packages, self._tracking.browser_site())
        comparison.missing = missing
        comparison.has_notebooks = [_BUNDLE in run.tags or run.tags.get(JOB_TAG) in jobs for run in records]
        return comparison

    async def _packages(self, records: Sequence[RunRecord], jobs: Mapping[str, JobRow]) -> list[Versions]:
        reads = await self._tracking.reads()
        asked = [self._models.of(record, reads) for record in records]
        models = await beside(asked, at_once=REQUIREMENTS_AT_ONCE)
        return [
            model | _imports_of(jobs.get(record.tags.get(JOB_TAG, "")))
            for record, model in zip(records, models, strict=True)
        ]


def _imports_of(job: JobRow | None) -> Versions:
    pairs = (requirement.partition("==") for requirement in (job.imports if job is not None else ()))
    return {normalized(name): version for name, _, version in pairs if version}


def _lay_out(records: Sequence[RunRecord], packages: Sequence[Versions], site: str | None) -> Comparison:
    return Comparison(
        runs=[row_of(record, site=site) for record in records],
        params=compared([record.params for record in records]),
        metrics=compared([{key: latest.value for key, latest in record.metrics.items()} for record in records]),
        code=compared([_told(record, _CODE) for record in records], keep_order=True),
        data=compared([_data_of(record) for record in records], keep_order=True),
        packages=compared(packages),
        has_notebooks=[],
    )


def _told(record: RunRecord, questions: Mapping[str, Callable[[RunRecord], str | None]]) -> dict[str, str]:
    answers = ((name, ask(record)) for name, ask in questions.items())
    return {name: answer for name, answer in answers if answer}


def _data_of(record: RunRecord) -> dict[str, str]:
    """DVC revisions (of the whole, and of single files), and the digest of each dataset."""
    found: dict[str, str] = {}
    for tag in DVC_TAGS:
        if tag in record.tags:
            found.setdefault("DVC revision", record.tags[tag])
    for tag, value in sorted(record.tags.items()):
        if tag.startswith(_DVC_PREFIXES) and tag not in DVC_TAGS:
            found[f"DVC {tag.split('dvc.', 1)[1]}"] = value
    for given in record.inputs:
        key = f"Dataset {given.name}" + (f" ({given.context})" if given.context else "")
        found[key] = f"{found[key]}, {given.digest}" if key in found else given.digest
    return found


def compared(sides: Sequence[Mapping[str, float | str]], *, keep_order: bool = False) -> list[ComparedValue]:
    """One row per key that any side has, and whether the sides differ in it; by key unless the order is to be kept."""
    keys: Iterable[str] = dict.fromkeys(key for side in sides for key in side)
    rows = []
    for key in keys if keep_order else sorted(keys):
        whole = [side.get(key) for side in sides]
        values = [_on_the_wire(value) for value in whole]
        rows.append(ComparedValue(key=key, values=values, differs=_differ(whole)))
    return rows


def _on_the_wire(value: float | str | None) -> float | str | None:
    if value is None:
        return None
    return shortened(value) if isinstance(value, str) else plain(value)


def _differ(values: Values) -> bool:
    first = values[0] if values else None
    return any(not _same(first, value) for value in values[1:])


def _same(one: float | str | None, other: float | str | None) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return one == other
