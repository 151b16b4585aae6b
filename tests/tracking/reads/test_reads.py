"""The reads against a real MLflow server, filled by plain REST."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.tracking.recorder import Recorder

from windlass.errors import InvalidRequest, Unavailable, Upstream
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.filters import Parsed, parse
from windlass.tracking.filters.quoting import contains, order_by, quoted
from windlass.tracking.reads import MlflowReads

NAME = "exp <script>alert(1)</script> 50% _é😀"
LONG = "x" * 5000
POINTS = 900
METRICS = 10_000


@dataclass
class Filled:
    """An experiment with runs, a LoggedModel and a registered model."""

    url: str
    experiment_id: str = ""
    runs: list[str] = field(default_factory=list)
    """The best first."""
    deleted: str = ""
    model_id: str = ""
    model_name: str = ""


def put(url: str, data: bytes) -> None:
    request = urllib.request.Request(url, data=data, method="PUT", headers={"Content-Type": "text/plain"})
    urllib.request.urlopen(request, timeout=60).close()


@pytest.fixture(scope="module")
def filled(mlflow: Any) -> Filled:
    made = Filled(url=mlflow.url, model_name=f"it's a model {uuid.uuid4().hex[:6]}")
    name = f"{NAME} {uuid.uuid4().hex[:6]}"
    made.experiment_id = mlflow.ask("experiments/create", {"name": name})["experiment_id"]
    now = int(time.time() * 1000)
    for number in range(5):
        body = {"experiment_id": made.experiment_id, "run_name": f"run <b>{number}</b>", "start_time": now + number}
        run_id = mlflow.ask("runs/create", body)["run"]["info"]["run_id"]
        metrics = [{"key": "val/acc", "value": 1 - number / 10, "timestamp": now, "step": 0}]
        params = [{"key": "batch size", "value": str(number)}, {"key": "long", "value": LONG}]
        mlflow.ask("runs/log-batch", {"run_id": run_id, "metrics": metrics, "params": params})
        made.runs.append(run_id)
    made.deleted = made.runs.pop()
    mlflow.ask("runs/delete", {"run_id": made.deleted})
    best = made.runs[0]
    loss = [{"key": "loss", "value": 1 / (step + 1), "timestamp": now + step, "step": step} for step in range(POINTS)]
    odd = [{"key": key, "value": key, "timestamp": now, "step": 0} for key in ("NaN", "Infinity")]
    mlflow.ask("runs/log-batch", {"run_id": best, "metrics": loss + odd})
    put(
        f"{mlflow.url}/api/2.0/mlflow-artifacts/artifacts/{made.experiment_id}/{best}/artifacts/dir/a%20b.txt", b"hello"
    )
    body = {"experiment_id": made.experiment_id, "name": "m", "source_run_id": best}
    made.model_id = mlflow.ask("logged-models", body)["model"]["info"]["model_id"]
    mlflow.ask("runs/outputs", {"run_id": best, "models": [{"model_id": made.model_id, "step": 0}]})
    place = f"{made.experiment_id}/models/{made.model_id}/artifacts/MLmodel"
    put(f"{mlflow.url}/api/2.0/mlflow-artifacts/artifacts/{place}", b"flavors: {}\n")
    return made


@pytest.fixture
async def reads(filled: Filled) -> AsyncIterator[MlflowReads]:
    reader = MlflowReads(filled.url, environ={})
    yield reader
    await reader.close()


async def test_facts_are_asked_once_and_again_after_an_outage(recorder: Recorder, no_pauses: None) -> None:
    recorder.answers = [(404, b"<html>"), (200, b"2.22.1")]
    reads = MlflowReads(recorder.url, environ={})
    facts = await reads.facts()
    assert (facts.version, facts.logged_models, facts.stages) == ("2.22.1", False, True)
    assert await reads.facts() is facts
    recorder.answers = [(503, b"")] * 3 + [(200, {"workspaces_enabled": True}), (200, b"3.17.2")]
    with pytest.raises(Unavailable):
        await reads.runs.get("r")
    assert (await reads.facts()).workspaces
    assert (await reads.facts()).logged_models
    assert len(recorder.paths) == 7
    await reads.close()


async def test_facts_of_a_real_server(reads: MlflowReads) -> None:
    facts = await reads.facts()
    assert (facts.version or "").startswith("3.")
    assert facts.bulk_interval


async def test_experiments_are_found_by_part_of_a_hostile_name(reads: MlflowReads, filled: Filled) -> None:
    for text in ("<SCRIPT>", "50%", "é😀", ""):
        page = await reads.experiments.search(text=text, limit=1000)
        assert filled.experiment_id in {found["experiment_id"] for found in page.items}
    assert (await reads.experiments.search(text="it's \"no\\")).items == []
    names = await reads.experiments.names([filled.experiment_id, "999999999"])
    assert names.keys() == {filled.experiment_id}
    assert names[filled.experiment_id].startswith(NAME)


async def test_runs_come_in_pages_in_order_and_whole(reads: MlflowReads, filled: Filled) -> None:
    seen: list[dict[str, Any]] = []
    token: str | None = None
    while True:
        page = await reads.runs.search(
            experiment_ids=[filled.experiment_id],
            filter="metrics.`val/acc` > 0.1 AND params.`batch size` != '9'",
            order_by=[order_by("metrics.val/acc", descending=True)],
            limit=3,
            page_token=token,
        )
        seen += page.items
        token = page.token
        if token is None:
            break
    assert [run["info"]["run_id"] for run in seen] == filled.runs
    params = {param["key"]: param["value"] for param in seen[0]["data"]["params"]}
    assert params["long"] == LONG
    values = {metric["key"]: metric["value"] for metric in seen[0]["data"]["metrics"]}
    assert values["NaN"] == "NaN"
    assert values["Infinity"] >= 1.7e308


async def test_deleted_runs_are_in_the_bin_and_readable(reads: MlflowReads, filled: Filled) -> None:
    page = await reads.runs.search(experiment_ids=[filled.experiment_id], deleted=True)
    assert [run["info"]["run_id"] for run in page.items] == [filled.deleted]
    assert (await reads.runs.get(filled.deleted))["info"]["lifecycle_stage"] == "deleted"


@pytest.mark.parametrize("run_id", ["a" * 32, "../../x", "", "x y", "%2e%2e", "é"])
async def test_a_run_that_is_not_there_is_missing(reads: MlflowReads, filled: Filled, run_id: str) -> None:
    with pytest.raises(MlflowRefused) as refused:
        await reads.runs.get(run_id)
    assert refused.value.is_missing
    many = await reads.runs.many([filled.runs[0], run_id])
    assert isinstance(many[run_id], MlflowRefused)
    assert isinstance(many[filled.runs[0]], dict)


@pytest.mark.parametrize(
    "text", ["metrics.a >", "a OR b", "params.x = 1", "run_id = ('a')", "start_time > 99999999999999999999"]
)
async def test_what_the_parser_refuses_mlflow_refuses_too(reads: MlflowReads, filled: Filled, text: str) -> None:
    assert not isinstance(parse(text), Parsed)
    with pytest.raises(MlflowRefused) as refused:
        await reads.runs.search(experiment_ids=[filled.experiment_id], filter=text)
    assert "SELECT" not in str(refused.value)


async def test_ten_thousand_metrics_on_a_run_are_read(recorder: Recorder) -> None:
    metrics = [{"key": f"m{number}", "value": number, "timestamp": 1, "step": 0} for number in range(METRICS)]
    recorder.answers = [(200, {"run": {"info": {"run_id": "r"}, "data": {"metrics": metrics}}})]
    reads = MlflowReads(recorder.url, environ={})
    assert len((await reads.runs.get("r"))["data"]["metrics"]) == METRICS
    await reads.close()


@pytest.mark.parametrize("answer", [{"runs": "x"}, {"runs": [1]}, {"runs": [{"data": {}}]}, [1], b"{"])
async def test_nonsense_for_a_page_of_runs_is_said_to_be_nonsense(recorder: Recorder, answer: Any) -> None:
    recorder.answers = [(200, answer)]
    reads = MlflowReads(recorder.url, environ={})
    with pytest.raises(Upstream, match="cannot be understood"):
        await reads.runs.search(experiment_ids=["1"])
    await reads.close()


async def test_mlflow_that_stops_in_the_middle_of_scrolling_is_away_and_goes_on_when_it_is_back(
    filled: Filled, unused_tcp_port: int, until: Callable[..., Any], no_pauses: None
) -> None:
    from tests.conftest import forwarding

    reads = MlflowReads(f"http://127.0.0.1:{unused_tcp_port}", environ={})

    async def page(token: str | None) -> Any:
        return await reads.runs.search(experiment_ids=[filled.experiment_id], limit=2, page_token=token)

    async def when_up() -> Any:
        for _ in range(400):
            try:
                return await page(None)
            except Unavailable:
                await asyncio.sleep(0.05)
        raise AssertionError("the forwarder never came up")

    with forwarding(unused_tcp_port, filled.url):
        first = await when_up()
    with pytest.raises(Unavailable, match="does not answer"):
        await page(first.token)
    with forwarding(unused_tcp_port, filled.url):
        await when_up()
        second = await page(first.token)
    assert not {run["info"]["run_id"] for run in first.items} & {run["info"]["run_id"] for run in second.items}
    await reads.close()


async def test_histories_are_sampled_with_their_ends(reads: MlflowReads, filled: Filled) -> None:
    ids = [*filled.runs[:2], "f" * 32]
    few = await reads.history.sampled(run_ids=ids, metric="loss", points=50)
    points = few[filled.runs[0]].points
    assert 2 <= len(points) <= 50
    assert (points[0]["step"], points[-1]["step"]) == (0, POINTS - 1)
    assert few[filled.runs[0]].is_sampled
    assert few[filled.runs[1]].points == []
    window = await reads.history.sampled(run_ids=ids[:1], metric="loss", points=2500, from_step=850)
    assert [point["step"] for point in window[ids[0]].points] == list(range(850, POINTS))
    assert window[ids[0]].total == 50
    odd = await reads.history.sampled(run_ids=ids[:1], metric="NaN", points=10)
    assert odd[ids[0]].points[0]["value"] == "NaN"


async def test_a_server_that_cannot_sample_is_read_page_by_page(recorder: Recorder) -> None:
    def page(start: int, token: str) -> dict[str, Any]:
        points = [
            {"key": "loss", "value": -abs(step - 70), "timestamp": step, "step": step}
            for step in range(start, start + 100)
        ]
        return {"metrics": points} | ({"next_page_token": token} if token else {})

    recorder.answers = [(404, b""), (200, b"2.9.0"), (200, page(100, "t")), (200, page(0, ""))]
    reads = MlflowReads(recorder.url, environ={})
    history = (await reads.history.sampled(run_ids=["r"], metric="loss", points=10))["r"]
    assert history.total == 200
    steps = [point["step"] for point in history.points]
    assert steps == sorted(set(steps))
    assert len(steps) == 10
    assert {0, 70, 199} <= set(steps)
    await reads.close()


async def test_files_of_a_run_and_of_a_model_without_run_artifacts(reads: MlflowReads, filled: Filled) -> None:
    run = await reads.runs.get(filled.runs[0])
    models = await reads.logged_models.of_run(run)
    assert [model["info"]["model_id"] for model in models] == [filled.model_id]
    assert await reads.logged_models.of_run({"info": {}, "data": {}}) == []
    assert [file["path"] for file in (await reads.artifacts.list(model_id=filled.model_id)).items] == ["MLmodel"]
    assert await reads.artifacts.read(model_id=filled.model_id, path="MLmodel", limit_bytes=7) == (b"flavors", 12)
    assert [file["path"] for file in (await reads.artifacts.list(run_id=filled.runs[0], path="dir/")).items] == [
        "dir/a b.txt"
    ]
    assert await reads.artifacts.read(run_id=filled.runs[0], path="dir/a b.txt", limit_bytes=99) == (b"hello", 5)
    assert (await reads.artifacts.list(run_id=filled.runs[1])).items == []


async def test_what_is_no_file_is_told_apart(reads: MlflowReads, filled: Filled) -> None:
    best = filled.runs[0]
    for whose in (
        {"run_id": best, "path": "nope.txt"},
        {"run_id": "a" * 32, "path": "x"},
        {"model_id": "m-0", "path": "x"},
    ):
        with pytest.raises(MlflowRefused) as refused:
            await reads.artifacts.read(**whose, limit_bytes=9)
        assert refused.value.is_missing
    with pytest.raises(InvalidRequest, match="folder"):
        await reads.artifacts.read(run_id=best, path="dir", limit_bytes=9)
    for path in ("../x", "/etc/passwd", "a//b", "a/./b", "a\\b", "a\0b"):
        with pytest.raises(InvalidRequest, match="no path among the artifacts"):
            await reads.artifacts.read(run_id=best, path=path, limit_bytes=9)


async def test_a_missing_file_of_an_older_server_is_missing_and_a_store_beyond_reach_unavailable(
    recorder: Recorder,
) -> None:
    reads = MlflowReads(recorder.url, environ={})
    recorder.answers = [(500, b"<html>"), (200, {"files": [{"path": "there.txt", "is_dir": False}]})]
    with pytest.raises(MlflowRefused) as refused:
        await reads.artifacts.read(run_id="r", path="gone.txt", limit_bytes=9)
    assert refused.value.is_missing
    recorder.answers = [(500, b"<html>"), (200, {"files": [{"path": "there.txt", "is_dir": False}]})]
    with pytest.raises(Unavailable, match="download_artifacts"):
        await reads.artifacts.read(run_id="r", path="there.txt", limit_bytes=9)
    await reads.close()


async def test_registry_reads_what_it_wrote_with_aliases_joined(reads: MlflowReads, filled: Filled) -> None:
    registry, name = reads.registry, filled.model_name
    await registry.create_model(name, description="d")
    with pytest.raises(MlflowRefused) as refused:
        await registry.create_model(name)
    assert refused.value.error_code == "RESOURCE_ALREADY_EXISTS"
    for number in ("1", "2"):
        made = await registry.create_version(
            name,
            source=f"models:/{filled.model_id}",
            run_id=filled.runs[0],
            model_id=filled.model_id,
            tags={"n": number},
        )
        assert made["version"] == number
    await registry.set_alias(name, "champion", "1")
    await registry.set_alias(name, "champion", "2")
    await registry.set_tag(name, version="2", key="note", value="<b>😀</b>")
    await registry.update_version(name, "2", description="better")
    assert [(one["version"], one["aliases"]) for one in (await registry.versions(name=name)).items] == [
        ("2", ["champion"]),
        ("1", []),
    ]
    best = await registry.by_alias(name, "champion")
    assert {tag["key"]: tag["value"] for tag in best["tags"]} == {"n": "2", "note": "<b>😀</b>"}
    assert best["description"] == "better"
    assert (await registry.transition_stage(name, "1", stage="Staging"))["current_stage"] == "Staging"
    assert {one["version"] for one in await registry.versions_of_run(filled.runs[0])} == {"1", "2"}
    assert [model["name"] for model in (await registry.search_models(text="IT'S A MODEL")).items] == [name]
    await registry.delete_alias(name, "champion")
    await registry.delete_tag(name, version="2", key="note")
    with pytest.raises(MlflowRefused) as refused:
        await registry.by_alias(name, "champion")
    assert refused.value.is_missing


async def test_a_version_is_never_made_twice(recorder: Recorder, no_pauses: None) -> None:
    recorder.answers = [(0, b"")]
    reads = MlflowReads(recorder.url, environ={})
    with pytest.raises(Unavailable, match="see whether it was done"):
        await reads.registry.create_version("m", source="runs:/r/m")
    assert len(recorder.paths) == 1
    assert json.loads(recorder.bodies[0])["name"] == "m"
    await reads.close()


async def test_a_tag_that_another_made_in_the_same_moment_is_set_all_the_same(
    recorder: Recorder, no_pauses: None
) -> None:
    # What MLflow 3 says when two set a new tag at once: it looks, and then inserts.
    clash = {"error_code": "BAD_REQUEST", "message": "(sqlite3.IntegrityError) UNIQUE constraint failed: ..."}
    recorder.answers = [(400, clash), (200, {})]
    reads = MlflowReads(recorder.url, environ={})
    await reads.registry.set_tag("m", version="1", key="k", value="true")
    assert len(recorder.bodies) == 2
    assert recorder.bodies[0] == recorder.bodies[1]
    wrong = {"error_code": "INVALID_PARAMETER_VALUE", "message": "A bad key."}
    recorder.answers = [(400, wrong), (400, wrong)]
    with pytest.raises(MlflowRefused, match="A bad key"):
        await reads.registry.set_tag("m", key="", value="true")
    await reads.close()


def test_words_are_quoted_or_refused() -> None:
    assert quoted("it's") == '"it\'s"'
    assert contains("a'b") == "'%a_b%'"
    assert order_by("attributes.start_time", descending=False) == "attributes.`start_time` ASC"
    for column in ("metrics.a`b", "metrics.created", "nonsense", "metrics."):
        with pytest.raises(InvalidRequest):
            order_by(column, descending=True)
    with pytest.raises(InvalidRequest):
        quoted("both ' and \"")
