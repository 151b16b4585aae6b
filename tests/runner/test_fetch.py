"""The bundle comes into a pod whole and as it was sent, or the pod says why not, and keeps its secrets."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from windlass.runner import fetch as program
from windlass.runner.fetch import BundleMissing, fetch


def _archive() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("windlass_run.py")
        content = b"# the entry point\n" * 4000
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


BUNDLE = _archive()
SHA = hashlib.sha256(BUNDLE).hexdigest()
Answer = Callable[[BaseHTTPRequestHandler], None]


def whole(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(BUNDLE)))
    handler.end_headers()
    handler.wfile.write(BUNDLE)


def half(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(BUNDLE)))
    handler.end_headers()
    handler.wfile.write(BUNDLE[: len(BUNDLE) // 2])


def says(status: int, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


class Store:
    """A server that answers as it is told, the last answer for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [whole]
        self.asked: list[tuple[str, dict[str, str]]] = []
        store = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                store.asked.append((self.path, dict(self.headers)))
                answer = store.answers.pop(0) if len(store.answers) > 1 else store.answers[0]
                answer(self)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store()
    yield made
    made.close()


@pytest.fixture
def other() -> Iterator[Store]:
    made = Store()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_PAUSES_SECONDS", (0.01, 0.01))


def environ(folder: Path, store: Store | None = None, **more: str) -> dict[str, str]:
    found = {"WINDLASS_FOLDER": str(folder), "WINDLASS_BUNDLE_SHA256": SHA, **more}
    if store is not None:
        found |= {
            "MLFLOW_TRACKING_URI": f"{store.url}/",
            "WINDLASS_BUNDLE_RUN_ID": "r1",
            "WINDLASS_BUNDLE_ARTIFACT": "windlass/bundle.tar.gz",
        }
    return found


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_mounted_bundle_is_unpacked_beside_the_folders_of_the_job(tmp_path: Path) -> None:
    (tmp_path / "mounted").write_bytes(BUNDLE)
    folder = tmp_path / "w"
    found = fetch(environ(folder, WINDLASS_BUNDLE_FILE=str(tmp_path / "mounted")))
    assert (found / "windlass_run.py").read_bytes().startswith(b"# the entry point")
    assert left(folder) == ["bundle", "home", "job"]


def test_a_container_that_starts_again_keeps_what_is_there(tmp_path: Path, store: Store) -> None:
    variables = environ(tmp_path, store)
    (fetch(variables) / "kept").touch()
    fetch(variables)
    assert (tmp_path / "bundle" / "kept").exists()
    assert [path for path, _ in store.asked] == ["/get-artifact?run_id=r1&path=windlass%2Fbundle.tar.gz"]


@pytest.mark.parametrize("trouble", [says(503), says(429), says(500), half], ids=["503", "429", "500", "half"])
def test_a_store_that_is_in_trouble_for_a_moment_is_asked_again(tmp_path: Path, store: Store, trouble: Answer) -> None:
    store.answers = [trouble, trouble, whole]
    assert (fetch(environ(tmp_path, store)) / "windlass_run.py").exists()
    assert len(store.asked) == 3


@pytest.mark.parametrize(
    ("answer", "words", "times"),
    [
        (says(401), "windlass-credentials", 1),
        (says(403), "windlass-credentials", 1),
        (says(404), "its run was deleted", 1),
        (says(400), "HTTP 400", 1),
        (says(503), "HTTP 503", 3),
        (half, "cannot be reached", 3),
        (says(302, Location="file:///etc/passwd"), "HTTP 302", 1),
    ],
    ids=["401", "403", "404", "400", "503", "half", "file"],
)
def test_what_cannot_be_had_is_said_and_nothing_is_left(
    tmp_path: Path, store: Store, answer: Answer, words: str, times: int
) -> None:
    store.answers = [answer]
    with pytest.raises(BundleMissing, match=words):
        fetch(environ(tmp_path, store, MLFLOW_TRACKING_TOKEN="s3cret"))
    assert len(store.asked) == times
    assert left(tmp_path) == ["home", "job"]


@pytest.mark.parametrize("content", [b"", BUNDLE[:-1], BUNDLE + b"x", b"another"])
def test_what_is_not_what_was_sent_is_never_unpacked(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mounted").write_bytes(content)
    folder = tmp_path / "w"
    with pytest.raises(BundleMissing, match="sha256 differs"):
        fetch(environ(folder, WINDLASS_BUNDLE_FILE=str(tmp_path / "mounted")))
    assert left(folder) == ["home", "job"]


def test_a_store_that_mlflow_sends_to_does_not_see_mlflows_credentials(
    tmp_path: Path, store: Store, other: Store
) -> None:
    store.answers = [says(302, Location=f"{other.url}/presigned")]
    fetch(environ(tmp_path, store, MLFLOW_TRACKING_TOKEN="s3cret", MLFLOW_WORKSPACE="team-a"))
    ((_, first),) = store.asked
    assert (first["Authorization"], first["X-Mlflow-Workspace"]) == ("Bearer s3cret", "team-a")
    ((_, second),) = other.asked
    assert not [value for value in second.values() if "s3cret" in value or "team-a" in value]


def test_a_users_name_and_password_come_before_a_token(tmp_path: Path, store: Store) -> None:
    names = {"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "p:w", "MLFLOW_TRACKING_TOKEN": "t"}
    fetch(environ(tmp_path, store, **names))
    assert store.asked[0][1]["Authorization"] == "Basic YWRhOnA6dw=="


@pytest.mark.parametrize("address", ["file:///etc", "ftp://host/x", "sqlite:///x"])
def test_only_http_is_spoken(tmp_path: Path, store: Store, address: str) -> None:
    variables = {**environ(tmp_path, store), "MLFLOW_TRACKING_URI": address}
    with pytest.raises(BundleMissing, match="http or https"):
        fetch(variables)


@pytest.mark.parametrize("missing", ["WINDLASS_FOLDER", "WINDLASS_BUNDLE_SHA256", "MLFLOW_TRACKING_URI"])
def test_a_variable_that_is_not_set_is_named(tmp_path: Path, store: Store, missing: str) -> None:
    variables = environ(tmp_path, store)
    del variables[missing]
    with pytest.raises(BundleMissing, match=missing):
        fetch(variables)


def test_the_command_says_one_sentence_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environ(tmp_path, WINDLASS_BUNDLE_FILE=str(tmp_path / "nowhere")).items():
        monkeypatch.setenv(name, value)
    assert program.main() == 1
    assert capsys.readouterr().err.count("\n") == 1
