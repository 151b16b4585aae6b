"""Promotion without a hub: aliases and stages moved once, by one at a time, with a log that stays readable."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from tests.handlers.experiments.conftest import Panel
from tests.handlers.registry.conftest import Shelf, at
from tests.jupyter import running
from tests.mlflow_proxy import Fault

pytestmark = pytest.mark.mlflow


@pytest.fixture(name="model")
def fixture_model(shelf: Shelf) -> tuple[str, str, str]:
    """A model with two versions."""
    name = shelf.model()
    return name, shelf.version(name), shelf.version(name)


@pytest.fixture(scope="module")
def neighbour(panel: Panel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Another person's Jupyter server before the same MLflow, which offers two aliases only."""
    options = (
        f"--WindlassApp.tracking_uri={panel.mlflow.url}",
        "--WindlassApp.promotion_aliases=champion",
        "--WindlassApp.promotion_aliases=shadow",
        "--WindlassApp.promotion_free=False",
    )
    with running(tmp_path_factory.mktemp("neighbour"), *options) as server, server.client() as http:
        yield http


def promotion(panel: Panel, name: str, version: str, status: int = 200, **more: Any) -> Any:
    return panel.post(at(name, "promotions"), status, version=version, **({"alias": "champion"} | more))


def log_of(panel: Panel, name: str, **query: Any) -> list[tuple[Any, ...]]:
    items = panel.get(at(name, "promotions"), **query)["items"]
    return [(line["from_version"], line["to_version"], line["state"], line["comment"]) for line in items]


def test_an_alias_is_moved_and_the_log_says_who_when_from_where_to_where_and_why(
    panel: Panel, shelf: Shelf, model: tuple[str, str, str]
) -> None:
    name, one, two = model
    done = promotion(panel, name, one, comment="first", expected="")
    promotion(panel, name, two, comment="better\nby <b>far</b> 'ok' \u0000", expected=one)
    assert shelf.aliases(name) == {"champion": two}
    assert done["state"] == "done"
    newest, oldest = panel.get(at(name, "promotions"))["items"]
    assert (newest["from_version"], newest["to_version"], newest["alias"]) == (one, two, "champion")
    assert newest["comment"] == "better\nby <b>far</b> 'ok' "
    assert newest["by"]
    assert newest["asked_at"] <= newest["ended_at"]
    assert (oldest["from_version"], oldest["comment"]) == (None, "first")
    shown = panel.get(at(name, "versions", two))["version"]
    assert (shown["aliases"], shown["tags"]) == (["champion"], [])


def test_the_terms_say_what_is_offered_and_what_the_log_is_worth(
    panel: Panel, model: tuple[str, str, str], neighbour: httpx.Client
) -> None:
    terms = panel.get(at(model[0], "promotion-terms"))
    assert (terms["aliases"], terms["free"], terms["log"]) == (["champion", "challenger"], True, "tags")
    assert terms["stages"] == ["None", "Staging", "Production", "Archived"]
    assert "can move its aliases past Windlass" in terms["message"]
    panel.get(at("nobody", "promotion-terms"), 404)
    assert neighbour.get(at(model[0], "promotion-terms")).json()["aliases"] == ["champion", "shadow"]
    body = {"version": model[1], "alias": "challenger"}
    refused = neighbour.post(at(model[0], "promotions"), json=body)
    assert refused.status_code == 400
    assert "champion or shadow" in refused.json()["detail"]


def test_stages_go_from_none_to_staging_to_production_and_the_earlier_one_is_archived(
    panel: Panel, model: tuple[str, str, str]
) -> None:
    name, one, two = model
    for version, stage in ((one, "Staging"), (one, "Production"), (two, "Production"), (one, "None")):
        promotion(panel, name, version, alias=None, stage=stage)
    stages = {each["version"]: each["stage"] for each in panel.get(at(name))["items"]}
    assert stages == {one: "None", two: "Production"}
    lines = panel.get(at(name, "promotions"))["items"]
    assert [(line["stage"], line["from_version"]) for line in lines] == [
        ("None", None), ("Production", one), ("Production", None), ("Staging", None)
    ]  # fmt: skip


def test_two_servers_promote_at_once_one_wins_the_other_is_told_and_the_log_shows_both(
    panel: Panel, shelf: Shelf, model: tuple[str, str, str], neighbour: httpx.Client
) -> None:
    name, one, two = model
    base = shelf.version(name)
    for _ in range(4):
        shelf.alias(name, "champion", base)
        start = threading.Barrier(2)

        def promote(http: httpx.Client, version: str, start: threading.Barrier = start) -> httpx.Response:
            start.wait()
            body = {"version": version, "alias": "champion", "expected": base}
            return http.post(at(name, "promotions"), json=body, timeout=60)

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(promote, (panel.http, neighbour), (one, two)))
        assert sorted(answer.status_code for answer in answers) == [200, 409], [each.text for each in answers]
        won = next(answer.json() for answer in answers if answer.status_code == 200)
        assert shelf.aliases(name) == {"champion": won["to_version"]}
        lost = next(answer.json() for answer in answers if answer.status_code == 409)
        assert f"champion is at version {won['to_version']} by now" in lost["detail"]
        newest = panel.get(at(name, "promotions"))["items"][:2]
        assert {(line["to_version"], line["state"]) for line in newest} == {
            (version, "done" if version == won["to_version"] else "failed") for version in (one, two)
        }
    assert not [key for key in _model_tags(panel, name) if key.startswith("windlass.promoting")]


def test_many_at_once_without_saying_what_they_saw_move_it_once(
    panel: Panel, shelf: Shelf, model: tuple[str, str, str]
) -> None:
    name, one, two = model
    with ThreadPoolExecutor(4) as pool:
        body = [{"version": version, "alias": "champion", "expected": ""} for version in (one, two, one, two)]
        answers = list(pool.map(lambda each: panel.http.post(at(name, "promotions"), json=each), body))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert len(log_of(panel, name)) == 4


def test_who_saw_it_elsewhere_is_told_and_that_is_in_the_log(
    panel: Panel, shelf: Shelf, model: tuple[str, str, str]
) -> None:
    name, one, two = model
    shelf.alias(name, "champion", one)
    problem = promotion(panel, name, two, 409, expected="")
    assert "champion is at version 1 by now, not at no version" in problem["detail"]
    assert "already" in promotion(panel, name, one, 409)["detail"]
    assert shelf.aliases(name) == {"champion": one}
    assert [line[2] for line in log_of(panel, name)] == ["failed", "failed"]


def test_asked_twice_with_one_key_it_is_done_once(panel: Panel, shelf: Shelf, model: tuple[str, str, str]) -> None:
    name, one, _ = model
    keyed = {"Idempotency-Key": "once"}
    first = panel.http.post(at(name, "promotions"), json={"version": one, "alias": "champion"}, headers=keyed)
    again = panel.http.post(at(name, "promotions"), json={"version": one, "alias": "champion"}, headers=keyed)
    assert (first.status_code, again.status_code, first.json()["id"]) == (200, 200, again.json()["id"])
    other = panel.http.post(at(name, "promotions"), json={"version": one, "alias": "challenger"}, headers=keyed)
    assert other.status_code == 409
    assert len(log_of(panel, name)) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"alias": None}, "alias"),
        ({"stage": "Staging"}, "alias"),
        ({"alias": "v7"}, "alias"),
        ({"alias": "latest"}, "alias"),
        ({"alias": "<b>"}, "alias"),
        ({"stage": "Moon", "alias": None}, "stage"),
        ({"version": "x"}, "version"),
        ({"expected": "-1"}, "expected"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_at_its_field(
    panel: Panel, model: tuple[str, str, str], body: dict[str, Any], field: str
) -> None:
    problem = promotion(panel, model[0], **({"version": model[1], "status": 400} | body))
    assert problem["fields"][0]["field"] == field
    assert log_of(panel, model[0]) == []


def test_what_is_not_there_is_not_found(panel: Panel, model: tuple[str, str, str]) -> None:
    promotion(panel, model[0], "99", 404)
    promotion(panel, "nobody", "1", 404)
    panel.get(at("nobody", "promotions"), 404)
    panel.get(at(model[0], "promotions"), 400, cursor="none of ours")
    panel.post(at(model[0], "promotions", "1"), 404, decision="approve")


def test_mlflow_refusing_the_move_leaves_a_line_that_says_so(
    panel: Panel, shelf: Shelf, model: tuple[str, str, str]
) -> None:
    name, one, _ = model
    refusal = Fault(status=403, body=b'{"error_code": "PERMISSION_DENIED", "message": "Permission denied"}')
    with panel.proxy.failing("registered-models/alias", refusal):
        assert "Permission denied" in promotion(panel, name, one, 502)["detail"]
    line = panel.get(at(name, "promotions"))["items"][0]
    assert line["state"] == "failed"
    assert "Permission denied" in line["message"]
    assert shelf.aliases(name) == {}


@pytest.mark.parametrize("done", [True, False], ids=["after the move", "before the move"])
def test_a_server_that_dies_in_between_leaves_a_readable_log_and_holds_nobody_up(
    panel: Panel, shelf: Shelf, model: tuple[str, str, str], done: bool
) -> None:
    name, one, two = model
    promotion(panel, name, one, comment="before")
    long_ago = time.time() - 3600
    line = {"alias": "champion", "from_version": one, "to_version": two, "state": "moving", "by": "eve", "at": long_ago}
    key = f"windlass.promotion.{int(time.time() * 1000):013d}-0123abcd"
    for tag, value in ((key, json.dumps(line)), ("windlass.promotions", "true")):
        panel.mlflow.ask("model-versions/set-tag", {"name": name, "version": two, "key": tag, "value": value})
    ticket = {
        "name": name,
        "key": "windlass.promoting.dead",
        "value": json.dumps({"by": "eve", "at": long_ago, "number": 1}),
    }
    panel.mlflow.ask("registered-models/set-tag", ticket)
    if done:
        shelf.alias(name, "champion", two)
    told = panel.get(at(name, "promotions"))["items"][0]
    assert (told["state"], told["by"]) == ("done" if done else "failed", "eve")
    assert "interrupted" in told["message"]
    base, goal = (two, one) if done else (one, two)
    assert promotion(panel, name, goal, expected=base)["state"] == "done"
    # What came of the interrupted one is told the same way although the alias has moved on.
    lines = panel.get(at(name, "promotions"))["items"]
    assert next(each for each in lines if each["by"] == "eve")["state"] == told["state"]


def test_a_move_whose_answer_is_lost_is_judged_by_what_mlflow_has(
    panel: Panel, shelf: Shelf, model: tuple[str, str, str]
) -> None:
    name, one, _ = model
    with panel.proxy.failing("registered-models/alias", Fault(hang_up=True)):
        assert "the log will say" in promotion(panel, name, one, 503)["detail"]
    line = panel.get(at(name, "promotions"))["items"][0]
    assert (line["state"], line["message"]) == ("waiting", "It is being done.")
    assert promotion(panel, name, one)["state"] == "done"


def test_tags_of_anybody_that_look_like_a_log_do_no_harm(
    panel: Panel, shelf: Shelf, model: tuple[str, str, str]
) -> None:
    name, one, _ = model
    hostile = [
        "",
        "null",
        "[]",
        "{",
        '{"state": 1}',
        '{"to_version": "1", "state": "done", "by": "x", "at": 1e300}',
        "9" * 9000,
    ]
    for number, value in enumerate(hostile):
        tag = {"key": f"windlass.promotion.{number}", "value": value}
        panel.mlflow.ask("model-versions/set-tag", {"name": name, "version": one, **tag})
        ticket = {"key": f"windlass.promoting.{number}", "value": value}
        panel.mlflow.ask("registered-models/set-tag", {"name": name, **ticket})
    assert promotion(panel, name, one)["state"] == "done"
    assert len(log_of(panel, name)) == 1


def test_a_version_keeps_its_newest_lines_and_the_log_comes_page_by_page(
    panel: Panel, shelf: Shelf, model: tuple[str, str, str]
) -> None:
    name, one, two = model
    for version, count in ((one, 50), (two, 20)):
        for number in range(count):
            line = {"alias": "a", "to_version": version, "state": "done", "by": "eve", "at": 1000.0 + number}
            tag = {"key": f"windlass.promotion.{1000 + number:013d}-{int(version):08x}", "value": json.dumps(line)}
            panel.mlflow.ask("model-versions/set-tag", {"name": name, "version": version, **tag})
        mark = {"key": "windlass.promotions", "value": "true"}
        panel.mlflow.ask("model-versions/set-tag", {"name": name, "version": version, **mark})
    promotion(panel, name, one, comment="newest")
    first = panel.get(at(name, "promotions"))
    rest = panel.get(at(name, "promotions"), cursor=first["next_cursor"])
    ids = [line["id"] for line in first["items"] + rest["items"]]
    assert first["items"][0]["comment"] == "newest"
    assert (len(first["items"]), len(ids), len(set(ids))) == (50, 70, 70)
    assert rest["next_cursor"] is None
    assert ids == sorted(ids, reverse=True)


def _model_tags(panel: Panel, name: str) -> list[str]:
    answer = httpx.get(f"{panel.mlflow.url}/api/2.0/mlflow/registered-models/get", params={"name": name}).json()
    return [tag["key"] for tag in answer["registered_model"].get("tags", [])]
