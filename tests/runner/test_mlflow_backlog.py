"""Calls kept while MLflow is away: sent in order, once, and counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.runner.mlflow_backlog import LOG_BATCH, LOG_METRIC, Backlog, Refused


def metric(run_id: str, key: str, step: int) -> dict[str, Any]:
    return {"run_id": run_id, "run_uuid": run_id, "key": key, "value": 1.5, "timestamp": 7, "step": step}


class Server:
    """Takes calls until it is away, and refuses some metrics."""

    def __init__(self, *, calls_until_away: int = 10**9, refused: str = "") -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._left = calls_until_away
        self._refused = refused

    def __call__(self, path: str, body: dict[str, Any]) -> None:
        if not self._left:
            raise ConnectionError
        self._left -= 1
        if any(item["key"] == self._refused for item in body.get("metrics", ())):
            raise Refused(f"{self._refused} is no name")
        self.calls.append((path, body))

    @property
    def seen(self) -> list[tuple[str, str, Any]]:
        """Run, kind and key or step of each thing that was logged, in order."""
        found = []
        for path, body in self.calls:
            if path == LOG_BATCH:
                found += [(body["run_id"], "metric", item["step"]) for item in body["metrics"]]
            else:
                found.append((body["run_id"], path, body["key"]))
        return found


KEPT = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(("metric", "runs/set-tag"))), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(kept=KEPT, cuts=st.lists(st.integers(0, 5), max_size=6))
def test_all_arrives_once_and_in_order_however_often_the_server_goes_away(
    tmp_path_factory: pytest.TempPathFactory, kept: list[tuple[str, str]], cuts: list[int]
) -> None:
    backlog = Backlog(tmp_path_factory.mktemp("pod"))
    expected: list[tuple[str, str, Any]] = []
    for number, (run_id, kind) in enumerate(kept):
        if kind == "metric":
            backlog.keep(LOG_METRIC, json.dumps(metric(run_id, "m", number)), rank=0)
        else:
            backlog.keep(kind, json.dumps({"run_id": run_id, "key": str(number), "value": "v"}), rank=0)
        expected.append((run_id, kind, number if kind == "metric" else str(number)))
    seen: list[tuple[str, str, Any]] = []
    for cut in cuts:
        server = Server(calls_until_away=cut)
        try:
            backlog.send(server)
        except ConnectionError:
            assert backlog.is_left
        seen += server.seen
    last = Server()
    assert backlog.send(last) == []
    assert seen + last.seen == expected
    assert not backlog.is_left
    assert backlog.left_of(0) == ""


def test_metrics_of_a_run_go_a_thousand_at_once(tmp_path: Path) -> None:
    backlog, server = Backlog(tmp_path), Server()
    for step in range(2500):
        backlog.keep(LOG_METRIC, json.dumps(metric("a", "m", step)), rank=0)
    backlog.send(server)
    assert [len(body["metrics"]) for _path, body in server.calls] == [1000, 1000, 500]
    assert [step for _run, _kind, step in server.seen] == list(range(2500))


def test_one_refused_metric_does_not_take_others_along_or_hold_them_up(tmp_path: Path) -> None:
    backlog, server = Backlog(tmp_path), Server(refused="bad")
    for step, key in enumerate(("good", "bad", "good")):
        backlog.keep(LOG_METRIC, json.dumps(metric("a", key, step)), rank=0)
    assert backlog.send(server) == ["bad is no name"]
    assert [step for _run, _kind, step in server.seen] == [0, 2]
    assert not backlog.is_left


def test_what_is_left_is_counted_by_rank_and_a_torn_line_is_no_call(tmp_path: Path) -> None:
    backlog = Backlog(tmp_path)
    backlog.keep(LOG_METRIC, json.dumps(metric("a", "m", 1)), rank=0)
    both = {"run_id": "a", "metrics": [metric("a", "m", 2)] * 2, "params": [{"key": "p", "value": "1"}]}
    backlog.keep(LOG_BATCH, json.dumps(both), rank=1)
    backlog.keep("runs/update", json.dumps({"run_id": "a", "status": "FAILED"}), rank=1)
    with (tmp_path / "late.jsonl").open("a") as file:
        file.write('{"path": "runs/set-t')
    assert backlog.left_of(0) == "1 metric"
    assert backlog.left_of(1) == "2 metrics, 1 parameter, 1 end of a run"
