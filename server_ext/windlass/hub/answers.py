"""What the hub service's answers mean: a model of ours, or an error with the sentence that the service said.

The two are updated at different times, so a newer service's answer is read as far as it is known. It sends nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from windlass.errors import Conflict, FieldError, Forbidden, InvalidRequest, NotFound, Unavailable, WindlassError

if TYPE_CHECKING:
    import httpx

M = TypeVar("M", bound=BaseModel)

_MISSING = "windlass:not-found"
"""The type of the service's own 404; any other is of an address that it does not know."""
_MEANINGS: Mapping[int, tuple[type[WindlassError], str]] = {
    401: (Unavailable, "The hub does not accept this server's token any more: restart your server from the hub."),
    403: (Forbidden, "The hub service does not let you do this."),
    404: (NotFound, "The hub service does not know it."),
    409: (Conflict, "The hub service says that this is not possible now."),
}


def understood(model: type[M], content: bytes) -> M:
    """The answer as a model; fields that a newer service added are passed over, for models that would mind.

    Raises pydantic.ValidationError.
    """
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        unknown = [found["loc"] for found in error.errors() if found["type"] == "extra_forbidden"]
        if not unknown or len(unknown) != error.error_count():
            raise
        answer = json.loads(content)
        for *path, name in unknown:
            place = answer
            for part in path:
                place = place[part]
            del place[name]
        return model.model_validate(answer)


def refusal(response: httpx.Response) -> WindlassError:
    """The error that an answer of the service stands for."""
    status, problem = response.status_code, _problem(response)
    told = str(problem.get("detail") or "")[:1000]
    if status in (404, 405) and problem.get("type") != _MISSING:
        return Unavailable("The hub's Windlass is older than this server's and does not know this: ask its admins.")
    if status == 400:
        return InvalidRequest(told or "The hub service did not understand the request.", _fields(problem))
    kind, otherwise = _MEANINGS.get(status, (Unavailable, f"The hub service answered {status}; try again."))
    return kind(otherwise if status == 401 else told or otherwise)


def _problem(response: httpx.Response) -> dict[str, Any]:
    """What the service says is wrong; nothing of a page that a proxy made."""
    if not response.headers.get("Content-Type", "").startswith("application/problem+json"):
        return {}
    try:
        answer: Any = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _fields(problem: Mapping[str, Any]) -> list[FieldError]:
    found = problem.get("fields")
    return [
        FieldError(field=str(each.get("field") or "")[:200], message=str(each.get("message") or "")[:1000])
        for each in (found[:50] if isinstance(found, list) else ())
        if isinstance(each, dict)
    ]
