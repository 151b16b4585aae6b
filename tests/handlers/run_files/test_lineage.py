"""Where runs and model versions came from and what became of them, over a real MLflow and real jobs."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from tests.conftest import until
from tests.handlers.experiments.conftest import Panel

pytestmark = pytest.mark.mlflow


def kinds(lineage: Any) -> list[str]:
    return [node["kind"] for node in lineage["nodes"]]


def links(lineage: Any) -> set[tuple[str, str]]:
    ids = [node["id"] for node in lineage["nodes"]]
    return {(ids[edge["source"]], ids[edge["target"]]) for edge in lineage["edges"]}


def node(lineage: Any, id_: str) -> Any:
    return next(node for node in lineage["nodes"] if node["id"] == id_)


def version(panel: Panel, name: str, run: str) -> str:
    """Make a version of a model, and the model if need be."""
    models = panel.mlflow.ask("registered-models/search?max_results=1000").get("registered_models", [])
    if name not in {model["name"] for model in models}:
        panel.mlflow.ask("registered-models/create", {"name": name})
    body = {"name": name, "source": f"runs:/{run}/model", **({"run_id": run} if run else {})}
    return str(panel.mlflow.ask("model-versions/create", body)["model_version"]["version"])


@pytest.fixture
def name() -> str:
    return f"lineage {uuid.uuid4().hex[:6]}"


def test_a_run_leads_to_notebook_bundle_and_job_and_on_to_its_versions(panel: Panel, name: str) -> None:
    notebook = panel.server.notebook("lineage/train.ipynb", "print('trained')")
    sent = panel.server.send(notebook)
    job = until(lambda: recorded(panel, sent["id"]), what="the record")
    run, sha256 = job["run_id"], job["bundle_sha256"]
    version(panel, name, run)
    panel.mlflow.ask("registered-models/alias", {"name": name, "alias": "champion", "version": "1"})
    panel.mlflow.ask("runs/log-metric", {"run_id": run, "key": "windlass.cost_usd", "value": 1.25, "timestamp": 1})
    found = panel.get(f"/runs/{run}/lineage")
    assert kinds(found) == ["notebook", "bundle", "job", "run", "model_version"]
    assert links(found) == {(notebook, sha256), (sha256, job["id"]), (job["id"], run), (run, f"{name}/1")}
    assert found["nodes"][found["focus"]]["id"] == run
    assert not any(one["missing"] for one in found["nodes"])
    assert node(found, f"{name}/1")["detail"] == "@champion"
    assert (found["cost_usd"], found["gpu_hours"]) == (1.25, 0.0)
    back = panel.get(f"/models/{name}/versions/1/lineage")
    assert (kinds(back), links(back)) == (kinds(found), links(found))
    assert back["nodes"][back["focus"]]["id"] == f"{name}/1"
    assert back["cost_usd"] == 1.25


def recorded(panel: Panel, job_id: str) -> dict[str, Any] | None:
    job = panel.server.job(job_id)
    return job if job["record"] == "uploaded" else None


def test_what_is_named_and_cannot_be_had_is_marked(panel: Panel) -> None:
    tags = {"windlass.job_id": "j0000000000000", "windlass.notebook": "gone/<b>.ipynb", "windlass.job_name": "old job"}
    run = panel.run(panel.experiment(), tags=tags | {"windlass.bundle_sha256": "c" * 64})
    found = panel.get(f"/runs/{run}/lineage")
    assert kinds(found) == ["notebook", "bundle", "job", "run"]
    assert [one["missing"] for one in found["nodes"]] == [True, False, True, False]
    assert node(found, "j0000000000000")["label"] == "old job"
    assert (found["cost_usd"], found["gpu_hours"]) == (None, None), "unknown is not zero"


def test_a_run_that_nothing_is_known_of_stands_alone(panel: Panel) -> None:
    run = panel.run(panel.experiment())
    found = panel.get(f"/runs/{run}/lineage")
    assert (kinds(found), found["edges"], found["cost_usd"]) == (["run"], [], None)


def test_nested_runs_and_what_they_cost_are_part_of_the_chain(panel: Panel, name: str) -> None:
    experiment = panel.experiment()
    parent = panel.run(experiment, tags={"windlass.job_id": "jparent"}, metrics={"windlass.cost_usd": 1})
    under = {"mlflow.parentRunId": parent}
    same = panel.run(experiment, tags=under | {"windlass.job_id": "jparent"})
    other = panel.run(experiment, tags=under | {"windlass.job_id": "jother"}, metrics={"windlass.cost_usd": 2})
    version(panel, name, other)
    found = panel.get(f"/runs/{parent}/lineage")
    assert links(found) == {
        ("jparent", parent),
        (parent, same),
        (parent, other),
        ("jother", other),
        (other, f"{name}/1"),
    }
    assert found["cost_usd"] == 3.0
    back = panel.get(f"/models/{name}/versions/1/lineage")
    assert links(back) == {("jparent", parent), (parent, other), ("jother", other), (other, f"{name}/1")}
    unpriced = panel.run(experiment, tags=under | {"windlass.job_id": "junpriced"})
    assert panel.get(f"/runs/{parent}/lineage")["cost_usd"] is None
    assert panel.get(f"/runs/{unpriced}/lineage")["nodes"][0]["id"] == "jparent"


def test_more_than_can_be_shown_is_said(panel: Panel) -> None:
    experiment = panel.experiment()
    parent = panel.run(experiment)
    for number in range(51):
        panel.run(experiment, str(number), tags={"mlflow.parentRunId": parent}, ended=False)
    found = panel.get(f"/runs/{parent}/lineage")
    assert (len(found["nodes"]), found["truncated"]) == (51, True)


def test_runs_nested_in_a_circle_end(panel: Panel) -> None:
    experiment = panel.experiment()
    one = panel.run(experiment)
    two = panel.run(experiment, tags={"mlflow.parentRunId": one})
    panel.mlflow.ask("runs/set-tag", {"run_id": one, "key": "mlflow.parentRunId", "value": two})
    assert {node["id"] for node in panel.get(f"/runs/{one}/lineage")["nodes"]} == {one, two}


def test_a_deleted_run_is_in_the_chain_of_its_version(panel: Panel, name: str) -> None:
    run = panel.run(panel.experiment())
    version(panel, name, run)
    panel.mlflow.ask("runs/delete", {"run_id": run})
    found = panel.get(f"/models/{name}/versions/1/lineage")
    assert node(found, run)["detail"] == "In MLflow's bin"


def test_a_version_of_no_run_stands_alone_and_one_that_is_not_there_is_said(panel: Panel, name: str) -> None:
    panel.mlflow.ask("registered-models/create", {"name": name})
    panel.mlflow.ask("model-versions/create", {"name": name, "source": "s3://elsewhere/model"})
    assert kinds(panel.get(f"/models/{name}/versions/1/lineage")) == ["model_version"]
    for path in (
        f"/models/{name}/versions/99/lineage",
        f"/models/{name}/versions/x/lineage",
        "/models/no/versions/1/lineage",
    ):
        assert "no version" in panel.get(path, 404)["detail"]
    with panel.proxy.away():
        panel.get(f"/models/{name}/versions/1/lineage", 503)


def test_a_version_of_a_model_leads_to_the_run_that_made_it(panel: Panel, name: str) -> None:
    experiment = panel.experiment()
    run = panel.run(experiment)
    body = {"experiment_id": experiment, "name": "m", "source_run_id": run}
    model = panel.mlflow.ask("logged-models", body)["model"]["info"]["model_id"]
    panel.mlflow.ask("registered-models/create", {"name": name})
    made = {"name": name, "source": f"models:/{model}", "model_id": model}
    panel.mlflow.ask("model-versions/create", made)
    assert links(panel.get(f"/models/{name}/versions/1/lineage")) == {(run, f"{name}/1")}
