"""Runs side by side, and their curves, over a real MLflow."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.handlers.experiments.conftest import Panel

pytestmark = pytest.mark.mlflow

HISTORY = json.dumps([{"artifact_path": "models/best", "flavors": {"python_function": {}, "sklearn": {}}}])
BEGAN = 1_700_000_000_000


def rows(section: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in section}


def points(key: str, steps: list[int]) -> list[dict[str, Any]]:
    return [{"key": key, "value": 1 / (1 + step), "step": step, "timestamp": BEGAN + step} for step in steps]


def test_what_differs_is_marked_and_judged_before_it_is_cut(panel: Panel) -> None:
    experiment = panel.experiment()
    long = "x" * 600
    one = panel.run(
        experiment,
        metrics={"acc": 0.5, "same": 1, "nan": "NaN"},
        params={"lr": "0.1", "depth": "3", "long": long + "a"},
        tags={"mlflow.source.git.commit": "aaa", "mlflow.source.git.branch": "main", "windlass.bundle_sha256": "b1"},
    )
    two = panel.run(
        experiment,
        metrics={"acc": 0.6, "same": 1, "nan": "NaN", "extra": "Infinity"},
        params={"lr": "0.1", "depth": "4", "long": long + "b"},
        tags={"mlflow.source.git.commit": "bbb", "mlflow.source.git.branch": "main", "windlass.dvc_rev": "d7"},
    )
    found = panel.post("/runs/compare", run_ids=[one, two, "0" * 32, one])
    assert [run["id"] for run in found["runs"]] == [one, two]
    assert [entry["run_id"] for entry in found["missing"]] == ["0" * 32]
    params, metrics, code = rows(found["params"]), rows(found["metrics"]), rows(found["code"])
    assert (params["lr"]["differs"], params["depth"]["values"]) == (False, ["3", "4"])
    assert params["long"]["differs"] is True
    assert params["long"]["values"] == ["x" * 499 + "…"] * 2
    assert (metrics["same"]["differs"], metrics["nan"]["differs"], metrics["nan"]["values"]) == (
        False,
        False,
        ["NaN"] * 2,
    )
    assert (metrics["extra"]["values"], metrics["extra"]["differs"]) == ([None, "Infinity"], True)
    assert (code["Git commit"]["values"], code["Git branch"]["differs"]) == (["aaa", "bbb"], False)
    assert code["Bundle"]["values"] == ["b1", None]
    assert rows(found["data"])["DVC revision"]["values"] == [None, "d7"]
    assert found["has_notebooks"] == [True, False]


def test_datasets_and_the_packages_of_models_are_compared(panel: Panel) -> None:
    experiment = panel.experiment()
    runs = []
    for digest, version in (("d1", "1.4.0"), ("d2", "1.5.1")):
        run = panel.run(experiment, tags={"mlflow.log-model.history": HISTORY})
        given = {"dataset": {"name": "iris", "digest": digest, "source_type": "local", "source": "{}"}, "tags": []}
        panel.mlflow.ask("runs/log-inputs", {"run_id": run, "datasets": [given]})
        artifacts = panel.mlflow.run(run)["info"]["artifact_uri"].removeprefix("mlflow-artifacts:")
        requirements = f"Scikit_Learn=={version}\nnumpy>=1.20,<3\n--extra-index-url https://u:pw@example.org\n"
        address = f"{panel.mlflow.url}/api/2.0/mlflow-artifacts/artifacts{artifacts}/models/best/requirements.txt"
        panel.http.put(address, content=requirements).raise_for_status()
        mlmodel = f"flavors:\n  python_function: {{python_version: 3.1{version[2]}.2}}\n"
        panel.http.put(address.replace("requirements.txt", "MLmodel"), content=mlmodel).raise_for_status()
        runs.append(run)
    found = panel.post("/runs/compare", run_ids=runs)
    assert rows(found["data"])["Dataset iris"]["values"] == ["d1", "d2"]
    packages = rows(found["packages"])
    assert packages["scikit-learn"] == {"key": "scikit-learn", "values": ["1.4.0", "1.5.1"], "differs": True}
    assert packages["numpy"] == {"key": "numpy", "values": [">=1.20,<3"] * 2, "differs": False}
    assert packages["Python"] == {"key": "Python", "values": ["3.14.2", "3.15.2"], "differs": True}
    assert "example.org" not in json.dumps(found)
    [model] = panel.get(f"/runs/{runs[0]}")["models"]
    assert (model["name"], model["path"], model["flavors"]) == ("best", "models/best", ["sklearn"])
    assert model["uri"] == f"runs:/{runs[0]}/models/best"


def test_a_comparison_of_what_was_just_listed_asks_mlflow_for_no_run(panel: Panel) -> None:
    experiment = panel.experiment()
    runs = [panel.run(experiment, params={"lr": str(number)}) for number in range(3)]
    panel.search(experiment)
    before = len(panel.proxy.asked)
    assert len(panel.post("/runs/compare", run_ids=runs)["runs"]) == 3
    assert len(panel.proxy.asked) == before


def test_too_many_runs_or_none_are_refused(panel: Panel) -> None:
    assert panel.post("/runs/compare", 400, run_ids=[])["fields"][0]["field"] == "run_ids"
    assert panel.post("/runs/compare", 400, run_ids=["a"] * 101)["fields"][0]["field"] == "run_ids"


def test_curves_have_their_steps_and_times_and_gaps_where_there_is_no_number(panel: Panel) -> None:
    experiment = panel.experiment()
    given = [*points("loss", [0, 1]), {"key": "loss", "value": "NaN", "step": 2, "timestamp": BEGAN + 2}]
    ended = panel.run(experiment, points=given)
    going = panel.run(experiment, points=points("loss", [0, 5]), ended=False)
    without = panel.run(experiment)
    found = panel.post("/runs/curves", run_ids=[ended, going, without, "0" * 32], metrics=["loss", "absent"])
    curves = {curve["run_id"]: curve for curve in found["curves"]}
    assert set(curves) == {ended, going}
    assert curves[ended]["steps"] == [0, 1, 2]
    assert curves[ended]["values"] == [1.0, 0.5, None]
    assert curves[ended]["times_ms"] == [BEGAN, BEGAN + 1, BEGAN + 2]
    assert (curves[ended]["running"], curves[going]["running"]) == (False, True)
    assert (curves[ended]["sampled"], curves[ended]["total"], curves[ended]["coarse"]) == (False, 3, False)
    assert [entry["run_id"] for entry in found["missing"]] == ["0" * 32]


def test_a_running_run_is_read_anew_and_one_that_has_ended_is_not(panel: Panel) -> None:
    experiment = panel.experiment()
    going = panel.run(experiment, points=points("loss", [0]), ended=False)
    ended = panel.run(experiment, points=points("loss", [0]))
    panel.post("/runs/curves", run_ids=[going, ended], metrics=["loss"])
    for run in (going, ended):
        panel.mlflow.ask("runs/log-batch", {"run_id": run, "metrics": points("loss", [1])})
    before = panel.proxy.count("bulk-interval")
    curves = panel.post("/runs/curves", run_ids=[going, ended], metrics=["loss"])["curves"]
    assert {curve["run_id"]: curve["steps"] for curve in curves} == {going: [0, 1], ended: [0]}
    assert panel.proxy.count("bulk-interval") == before + 1


def test_a_part_of_the_steps_can_be_drawn_alone(panel: Panel) -> None:
    experiment = panel.experiment()
    run = panel.run(experiment, points=points("loss", list(range(50))))
    [curve] = panel.post("/runs/curves", run_ids=[run], metrics=["loss"], from_step=10, to_step=12)["curves"]
    assert curve["steps"] == [10, 11, 12]
    [curve] = panel.post("/runs/curves", run_ids=[run], metrics=["loss"], points=5)["curves"]
    assert (len(curve["steps"]), curve["steps"][0], curve["steps"][-1], curve["sampled"]) == (5, 0, 49, True)
    assert panel.post("/runs/curves", 400, run_ids=[run], metrics=["loss"], from_step=3, to_step=2)["fields"]
    assert panel.post("/runs/curves", 400, run_ids=[run], metrics=["loss"], from_step=2**63)["fields"]


def test_a_first_look_at_long_histories_spans_them_and_says_that_it_is_coarse(panel: Panel) -> None:
    experiment = panel.experiment()
    sparse = panel.run(experiment, points=points("loss", list(range(0, 40_001, 400))))
    dense = panel.run(experiment, points=points("loss", [*range(1000), *range(29_500, 30_500)]))
    short = panel.run(experiment, points=points("loss", [0, 1, 2]))
    ids = [sparse, dense, short]
    found = panel.post("/runs/curves", run_ids=ids, metrics=["loss"], quick=True)["curves"]
    curves = {curve["run_id"]: curve for curve in found}
    assert [curves[run]["coarse"] for run in ids] == [True, True, False]
    for run, last in ((sparse, 40_000), (dense, 30_499)):
        steps = curves[run]["steps"]
        assert steps == sorted(set(steps))
        assert (steps[0], steps[-1], curves[run]["total"], curves[run]["sampled"]) == (0, last, None, True)
    assert 12 <= len(curves[sparse]["steps"]) < 101
    whole = panel.post("/runs/curves", run_ids=ids, metrics=["loss"])["curves"]
    assert [curve["coarse"] for curve in whole] == [False] * 3
    assert len(whole[0]["steps"]) == 101
    again = panel.post("/runs/curves", run_ids=ids, metrics=["loss"], quick=True)["curves"]
    assert again == whole
