"""Which versions of packages a run had, as far as it tells.

A job of ours knows what its code imports. Any other run tells by the requirements of the model that it made, which
MLflow writes beside it, and by the Python that its MLmodel file names. They are read as text; nothing of them is
installed or run.
"""

from __future__ import annotations

import asyncio
import re
from typing import NamedTuple

from windlass.errors import Unavailable, Upstream
from windlass.services.experiments.cache import BoundedCache
from windlass.services.experiments.model_files import ModelFiles
from windlass.services.experiments.model_log import models_logged
from windlass.services.experiments.records import RunRecord
from windlass.tracking.reads import MlflowReads

_LIMIT_BYTES = 200_000
_BUDGET_BYTES = 4 << 20
_PAIR_BYTES = 150
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*([^;#]*)")
_FILE = "requirements.txt"
PYTHON = "Python"
"""No distribution's name, as those are in lower case."""

Versions = dict[str, str]


def versions_in(requirements: str) -> Versions:
    """Versions by distribution (names as PyPI compares them) in the text of a requirements.txt.

    A pinned version is that version; other bounds are kept as written. What has none, or is no package, is left out.
    """
    found: Versions = {}
    for line in requirements.splitlines():
        match = _REQUIREMENT.match(line)
        if match is None:
            continue
        bounds = match[2].split(" --")[0].split("\\")[0].strip().strip("()").strip()
        if bounds and bounds[0] in "=<>!~":
            pinned = re.fullmatch(r"={2,3}\s*([^\s,*]+)", bounds)
            found[normalized(match[1])] = pinned[1] if pinned else bounds
    return found


def normalized(name: str) -> str:
    """A distribution's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


class ModelPackages:
    """The requirements of runs' models; of runs that have ended they are kept, as files do not change."""

    def __init__(self) -> None:
        self._kept: BoundedCache[tuple[str, int | None], Versions] = BoundedCache(budget_bytes=_BUDGET_BYTES)
        self._files = ModelFiles()

    async def of(self, record: RunRecord, reads: MlflowReads) -> Versions:
        """Versions of Python and of what the first model of a run asks for; empty when that cannot be read."""
        key = (record.id, record.ended_ms)
        known = self._kept.get(key)
        if known is not None:
            return known
        found = await self._read(record, reads)
        if found is None:
            return {}
        if record.has_ended:
            self._kept.put(key, found, size_bytes=_PAIR_BYTES * (1 + len(found)))
        return found

    async def _read(self, record: RunRecord, reads: MlflowReads) -> Versions | None:
        """None when it could not be read this time."""
        folders = models_logged(record)
        if record.model_outputs:
            place = _Place(model_id=record.model_outputs[0])
        elif folders:
            place = _Place(run_id=record.id, folder=folders[0].path)
        else:
            return {}
        facts, wanted = await asyncio.gather(
            self._files.of(reads, model_id=place.model_id, run_id=place.run_id, folder=place.folder),
            _requirements(place, reads),
        )
        if wanted is None:
            return None
        python = facts.python_version if facts is not None else None
        return wanted | ({PYTHON: python} if python else {})


class _Place(NamedTuple):
    """Where a model's files are."""

    model_id: str | None = None
    run_id: str | None = None
    folder: str | None = None


async def _requirements(place: _Place, reads: MlflowReads) -> Versions | None:
    path = _FILE if place.folder is None else f"{place.folder}/{_FILE}"
    try:
        text, _ = await reads.artifacts.read(
            run_id=place.run_id, model_id=place.model_id, path=path, limit_bytes=_LIMIT_BYTES
        )
    except (Unavailable, Upstream):
        # A comparison without versions is worth more than none.
        return None
    return versions_in(text.decode("utf-8", "replace"))
