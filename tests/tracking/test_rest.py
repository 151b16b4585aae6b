"""The transport against servers that misbehave, and what stands before servers."""

from __future__ import annotations

import gzip
import json
import math
from base64 import b64encode
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from tests.tracking.recorder import Recorder

from windlass.errors import Unavailable, Upstream
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.rest import MlflowHttp

PAGE = b"<!DOCTYPE html><html><title>Log in</title></html>"
TOKEN = {"MLFLOW_TRACKING_TOKEN": "s3cret-token"}

pytestmark = pytest.mark.usefixtures("no_pauses")


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (PAGE, {"Content-Type": "text/html"}, "log-in proxy"),
        (PAGE, {}, "a web page"),
        (b'{"runs": [', {}, "cannot be understood"),
        (b"[]", {}, "no JSON object"),
        (b"", {}, "no JSON object"),
        (b'{"name": "\xff"}', {}, "cannot be understood"),
    ],
)
async def test_what_mlflow_never_says_is_said_to_be_so(
    recorder: Recorder, body: bytes, headers: dict[str, str], said: str
) -> None:
    recorder.answers = [(200, body, headers)]
    async with MlflowHttp(recorder.url, environ={}) as http:
        with pytest.raises(Upstream, match=said):
            await http.get("runs/get", {"run_id": "r"})
    assert len(recorder.paths) == 1


async def test_numbers_that_json_does_not_have_are_read(recorder: Recorder) -> None:
    recorder.answers = [(200, b'{"a": NaN, "b": -Infinity, "c": "NaN", "d": 12345678901234567890}')]
    async with MlflowHttp(recorder.url, environ={}) as http:
        answer = await http.get("x")
    assert math.isnan(answer["a"])
    assert answer["b"] == -math.inf
    assert (answer["c"], answer["d"]) == ("NaN", 12345678901234567890)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (500, {"error_code": "INTERNAL_ERROR", "message": "it broke [SQL: SELECT secrets]"}, "refused: it broke."),
        (500, PAGE, "refused: status 500."),
        (401, b"", "MLFLOW_TRACKING_TOKEN"),
        (403, {"error_code": "PERMISSION_DENIED", "message": "Permission denied"}, "Permission denied; if these"),
        (403, b"Invalid Host header - possible DNS rebinding attack detected", "Invalid Host header"),
        (400, {"message": "Bad token s3cret-token"}, "Bad token …"),
    ],
)
async def test_a_refusal_says_why_without_secrets_and_is_not_tried_again(
    recorder: Recorder, status: int, body: Any, said: str
) -> None:
    recorder.answers = [
        (status, body, {"Content-Type": "text/plain" if isinstance(body, bytes) else "application/json"})
    ]
    async with MlflowHttp(recorder.url, environ=TOKEN) as http:
        with pytest.raises(MlflowRefused, match=said) as refused:
            await http.post("runs/search", {})
    assert refused.value.status == status
    assert "s3cret" not in str(refused.value)


PASSWORD = "pass/wörd s3cret"
QUOTED = [
    PASSWORD,
    quote(PASSWORD),
    quote(PASSWORD, safe=""),
    quote_plus(PASSWORD),
    b64encode(f"ada:{PASSWORD}".encode()).decode(),
]


@pytest.mark.parametrize("said", [*QUOTED, *("x" * 290 + " " + form for form in QUOTED)])
@pytest.mark.parametrize("as_text", [False, True])
async def test_no_form_of_a_password_that_a_server_quotes_is_shown_nor_a_part_of_it(
    recorder: Recorder, said: str, as_text: bool
) -> None:
    kind = {"Content-Type": "text/plain" if as_text else "application/json"}
    recorder.answers = [(400, said.encode() if as_text else {"message": said}, kind)]
    environ = {"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": PASSWORD}
    async with MlflowHttp(recorder.url, environ=environ) as http:
        with pytest.raises(MlflowRefused) as refused:
            await http.get("experiments/get")
    shown = str(refused.value)
    assert not any(form[:5] in shown for form in QUOTED), shown
    assert "SQL" not in str(refused.value)
    assert len(recorder.paths) == 1


@pytest.mark.parametrize(("status", "said"), [(429, "asked too much"), (503, "503"), (0, "does not answer")])
async def test_trouble_that_stays_is_given_up_and_counted(recorder: Recorder, status: int, said: str) -> None:
    recorder.answers = [(status, b"")] * 3
    async with MlflowHttp(recorder.url, environ={}) as http:
        with pytest.raises(Unavailable, match=said):
            await http.post("runs/search", {})
        assert http.outages == 1
    assert len(recorder.paths) == 3


@pytest.mark.parametrize(("trouble", "requests"), [(0, 1), (502, 1), (503, 2)])
async def test_what_must_not_be_done_twice_is_tried_again_only_where_it_was_not_done(
    recorder: Recorder, trouble: int, requests: int
) -> None:
    recorder.answers = [(trouble, b"")]
    async with MlflowHttp(recorder.url, environ={}) as http:
        if requests == 1:
            with pytest.raises((Unavailable, MlflowRefused)):
                await http.post("model-versions/create", {}, repeatable=False)
        else:
            assert await http.post("model-versions/create", {}, repeatable=False) == {}
    assert len(recorder.paths) == requests


async def test_a_redirect_to_another_server_takes_no_credentials_there(recorder: Recorder, elsewhere: Recorder) -> None:
    recorder.answers = [(302, b"", {"Location": f"{elsewhere.url}/login?next=x"})]
    async with MlflowHttp(recorder.url, environ=TOKEN) as http:
        with pytest.raises(Upstream, match="MLFLOW_TRACKING_TOKEN"):
            await http.get("runs/get", {"run_id": "r"})
    assert elsewhere.paths == []


async def test_a_redirect_within_the_server_is_followed_as_the_same_user(recorder: Recorder) -> None:
    recorder.answers = [(308, b"", {"Location": f"{recorder.url}/real"}), (200, {"a": 1})]
    async with MlflowHttp(recorder.url, environ=TOKEN) as http:
        assert await http.post("runs/search", {"b": 2}) == {"a": 1}
    assert recorder.paths[1] == "/real"
    assert json.loads(recorder.bodies[1]) == {"b": 2}
    assert recorder.headers[1]["authorization"] == "Bearer s3cret-token"


async def test_redirects_in_a_circle_end(recorder: Recorder) -> None:
    recorder.answers = [(307, b"", {"Location": "/again"})] * 50
    async with MlflowHttp(recorder.url, environ={}) as http:
        with pytest.raises(Upstream, match="sends requests on"):
            await http.get("x")
    assert len(recorder.paths) < 10


async def test_headers_say_who_asks_and_nothing_else(recorder: Recorder) -> None:
    environ = {"MLFLOW_WORKSPACE": "team é", "MLFLOW_TRACKING_TOKEN": " s3cret-token\n"}
    async with MlflowHttp(f"{recorder.url}/prefix/", environ=environ) as http:
        await http.get("experiments/get", {"experiment_id": "1"})
        await http.get("/api/3.0/mlflow/server-info")
    assert recorder.paths == [
        "/prefix/api/2.0/mlflow/experiments/get?experiment_id=1",
        "/prefix/api/3.0/mlflow/server-info",
    ]
    sent = recorder.headers[0]
    assert sent["authorization"] == "Bearer s3cret-token"
    assert sent["x-mlflow-workspace"].encode("latin-1").decode() == "team é"
    assert sent["accept-encoding"] == "identity"
    assert not {"origin", "cookie", "referer"} & set(sent)


def test_a_token_that_cannot_be_sent_is_named_and_not_shown() -> None:
    with pytest.raises(Unavailable, match="MLFLOW_TRACKING_TOKEN") as refused:
        MlflowHttp("http://127.0.0.1:1", environ={"MLFLOW_TRACKING_TOKEN": "s3c\nret"})
    assert "ret" not in str(refused.value).replace("cret", "")


@pytest.mark.parametrize("uri", ["http://[half", "http://127.0.0.1:99999", "ftp://x.example"])
async def test_an_address_that_is_none_is_said_to_be_none(uri: str) -> None:
    with pytest.raises(Unavailable, match="address"):
        async with MlflowHttp(uri, environ={}) as http:
            await http.get("x")


async def test_compressed_answers_are_read(recorder: Recorder) -> None:
    recorder.answers = [(200, gzip.compress(b'{"a": 1}'), {"Content-Encoding": "gzip"})]
    async with MlflowHttp(recorder.url, environ={}) as http:
        assert await http.get("x") == {"a": 1}


async def test_bytes_come_with_size_and_a_break_in_the_middle_is_said(recorder: Recorder) -> None:
    recorder.answers = [(200, b"hello"), (200, b"hel", {"Content-Length": "5", "Connection": "close"})]
    async with MlflowHttp(recorder.url, environ={}) as http:
        async with http.stream("/get-artifact") as streamed:
            assert streamed.size_bytes == 5
            assert b"".join([chunk async for chunk in streamed.chunks]) == b"hello"
        with pytest.raises(Unavailable, match="broke off in the middle"):
            async with http.stream("/get-artifact") as streamed:
                _ = [chunk async for chunk in streamed.chunks]
