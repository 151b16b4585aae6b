"""What a version's files say, read through MLflow and kept: a version's files do not change.

Read are MLmodel and requirements.txt, as text and within bounds; the model itself is never fetched here. Where MLflow
cannot reach the files, that is said in the answer: the registry is worth showing without them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from windlass.errors import InvalidRequest, Unavailable, Upstream
from windlass.services.experiments.cache import BoundedCache
from windlass.services.registry.mlmodel import LARGEST_BYTES, ModelFacts, NotAModel, read_mlmodel
from windlass.services.registry.rows import Row, model_id_of
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.reads import MlflowReads

_BUDGET_BYTES = 4 << 20
_FIELD_BYTES = 300
_REQUIREMENTS_BYTES = 200_000
_MOST_REQUIREMENTS = 500
_LONGEST_REQUIREMENT = 500
_MOST_FOLDERS = 50
_MOST_FILES = 2000


@dataclass(frozen=True, kw_only=True)
class VersionFacts:
    """What is known of a version from its files."""

    model: ModelFacts = field(default_factory=ModelFacts)
    requirements: list[str] = field(default_factory=list)
    message: str | None = None
    """Why something is not known."""


class VersionFiles:
    """Files of versions. Raises nothing for files that cannot be had; `message` says why."""

    def __init__(self) -> None:
        self._kept: BoundedCache[tuple[str, str, str], VersionFacts] = BoundedCache(budget_bytes=_BUDGET_BYTES)

    async def of(self, found: Row, reads: MlflowReads) -> VersionFacts:
        """The facts of a version as MLflow answered it."""
        name, number = str(found.get("name")), str(found.get("version"))
        status = str(found.get("status") or "READY")
        if status != "READY":
            return VersionFacts(message=_not_ready(status, str(found.get("status_message") or "")))
        # Deleted and made anew, a name has other versions of the same numbers.
        key = (name, number, str(found.get("creation_timestamp")))
        known = self._kept.get(key)
        if known is not None:
            return known
        try:
            facts = await _read(found, reads)
        except (NotAModel, Unavailable, Upstream, InvalidRequest) as problem:
            return VersionFacts(message=_unreadable(problem))
        self._kept.put(key, facts, size_bytes=_size_of(facts))
        return facts


def _not_ready(status: str, said: str) -> str:
    if status == "FAILED_REGISTRATION":
        return f"Its registration failed{f': {said}' if said else ''}. Register the model again."
    return "Its files are still being registered."


def _unreadable(problem: Exception) -> str:
    if isinstance(problem, NotAModel):
        return f"Its MLmodel file {problem}."
    if isinstance(problem, MlflowRefused) and problem.status not in (401, 403):
        return "Its files cannot be read: MLflow has no MLmodel file where this version points."
    return f"Its files cannot be read: {problem}"


async def _read(found: Row, reads: MlflowReads) -> VersionFacts:
    name, number = str(found.get("name")), str(found.get("version"))
    data = await reads.registry.file(name, number, "MLmodel", limit_bytes=LARGEST_BYTES)
    model = await asyncio.to_thread(read_mlmodel, data)
    if model.size_bytes is None:
        model = replace(model, size_bytes=await _listed_size(found, reads))
    return VersionFacts(model=model, requirements=await _requirements(name, number, reads), message=model.message)


async def _requirements(name: str, number: str, reads: MlflowReads) -> list[str]:
    try:
        data = await reads.registry.file(name, number, "requirements.txt", limit_bytes=_REQUIREMENTS_BYTES)
    except Upstream:
        return []
    lines = (line.strip() for line in data.decode("utf-8", "replace").splitlines())
    wanted = [line[:_LONGEST_REQUIREMENT] for line in lines if line and not line.startswith(("#", "-"))]
    return wanted[:_MOST_REQUIREMENTS]


async def _listed_size(found: Row, reads: MlflowReads) -> int | None:
    """Bytes of all files, in all folders; None where they cannot be listed, or are too many."""
    model_id = model_id_of(found)
    run_id, path = str(found.get("run_id") or ""), ""
    if model_id is None:
        place = _path_in_run(str(found.get("source") or ""))
        if not run_id or place is None:
            return None
        path = place
    folders, total, seen = [path], 0, 0
    for _ in range(_MOST_FOLDERS):
        if not folders:
            return total
        folder = folders.pop()
        try:
            page = await reads.artifacts.list(
                run_id=run_id if model_id is None else None, model_id=model_id, path=folder
            )
        except (Unavailable, Upstream, InvalidRequest):
            return None
        seen += len(page.items)
        if page.token is not None or seen > _MOST_FILES:
            return None
        for item in page.items:
            if item.get("is_dir"):
                folders.append(str(item.get("path")))
            else:
                total += int(item.get("file_size") or 0)
    return None


def _path_in_run(source: str) -> str | None:
    """Where among its run's artifacts a source lies."""
    _, marker, path = source.rpartition("/artifacts/")
    return path if marker and path else None


def _size_of(facts: VersionFacts) -> int:
    signature = facts.model.signature
    parts = (signature.inputs, signature.outputs, signature.params) if signature else ()
    fields = sum(len(part or ()) for part in parts)
    return _FIELD_BYTES * (2 + fields) + sum(map(len, facts.requirements))
