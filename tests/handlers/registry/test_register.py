"""The model of a run becomes a version: of MLflow 3 and of 2.x, once, with only one model needing no path."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.handlers.experiments.conftest import Panel
from tests.handlers.registry.conftest import Shelf, at
from tests.mlflow_proxy import Fault

pytestmark = pytest.mark.mlflow


def register(panel: Panel, status: int, **body: Any) -> Any:
    answer = panel.http.post("/models", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_the_only_model_of_a_run_is_registered_and_twice_is_once(panel: Panel, shelf: Shelf) -> None:
    run_id = shelf.run()
    model_id = shelf.logged(run_id)
    name = shelf.name("new, with signs: none")
    register(panel, 400, name=name, run_id=run_id)
    name = shelf.name("new <b> 'x'")
    answer = panel.http.post("/models", json={"name": name, "run_id": run_id, "description": "why", "tags": {"a": "1"}})
    version = answer.json()
    assert answer.status_code == 201
    assert panel.http.get(str(answer.headers["Location"]).partition("/windlass/v1")[2]).status_code == 200
    assert (version["version"], version["model_id"], version["run_id"]) == ("1", model_id, run_id)
    assert (version["description"], version["tags"]) == ("why", [{"key": "a", "value": "1"}, version["tags"][1]])
    assert version["user"] == version["tags"][1]["value"]
    shelf.alias(name, "champion", "1")
    again = register(panel, 200, name=name, run_id=run_id, model_id=model_id)
    assert (again["version"], again["aliases"]) == ("1", ["champion"])
    assert len(panel.get(at(name))["items"]) == 1


def test_a_model_among_a_runs_artifacts_is_registered_by_its_path(panel: Panel, shelf: Shelf) -> None:
    run_id = shelf.run()
    source = shelf.folder(run_id, "deep/model")
    shelf.folder(run_id, "other")
    name = shelf.name()
    refused = register(panel, 400, name=name, run_id=run_id)
    assert refused["fields"][0]["field"] == "model_id"
    assert "deep/model, other" in refused["detail"]
    made = register(panel, 201, name=name, run_id=run_id, path="deep/model")
    assert made["source"] == source
    assert register(panel, 200, name=name, run_id=run_id, path="deep/model/")["version"] == made["version"]
    assert panel.get(at(name, "versions", made["version"]))["signature"]["inputs"]


def test_the_name_of_a_logged_model_does_for_its_path(panel: Panel, shelf: Shelf) -> None:
    run_id = shelf.run()
    model_id = shelf.logged(run_id, "classifier")
    shelf.logged(run_id, "other")
    assert register(panel, 201, name=shelf.name(), run_id=run_id, path="classifier")["model_id"] == model_id


def test_many_who_register_at_once_make_one_version(panel: Panel, shelf: Shelf) -> None:
    run_id, name = shelf.run(), shelf.name()
    shelf.logged(run_id)
    body = {"name": name, "run_id": run_id}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: panel.http.post("/models", json=body), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len(panel.get(at(name))["items"]) == 1


@pytest.mark.parametrize("name", ["a/b", "a:b", " ", "line\nbreak"])
def test_a_name_that_no_model_can_have_is_refused_at_its_field(panel: Panel, shelf: Shelf, name: str) -> None:
    run_id = shelf.run()
    assert register(panel, 400, name=name, run_id=run_id)["fields"][0]["field"] == "name"


def test_what_cannot_be_registered_is_said(panel: Panel, shelf: Shelf) -> None:
    run_id, other, name = shelf.run(), shelf.run(), shelf.name()
    model_id = shelf.logged(other)
    assert "no model" in register(panel, 400, name=name, run_id=run_id)["detail"]
    assert "MLmodel" in register(panel, 404, name=name, run_id=run_id, path="nowhere")["detail"]
    assert register(panel, 400, name=name, run_id=run_id, path="../up")["fields"][0]["field"] == "path"
    assert "not of this run" in register(panel, 400, name=name, run_id=run_id, model_id=model_id)["detail"]
    register(panel, 404, name=name, run_id=run_id, model_id="m-nothing")
    register(panel, 404, name=name, run_id="f" * 32)
    register(panel, 400, name=name, run_id=other, tags={"windlass.promotions": "true"})
    panel.mlflow.ask("runs/delete", {"run_id": other})
    assert "deleted" in register(panel, 409, name=name, run_id=other)["detail"]
    panel.get(at(name), 404)


def test_a_registration_that_broke_off_is_found_when_it_is_asked_for_again(panel: Panel, shelf: Shelf) -> None:
    run_id, name = shelf.run(), shelf.name()
    model_id = shelf.logged(run_id)
    with panel.proxy.failing("model-versions/create", Fault(hang_up=True)):
        assert "see whether it was done" in register(panel, 503, name=name, run_id=run_id)["detail"]
    shelf.version(name, source=f"models:/{model_id}", run_id=run_id, model_id=model_id)
    assert register(panel, 200, name=name, run_id=run_id)["version"] == "1"
