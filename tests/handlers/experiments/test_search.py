"""Runs as the panel lists them, over a real MLflow."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from tests.handlers.experiments.conftest import PASSWORD, Panel
from tests.mlflow_proxy import Fault

pytestmark = pytest.mark.mlflow


def ids(page: dict[str, Any]) -> list[str]:
    return [run["id"] for run in page["items"]]


def column(page: dict[str, Any]) -> list[Any]:
    return [run["values"][0] for run in page["items"]]


def test_a_page_has_the_columns_in_view_and_nothing_else_of_the_run(panel: Panel) -> None:
    experiment = panel.experiment()
    many = {f"m{number}": number / 7 for number in range(60)}
    tags = {"mlflow.user": "ada", "mlflow.source.name": "work/train.ipynb", "mlflow.source.git.commit": "c0ffee"}
    run = panel.run(experiment, "first", metrics=many, params={"lr": "0.1", "depth": "3"}, tags=tags, seconds=90)
    columns = ["metrics.m3", "params.lr", "tags.mlflow.user", "metrics.absent"]
    page = panel.search(experiment, columns=columns)
    assert page["columns"] == columns
    [found] = page["items"]
    assert found["values"] == [3 / 7, "0.1", "ada", None]
    assert (found["id"], found["name"], found["status"]) == (run, "first", "FINISHED")
    assert (found["user"], found["notebook"], found["git_commit"]) == ("ada", "work/train.ipynb", "c0ffee")
    assert found["duration_seconds"] == 90
    assert found["cost_usd"] is None
    assert "m4" not in json.dumps(page)
    assert page["next_cursor"] is None


def test_scrolling_follows_mlflows_pages_to_the_end_in_the_order_asked_for(panel: Panel) -> None:
    experiment = panel.experiment()
    runs = {panel.run(experiment, metrics={"acc": value}): value for value in (0.3, 0.9, 0.1, 0.5, 0.7)}
    seen: list[str] = []
    cursor = None
    while True:
        page = panel.search(experiment, sort="metrics.acc", descending=True, limit=2, cursor=cursor)
        seen += ids(page)
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == sorted(runs, key=lambda run: -runs[run])


def test_a_cursor_of_another_list_is_refused_at_its_field(panel: Panel) -> None:
    experiment = panel.experiment()
    for _ in range(3):
        panel.run(experiment, metrics={"acc": 1.0})
    cursor = panel.search(experiment, limit=1)["next_cursor"]
    for other in ({"sort": "metrics.acc"}, {"filter": "metrics.acc > 0"}, {"descending": False}, {"deleted": True}):
        problem = panel.search(experiment, 400, cursor=cursor, **other)
        assert problem["fields"][0]["field"] == "cursor"
    for nonsense in ("x", "W10", "é", "W1td", "[" * 3000):
        assert panel.search(experiment, 400, cursor=nonsense)["fields"][0]["field"] == "cursor"
    assert len(panel.search(experiment, limit=1, cursor=cursor, columns=["metrics.acc"])["items"]) == 1


def test_what_is_no_number_sorts_last_and_is_told_by_name(panel: Panel) -> None:
    experiment = panel.experiment()
    for value in (1.5, "NaN", "Infinity", "-Infinity"):
        panel.run(experiment, metrics={"loss": value})
    panel.run(experiment)
    page = panel.search(experiment, sort="metrics.loss", descending=True, columns=["metrics.loss"])
    assert column(page) == ["Infinity", 1.5, "-Infinity", "NaN", None]


@pytest.mark.parametrize(("sort", "metric"), [("cost", "windlass.cost_usd"), ("gpu_hours", "windlass.gpu_hours")])
def test_cost_and_gpu_hours_sort_as_numbers(panel: Panel, sort: str, metric: str) -> None:
    experiment = panel.experiment()
    for value in (9.5, 10.25, 2.0):
        panel.run(experiment, metrics={metric: value})
    panel.run(experiment)
    page = panel.search(experiment, sort=f"attributes.{sort}", descending=True)
    assert [run["cost_usd" if sort == "cost" else sort] for run in page["items"]] == [10.25, 9.5, 2.0, None]


@pytest.mark.parametrize("sort", ["params.lr", "tags.team", "attributes.run_name", "attributes.status"])
def test_runs_sort_by_texts(panel: Panel, sort: str) -> None:
    experiment = panel.experiment()
    for name in ("b", "c", "a"):
        panel.run(experiment, name, params={"lr": name}, tags={"team": name}, ended=name != "c")
    names = [run["name"] for run in panel.search(experiment, sort=sort, descending=False)["items"]]
    assert names[-1] == "c"
    assert sort == "attributes.status" or names == ["a", "b", "c"]


@pytest.mark.parametrize(
    "sort", ["attributes.duration", "attributes.nonsense", "nonsense", "metrics.", "metrics.a`b", "metrics.a\nb"]
)
def test_an_order_that_mlflow_does_not_have_is_refused_at_its_field(panel: Panel, sort: str) -> None:
    problem = panel.search(panel.experiment(), 400, sort=sort)
    assert problem["fields"][0]["field"] == "sort"


def test_a_filter_finds_and_a_typo_shows_where(panel: Panel) -> None:
    experiment = panel.experiment()
    good = panel.run(experiment, metrics={"acc": 0.9}, params={"optimizer": "adam"})
    panel.run(experiment, metrics={"acc": 0.2}, params={"optimizer": "adam"})
    assert ids(panel.search(experiment, filter="metrics.acc > 0.5 and params.optimizer = 'adam'")) == [good]
    problem = panel.search(experiment, 400, filter="metrics.acc >> 0.5")
    assert problem["fields"][0]["field"] == "filter"
    assert 0 <= problem["extra"]["start"] < problem["extra"]["end"] <= len("metrics.acc >> 0.5")


def test_the_keys_of_the_runs_complete_a_filter_without_asking_mlflow(panel: Panel) -> None:
    experiment = panel.experiment()
    panel.run(experiment, metrics={"accuracy": 0.9})
    panel.get("/experiments/columns", experiment_id=experiment)
    before = len(panel.proxy.asked)
    advice = panel.post("/runs/filter", experiment_ids=[experiment], filter="metrics.acc", offset=11)
    assert "accuracy" in json.dumps(advice["completions"])
    assert len(panel.proxy.asked) == before


def test_the_columns_are_the_keys_of_the_runs_and_say_whether_they_are_all(panel: Panel) -> None:
    experiment, large = panel.experiment(), panel.experiment()
    panel.run(experiment, metrics={"b": 1, "a": 2}, params={"lr": "1"}, tags={"mlflow.note.content": "x" * 2000})
    found = panel.get("/experiments/columns", experiment_id=experiment)
    assert (found["metrics"], found["params"], found["complete"]) == (["a", "b"], ["lr"], True)
    assert "mlflow.note.content" not in found["tags"]
    for _ in range(2):
        panel.run(large)
    assert panel.get("/experiments/columns", experiment_id=large)["complete"] is True
    panel.search(large, limit=1)
    assert panel.get("/experiments/columns", experiment_id=large)["complete"] is False
    assert panel.get("/experiments/columns", 400)["fields"]


def test_the_columns_are_not_those_of_what_a_filter_found_alone(panel: Panel) -> None:
    experiment = panel.experiment()
    panel.run(experiment, "plain", params={"optimizer": "adam"})
    panel.run(experiment, "odd", params={"lr": "1"})
    panel.search(experiment, filter="attributes.run_name = 'odd'", limit=1)
    assert panel.get("/experiments/columns", experiment_id=experiment)["params"] == ["lr", "optimizer"]


def test_a_busy_experiment_does_not_hide_the_columns_of_another(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet, busy = panel.experiment(), panel.experiment()
    panel.run(quiet, params={"quiet": "1"})
    panel.run(busy, params={"busy": "1"})

    def crowded(path: str, body: bytes) -> bytes:
        """As if the newest page were the busy one's alone."""
        answer = json.loads(body)
        if path.endswith("runs/search") and len(answer["runs"]) == 2:
            runs = [run for run in answer["runs"] if run["info"]["experiment_id"] == busy]
            answer = {"runs": runs, "next_page_token": "more"}
        return json.dumps(answer).encode()

    monkeypatch.setattr(panel.proxy, "change", crowded)
    found = panel.http.get("/experiments/columns", params={"experiment_id": [busy, quiet]}).json()
    assert (found["params"], found["complete"]) == (["busy", "quiet"], False)


OLD_SERVER = "Invalid clause(s) in filter string: 'params.lr', 'IS', 'NULL'"


@pytest.mark.parametrize("asked", [{"filter": "params.lr IS NULL"}, {"top_level": True}])
def test_a_server_without_is_null_is_said_to_be_old(panel: Panel, asked: dict[str, Any]) -> None:
    refusal = {"error_code": "INVALID_PARAMETER_VALUE", "message": OLD_SERVER}
    with panel.proxy.failing("runs/search", Fault(status=400, body=json.dumps(refusal).encode())):
        problem = panel.search(panel.experiment(), 400, **asked)
    assert "too old for IS NULL" in problem["detail"]
    assert problem["fields"][0]["field"] in asked


def test_runs_nested_under_one_are_found_by_it(panel: Panel) -> None:
    experiment = panel.experiment()
    parent = panel.run(experiment, "sweep")
    children = {panel.run(experiment, f"trial {n}", tags={"mlflow.parentRunId": parent}) for n in range(3)}
    panel.run(experiment, "other")
    page = panel.search(experiment, parent=parent, filter="attributes.status = 'FINISHED'")
    assert set(ids(page)) == children
    assert {run["parent_id"] for run in page["items"]} == {parent}
    assert panel.get(f"/runs/{parent}")["nested"] is True
    assert panel.get(f"/runs/{min(children)}")["nested"] is False
    top = panel.search(experiment, top_level=True, filter="attributes.status = 'FINISHED'")
    assert [run["name"] for run in top["items"]] == ["other", "sweep"]
    assert panel.search(experiment, parent="x' or 'y")["items"] == []
    assert panel.search(experiment, 400, parent="x' or \"y")["fields"][0]["field"] == "parent"


def test_deleted_runs_and_experiments_are_in_the_bin_and_nowhere_else(panel: Panel) -> None:
    experiment = panel.experiment("doomed")
    run, kept = panel.run(experiment, "gone"), panel.run(experiment, "kept")
    assert set(ids(panel.search(experiment))) == {run, kept}
    panel.mlflow.ask("runs/delete", {"run_id": run})
    assert ids(panel.search(experiment)) == [kept]
    [found] = panel.search(experiment, deleted=True)["items"]
    assert (found["id"], found["deleted"]) == (run, True)
    assert panel.get(f"/runs/{run}")["run"]["deleted"] is True
    panel.mlflow.ask("experiments/delete", {"experiment_id": experiment})
    assert panel.search(experiment)["items"] == []
    assert set(ids(panel.search(experiment, deleted=True))) == {run, kept}
    listed = [entry["id"] for entry in panel.get("/experiments", q="DOOMED")["items"]]
    assert experiment not in listed
    binned = panel.get("/experiments", q="DOOMED", deleted="true")["items"]
    assert [entry["deleted"] for entry in binned if entry["id"] == experiment] == [True]


def test_an_experiment_that_does_not_exist_is_not_found(panel: Panel) -> None:
    assert "987654321" in panel.search("987654321", 404)["detail"]
    for wrong in ([], ["x" * 65], [""], ["1\n2"]):
        assert panel.post("/runs/search", 400, experiment_ids=wrong)["fields"]


def test_hostile_names_and_long_texts_stay_texts(panel: Panel) -> None:
    experiment = panel.experiment("<script>alert(1)</script> 🚀")
    name, long = "<img src=x onerror=alert(1)> 🚀 'quoted\"", "🚀" * 5000
    run = panel.run(experiment, name, params={"long": long, "p": "</script>"}, tags={"t": "' or 1=1 --"})
    answer = panel.http.post(
        "/runs/search", json={"experiment_ids": [experiment], "columns": ["params.long", "params.p", "tags.t"]}
    )
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["x-content-type-options"] == "nosniff"
    [found] = answer.json()["items"]
    assert found["name"] == name
    assert found["values"] == ["🚀" * 499 + "…", "</script>", "' or 1=1 --"]
    detail = panel.get(f"/runs/{run}")
    assert {param["key"]: param["value"] for param in detail["params"]} == {"long": long, "p": "</script>"}
    assert "🚀" in panel.get("/experiments", q="<SCRIPT>alert")["items"][0]["name"]


def test_ten_thousand_metrics_on_a_run_cost_the_browser_nothing(panel: Panel) -> None:
    experiment = panel.experiment()
    run = panel.run(experiment, metrics={f"layer/{number}": number for number in range(10_000)})
    page = panel.http.post("/runs/search", json={"experiment_ids": [experiment], "columns": ["metrics.layer/77"]})
    assert len(page.content) < 2000
    assert column(page.json()) == [77.0]
    assert len(panel.get("/experiments/columns", experiment_id=experiment)["metrics"]) == 10_000
    assert len(panel.get(f"/runs/{run}")["metrics"]) == 10_000


def test_what_is_shown_first_is_what_was_read_before_and_says_when(panel: Panel) -> None:
    experiment = panel.experiment()
    run = panel.run(experiment, metrics={"acc": 0.5})
    first = panel.search(experiment, cached=True, columns=["metrics.acc"])
    later = panel.run(experiment)
    asked = panel.proxy.count("runs/search")
    again = panel.search(experiment, cached=True, columns=["params.lr", "metrics.acc"])
    assert panel.proxy.count("runs/search") == asked
    assert (ids(again), again["read_at"]) == ([run], first["read_at"])
    assert again["items"][0]["values"] == [None, 0.5]
    assert ids(panel.search(experiment)) == [later, run]
    assert ids(panel.search(experiment, cached=True)) == [later, run]


def test_a_run_that_is_changed_after_its_end_is_shown_as_it_is_by_the_next_page(panel: Panel) -> None:
    experiment = panel.experiment()
    run = panel.run(experiment, tags={"verdict": "?"})
    other = panel.run(experiment, tags={"verdict": "?"})
    panel.post("/runs/compare", run_ids=[run, other])
    panel.mlflow.ask("runs/set-tag", {"run_id": run, "key": "verdict", "value": "best"})
    panel.mlflow.ask("runs/set-tag", {"run_id": run, "key": "mlflow.source.git.commit", "value": "c0ffee"})
    assert column(panel.search(experiment, columns=["tags.verdict"])) == ["?", "best"]
    [commit] = [row for row in panel.post("/runs/compare", run_ids=[run, other])["code"] if row["key"] == "Git commit"]
    assert commit["values"] == ["c0ffee", None]


def test_experiments_come_a_page_at_a_time_and_are_found_by_a_part_of_their_name(panel: Panel) -> None:
    made = [panel.experiment("Needle 100%_done") for _ in range(3)]
    found: list[str] = []
    cursor = None
    while True:
        page = panel.get("/experiments", q="needle 100%_D", limit=2, **({"cursor": cursor} if cursor else {}))
        found += [entry["id"] for entry in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(found) == sorted(made)
    assert page["items"][0]["url"].endswith(f"/#/experiments/{found[-1]}")
    assert page["items"][0]["created_at"]
    assert panel.get("/experiments", 400, cursor="nonsense")["fields"][0]["field"] == "cursor"
    assert panel.get("/experiments", 400, deleted="perhaps")["fields"][0]["field"] == "deleted"


def test_mlflow_gets_the_credentials_and_no_origin_and_the_browser_gets_neither(panel: Panel) -> None:
    experiment = panel.experiment()
    panel.run(experiment)
    panel.proxy.asked.clear()
    browser = {"Origin": panel.server.record["url"].rstrip("/"), "Cookie": "session=mine"}
    said = [
        panel.http.get("/experiments", headers=browser).text,
        panel.http.post("/runs/search", json={"experiment_ids": [experiment]}, headers=browser).text,
        panel.http.get("/info").text,
    ]
    questions = [asked for asked in panel.proxy.asked if "/api/" in asked.path]
    assert len(questions) == 2
    for asked in questions:
        headers = {name.lower() for name in asked.headers}
        assert "origin" not in headers
        assert "cookie" not in headers
        assert asked.headers["Authorization"].startswith("Basic ")
    for text in [*said, panel.server.log.read_text()]:
        assert PASSWORD not in text


def test_a_run_is_shown_whole(panel: Panel) -> None:
    experiment = panel.experiment("whole")
    points = [
        {"key": "loss", "value": 1 / step, "step": step, "timestamp": 1_700_000_000_000 + step} for step in (1, 4)
    ]
    tags = {"mlflow.note.content": "# Best so far", "team": "vision"}
    run = panel.run(experiment, metrics={"nan": "NaN"}, points=points, params={"lr": "0.1"}, tags=tags)
    dataset = {"name": "iris", "digest": "d1g35t", "source_type": "local", "source": "{}"}
    given = {"tags": [{"key": "mlflow.data.context", "value": "training"}], "dataset": dataset}
    panel.mlflow.ask("runs/log-inputs", {"run_id": run, "datasets": [given]})
    detail = panel.get(f"/runs/{run}")
    metrics = {metric["key"]: metric for metric in detail["metrics"]}
    assert (metrics["loss"]["value"], metrics["loss"]["step"]) == (0.25, 4)
    assert metrics["loss"]["at"] == "2023-11-14T22:13:20.004Z"
    assert metrics["nan"]["value"] == "NaN"
    assert detail["description"] == "# Best so far"
    assert "mlflow.note.content" not in {tag["key"] for tag in detail["tags"]}
    assert detail["experiment_name"].startswith("whole")
    assert detail["inputs"] == [{"name": "iris", "digest": "d1g35t", "context": "training", "source": "{}"}]
    assert detail["run"]["data_version"] == "d1g35t"
    assert (detail["can_rerun"], detail["bundle"], detail["executed_notebook"]) == (False, None, None)
    assert math.isclose(detail["run"]["duration_seconds"], 60)


@pytest.mark.parametrize("run_id", ["0" * 32, "nonsense", "..%2f..", "%00", "x" * 300])
def test_a_run_that_does_not_exist_is_not_found(panel: Panel, run_id: str) -> None:
    assert panel.get(f"/runs/{run_id}", 404)["detail"]
