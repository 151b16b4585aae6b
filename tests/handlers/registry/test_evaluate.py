"""A version and the present champion evaluated by MLflow, in a real job, on a file of the server's folder."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import until
from tests.handlers.experiments.conftest import Panel
from tests.handlers.registry.conftest import Shelf, at

pytestmark = pytest.mark.mlflow

JOB_SECONDS = 240

_LOG = """
import sys
import mlflow
import pandas as pd
from mlflow.models import infer_signature

class Threshold(mlflow.pyfunc.PythonModel):
    def __init__(self, at):
        self.at = at

    def predict(self, context, model_input, params=None):
        return (model_input["x"] > self.at).astype("int64").to_numpy()

frame = pd.DataFrame({"x": [0.1, 0.9]})
pd.DataFrame({"x": [at / 10 for at in range(10)], "label": [int(at > 5) for at in range(10)]}).to_parquet(sys.argv[2])
mlflow.set_experiment("thresholds")
for at in map(float, sys.argv[3:]):
    with mlflow.start_run():
        model = Threshold(at)
        signature = infer_signature(frame, model.predict(None, frame))
        needs = ["mlflow", "pandas", "a-package-nobody-has"]
        logged = mlflow.pyfunc.log_model(name="m", python_model=model, signature=signature, pip_requirements=needs)
    mlflow.register_model(logged.model_uri, sys.argv[1])
"""


@dataclass
class Bench:
    """A model whose versions are right more or less often, and data to tell."""

    panel: Panel
    name: str

    def evaluate(self, version: str, status: int = 201, **body: Any) -> Any:
        given = {"data": "sets/validation.csv", "targets": "label", "model_type": "classifier"} | body
        return self.panel.post(at(self.name, "versions", version, "evaluate"), status, **given)

    def result(self, version: str, status: int = 200) -> Any:
        return self.panel.get(at(self.name, "versions", version, "evaluations"), status)

    def ended(self, version: str) -> Any:
        """What was found, once all of it is."""

        def look() -> Any:
            found = self.result(version)
            return found if found["done"] and found["metrics"] else None

        return until(look, seconds=JOB_SECONDS, what="the evaluation")


@pytest.fixture(scope="module")
def bench(panel: Panel, shelf: Shelf) -> Bench:
    """Version 1 is right half of the time, 2 always; 3 has no files."""
    name = shelf.name("thresholds 'ä' #1 100%")
    environment = {**os.environ, "MLFLOW_TRACKING_URI": panel.mlflow.url, "MLFLOW_DISABLE_TELEMETRY": "true"}
    folder = panel.server.root / "sets"
    folder.mkdir()
    command = [sys.executable, "-W", "ignore", "-c", _LOG, name, str(folder / "validation.parquet"), "0.9", "0.5"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=JOB_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    shelf.version(name)
    rows = [{"x": at / 10, "label": int(at > 5)} for at in range(10)]
    _write(folder / "validation.csv", rows)
    return Bench(panel=panel, name=name)


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _names(bundle: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(bundle)) as archive:
        return archive.getnames()


def test_a_version_is_evaluated_against_the_champion_by_a_job_and_its_run_has_the_results(
    panel: Panel, shelf: Shelf, bench: Bench
) -> None:
    shelf.alias(bench.name, "champion", "1")
    job = bench.evaluate("2")
    assert job["name"] == f"Evaluate version 2 of {bench.name}"
    assert any("a-package-nobody-has" in notice for notice in job["notices"])
    assert bench.result("2")["job_id"] == job["id"]
    panel.server.reaches(job["id"], "succeeded", seconds=JOB_SECONDS)
    found = bench.ended("2")
    scores = {row["key"]: row for row in found["metrics"]}
    assert (found["version"], found["against"], found["message"]) == ("2", "1", None)
    assert scores["accuracy_score"]["values"] == [0.6, 1.0]
    assert scores["accuracy_score"]["differs"] is True
    assert (found["extra"]["alias"], found["extra"]["data"], found["extra"]["rows"]) == (
        "champion",
        "sets/validation.csv",
        "10",
    )
    run = panel.mlflow.run(panel.server.job(job["id"])["run_id"])
    logged = {metric["key"]: metric["value"] for metric in run["data"]["metrics"]}
    assert (logged["present.accuracy_score"], logged["candidate.accuracy_score"]) == (0.6, 1.0)
    shown = panel.get(at(bench.name, "versions", "2"))["version"]
    assert {tag["key"]: tag["value"] for tag in shown["tags"]}["windlass.evaluation"] == run["info"]["run_id"]
    # Whoever has no such job in their ledger finds the result by the version's mark.
    panel.http.delete(f"/jobs/{job['id']}").raise_for_status()
    assert bench.result("2")["metrics"] == found["metrics"]


def test_the_job_travels_with_the_data_and_leaves_the_folder_as_it_was(panel: Panel, bench: Bench) -> None:
    before = sorted(panel.server.root.rglob("*"))
    body = {"data": "sets/validation.csv", "targets": "label", "against": None}
    address, keyed = at(bench.name, "versions", "1", "evaluate"), {"Idempotency-Key": "evaluate once"}
    first = panel.http.post(address, json=body, headers=keyed)
    again = panel.http.post(address, json=body, headers=keyed)
    assert (first.status_code, again.status_code, first.json()["id"]) == (201, 200, again.json()["id"])
    (panel.server.root / "sets" / "validation.csv").touch()
    with panel.server.client() as http:
        bundle = http.get(f"/jobs/{first.json()['id']}/bundle").content
    assert "files/validation.csv" in _names(bundle)
    assert sorted(panel.server.root.rglob("*")) == before
    found = bench.ended("1")
    assert (found["against"], {row["key"]: row["values"] for row in found["metrics"]}["accuracy_score"]) == (
        None,
        [None, 0.6],
    )


def test_a_champion_that_cannot_be_loaded_does_not_lose_what_was_found_of_the_candidate(
    panel: Panel, shelf: Shelf, bench: Bench
) -> None:
    shelf.alias(bench.name, "broken", "3")
    bench.evaluate("2", against="broken", model_type="regressor", data="sets/validation.parquet")

    def look() -> Any:
        found = bench.result("2")
        return found if found["done"] and found["against"] == "3" and found["metrics"] else None

    found = until(look, seconds=JOB_SECONDS, what="the evaluation")
    assert "Version 3 could not be evaluated" in found["message"]
    assert {row["key"]: row["values"][0] for row in found["metrics"]}["mean_squared_error"] is None


def test_an_alias_that_nobody_has_is_no_obstacle_and_is_said(panel: Panel, bench: Bench) -> None:
    job = bench.evaluate("1", against="nobody-yet")
    panel.http.post(f"/jobs/{job['id']}/stop", json={}).raise_for_status()
    assert any("evaluated alone" in notice for notice in job["notices"])


def test_a_job_that_fails_is_told_with_its_reason(panel: Panel, bench: Bench) -> None:
    _write(panel.server.root / "sets" / "holes.csv", [{"x": 0.1, "label": ""}, {"x": 0.9, "label": 1}])
    job = bench.evaluate("1", data="sets/holes.csv", against=None)
    panel.server.reaches(job["id"], "failed", seconds=JOB_SECONDS)
    found = bench.result("1")
    assert (found["done"], found["metrics"]) == (True, [])
    assert "has empty rows" in found["message"]


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"targets": "truth"}, "targets", "has no column 'truth'. It has 'x', 'label'."),
        ({"data": "../outside.csv"}, "data", "leads out"),
        ({"data": "/etc/passwd"}, "data", "relative to"),
        ({"data": "sets/none.csv"}, "data", "No such file"),
        ({"data": "sets"}, "data", "CSV or Parquet"),
        ({"data": "sets/link.csv"}, "data", "leads out"),
        ({"data": ".hidden/a.csv"}, None, "this server shows"),
        ({"data": "sets/large.csv"}, "data", "can be sent with a job"),
        ({"model_type": "oracle"}, "model_type", ""),
        ({"environment": "nowhere"}, "environment", "no environment named nowhere"),
        ({"engine": "moon"}, "engine", ""),
    ],
)
def test_what_would_fail_for_sure_is_refused_before_there_is_a_job(
    panel: Panel, bench: Bench, body: dict[str, Any], field: str | None, words: str
) -> None:
    root = panel.server.root
    if not (root / "sets" / "large.csv").exists():
        (root / "sets" / "link.csv").symlink_to("/etc/passwd")
        with (root / "sets" / "large.csv").open("wb") as file:
            file.truncate(200 * 1024 * 1024)
    problem = bench.evaluate("1", 400 if field else 404, **body)
    assert words in problem["detail"]
    assert not field or problem["fields"][0]["field"] == field


def test_an_environment_without_mlflows_evaluators_is_told_what_to_install(
    panel: Panel, bench: Bench, tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True, timeout=120)
    spec = panel.server.base / "jupyter" / "kernels" / "bare" / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [str(tmp_path / "bare" / "bin" / "python"), "-m", "ipykernel"]
    spec.write_text(json.dumps({"argv": argv, "display_name": "Bare", "language": "python"}))
    problem = bench.evaluate("1", 400, environment="bare")
    assert problem["fields"][0]["field"] == "environment"
    assert "pip install" in problem["detail"]
    assert "scikit-learn" in problem["detail"]


def test_a_version_never_evaluated_says_so(panel: Panel, bench: Bench) -> None:
    assert "not been evaluated" in bench.result("3", 404)["detail"]
    panel.get(at("nobody", "versions", "1", "evaluations"), 404)


def test_a_mark_that_points_to_another_versions_evaluation_is_not_believed(panel: Panel, shelf: Shelf) -> None:
    name, version = shelf.registered()
    run_id = shelf.run(tags={"windlass.evaluation.model": "another", "windlass.evaluation.version": version})
    url = f"{panel.mlflow.url}/api/2.0/mlflow/model-versions/set-tag"
    for value in (run_id, "nonsense", "../x", "f" * 32):
        tag = {"name": name, "version": version, "key": "windlass.evaluation", "value": value}
        httpx.post(url, json=tag).raise_for_status()
        panel.get(at(name, "versions", version, "evaluations"), 404)
