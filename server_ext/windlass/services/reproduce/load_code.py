"""A code cell that loads a run's model: by its flavour's own loader where there is one, else as a pyfunc.

Names of models and paths come from MLflow, and anybody may have chosen them: they reach the code as Python literals
and nowhere else. No credentials are written into a notebook.
"""

from __future__ import annotations

from collections.abc import Sequence

from windlass.contract.runs import LoadCode, RunModel
from windlass.errors import FieldError, InvalidRequest, NotFound
from windlass.runner.mlflow_place import without_credentials
from windlass.services.experiments.detail import models_of
from windlass.services.experiments.model_files import ModelFiles
from windlass.services.experiments.reading import RunReader
from windlass.services.experiments.records import RunRecord
from windlass.tracking.reads import MlflowReads
from windlass.tracking.tracking import Tracking

LOADERS = {
    "pytorch": "torch",
    "sklearn": "scikit-learn",
    "keras": "keras",
    "tensorflow": "tensorflow",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
    "statsmodels": "statsmodels",
    "prophet": "prophet",
    "onnx": "onnx",
    "spacy": "spacy",
    "transformers": "transformers",
    "sentence_transformers": "sentence-transformers",
    "spark": "pyspark",
    "langchain": "langchain",
}
"""Flavours whose loader gives the model as its framework has it, and what that takes; the first that fits is taken."""
_PYFUNC = "pyfunc"


class ModelLoading:
    """Writes the code. Raises NotFound, InvalidRequest, Unavailable, MlflowRefused and Upstream."""

    def __init__(self, *, tracking: Tracking, runs: RunReader) -> None:
        self._tracking = tracking
        self._runs = runs
        self._files = ModelFiles()

    async def code(self, run_id: str, *, model_id: str | None = None, path: str | None = None) -> LoadCode:
        """A cell that loads the run's model; which one is to be said when it made several."""
        # Not as it was half a minute ago: a model may have been logged since.
        record = await self._runs.get(run_id)
        reads = await self._tracking.reads()
        model = _chosen(await models_of(record, reads), model_id=model_id, path=path)
        flavors = model.flavors or await self._flavors(record, model, reads)
        flavor = next((name for name in LOADERS if name in flavors), _PYFUNC)
        lines = [
            f"# The model of run {record.id}",
            "import mlflow",
            "",
            f"mlflow.set_tracking_uri({without_credentials(reads.url)!r})",
            f"model = mlflow.{flavor}.load_model({model.uri!r})",
            "model",
        ]
        return LoadCode(code="\n".join(lines), imports=["mlflow", *([LOADERS[flavor]] if flavor != _PYFUNC else [])])

    async def _flavors(self, record: RunRecord, model: RunModel, reads: MlflowReads) -> list[str]:
        """As the MLmodel file says; none where it cannot be read, which a pyfunc may still be loaded from."""
        facts = await self._files.of(reads, model_id=model.model_id, run_id=record.id, folder=model.path)
        return facts.flavors if facts is not None else []


def _chosen(models: Sequence[RunModel], *, model_id: str | None, path: str | None) -> RunModel:
    if not models:
        raise NotFound("This run has no model: log one in the notebook, as mlflow.sklearn.log_model does.")
    folder = (path or "").rstrip("/") or None
    fitting = [
        model
        for model in models
        if (model_id is None or model.model_id == model_id) and (folder is None or model.path == folder)
    ]
    if not fitting:
        raise NotFound("The run has no such model: it may have been deleted; reload the run.")
    if len(fitting) > 1:
        names = ", ".join(model.name for model in fitting[:5])
        message = f"The run has {len(fitting)} models ({names}): say which."
        raise InvalidRequest(message, fields=[FieldError(field="model_id", message=message)])
    return fitting[0]
