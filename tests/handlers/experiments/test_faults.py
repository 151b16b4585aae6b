"""MLflow goes away, refuses and talks nonsense; the panel is told what to do, and goes on when it is back."""

from __future__ import annotations

import json

import pytest
from tests.handlers.experiments.conftest import Panel
from tests.mlflow_proxy import Fault

pytestmark = pytest.mark.mlflow


def test_a_scroll_goes_on_where_it_was_when_mlflow_is_back(panel: Panel) -> None:
    experiment = panel.experiment()
    runs = [panel.run(experiment) for _ in range(4)][::-1]
    first = panel.search(experiment, limit=2)
    with panel.proxy.away():
        problem = panel.search(experiment, 503, limit=2, cursor=first["next_cursor"])
        assert "does not answer" in problem["detail"]
        shown = panel.search(experiment, limit=2, cached=True)
    second = panel.search(experiment, limit=2, cursor=first["next_cursor"])
    assert shown["items"] == first["items"]
    assert [run["id"] for run in first["items"] + second["items"]] == runs


REFUSED = json.dumps({"error_code": "PERMISSION_DENIED", "message": "ada may not read this"}).encode()


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (Fault(403, REFUSED), 502, "ada may not read this"),
        (Fault(401, b"{}"), 502, "MLFLOW_TRACKING_USERNAME"),
        (Fault(429, b"slow down", "text/plain"), 503, "try again"),
        (Fault(500, b"<h1>Internal Server Error</h1>", "text/html"), 502, "500"),
        (Fault(502, b"", "text/html"), 503, "does not answer"),
        (Fault(200, b'{"runs": [{"info": {"run_id": "a"'), 502, "cannot be understood"),
        (Fault(200, b"<!doctype html><title>Log in</title>", "text/html"), 502, "log-in"),
        (Fault(200, b"[]"), 502, "cannot be understood"),
        (Fault(200, b'{"runs": {"a": 1}}'), 502, "cannot be understood"),
        (Fault(200, b'{"runs": [{}]}'), 502, "cannot be understood"),
        (Fault(200, b'{"runs": [{"info": {"run_id": "a"}}]}'), 502, "cannot be understood"),
        (Fault(200, b'{"runs": [{"info": {"run_id": "a", "experiment_id": "1"}, "data": []}, 7]}'), 502, "understood"),
        (
            Fault(200, b'{"runs": [{"info": {"run_id": "a", "experiment_id": "1", "start_time": "soon"}}]}'),
            502,
            "cannot be understood",
        ),
    ],
)
def test_what_mlflow_says_wrong_is_said_in_a_sentence(panel: Panel, fault: Fault, status: int, words: str) -> None:
    experiment = panel.experiment()
    with panel.proxy.failing("runs/search", fault):
        problem = panel.search(experiment, status)
    assert words in problem["detail"]
    assert panel.search(experiment)["items"] == []


@pytest.mark.parametrize("path", ["/experiments", "/experiments/columns?experiment_id=0", "/runs/0123456789abcdef"])
def test_every_question_says_that_mlflow_is_away(panel: Panel, path: str) -> None:
    with panel.proxy.away():
        answer = panel.http.get(path)
    assert answer.status_code == 503
    assert "does not answer" in answer.json()["detail"]


def test_a_page_token_that_mlflow_does_not_take_any_more_is_the_cursors_fault(panel: Panel) -> None:
    experiment = panel.experiment()
    for _ in range(2):
        panel.run(experiment)
    cursor = panel.search(experiment, limit=1)["next_cursor"]
    said = json.dumps({"error_code": "INVALID_PARAMETER_VALUE", "message": "Invalid page token"}).encode()
    with panel.proxy.failing("runs/search", Fault(400, said)):
        assert panel.search(experiment, 400, limit=1, cursor=cursor)["fields"][0]["field"] == "cursor"
        assert panel.search(experiment, 400, limit=1)["fields"][0]["field"] == "filter"
        assert panel.search(experiment, 400, limit=1, top_level=True)["fields"][0]["field"] == "top_level"


def test_a_comparison_does_without_the_versions_that_cannot_be_read(panel: Panel) -> None:
    experiment = panel.experiment()
    history = json.dumps([{"artifact_path": "model", "flavors": {"sklearn": {}}}])
    runs = [panel.run(experiment, params={"lr": lr}, tags={"mlflow.log-model.history": history}) for lr in ("1", "2")]
    with panel.proxy.failing("get-artifact", Fault(500, b"")):
        found = panel.post("/runs/compare", run_ids=runs)
    assert found["packages"] == []
    assert found["params"][0]["differs"] is True
