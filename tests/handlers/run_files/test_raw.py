"""Bytes of files, handed to a browser where they can do nothing."""

from __future__ import annotations

import httpx
import psutil
import pytest
from tests.handlers.run_files.conftest import Shelf
from tests.mlflow_proxy import Fault

pytestmark = pytest.mark.mlflow

PAGE = "<script>fetch('/api/contents')</script>"


def policy_of(answer: httpx.Response) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in answer.headers["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in parts}


@pytest.mark.parametrize(
    ("name", "media_type", "kind"),
    [
        ("page.html", "text/html", "inline"),
        ("image.svg", "image/svg+xml", "inline"),
        ("image.png", "image/png", "inline"),
        ("notes.md", "text/plain; charset=utf-8", "inline"),
        ("page.xhtml", "application/octet-stream", "attachment"),
        ("feed.xml", "text/plain; charset=utf-8", "inline"),
        ("code.js", "text/plain; charset=utf-8", "inline"),
        ("data.json", "text/plain; charset=utf-8", "inline"),
        ("paper.pdf", "application/octet-stream", "attachment"),
        ("model.pkl", "application/octet-stream", "attachment"),
        ("noname", "application/octet-stream", "attachment"),
    ],
)
def test_nothing_that_is_handed_out_may_run(shelf: Shelf, name: str, media_type: str, kind: str) -> None:
    answer = shelf.raw(name, PAGE)
    assert (answer.status_code, answer.text) == (200, PAGE)
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Content-Disposition"].startswith(f"{kind}; ")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Length"] == str(len(PAGE))
    policy = policy_of(answer)
    assert policy["sandbox"] == "", "no exception to the sandbox"
    assert policy["default-src"] == "'none'"
    assert "script-src" not in policy
    assert policy["frame-ancestors"] == "'self'"
    saved = shelf.raw(name, download="true")
    assert saved.headers["Content-Disposition"].startswith("attachment; ")
    assert saved.headers["Content-Type"] == "application/octet-stream"


def test_a_hostile_name_makes_no_header_of_its_own(shelf: Shelf) -> None:
    answer = shelf.raw('a"; filename=evil.exe; 🚀\u202etxt.sh', "content", download="true")
    plain, encoded = answer.headers["Content-Disposition"].split("; filename*=UTF-8''")
    assert plain == 'attachment; filename="a_; filename=evil.exe; __txt.sh"'
    assert encoded == "a%22%3B%20filename%3Devil.exe%3B%20%F0%9F%9A%80_txt.sh"


def test_ranges_are_not_served(shelf: Shelf) -> None:
    shelf.put("a.bin", b"0123456789" * 1000)
    path = f"/runs/{shelf.run}/artifacts/raw?path=a.bin"
    answer = shelf.panel.http.get(path, headers={"Range": "bytes=" + ",".join(f"{at}-" for at in range(500))})
    assert (answer.status_code, len(answer.content)) == (200, 10_000)
    assert answer.headers["Accept-Ranges"] == "none"


def test_an_empty_file_is_an_answer(shelf: Shelf) -> None:
    answer = shelf.raw("empty.txt", b"")
    assert (answer.status_code, answer.content) == (200, b"")


def test_what_is_too_large_to_show_can_be_saved(shelf: Shelf) -> None:
    large = Fault(body=b"<html>" * 200, media_type="text/html", missing_bytes=33 << 20)
    with shelf.panel.proxy.failing("get-artifact", large):
        shown = shelf.raw("large.html")
        view = shelf.view("large.html")
        saved = shelf.panel.http.stream(
            "GET", f"/runs/{shelf.run}/artifacts/raw", params={"path": "large.html", "download": "true"}
        )
        with saved as answer:
            assert (answer.status_code, int(answer.headers["Content-Length"])) == (200, (33 << 20) + 1200)
    assert (shown.status_code, "download it" in shown.json()["detail"]) == (413, True)
    assert shown.headers["Content-Type"] == "application/problem+json"
    assert "Content-Disposition" not in shown.headers
    assert (view["kind"], "Download it" in view["message"]) == ("none", True)


def test_a_file_goes_through_the_server_without_being_held_there(shelf: Shelf) -> None:
    assert shelf.panel.server.process is not None
    process = psutil.Process(shelf.panel.server.process.pid)
    size = 64 << 20
    with (shelf.root / shelf.put("large.bin")).open("r+b") as file:
        file.truncate(size)
    before = process.memory_info().rss
    read, most = 0, 0
    with shelf.panel.http.stream("GET", f"/runs/{shelf.run}/artifacts/raw?path=large.bin") as answer:
        for number, chunk in enumerate(answer.iter_bytes(1 << 20)):
            read += len(chunk)
            if number % 20 == 0:
                most = max(most, process.memory_info().rss)
    assert read == size
    assert most - before < size / 2


def test_what_is_gone_is_a_sentence(shelf: Shelf) -> None:
    shelf.put("a.txt")
    (shelf.root / "a.txt").unlink()
    answer = shelf.raw("a.txt")
    assert (answer.status_code, "reload the list" in answer.json()["detail"]) == (404, True)


@pytest.mark.parametrize(
    ("fault", "status"), [(Fault(status=403), 502), (Fault(status=429), 503), (Fault(hang_up=True), 503)]
)
def test_an_mlflow_that_refuses_or_is_away_is_told(shelf: Shelf, fault: Fault, status: int) -> None:
    shelf.put("a.txt")
    with shelf.panel.proxy.failing("get-artifact", fault):
        answer = shelf.raw("a.txt")
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_half_a_file_is_never_taken_for_all_of_it(shelf: Shelf) -> None:
    """MLflow goes away in the middle: the browser's download fails instead of ending early."""
    half = Fault(body=b"x" * (3 << 20), media_type="application/octet-stream", missing_bytes=5 << 20)
    with shelf.panel.proxy.failing("get-artifact", half):
        with pytest.raises(httpx.RemoteProtocolError):
            shelf.raw("large.bin")
        assert "broke off" in shelf.view("large.parquet", status=503)["detail"]
    assert shelf.raw("a.txt", "well again").text == "well again"


def test_a_browser_that_goes_away_ends_the_reading(shelf: Shelf) -> None:
    shelf.put("large.bin", b"x" * (24 << 20))
    log = shelf.panel.server.log
    before = len(log.read_bytes())
    with shelf.panel.http.stream("GET", f"/runs/{shelf.run}/artifacts/raw?path=large.bin") as answer:
        next(answer.iter_bytes(1 << 16))
    assert shelf.raw("a.txt", "still there").text == "still there"
    assert b"Traceback" not in log.read_bytes()[before:]
