"""The API's failures as it words them: a Status object with code, reason, message and details."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.cluster.emulator.kinds import Kind


class ApiError(Exception):
    """An answer that is a failure."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after
        self.body = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "details": details or {},
            "code": code,
        }


class NotServed(ApiError):
    """No such address."""


def _details(kind: Kind, name: str) -> dict[str, Any]:
    return {"name": name, "group": kind.group, "kind": kind.plural}


def not_found(kind: Kind, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{kind.group_resource} "{name}" not found', details=_details(kind, name))


def not_served() -> ApiError:
    """The real server answers with plain text here."""
    return NotServed(404, "NotFound", "404 page not found")


def already_exists(kind: Kind, name: str) -> ApiError:
    message = f'{kind.group_resource} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, details=_details(kind, name))


def conflict(kind: Kind, name: str, why: str = "") -> ApiError:
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {kind.group_resource} "{name}": {why}'
    return ApiError(409, "Conflict", message, details=_details(kind, name))


def forbidden(kind: Kind, name: str, why: str) -> ApiError:
    quoted = f' "{name}"' if name else ""
    message = f"{kind.group_resource}{quoted} is forbidden: {why}"
    return ApiError(403, "Forbidden", message, details=_details(kind, name))


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def expired(message: str = "The resourceVersion for the provided list is too old.") -> ApiError:
    return ApiError(410, "Expired", message)


def invalid(kind: Kind, name: str, causes: Sequence[tuple[str, str]]) -> ApiError:
    """`causes` are (field, message), as `("metadata.name", "Required value: name or generateName is required")`."""
    shown = [f"{where}: {what}" for where, what in causes]
    text = shown[0] if len(shown) == 1 else f"[{', '.join(shown)}]"
    kind_name = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    details = {
        "name": name,
        "group": kind.group,
        "kind": kind.kind,
        "causes": [{"reason": "FieldValueInvalid", "message": what, "field": where} for where, what in causes],
    }
    return ApiError(422, "Invalid", f'{kind_name} "{name}" is invalid: {text}', details=details)
