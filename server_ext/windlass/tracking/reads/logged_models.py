"""LoggedModels: the models of MLflow 3, things of their own with files outside their run's artifacts.

Servers of 2.x have none; there a model is a folder with an MLmodel file among the run's artifacts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from windlass.tracking.answers import MlflowRefused
from windlass.tracking.reads.pages import each, missing, object_in
from windlass.tracking.rest import MlflowHttp

_MOST_OF_A_RUN = 100


class LoggedModelReads:
    """LoggedModels of one server."""

    def __init__(self, http: MlflowHttp) -> None:
        self._http = http

    async def get(self, model_id: str) -> dict[str, Any]:
        """One model: `info` and `data`. Raises MlflowRefused (`is_missing`, also on servers without LoggedModels)."""
        if model_id in ("", ".", "..", "search"):
            raise missing(f"There is no model {model_id!r} in MLflow.")
        return object_in(await self._http.get(f"logged-models/{quote(model_id, safe='')}"), "model")

    async def of_run(self, run: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The models that a run (as `runs.get` gives it) made, in its order, at most 100; deleted ones are left out."""
        outputs = (run.get("outputs") or {}).get("model_outputs") or []
        ids = [str(output["model_id"]) for output in outputs if output.get("model_id")]
        found = await each(ids[:_MOST_OF_A_RUN], self.get)
        refusals = [model for model in found.values() if isinstance(model, MlflowRefused)]
        for refusal in refusals:
            if not refusal.is_missing:
                raise refusal
        return [model for model in found.values() if not isinstance(model, MlflowRefused)]
