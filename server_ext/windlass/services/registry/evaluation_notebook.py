"""The notebook that an evaluation runs: written here, the same for every evaluation, told by its parameters.

It runs as any job does, in the environment that was chosen; the model is loaded there and nowhere else. Its run carries
what was found: metrics of the candidate and of the present version under a prefix each, and tags that say what was
compared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

NOTEBOOK = "windlass-evaluation.ipynb"
CANDIDATE, PRESENT = "candidate.", "present."
TAG = "windlass.evaluation"
"""Of the version: the run of its newest evaluation. With a dot and a word behind it, of the run: what was evaluated."""

_PARAMETERS = """\
model = ""
version = ""
against = ""  # the version to compare with; empty: none
alias = ""  # the alias that it had
data = ""  # where the data came from
data_file = ""  # where it lies here
data_sha256 = ""
targets = ""
model_type = "classifier"
"""

_READ = """\
import matplotlib  # noqa: F401 - needed by MLflow's evaluator
import mlflow
import pandas as pd
import sklearn  # noqa: F401 - needed by MLflow's evaluator

frame = pd.read_parquet(data_file) if data_file.endswith(".parquet") else pd.read_csv(data_file)
if targets not in frame.columns:
    raise ValueError(f"{data} has no column {targets!r}; it has {', '.join(map(repr, frame.columns[:50]))}.")
if frame[targets].isna().any():
    raise ValueError(f"The column {targets!r} of {data} has empty rows: fill them or take them out.")
print(f"{len(frame):,} rows of {data}")
"""
_PARQUET = """\
import pyarrow  # noqa: F401 - reads Parquet
"""

_EVALUATE = """\
client = mlflow.MlflowClient()


def evaluated(number, prefix):
    # The address of the files: a name may hold what an address cannot.
    loaded = mlflow.pyfunc.load_model(client.get_model_version_download_uri(model, number))
    found = mlflow.models.evaluate(
        loaded,
        frame,
        targets=targets,
        model_type=model_type,
        evaluators="default",
        evaluator_config={"metric_prefix": prefix, "log_explainer": False, "log_model_explainability": False},
    )
    return {key.removeprefix(prefix): value for key, value in found.metrics.items()}
"""

_RECORD = """\
about = {
    "model": model, "version": version, "against": against, "alias": alias, "data": data,
    "data_sha256": data_sha256, "targets": targets, "model_type": model_type, "rows": str(len(frame)),
}
with mlflow.start_run(run_name=f"Version {version} on {data}"[:250]) as run:
    mlflow.set_tags({f"windlass.evaluation.{key}": value for key, value in about.items() if value})
    candidate, present = evaluated(version, "candidate."), {}
    if against:
        try:
            present = evaluated(against, "present.")
        except Exception as error:  # What was found of the candidate is worth keeping.
            mlflow.set_tag("windlass.evaluation.present_error", f"{type(error).__name__}: {error}"[:500])
            print(f"Version {against} could not be evaluated: {type(error).__name__}: {error}")
    mlflow.set_tag("windlass.evaluation.done", "true")

try:
    client.set_model_version_tag(model, version, "windlass.evaluation", run.info.run_id)
except mlflow.MlflowException as error:  # Who may evaluate may not always write there.
    print(f"The version could not be marked with its evaluation: {error}")

columns = {f"version {against} ({alias})": present} if against else {}
pd.DataFrame({**columns, f"version {version}": candidate})
"""


def notebook(*, parquet: bool) -> bytes:
    """The notebook's file; `parquet`: whether the data is Parquet rather than CSV."""
    cells = [
        _cell("parameters", _PARAMETERS, tags=["parameters"]),
        _cell("read", (_PARQUET if parquet else "") + _READ),
        _cell("evaluate", _EVALUATE),
        _cell("record", _RECORD),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    document = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document, indent=1).encode()


def _cell(name: str, source: str, *, tags: list[str] | None = None) -> Mapping[str, object]:
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {"tags": tags} if tags else {},
        "source": source.rstrip("\n"),
        "execution_count": None,
        "outputs": [],
    }
