"""Writes openapi.json from the operations and the contract models.

`python -m windlass.handlers.openapi` writes the checked-in file; `--check` only compares, for the gate that keeps
models, file and the front end's generated types in step.
"""

from __future__ import annotations

import argparse
import json
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from pydantic_core import core_schema

import windlass
from windlass.contract import socket as messages
from windlass.contract.base import WireModel
from windlass.contract.problem import Problem
from windlass.handlers.operations import OPERATIONS, PREFIX, Operation

OPENAPI_FILE = Path(windlass.__file__).parent / "contract" / "openapi.json"
REFERENCE = "#/components/schemas/{model}"
EVERYWHERE = (401, 403)
"""Problems that any operation may answer with."""

CLIENT_MESSAGES: tuple[type[WireModel], ...] = (
    messages.SubscribeJobs,
    messages.SubscribeLog,
    messages.UnsubscribeLog,
    messages.SubscribeNotebook,
    messages.UnsubscribeNotebook,
    messages.SubscribeGpus,
    messages.UnsubscribeGpus,
    messages.Saved,
)
SERVER_MESSAGES: tuple[type[WireModel], ...] = (
    messages.Hello,
    messages.JobsEvent,
    messages.LogEvent,
    messages.NotebookEvent,
    messages.GpusEvent,
    messages.GpuReadingsEvent,
    messages.SaveRequest,
    messages.ProblemEvent,
)


class _WireSchema(GenerateJsonSchema):
    """What we send has every field; what we are sent may leave out those with a default, but never its `type`."""

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,
    ) -> bool:
        if self.mode == "serialization" or _is_tag(field):
            return True
        return super().field_is_required(field, total)


def _is_tag(field: Any) -> bool:
    inner = field["schema"]
    while "schema" in inner:
        inner = inner["schema"]
    return bool(inner["type"] == "literal" and len(inner["expected"]) == 1)


def document() -> dict[str, Any]:
    """The whole OpenAPI 3.1 document."""
    schemas = _schemas()
    schemas["ClientMessage"] = _union(CLIENT_MESSAGES, "A message from the browser, a text frame of the socket.")
    schemas["ServerMessage"] = _union(SERVER_MESSAGES, "A message from the server, a text frame of the socket.")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Windlass",
            "version": windlass.__version__,
            "description": "Sends notebooks as distributed training jobs. All paths are under the Jupyter server's "
            "base URL.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The Jupyter server's base URL."}],
        "security": [{"jupyter": []}, {"windlass": []}],
        "paths": _paths(),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": {
                "Problem": {
                    "description": "Refused, with a sentence that says what to do.",
                    "content": {"application/problem+json": {"schema": {"$ref": REFERENCE.format(model="Problem")}}},
                }
            },
            "securitySchemes": {
                "jupyter": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "Jupyter's own cookie (with the XSRF header) or `token <token>`.",
                },
                "windlass": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`windlass <token>`, the token of the server's runtime file.",
                },
            },
        },
    }


def _schemas() -> dict[str, Any]:
    sent: set[type[WireModel]] = {op.response for op in OPERATIONS if op.response} | {Problem, *SERVER_MESSAGES}
    received: set[type[WireModel]] = {op.request for op in OPERATIONS if op.request} | set(CLIENT_MESSAGES)
    sending: JsonSchemaMode = "serialization"
    receiving: JsonSchemaMode = "validation"
    wanted = [(model, sending) for model in sent] + [(model, receiving) for model in received]
    wanted.sort(key=lambda pair: pair[0].__name__)
    _, definitions = models_json_schema(wanted, ref_template=REFERENCE, schema_generator=_WireSchema)
    schemas: dict[str, Any] = definitions["$defs"]
    for schema in schemas.values():
        _tidy(schema)
    return schemas


def _tidy(schema: dict[str, Any]) -> None:
    """Drop what only repeats a name, null as a default, and the defaults of fields that are always there."""
    schema.pop("title", None)
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        field.pop("title", None)
        if name in required or field.get("default", ...) is None:
            field.pop("default", None)


def _union(models: tuple[type[WireModel], ...], description: str) -> dict[str, Any]:
    references = [REFERENCE.format(model=model.__name__) for model in models]
    tags = [str(model.model_fields["type"].default) for model in models]
    return {
        "description": description,
        "oneOf": [{"$ref": reference} for reference in references],
        "discriminator": {"propertyName": "type", "mapping": dict(zip(tags, references, strict=True))},
    }


def _paths() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(PREFIX + operation.path, {})[operation.method] = _operation(operation)
    return paths


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [parameter.describe() for parameter in operation.parameters],
    }
    if operation.request:
        described["requestBody"] = {
            "required": operation.body_required,
            "content": {"application/json": {"schema": {"$ref": REFERENCE.format(model=operation.request.__name__)}}},
        }
    responses = {str(status): _success(operation, status) for status in (operation.status, *operation.also)}
    problem = {"$ref": "#/components/responses/Problem"}
    responses |= {str(status): problem for status in (*EVERYWHERE, *operation.problems)}
    described["responses"] = {**dict(sorted(responses.items())), "default": problem}
    return described


def _success(operation: Operation, status: int) -> dict[str, Any]:
    response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if operation.headers:
        response["headers"] = {
            name: {"description": description, "schema": {"type": "string"}} for name, description in operation.headers
        }
    if status not in (101, 204, 304):
        response["content"] = {operation.media_type: {"schema": _body(operation)}}
    return response


def _body(operation: Operation) -> dict[str, Any]:
    if operation.response:
        return {"$ref": REFERENCE.format(model=operation.response.__name__)}
    if operation.media_type == "application/json":
        return {"type": "object", "additionalProperties": True}
    return {"type": "string", "format": "binary"}


def render() -> str:
    """The document as the text of openapi.json."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> Literal[0, 1]:
    """Write openapi.json, or with `--check` say whether it is up to date (status 1 when it is not)."""
    parser = argparse.ArgumentParser(prog="python -m windlass.handlers.openapi", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the file is out of date")
    options = parser.parse_args(arguments)
    text = render()
    current = OPENAPI_FILE.read_text(encoding="utf-8") if OPENAPI_FILE.exists() else None
    if current == text:
        return 0
    if options.check:
        sys.stderr.write(f"{OPENAPI_FILE.name} is out of date: run `python -m windlass.handlers.openapi`.\n")
        return 1
    OPENAPI_FILE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
