"""Errors of the hub service as RFC 9457 problems: the one table from an error to its HTTP status.

What the asker did wrong is 4xx with a sentence; what is away is 502 or 503 with a sentence; what we did wrong is 500
with an id that the log has too, and nothing of the inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from pydantic import JsonValue, ValidationError
from tornado.web import HTTPError

from windlass import errors as domain
from windlass.contract.problem import FieldProblem, Problem
from windlass.kube.errors import KubeError
from windlass_hub.profiles.model import CatalogueError
from windlass_hub.profiles.store import ReadOnly, SaveConflict, StoreError
from windlass_hub.spending.records import SpendingAway

from .audit_database import DatabaseProblem

MEDIA_TYPE = "application/problem+json"

_SENTENCES = {
    400: "The request cannot be read: send JSON, and send each thing once.",
    401: "Log in to the hub first, or send a token of yours in the Authorization header.",
    403: "You may not do this. If you may, reload the page and try again.",
    404: "There is nothing at this address.",
    405: "This cannot be done at this address.",
}


class ServiceError(Exception):
    """Base of what is answered with a sentence; `str()` says what to do.

    Args:
        message: one sentence.
        fields: what is wrong where, as (dotted path, sentence).
        extra: what a program may want beside it.
        retry_after: seconds after which to ask again.
    """

    status = 500
    code = "error"
    title = "Something went wrong"

    def __init__(
        self,
        message: str,
        *,
        fields: Iterable[tuple[str, str]] = (),
        extra: dict[str, JsonValue] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.fields = [FieldProblem(field=field, message=told) for field, told in fields]
        self.extra = extra or {}
        self.retry_after = retry_after


class InvalidRequest(ServiceError):
    """The request cannot be carried out as written."""

    status, code, title = 400, "invalid-request", "The request cannot be carried out as written"


class NotLoggedIn(ServiceError):
    """Nobody is known to ask."""

    status, code, title = 401, "not-logged-in", "Not logged in"


class Refused(ServiceError):
    """The asker may not do this."""

    status, code, title = 403, "forbidden", "Not allowed"


class Missing(ServiceError):
    """The thing named does not exist, or is not the asker's."""

    status, code, title = 404, "not-found", "Not found"


class Clash(ServiceError):
    """It is in a state where this cannot be done."""

    status, code, title = 409, "conflict", "Not possible in this state"


class Stale(ServiceError):
    """What it was made from has changed since (If-Match)."""

    status, code, title = 412, "changed-since", "It was changed in the meantime"


class TooLarge(ServiceError):
    """The body is larger than any request of ours can be."""

    status, code, title = 413, "too-large", "The request is too large"


class PreconditionRequired(ServiceError):
    """A change must name the revision it was made from."""

    status, code, title = 428, "precondition-required", "Say what the change was made from"


class TooMany(ServiceError):
    """Asked too often."""

    status, code, title = 429, "too-many-requests", "Asked too often"


class Upstream(ServiceError):
    """A server that we asked answered with something we cannot use."""

    status, code, title = 502, "bad-answer", "A part that is needed answered wrongly"


class Away(ServiceError):
    """A part that is needed is missing or does not answer now."""

    status, code, title = 503, "unavailable", "A needed part is not available"


def problem_of(error: BaseException | None, *, error_id: str) -> Problem:
    """The problem that an error is answered with; `error_id` names it in the log when it is not the asker's fault."""
    known = as_service_error(error)
    if known is not None:
        return Problem(
            type=f"windlass:{known.code}",
            title=known.title,
            status=known.status,
            detail=str(known),
            fields=known.fields,
            extra=known.extra,
        )
    if isinstance(error, HTTPError):
        return _of_http_error(error)
    return Problem(
        type="windlass:internal",
        title="Something went wrong in the hub service",
        status=500,
        detail=f"This should not happen. The service's log says more under {error_id}; please report it.",
        extra={"error_id": error_id},
    )


def as_service_error(error: BaseException | None) -> ServiceError | None:
    """An error of the store, the catalogue, the cluster or a model as one of ours; None for what nobody foresaw."""
    if isinstance(error, ServiceError):
        return error
    for kind, translate in _TRANSLATED.items():
        if isinstance(error, kind):
            return translate(error)
    return None


def is_expected(error: BaseException | None) -> bool:
    """Whether an error is an answer rather than a fault of ours."""
    return isinstance(error, HTTPError) or as_service_error(error) is not None


def invalid_fields(error: ValidationError) -> InvalidRequest:
    """What pydantic found, as sentences at the fields."""
    found = [(".".join(str(part) for part in item["loc"]), _sentence(item["type"], item["msg"])) for item in _of(error)]
    told = "; ".join(f"{path or 'the body'}: {message}" for path, message in found[:3])
    return InvalidRequest(f"Please correct {told}", fields=found)


def _of(error: ValidationError) -> list[dict[str, str]]:
    return error.errors(include_url=False, include_input=False, include_context=False)  # type: ignore[return-value]  # TypedDicts of pydantic


def _sentence(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "There is no such field."
    if kind == "missing":
        return "This is needed."
    return message.removeprefix("Value error, ").rstrip(".") + "."


def _of_http_error(error: HTTPError) -> Problem:
    status = HTTPStatus(error.status_code) if error.status_code in list(HTTPStatus) else HTTPStatus.BAD_REQUEST
    return Problem(
        type=f"windlass:http-{status.value}",
        title=status.phrase,
        status=status.value,
        detail=_SENTENCES.get(status.value) or status.description or status.phrase,
    )


def _invalid_catalogue(error: CatalogueError) -> ServiceError:
    return InvalidRequest(str(error), fields=[(found.path, found.message) for found in error.problems])


def _invalid_request(error: domain.InvalidRequest) -> ServiceError:
    return InvalidRequest(str(error), fields=[(found.field, found.message) for found in error.fields])


# The first that fits holds: a SaveConflict is a StoreError too.
_TRANSLATED: dict[type[BaseException], Callable[[Any], ServiceError]] = {
    CatalogueError: _invalid_catalogue,
    ValidationError: invalid_fields,
    SaveConflict: lambda error: Clash(str(error), extra={"revision": error.current.revision}),
    ReadOnly: lambda error: Clash(str(error)),
    StoreError: lambda error: Away(str(error)),
    SpendingAway: lambda error: Away(str(error)),
    DatabaseProblem: lambda error: Away(str(error)),
    domain.InvalidRequest: _invalid_request,
    domain.NotFound: lambda error: Missing(str(error)),
    domain.Conflict: lambda error: Clash(str(error)),
    domain.Forbidden: lambda error: Refused(str(error)),
    domain.Unavailable: lambda error: Away(str(error)),
    domain.Upstream: lambda error: Upstream(str(error)),
    KubeError: lambda error: Away(f"The cluster did not do it: {error.message}"),
}
