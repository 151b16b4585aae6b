"""Files of runs and models, listed over HTTP from a real MLflow."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from tests.handlers.experiments.conftest import Panel
from tests.handlers.run_files.conftest import Shelf
from tests.mlflow_proxy import Fault

pytestmark = pytest.mark.mlflow

HOSTILE = ["<script>alert(1)<script>.txt", 'it\'s "quoted".txt', "🚀 emoji.txt", " leading.txt", "100%.txt"]


def test_folders_come_first_then_files_by_name_with_sizes(shelf: Shelf) -> None:
    for path in ("b.txt", "A.txt", "z/inner.txt", "c.txt"):
        shelf.put(path, "12345")
    found = shelf.list()
    assert [(item["path"], item["is_folder"], item["size_bytes"]) for item in found["items"]] == [
        ("z", True, None),
        ("A.txt", False, 5),
        ("b.txt", False, 5),
        ("c.txt", False, 5),
    ]
    assert (found["path"], found["next_cursor"]) == ("", None)
    assert shelf.names("z") == shelf.names("z/") == ["z/inner.txt"]


def test_a_run_without_files_has_an_empty_list(shelf: Shelf) -> None:
    assert shelf.list()["items"] == []


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_any_kind_are_listed_viewed_and_read_to_the_letter(shelf: Shelf, name: str) -> None:
    shelf.put(f"dir/{name}", "content")
    assert shelf.names("dir") == [f"dir/{name}"]
    assert shelf.view(f"dir/{name}")["text"] == "content"
    assert shelf.raw(f"dir/{name}").text == "content"


def test_a_name_that_mlflow_itself_cannot_read_is_listed_and_said_to_be_so(shelf: Shelf) -> None:
    shelf.put("new\nline.txt")
    assert shelf.names() == ["new\nline.txt"]
    assert "control characters" in shelf.view("new\nline.txt", status=404)["detail"]


def test_ten_thousand_files_come_in_pages_and_mlflow_lists_them_once(shelf: Shelf) -> None:
    for number in range(10_000):
        shelf.put(f"many/{number:05}.txt", b"")
    before = shelf.panel.proxy.count("artifacts/list")
    seen: list[str] = []
    cursor = None
    while True:
        page = shelf.list("many", **({"cursor": cursor} if cursor else {}))
        assert len(page["items"]) <= 500
        seen += [item["path"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [f"many/{number:05}.txt" for number in range(10_000)]
    assert shelf.panel.proxy.count("artifacts/list") == before + 1


def test_a_cursor_of_another_folder_is_refused(shelf: Shelf) -> None:
    for number in range(501):
        shelf.put(f"some/{number:05}.txt", b"")
    cursor = shelf.list("some")["next_cursor"]
    shelf.put("other/a.txt")
    for wrong in (cursor, "nonsense", "e30"):
        assert shelf.list("other", 400, cursor=wrong)["fields"][0]["field"] == "cursor"


def test_what_is_no_folder_is_said_to_be_none(shelf: Shelf) -> None:
    shelf.put("a.txt")
    assert "is a file" in shelf.list("a.txt", 400)["detail"]
    assert "reload the list" in shelf.list("gone", 404)["detail"]
    assert shelf.panel.get(f"/runs/{'0' * 32}/artifacts", 404)["detail"]


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "a//b", "..\\x", "./a", "a\0b", "x" * 5000])
@pytest.mark.parametrize("what", ["", "/view", "/raw"])
def test_paths_that_lead_elsewhere_are_refused(shelf: Shelf, path: str, what: str) -> None:
    answer = shelf.panel.http.get(f"/runs/{shelf.run}/artifacts{what}", params={"path": path})
    assert answer.status_code == 400, answer.text
    assert answer.json()["fields"][0]["field"] == "path"


@pytest.mark.parametrize("path", ["%2e%2e%2fx", "%252e%252e/x", "..%2fx", "%2fetc%2fpasswd"])
def test_paths_that_hide_where_they_lead_find_nothing(shelf: Shelf, path: str) -> None:
    for what in ("/view", "/raw"):
        answer = shelf.panel.http.get(f"/runs/{shelf.run}/artifacts{what}", params={"path": path})
        assert answer.status_code in (400, 404), answer.text


def test_a_path_that_is_no_text_is_refused(shelf: Shelf) -> None:
    answer = shelf.panel.http.get(f"/runs/{shelf.run}/artifacts/view?path=%ff%fe")
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (400, "path")


def test_files_of_a_model_are_listed_and_read_and_only_of_a_model_of_the_run(
    panel: Panel, shelved: Callable[..., Shelf]
) -> None:
    experiment = panel.experiment()
    shelf, other = shelved(panel, experiment), shelved(panel, experiment)
    model = logged_model(shelf, experiment)
    assert shelf.list("", model_id=model)["items"] == [{"path": "MLmodel", "is_folder": False, "size_bytes": 12}]
    view = shelf.view("MLmodel", model_id=model)
    assert (view["kind"], view["text"]) == ("text", "flavors: {}\n")
    assert f"model_id={model}" in view["raw"]
    assert panel.http.get(view["raw"]).content == b"flavors: {}\n"
    assert "no model" in other.list("", 404, model_id=model)["detail"]
    assert "no model" in shelf.list("", 404, model_id="m-nothing")["detail"]


def logged_model(shelf: Shelf, experiment: str, content: bytes = b"flavors: {}\n", name: str = "m") -> str:
    """Make a LoggedModel of the shelf's run, which has no file among the run's own."""
    ask = shelf.panel.mlflow.ask
    body = {"experiment_id": experiment, "name": name, "source_run_id": shelf.run}
    model = str(ask("logged-models", body)["model"]["info"]["model_id"])
    ask("runs/outputs", {"run_id": shelf.run, "models": [{"model_id": model, "step": 0}]})
    place = f"api/2.0/mlflow-artifacts/artifacts/{experiment}/models/{model}/artifacts/MLmodel"
    httpx.put(f"{shelf.panel.mlflow.url}/{place}", content=content).raise_for_status()
    return model


def test_an_mlflow_that_is_away_or_refuses_is_told(shelf: Shelf) -> None:
    shelf.put("a.txt")
    with shelf.panel.proxy.failing("artifacts/list", Fault(status=403, body=b'{"error_code": "PERMISSION_DENIED"}')):
        assert "refused" in shelf.list("", 502)["detail"]
    with shelf.panel.proxy.failing("artifacts/list", Fault(body=b"<html>log in</html>", media_type="text/html")):
        assert "cannot be understood" in shelf.list("", 502)["detail"]
    with shelf.panel.proxy.away():
        assert "does not answer" in shelf.list("", 503)["detail"]
