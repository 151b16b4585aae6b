"""Errors as RFC 9457 problems: the one table from a domain error to its HTTP status.

What a user did wrong is 4xx with a sentence; what we did wrong is 500 with an id that the server's log has too, and
nothing of the inside.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from pydantic import JsonValue, TypeAdapter, ValidationError
from tornado.web import HTTPError

from windlass.contract.problem import FieldProblem, Problem
from windlass.errors import (
    ArtifactTooLarge,
    BundleRefused,
    Conflict,
    FieldError,
    Forbidden,
    InvalidRequest,
    NotFound,
    StorageFull,
    Unavailable,
    Upstream,
    WindlassError,
)

MEDIA_TYPE = "application/problem+json"

STATUS: dict[type[WindlassError], int] = {
    InvalidRequest: 400,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    ArtifactTooLarge: 413,
    BundleRefused: 422,
    Upstream: 502,
    Unavailable: 503,
    StorageFull: 507,
}


class TooLarge(InvalidRequest):
    """The body is larger than any request of ours can be."""

    code = "too-large"
    title = "The request is too large"


STATUS[TooLarge] = 413

_SENTENCES = {
    401: "Log in to this Jupyter server first.",
    403: "You are not logged in to this Jupyter server, or may not do this. Reload the page, or log in again.",
    404: "There is nothing at this address. Is the server's Windlass as new as what asks it?",
    405: "This cannot be done at this address.",
}
_json: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


def problem_of(error: BaseException | None, *, error_id: str) -> Problem:
    """The problem that an error is answered with; `error_id` names it in the log when it is not the asker's fault."""
    if isinstance(error, WindlassError):
        return _of_domain_error(error)
    if isinstance(error, HTTPError):
        return _of_http_error(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _of_domain_error(StorageFull("The disk is full: make room, then try again."))
    return Problem(
        type="windlass:internal",
        title="Something went wrong in Windlass",
        status=500,
        detail=f"This should not happen. The server's log says more under {error_id}; please report it.",
        extra={"error_id": error_id},
    )


def is_expected(error: BaseException | None) -> bool:
    """Whether an error is an answer rather than a fault of ours."""
    return isinstance(error, (WindlassError, HTTPError))


def invalid_fields(error: ValidationError) -> InvalidRequest:
    """What pydantic found, as sentences at the fields."""
    fields = [
        FieldError(field=".".join(str(part) for part in found["loc"]), message=_sentence(found))
        for found in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    told = "; ".join(f"{entry.field or 'the body'}: {entry.message}" for entry in fields[:3])
    return InvalidRequest(f"Please correct {told}", fields=fields)


def _sentence(found: Any) -> str:
    if found["type"] == "extra_forbidden":
        return "There is no such field."
    if found["type"] == "missing":
        return "This is needed."
    return str(found["msg"]).rstrip(".") + "."


def _of_domain_error(error: WindlassError) -> Problem:
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS) if _is_known(error) else 500
    return Problem(
        type=f"windlass:{error.code}",
        title=error.title,
        status=status,
        detail=str(error),
        fields=_fields(getattr(error, "fields", ())),
        extra=_json.validate_python(getattr(error, "extra", {})),
    )


def _is_known(error: WindlassError) -> bool:
    return isinstance(error, tuple(STATUS))


def _fields(fields: Iterable[FieldError]) -> list[FieldProblem]:
    return [FieldProblem(field=entry.field, message=entry.message) for entry in fields]


def _of_http_error(error: HTTPError) -> Problem:
    status = HTTPStatus(error.status_code) if error.status_code in list(HTTPStatus) else HTTPStatus.BAD_REQUEST
    return Problem(
        type=f"windlass:http-{status.value}",
        title=status.phrase,
        status=status.value,
        detail=_SENTENCES.get(status.value) or error.log_message or status.description or status.phrase,
    )
