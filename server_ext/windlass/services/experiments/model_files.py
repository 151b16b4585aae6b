"""What the MLmodel file of a run's model says: which framework it is of, and which Python made it.

A LoggedModel of MLflow 3 does not tell its flavors itself. The file is somebody's upload: it is read within bounds and
off the event loop, since a few hundred bytes of YAML can keep an ordinary reader busy for hours.
"""

from __future__ import annotations

import asyncio

from windlass.errors import InvalidRequest, Unavailable, Upstream
from windlass.services.experiments.cache import BoundedCache
from windlass.services.registry.mlmodel import LARGEST_BYTES, ModelFacts, NotAModel, read_mlmodel
from windlass.tracking.reads import MlflowReads

_FILE = "MLmodel"
_BUDGET_BYTES = 2 << 20
_FACTS_BYTES = 800
_FIELD_BYTES = 200


class ModelFiles:
    """MLmodel files of models; those of LoggedModels are kept, as they do not change."""

    def __init__(self) -> None:
        self._kept: BoundedCache[str, ModelFacts] = BoundedCache(budget_bytes=_BUDGET_BYTES)

    async def of(
        self, reads: MlflowReads, *, model_id: str | None = None, run_id: str | None = None, folder: str | None = None
    ) -> ModelFacts | None:
        """The facts of a LoggedModel, or of a folder among a run's files; None where the file cannot be read."""
        known = self._kept.get(model_id) if model_id is not None else None
        if known is not None:
            return known
        whose = {"run_id": run_id} if model_id is None else {"model_id": model_id}
        path = f"{folder}/{_FILE}" if model_id is None else _FILE
        try:
            data, _ = await reads.artifacts.read(**whose, path=path, limit_bytes=LARGEST_BYTES)
            facts = await asyncio.to_thread(read_mlmodel, data)
        except (NotAModel, Unavailable, Upstream, InvalidRequest):
            # What it would tell is worth having, and never needed.
            return None
        if model_id is not None:
            self._kept.put(model_id, facts, size_bytes=_size_of(facts))
        return facts


def _size_of(facts: ModelFacts) -> int:
    signature = facts.signature
    parts = (signature.inputs, signature.outputs, signature.params) if signature else ()
    return _FACTS_BYTES + _FIELD_BYTES * sum(len(part or ()) for part in parts)
