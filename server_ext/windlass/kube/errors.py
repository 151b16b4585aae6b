"""What the Kubernetes API answers when it does not do what was asked: one class per thing a caller can do about it.

The text of an error is the server's own sentence where it gave one. Nothing here knows the request's headers, so that
no token can get into an error, a log or an event.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

TOO_LARGE = "RequestEntityTooLarge"
LONGEST_MESSAGE = 2000
"""Characters of the server's message that are kept; admission webhooks can answer with pages."""


class KubeError(Exception):
    """An answer that is none of the others; `str(error)` is one sentence."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        reason: str = "",
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason
        self.details: dict[str, Any] = dict(details or {})
        self.retry_after = retry_after
        """Seconds the server asked to wait, None where it did not say."""


class NotFound(KubeError):
    """404: there is no such object, or the cluster does not know this kind."""


class Conflict(KubeError):
    """409: it exists already (`already_exists`), or it was changed since it was read."""

    @property
    def already_exists(self) -> bool:
        """An object of that name is there, whoever made it."""
        return self.reason == "AlreadyExists"


class Forbidden(KubeError):
    """403: the account may not, or admission (a quota, a policy) refused."""


class Unauthorized(KubeError):
    """401: the credentials are not accepted, also after they were refreshed."""


class Gone(KubeError):
    """410: the history that was asked for is no longer kept; list again."""


class Invalid(KubeError):
    """400, 413 or 422: the object or the request is wrong as written, or too large; asking again will not help."""

    @property
    def too_large(self) -> bool:
        """There is nothing wrong with it but its size."""
        return self.reason == TOO_LARGE


class Unavailable(KubeError):
    """No answer, a timeout, 5xx or 429: the same request may succeed later."""


_CLASSES: dict[int, type[KubeError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: Invalid,
    422: Invalid,
    429: Unavailable,
}


_TOO_LARGE = re.compile(r"request is too large|trying to send message larger than max")


def from_answer(*, status: int, body: bytes, retry_after: str | None = None) -> KubeError:
    """The error that an HTTP answer of `status` means; `retry_after` is that header's text."""
    return from_status(_parsed(body), status=status, retry_after=retry_after)


def from_status(answer: Mapping[str, Any], *, status: int, retry_after: str | None = None) -> KubeError:
    """The error that a `Status` object means, or an empty mapping where the answer was none (a proxy's page)."""
    message = str(answer.get("message") or "") or f"The Kubernetes API answered {status} {_phrase(status)}."
    reason = str(answer.get("reason") or "")
    details = answer.get("details")
    kept = details if isinstance(details, dict) else {}
    message = message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 1] + "…"
    if status == 413 or (status >= 500 and _TOO_LARGE.search(message)):
        # The database's limit is lower than the API server's, which passes its words on as a failure of its own.
        status, reason = 413, TOO_LARGE
    kind = _CLASSES.get(status, Unavailable if status >= 500 else KubeError)
    seconds = _seconds(retry_after) or _seconds(kept.get("retryAfterSeconds"))
    return kind(message, status=status, reason=reason, details=kept, retry_after=seconds)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) and answer.get("kind") == "Status" else {}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "(no standard status)"


def _seconds(text: object) -> float | None:
    """Retry-After in seconds; the form with a date is not used by API servers and is taken as not said."""
    try:
        return max(0.0, float(str(text)))
    except ValueError:
        return None
