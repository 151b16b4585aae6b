"""openapi.json says what the models say, and what the front end's types can be made from."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_spec_validator import validate

from windlass.handlers import openapi
from windlass.handlers.operations import OPERATIONS, PREFIX

DOCUMENT: dict[str, Any] = json.loads(openapi.OPENAPI_FILE.read_text(encoding="utf-8"))
SCHEMAS = DOCUMENT["components"]["schemas"]


def reachable(name: str) -> set[str]:
    """A schema and all that it refers to."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in found:
            continue
        found.add(current)
        text = json.dumps(SCHEMAS[current])
        waiting += [part.split('"')[0] for part in text.split("#/components/schemas/")[1:]]
    return found


def test_the_checked_in_file_is_up_to_date() -> None:
    assert openapi.main(["--check"]) == 0, "run python -m windlass.handlers.openapi"


def test_a_change_of_the_models_is_noticed(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = tmp_path / "openapi.json"
    stale.write_text(openapi.render().replace('"JobState"', '"State"'))
    monkeypatch.setattr(openapi, "OPENAPI_FILE", stale)
    assert openapi.main(["--check"]) == 1
    assert openapi.main([]) == 0
    assert openapi.main(["--check"]) == 0


def test_it_is_valid_openapi() -> None:
    validate(DOCUMENT)


def test_every_operation_is_in_it() -> None:
    described = {(verb, path) for path, verbs in DOCUMENT["paths"].items() for verb in verbs}
    assert described == {(operation.method, PREFIX + operation.path) for operation in OPERATIONS}


@pytest.mark.parametrize("model", [operation.response.__name__ for operation in OPERATIONS if operation.response])
def test_answers_always_have_every_field(model: str) -> None:
    for name in reachable(model):
        schema = SCHEMAS[name]
        assert set(schema.get("required", ())) == set(schema.get("properties", {})), name


@pytest.mark.parametrize("union", ["ClientMessage", "ServerMessage"])
def test_socket_messages_are_told_apart_by_a_type_that_is_always_there(union: str) -> None:
    mapping = SCHEMAS[union]["discriminator"]["mapping"]
    assert len(mapping) == len(SCHEMAS[union]["oneOf"]) == 8
    for tag, reference in mapping.items():
        schema = SCHEMAS[reference.rsplit("/", 1)[1]]
        assert schema["properties"]["type"]["const"] == tag
        assert "type" in schema["required"]


def test_requests_may_leave_out_what_has_a_default() -> None:
    assert SCHEMAS["JobRequest"]["required"] == ["notebook"]
    assert SCHEMAS["JobRequest"]["properties"]["workers"]["default"] == 1


def test_every_operation_may_answer_with_a_problem() -> None:
    for verbs in DOCUMENT["paths"].values():
        for operation in verbs.values():
            assert {"401", "403", "default"} <= set(operation["responses"])
