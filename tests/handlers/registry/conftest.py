"""A Jupyter server before a real MLflow, and models to find there."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from tests.handlers.experiments.conftest import Panel, pairs, panel

__all__ = ["panel"]

SIGNATURE = {
    "inputs": [{"type": "double", "name": "x", "required": True}, {"type": "long", "name": "n", "required": True}],
    "outputs": [{"type": "long", "name": "y", "required": True}],
}


def mlmodel(signature: dict[str, Any] | None = SIGNATURE, **more: Any) -> str:
    """An MLmodel file. What is JSON is YAML, too."""
    parts = {part: json.dumps(fields) for part, fields in (signature or {}).items()}
    flavors = {"python_function": {"loader_module": "mlflow.pyfunc.model"}, "sklearn": {"code": None}}
    return json.dumps({"flavors": flavors, "mlflow_version": "3.17.2", "signature": parts or None, **more})


@dataclass
class Shelf:
    """Models, made past Windlass by MLflow's own REST."""

    panel: Panel

    def run(self, **more: Any) -> str:
        """A run that has ended."""
        return self.panel.run(self.panel.experiment("registry"), **more)

    def put(self, artifact_uri: str, path: str, text: str) -> None:
        """Put a file where MLflow keeps them."""
        place = artifact_uri.removeprefix("mlflow-artifacts:").strip("/")
        url = f"{self.panel.mlflow.url}/api/2.0/mlflow-artifacts/artifacts/{place}/{path}"
        httpx.put(url, content=text.encode()).raise_for_status()

    def folder(self, run_id: str, path: str = "model", **files: str) -> str:
        """A model among a run's artifacts, as 2.x has them; the address of its files."""
        info = self.panel.mlflow.run(run_id)["info"]
        given = files or {"MLmodel": mlmodel(), "requirements.txt": "pandas==2.2.0\n# why\nnumpy\n"}
        for name, text in given.items():
            self.put(info["artifact_uri"], f"{path}/{name}", text)
        tag = {"run_id": run_id, "artifact_path": path, "flavors": {"sklearn": {}, "python_function": {}}}
        known = {each["key"]: each["value"] for each in self.panel.mlflow.run(run_id)["data"].get("tags", [])}
        history = [*json.loads(known.get("mlflow.log-model.history", "[]")), tag]
        body = {"run_id": run_id, "key": "mlflow.log-model.history", "value": json.dumps(history)}
        self.panel.mlflow.ask("runs/set-tag", body)
        return f"{info['artifact_uri']}/{path}"

    def logged(self, run_id: str, name: str = "model", text: str | None = None, **metrics: float) -> str:
        """A LoggedModel of a run; its id."""
        experiment = self.panel.mlflow.run(run_id)["info"]["experiment_id"]
        body = {"experiment_id": experiment, "name": name, "source_run_id": run_id, "params": pairs({"depth": "3"})}
        info = self.panel.mlflow.ask("logged-models", body)["model"]["info"]
        model_id = str(info["model_id"])
        self.put(info["artifact_uri"], "MLmodel", mlmodel() if text is None else text)
        url = f"{self.panel.mlflow.url}/api/2.0/mlflow/logged-models/{model_id}"
        httpx.patch(url, json={"model_id": model_id, "status": "LOGGED_MODEL_READY"}).raise_for_status()
        outputs = {"run_id": run_id, "models": [{"model_id": model_id, "step": 0}]}
        self.panel.mlflow.ask("runs/outputs", outputs)
        for key, value in metrics.items():
            logged = {"run_id": run_id, "key": key, "value": value, "timestamp": 7, "step": 1, "model_id": model_id}
            self.panel.mlflow.ask("runs/log-metric", logged)
        return model_id

    def name(self, text: str = "model") -> str:
        """A name that no other test has."""
        return f"{text} {uuid.uuid4().hex[:8]}"

    def model(self, name: str = "") -> str:
        """A registered model without versions."""
        made = self.panel.mlflow.ask("registered-models/create", {"name": name or self.name()})
        return str(made["registered_model"]["name"])

    def version(self, name: str, **more: Any) -> str:
        """A version of something; its number."""
        body = {"name": name, "source": "s3://nowhere/model", **more}
        return str(self.panel.mlflow.ask("model-versions/create", body)["model_version"]["version"])

    def registered(self, text: str | None = None) -> tuple[str, str]:
        """A new model with one version of a LoggedModel; its name and the version."""
        run_id = self.run()
        return self.also(self.model(), run_id, text)

    def also(self, name: str, run_id: str, text: str | None = None) -> tuple[str, str]:
        """One more version of a model, of a LoggedModel of a run."""
        model_id = self.logged(run_id, text=text)
        return name, self.version(name, source=f"models:/{model_id}", run_id=run_id, model_id=model_id)

    def alias(self, name: str, alias: str, version: str) -> None:
        """Set an alias past Windlass."""
        self.panel.mlflow.ask("registered-models/alias", {"name": name, "alias": alias, "version": version})

    def aliases(self, name: str) -> dict[str, str]:
        """What MLflow has."""
        model = httpx.get(f"{self.panel.mlflow.url}/api/2.0/mlflow/registered-models/get", params={"name": name}).json()
        return {pair["alias"]: pair["version"] for pair in model["registered_model"].get("aliases", [])}


@pytest.fixture(scope="package")
def shelf(panel: Panel) -> Shelf:
    """Makes models."""
    return Shelf(panel=panel)


def at(*parts: str) -> str:
    """An address below `/models`; any name is one part of it."""
    return "/models/" + "/".join(quote(part, safe="") for part in parts)
