"""Models and versions: listed, opened, changed; hostile names, thousands of versions, files and runs that are gone."""

from __future__ import annotations

import json

import httpx
import pytest
from tests.handlers.experiments.conftest import Panel
from tests.handlers.registry.conftest import Shelf, at, mlmodel
from tests.mlflow_proxy import Fault

pytestmark = pytest.mark.mlflow

HOSTILE = "<script>alert(1) 'é' 🤖 100% #?&+ a\\b"


def test_models_are_found_by_a_part_of_their_name_page_by_page(panel: Panel, shelf: Shelf) -> None:
    word = shelf.name("found").rpartition(" ")[2]
    names = sorted(shelf.model(f"{letter} {word.upper()}") for letter in "abc")
    first = panel.get("/models", q=word, limit=2)
    rest = panel.get("/models", q=word, limit=2, cursor=first["next_cursor"])
    assert [model["name"] for model in first["items"] + rest["items"]] == names
    assert rest["next_cursor"] is None
    problem = panel.get("/models", 400, q="another question", cursor=first["next_cursor"])
    assert problem["fields"][0]["field"] == "cursor"


def test_aliases_are_joined_to_the_versions_that_mlflow_lists_without_them(panel: Panel, shelf: Shelf) -> None:
    name = shelf.model()
    one, two = shelf.version(name), shelf.version(name)
    shelf.alias(name, "champion", one)
    shelf.alias(name, "best", one)
    page = panel.get(at(name))
    assert [(version["version"], version["aliases"]) for version in page["items"]] == [
        (two, []),
        (one, ["best", "champion"]),
    ]
    assert page["model"]["aliases"] == {"champion": one, "best": one}
    assert page["model"]["latest_version"] == two


def test_two_thousand_versions_come_page_by_page_newest_first(panel: Panel, shelf: Shelf) -> None:
    name = shelf.model()
    with httpx.Client(base_url=f"{panel.mlflow.url}/api/2.0/mlflow/", timeout=60) as http:
        first = http.post("model-versions/create", json={"name": name, "source": "s3://a/b"})
        first.raise_for_status()
    _insert_versions(panel, name, upto=2000)
    seen, cursor = [], None
    while True:
        page = panel.get(at(name), limit=200, **({"cursor": cursor} if cursor else {}))
        seen += [int(version["version"]) for version in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == list(range(2000, 0, -1))


def test_a_version_says_what_its_files_and_its_run_say(panel: Panel, shelf: Shelf) -> None:
    run_id = shelf.run(
        name="the run", metrics={"auc": 0.9, "loss": "NaN"}, params={"lr": "0.1"}, tags={"windlass.job_id": "j1"}
    )
    model_id = shelf.logged(run_id, f1=0.75)
    name = shelf.model()
    version = shelf.version(
        name, source=f"models:/{model_id}", run_id=run_id, model_id=model_id, tags=[{"key": "team", "value": "a"}]
    )
    detail = panel.get(at(name, "versions", version))
    shown = detail["version"]
    assert (shown["run_name"], shown["job_id"], shown["model_id"]) == ("the run", "j1", model_id)
    assert shown["tags"] == [{"key": "team", "value": "a"}]
    assert shown["created_at"]
    assert {metric["key"]: metric["value"] for metric in detail["metrics"]} == {"auc": 0.9, "f1": 0.75, "loss": "NaN"}
    assert {param["key"]: param["value"] for param in detail["params"]} == {"depth": "3", "lr": "0.1"}
    assert [field["name"] for field in detail["signature"]["inputs"]] == ["x", "n"]
    assert detail["flavors"] == ["python_function", "sklearn"]
    assert detail["mlflow_version"] == "3.17.2"
    assert detail["size_bytes"] == len(mlmodel())
    assert detail["message"] is None


def test_a_model_among_a_runs_artifacts_is_read_as_well(panel: Panel, shelf: Shelf) -> None:
    run_id = shelf.run()
    source = shelf.folder(run_id, "nested/model")
    name = shelf.model()
    detail = panel.get(at(name, "versions", shelf.version(name, source=source, run_id=run_id)))
    assert detail["requirements"] == ["pandas==2.2.0", "numpy"]
    assert detail["signature"]["outputs"] == [{"name": "y", "type": "long", "required": True}]
    assert detail["version"]["model_id"] is None
    assert detail["size_bytes"] == len(mlmodel()) + len("pandas==2.2.0\n# why\nnumpy\n")


def test_a_versions_files_are_read_once(panel: Panel, shelf: Shelf) -> None:
    name, version = shelf.registered()
    panel.get(at(name, "versions", version))
    before = panel.proxy.count("get-artifact")
    panel.get(at(name, "versions", version))
    assert panel.proxy.count("get-artifact") == before


@pytest.mark.parametrize(
    "text",
    ["a: " + "[" * 100_000, "{" * 5000, "x: &a [*a, *a]\nflavors: *a", "\0", "- 1", "? " * 9999, "flavors: [a, b]", ""],
    ids=["deep", "braces", "itself", "nul", "a list", "keys", "flavors as a list", "empty"],
)
def test_a_hostile_mlmodel_file_is_said_to_be_none_and_harms_nobody(panel: Panel, shelf: Shelf, text: str) -> None:
    name, version = shelf.registered(text)
    detail = panel.get(at(name, "versions", version))
    assert detail["signature"] is None
    assert detail["flavors"] == []


def test_files_that_are_gone_leave_the_rest_of_a_version(panel: Panel, shelf: Shelf) -> None:
    run_id = shelf.run(metrics={"auc": 0.5})
    name = shelf.model()
    source = f"{panel.mlflow.run(run_id)['info']['artifact_uri']}/never-there"
    detail = panel.get(at(name, "versions", shelf.version(name, source=source, run_id=run_id)))
    assert "no MLmodel file" in detail["message"]
    assert detail["size_bytes"] is None
    assert detail["metrics"][0]["value"] == 0.5


def test_a_deleted_source_run_is_said_and_one_gone_for_good_is_too(panel: Panel, shelf: Shelf) -> None:
    run_id = shelf.run(name="in the bin", metrics={"auc": 0.5})
    name = shelf.model()
    version = shelf.version(name, run_id=run_id)
    gone = shelf.version(name, run_id="f" * 32)
    panel.mlflow.ask("runs/delete", {"run_id": run_id})
    detail = panel.get(at(name, "versions", version))
    assert "deleted" in detail["message"]
    assert detail["metrics"][0]["key"] == "auc"
    assert "is gone" in panel.get(at(name, "versions", gone))["message"]
    listed = {each["version"]: each["run_name"] for each in panel.get(at(name))["items"]}
    assert listed == {version: "in the bin", gone: None}


def test_a_registration_that_failed_is_told_and_its_files_are_not_looked_for(panel: Panel, shelf: Shelf) -> None:
    name, version = shelf.registered()

    def failed(path: str, body: bytes) -> bytes:
        if "model-versions/" not in path:
            return body
        said = json.loads(body)
        said["model_version"] |= {"status": "FAILED_REGISTRATION", "status_message": "the copy broke"}
        return json.dumps(said).encode()

    panel.proxy.change = failed
    try:
        detail = panel.get(at(name, "versions", version))
        refused = panel.post(at(name, "promotions"), 409, version=version, alias="champion")
    finally:
        panel.proxy.change = None
    assert detail["version"]["status"] == "FAILED_REGISTRATION"
    assert "the copy broke" in detail["message"]
    assert "not ready" in refused["detail"]


def test_names_that_are_markup_and_signs_stay_names(panel: Panel, shelf: Shelf) -> None:
    name = shelf.model(shelf.name(HOSTILE))
    shelf.version(name, description="<img src=x onerror=alert(1)>", tags=[{"key": "b", "value": "<b>'\""}])
    page = panel.get(at(name))
    assert page["model"]["name"] == name
    assert page["items"][0]["description"] == "<img src=x onerror=alert(1)>"
    assert panel.get(at(name, "versions", "1"))["version"]["tags"] == [{"key": "b", "value": "<b>'\""}]
    assert panel.get("/models", q=name)["items"][0]["name"] == name


@pytest.mark.parametrize("address", [at("a/b"), at("a:b"), at("\n"), at("nobody"), at("nobody", "versions", "1")])
def test_what_no_model_is_called_is_not_found(panel: Panel, address: str) -> None:
    assert panel.get(address, 404)["type"] == "windlass:not-found"


@pytest.mark.parametrize("version", ["0", "x", "-1", "1e3", "9" * 30, "4711"])
def test_what_no_version_is_numbered_is_not_found(panel: Panel, shelf: Shelf, version: str) -> None:
    name, _ = shelf.registered()
    panel.get(at(name, "versions", version), 404)


def test_words_and_tags_of_a_version_are_changed_and_the_rest_stays(panel: Panel, shelf: Shelf) -> None:
    name = shelf.model()
    version = shelf.version(name, description="old", tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    address = at(name, "versions", version)
    changed = panel.http.patch(address, json={"tags": {"a": None, "c": "3"}}).json()
    assert changed["description"] == "old"
    assert [tag["key"] for tag in changed["tags"]] == ["b", "c"]
    assert panel.http.patch(address, json={"description": ""}).json()["description"] is None
    refused = panel.http.patch(address, json={"tags": {"windlass.promotion.1": "forged"}})
    assert refused.status_code == 400
    assert refused.json()["fields"][0]["field"] == "tags.windlass.promotion.1"
    assert panel.http.patch(at(name, "versions", "99"), json={"description": "x"}).status_code == 404


def test_words_and_tags_of_a_model_are_changed_and_the_rest_stays(panel: Panel, shelf: Shelf) -> None:
    name = shelf.model()
    assert panel.http.patch(at(name), json={"description": "finds fraud", "tags": {"a": "1"}}).status_code == 200
    changed = panel.http.patch(at(name), json={"tags": {"a": None, "team": "risk"}}).json()
    assert changed["description"] == "finds fraud"
    assert [(tag["key"], tag["value"]) for tag in changed["tags"]] == [("team", "risk")]
    assert panel.get(at(name))["model"]["description"] == "finds fraud"
    refused = panel.http.patch(at(name), json={"tags": {"windlass.promotion.1": "forged"}})
    assert refused.json()["fields"][0]["field"] == "tags.windlass.promotion.1"
    assert panel.http.patch(at(shelf.name()), json={"description": "x"}).status_code == 404


def test_a_list_of_versions_has_the_first_metrics_of_their_runs(panel: Panel, shelf: Shelf) -> None:
    metrics = {f"m{number}": number for number in range(12)}
    run_id = shelf.run(metrics={**metrics, "accuracy": "NaN", "system/cpu": 1.0, "windlass.cost_usd": 2.0})
    name, _ = shelf.also(shelf.model(), run_id)
    shelf.version(name)
    without, measured = panel.get(at(name))["items"]
    assert without["metrics"] == []
    keys = [metric["key"] for metric in measured["metrics"]]
    assert keys == ["accuracy", "m0", "m1", "m10", "m11", "m2", "m3", "m4"]
    assert measured["metrics"][0]["value"] == "NaN"


def test_a_comparison_says_what_a_caller_would_break_on(panel: Panel, shelf: Shelf) -> None:
    inputs = [{"type": "float", "name": "x", "required": True}, {"type": "string", "name": "z", "required": True}]
    outputs = [{"type": "double", "name": "y"}]
    name, before = shelf.registered()
    run_id = shelf.run(metrics={"auc": 0.7})
    _, after = shelf.also(name, run_id, mlmodel({"inputs": inputs, "outputs": outputs}))
    compared = panel.get(at(name, "versions", after, "compare"), **{"with": before})
    changes = {
        (change["part"], change["name"], change["change"]): change["breaking"] for change in compared["schema_changes"]
    }
    assert changes == {
        ("inputs", "x", "type"): True,
        ("inputs", "n", "removed"): True,
        ("inputs", "z", "added"): True,
        ("outputs", "y", "type"): True,
    }
    assert compared["breaking"] is True
    assert [(row["key"], row["values"], row["differs"]) for row in compared["metrics"]] == [("auc", [None, 0.7], True)]
    assert panel.get(at(name, "versions", after, "compare"), 400)["fields"][0]["field"] == "with"


def test_without_a_signature_nobody_knows_what_breaks(panel: Panel, shelf: Shelf) -> None:
    name, before = shelf.registered(mlmodel(None))
    _, after = shelf.also(name, shelf.run())
    compared = panel.get(at(name, "versions", after, "compare"), **{"with": before})
    assert compared["breaking"] is None
    assert compared["schema_changes"] == []


def test_an_mlflow_that_is_away_or_refuses_is_said(panel: Panel, shelf: Shelf) -> None:
    name, version = shelf.registered()
    with panel.proxy.away():
        assert panel.get(at(name, "versions", version), 503)["type"] == "windlass:unavailable"
    with panel.proxy.failing("registered-models", Fault(status=403, body=b'{"message": "no"}')):
        assert panel.get(at(name), 502)["type"] == "windlass:mlflow-refused"
    with panel.proxy.failing("registered-models", Fault(body=b"<html>log in</html>", media_type="text/html")):
        panel.get("/models", 502)


def _insert_versions(panel: Panel, name: str, *, upto: int) -> None:
    """Versions by the hundred, past MLflow's REST, which makes fifty a second."""
    import sqlite3

    path = next(panel.mlflow.data_dir.rglob("mlflow.db"))
    with sqlite3.connect(path, timeout=60) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(model_versions)")]
        others = ", ".join(column for column in columns if column != "version")
        database.executemany(
            f"INSERT INTO model_versions (version, {others}) SELECT ?, {others} FROM model_versions "
            "WHERE name = ? AND version = 1",
            [(number, name) for number in range(2, upto + 1)],
        )
