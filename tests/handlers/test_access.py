"""Nobody gets past a verb without being known and allowed: every route and verb of the application, over real HTTP."""

from __future__ import annotations

import ast
import inspect
import stat
from pathlib import Path

import httpx
import pytest
import websocket
from tests.jupyter import Server, running
from tornado.web import RequestHandler

import windlass.handlers
from windlass.handlers.operations import OPERATIONS, PREFIX
from windlass.handlers.routes import HANDLERS
from windlass.handlers.server import UnknownHandler
from windlass.handlers.socket import SocketHandler

VERBS = ("get", "head", "post", "put", "patch", "delete", "options")


def implemented(handler: type[RequestHandler]) -> list[str]:
    """Verbs that a handler of ours defines itself (those of the bases answer 405)."""
    ours = [kind for kind in handler.__mro__ if kind.__module__.startswith("windlass.")]
    return [verb for verb in VERBS if any(verb in vars(kind) for kind in ours)]


ROUTES = [
    (verb, path)
    for path, handler in {**HANDLERS, "/no/such/place": UnknownHandler}.items()
    if handler is not SocketHandler
    for verb in implemented(handler)
]


def at(path: str) -> str:
    return path.replace("{job_id}", "j0000000000000")


@pytest.mark.parametrize(("verb", "path"), ROUTES)
def test_a_stranger_is_turned_away(server: Server, verb: str, path: str) -> None:
    with server.client(Accept="*/*") as http:
        assert http.request(verb, at(path)).status_code in (401, 403)


@pytest.mark.parametrize(("verb", "path"), ROUTES)
def test_who_is_not_allowed_is_turned_away(shared_server: Server, verb: str, path: str) -> None:
    with shared_server.client(**{"X-User": "nobody"}) as http:
        answer = http.request(verb, at(path))
    assert answer.status_code == 403
    if verb != "head":
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == 403


@pytest.mark.parametrize(("verb", "path"), [route for route in ROUTES if route[0] not in ("get", "head", "options")])
def test_who_may_only_read_cannot_write(shared_server: Server, verb: str, path: str) -> None:
    with shared_server.client(**{"X-User": "reader"}) as http:
        assert http.request(verb, at(path)).status_code == 403


def test_every_operation_is_served_and_nothing_else() -> None:
    served = {(verb, path) for path, handler in HANDLERS.items() for verb in own_verbs(handler)}
    assert served == {(operation.method, operation.path) for operation in OPERATIONS}


def own_verbs(handler: type[RequestHandler]) -> list[str]:
    return [verb for verb in implemented(handler) if verb in vars(handler)]


def test_every_verb_function_carries_both_decorators() -> None:
    seen = 0
    for file in Path(windlass.handlers.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.ClassDef):
                continue
            for function in node.body:
                if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and function.name in VERBS:
                    seen += 1
                    names = [ast.unparse(decorator) for decorator in function.decorator_list]
                    assert names in (["authenticated", "authorized"], ["ws_authenticated", "authorized"]), function.name
                    assert len(function.body) <= 9, function.name  # the docstring and eight statements
    assert seen == len(OPERATIONS) + 2


def test_each_verb_says_in_one_line_what_it_does() -> None:
    for handler in (*HANDLERS.values(), UnknownHandler):
        for verb in own_verbs(handler):
            text = inspect.getdoc(getattr(handler, verb))
            assert text, f"{handler.__name__}.{verb}"
            assert len(text.splitlines()) == 1


def test_the_socket_turns_strangers_and_the_forbidden_away(shared_server: Server) -> None:
    for headers in ({"Accept": "*/*"}, {"X-User": "nobody"}):
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            shared_server.tab(**headers)
        assert refused.value.status_code == 403


def test_the_socket_turns_other_origins_away(shared_server: Server) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        shared_server.tab(**{"X-User": "ann", "X-Xsrf": "1", "Origin": "https://evil.example"})
    assert refused.value.status_code == 403


def test_a_wrong_token_opens_nothing(server: Server) -> None:
    for value in ("windlass wrong", "windlass", "Windlass x y z", "token wrong"):
        with server.client(Authorization=value) as http:
            assert http.get("/info").status_code == 403


def test_the_token_is_good_for_windlass_alone(server: Server) -> None:
    headers = {"Authorization": f"windlass {server.record['token']}"}
    assert httpx.get(f"{server.record['url']}api/contents", headers=headers).status_code == 403


def test_the_token_file_is_for_its_owner_alone(server: Server) -> None:
    assert server.process is not None
    file = server.base / "runtime" / f"windlass-server-{server.process.pid}.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_token_works_where_identities_are_a_hubs(shared_server: Server) -> None:
    with shared_server.client() as http:
        assert http.get("/info").status_code == 200
        assert http.post("/jobs/preview", json={"notebook": "absent.ipynb"}).status_code == 404


def test_a_browser_needs_the_xsrf_header(shared_server: Server) -> None:
    with shared_server.client(**{"X-User": "ann", "X-Xsrf": "1"}) as http:
        refused = http.post("/jobs/preview", json={"notebook": "a.ipynb"})
        assert refused.status_code == 403
        cookies = {"_xsrf": "2|12345678|12345678901234567890123456789012|1700000000"}
        taken = http.post(
            "/jobs/preview",
            json={"notebook": "absent.ipynb"},
            headers={"X-XSRFToken": cookies["_xsrf"], "Cookie": f"_xsrf={cookies['_xsrf']}"},
        )
        assert taken.status_code == 404, taken.text


def test_users_see_and_touch_only_what_is_theirs(shared_server: Server) -> None:
    shared_server.notebook("mine.ipynb", "print('ann was here')")
    with shared_server.client(**{"X-User": "ann"}) as ann, shared_server.client(**{"X-User": "bob"}) as bob:
        job = ann.post("/jobs", json={"notebook": "mine.ipynb"}).json()
        assert job["owner"] == "ann"
        for operation in OPERATIONS:
            if "{job_id}" in operation.path:
                answer = bob.request(operation.method, operation.path.replace("{job_id}", job["id"]))
                assert answer.status_code == 404, operation
        assert job["id"] not in [entry["id"] for entry in bob.get("/jobs").json()["items"]]
        tab = shared_server.tab(**{"X-User": "bob"})
        tab.say(type="subscribe_log", job_id=job["id"])
        assert tab.hear("problem")["problem"]["status"] == 404
        tab.say(type="subscribe_jobs")
        assert tab.hear("jobs")["jobs"] == []
        tab.close()
        assert ann.get(f"/jobs/{job['id']}").json()["state"] != "stopped"


def test_a_password_leaves_the_token_working(tmp_path: Path) -> None:
    from jupyter_server.auth import passwd

    with running(tmp_path, f"--PasswordIdentityProvider.hashed_password={passwd('secret')}") as server:
        with server.client(Accept="*/*") as http:
            assert http.get("/info").status_code == 403
        with server.client() as http:
            assert http.get("/info").status_code == 200
            assert http.post("/jobs/preview", json={"notebook": "absent.ipynb"}).status_code == 404


def test_the_prefix_is_the_contract_version() -> None:
    assert PREFIX == "/windlass/v1"
