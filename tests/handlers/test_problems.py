"""Whatever is asked, the answer is the thing or a problem with a sentence; never a 500, never a half-made job."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.jupyter import Server
from tornado.web import HTTPError

from windlass import errors
from windlass.contract.problem import Problem
from windlass.handlers.operations import OPERATIONS
from windlass.handlers.problems import STATUS, problem_of

REAL_SERVER = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def problem_in(answer: Any) -> Problem:
    """The answer's body, which must be a problem that belongs to its status."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = Problem.model_validate_json(answer.content)
    assert problem.status == answer.status_code
    assert problem.type.startswith("windlass:")
    assert problem.detail.rstrip().endswith((".", "?", ")")), problem.detail
    assert problem.instance == answer.url.raw_path.decode().split("?")[0]
    return problem


def test_every_domain_error_has_its_status() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.WindlassError)
    ]
    for kind in kinds:
        if kind is not errors.WindlassError:
            assert kind in STATUS


def test_a_fault_of_ours_shows_an_id_and_nothing_of_the_inside() -> None:
    problem = problem_of(KeyError("/home/ann/secret"), error_id="abc123")
    assert problem.status == 500
    assert "abc123" in problem.detail
    assert "secret" not in problem.model_dump_json()


def test_a_full_disk_is_said_to_be_one() -> None:
    assert problem_of(OSError(28, "No space left on device"), error_id="x").status == 507


def test_an_odd_status_still_makes_a_problem() -> None:
    assert problem_of(HTTPError(418), error_id="x").status == 418
    assert problem_of(HTTPError(499), error_id="x").status == 400


@pytest.mark.parametrize("path", ["/nothing", "/jobs/x/y/z", "/../v2/jobs", "", "/jobs/", "/jobs/%2e%2e%2fjobs"])
def test_an_unknown_address_is_a_problem(server: Server, path: str) -> None:
    with server.client() as http:
        assert problem_in(http.get(path)).status == 404


@pytest.mark.parametrize(
    ("verb", "path", "allowed"),
    [
        ("PUT", "/jobs", "GET, POST"),
        ("POST", "/info", "GET"),
        ("PATCH", "/jobs/x", "DELETE, GET"),
        ("GET", "/jobs/x/stop", "POST"),
    ],
)
def test_a_verb_that_is_not_there_names_those_that_are(server: Server, verb: str, path: str, allowed: str) -> None:
    with server.client() as http:
        answer = http.request(verb, path)
    assert problem_in(answer).status == 405
    assert sorted(answer.headers["Allow"].split(", ")) == allowed.split(", ")


def test_a_body_that_is_too_large_is_refused(server: Server) -> None:
    with server.client() as http:
        answer = http.post("/jobs", content=b'{"notebook": "' + b"x" * (1024 * 1024) + b'"}')
    assert problem_in(answer).status == 413


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"notebook": "a.ipynb", "workers": NaN}', b"[" * 100_000]
)
def test_a_body_that_is_no_request_is_refused_with_a_sentence(server: Server, body: bytes) -> None:
    with server.client() as http:
        for path in ("/jobs", "/jobs/preview"):
            assert problem_in(http.post(path, content=body)).status == 400


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({}, "notebook"),
        ({"notebook": "a.ipynb", "workers": 0}, "workers"),
        ({"notebook": "a.ipynb", "wrokers": 2}, "wrokers"),
        ({"notebook": "a.ipynb", "parameters": {"lr": float("nan")}}, "parameters.lr"),
        ({"notebook": "a.ipynb", "name": "nul\0"}, "name"),
        ({"notebook": "a.ipynb", "include": ["a\0b"]}, "include.0"),
        ({"notebook": "train.ipynb", "environment": "no-such-kernel"}, "environment"),
        ({"notebook": "train.ipynb", "engine": "nowhere"}, "engine"),
        ({"notebook": "train.ipynb", "gpus_per_worker": 99}, "gpus_per_worker"),
        ({"notebook": "train.ipynb", "parameters": {"no such name": 1}}, "parameters.no such name"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(server: Server, request_: dict[str, Any], field: str) -> None:
    server.notebook("train.ipynb", "# parameters\nlr = 0.1", "print(lr)")
    with server.client() as http:
        problem = problem_in(http.post("/jobs", content=json.dumps(request_)))
    assert problem.status in (400, 422)
    assert field in [entry.field for entry in problem.fields], problem
    assert all(entry.message for entry in problem.fields)


@pytest.fixture(scope="module")
def tricky_root(server: Server) -> Path:
    """A root with ways out of it."""
    outside = server.base / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "secret.ipynb").write_text("{}")
    server.notebook("inside.ipynb", "print(1)")
    server.notebook(".hidden/inside.ipynb", "print(1)")
    (server.root / "link.ipynb").symlink_to(outside / "secret.ipynb")
    (server.root / "folder").symlink_to(outside)
    (server.root / "loop.ipynb").symlink_to("loop.ipynb")
    (server.root / "directory.ipynb").mkdir(exist_ok=True)
    os.mkfifo(server.root / "pipe.ipynb")
    return server.root


@pytest.mark.parametrize(
    "path",
    [
        "../outside/secret.ipynb",
        "a/../../outside/secret.ipynb",
        "./../outside/secret.ipynb",
        "/etc/passwd.ipynb",
        "{outside}/secret.ipynb",
        "~/secret.ipynb",
        "link.ipynb",
        "folder/secret.ipynb",
        "loop.ipynb",
        "directory.ipynb",
        "pipe.ipynb",
        ".hidden/inside.ipynb",
        "inside.ipynb\0",
        "..%2foutside%2fsecret.ipynb",
        "%2e%2e/outside/secret.ipynb",
        "..\\outside\\secret.ipynb",
        "inside.txt",
        ".",
        "x" * 300 + ".ipynb",
        "inside.ipynb/",
        "//inside.ipynb",
    ],
)
def test_a_path_cannot_leave_the_root(server: Server, tricky_root: Path, path: str) -> None:
    asked = path.format(outside=tricky_root.parent / "outside")
    with server.client() as http:
        for resource in ("/jobs", "/jobs/preview"):
            answer = http.post(resource, json={"notebook": asked})
            if asked == "inside.ipynb/":
                assert answer.status_code in (200, 201, 400, 404)
                continue
            problem = problem_in(answer)
            assert problem.status in (400, 404, 422), asked
            assert "secret.ipynb" not in problem.detail or "secret.ipynb" in asked


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = "name kind workers processes_per_worker parameters environment include exclude time_limit_seconds retries"
nearly_requests = st.fixed_dictionaries(
    {"notebook": st.sampled_from(["train.ipynb", "absent.ipynb", "../x.ipynb"]) | json_values},
    optional=dict.fromkeys([*FIELDS.split(), "experiment", "allow_secrets", "engine"], json_values),
)


@REAL_SERVER
@given(body=json_values | nearly_requests)
def test_no_body_breaks_the_preview(server: Server, body: Any) -> None:
    server.notebook("train.ipynb", "# parameters\nlr = 0.1", "print(lr)")
    with server.client() as http:
        answer = http.post("/jobs/preview", content=json.dumps(body))
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        problem_in(answer)


@REAL_SERVER
@given(
    query=st.dictionaries(
        st.sampled_from(["state", "notebook", "q", "limit", "cursor", "rank", "offset", "limit_bytes"]),
        st.text(max_size=30) | st.integers().map(str),
        max_size=4,
    ),
    path=st.sampled_from(["/jobs", "/jobs/j000/logs", "/info", "/environments"]),
)
def test_no_query_breaks_a_list(server: Server, query: dict[str, str], path: str) -> None:
    with server.client() as http:
        answer = http.get(path, params=query)
    assert answer.status_code < 500, answer.text


@REAL_SERVER
@given(
    body=json_values,
    job_id=st.text(min_size=1, max_size=20).filter(lambda text: text not in (".", "..")),
    operation=st.sampled_from([operation for operation in OPERATIONS if "{job_id}" in operation.path]),
)
def test_no_job_id_breaks_an_operation(server: Server, body: Any, job_id: str, operation: Any) -> None:
    with server.client() as http:
        path = operation.path.replace("{job_id}", quote(job_id, safe="", errors="replace"))
        answer = http.request(operation.method, path, content=json.dumps(body))
    assert 400 <= answer.status_code < 500, answer.text


@pytest.mark.parametrize("key", ["", "tab\there", "x" * 256])
def test_an_odd_idempotency_key_is_refused_or_taken_whole(server: Server, key: str) -> None:
    with server.client() as http:
        answer = http.post("/jobs", json={"notebook": "absent.ipynb"}, headers={"Idempotency-Key": key})
    assert answer.status_code in (400, 404)
