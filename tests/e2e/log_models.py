"""Logs models as a training does, with MLflow itself, for the browser tests of the registry.

    log_models.py TRACKING_URI EXPERIMENT BAIT

Three runs, whose names begin with what BAIT says: the first two models take the columns `age` and `amount`, the third
needs `country` too. Their ids come out as a JSON list.
"""

from __future__ import annotations

import json
import sys

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression


def data(columns: list[str]) -> tuple[pd.DataFrame, pd.Series]:
    """The same rows each time; the truth is whether age and amount are large together."""
    random = np.random.default_rng(5)
    inputs = pd.DataFrame(random.normal(size=(80, len(columns))), columns=columns)
    return inputs, (inputs["age"] + inputs["amount"] > 0).astype(int).rename("fraud")


def log(name: str, columns: list[str], *, strength: float) -> str:
    """One run with a model; its id."""
    inputs, truth = data(columns)
    model = LogisticRegression(C=strength).fit(inputs, truth)
    with mlflow.start_run(run_name=name) as run:
        mlflow.log_params({"C": strength, "columns": ",".join(columns)})
        mlflow.log_metrics({"accuracy": float(model.score(inputs, truth)), "loss": 1 / (1 + strength)})
        mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(inputs, model.predict(inputs)),
            pip_requirements=["scikit-learn", "pandas"],
            serialization_format="pickle",
        )
        return str(run.info.run_id)


def main() -> None:
    """Log all three."""
    uri, experiment, bait = sys.argv[1:]
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(experiment)
    columns = ["age", "amount"]
    runs = [
        log(f"{bait}calm-owl", columns, strength=0.01),
        log(f"{bait}brave-fox", columns, strength=1.0),
        log(f"{bait}keen-lynx", [*columns, "country"], strength=1.0),
    ]
    print(json.dumps(runs))


if __name__ == "__main__":
    main()
