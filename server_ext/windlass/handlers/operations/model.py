"""An operation of the REST interface and its parameters, as data. Knows no particular one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from windlass.contract.base import WireModel

PREFIX = "/windlass/v1"
"""Where everything lies, under the server's base URL. A new major version of the contract gets a new one."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A path, query or header parameter."""

    name: str
    place: str
    description: str
    schema: dict[str, Any]

    def describe(self) -> dict[str, Any]:
        """As an OpenAPI parameter object."""
        return {
            "name": self.name,
            "in": self.place,
            "required": self.place == "path",
            "description": self.description,
            "schema": self.schema,
        }


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One verb on one path."""

    method: str
    path: str
    name: str
    """Stable name (OpenAPI `operationId`)."""
    summary: str
    request: type[WireModel] | None = None
    body_required: bool = True
    response: type[WireModel] | None = None
    status: int = 200
    also: tuple[int, ...] = ()
    """Further success statuses with the same body."""
    media_type: str = "application/json"
    parameters: tuple[Parameter, ...] = ()
    problems: tuple[int, ...] = ()
    """Statuses of problems that this operation may answer with, beside those every operation may."""
    headers: tuple[tuple[str, str], ...] = ()
    """Headers of the answer that callers may rely on."""


def in_path(name: str, description: str) -> Parameter:
    """A part of the path."""
    return Parameter(name=name, place="path", description=description, schema={"type": "string"})


def in_query(name: str, description: str, **schema: Any) -> Parameter:
    """A text in the query, or what `schema` says."""
    return Parameter(name=name, place="query", description=description, schema={"type": "string", **schema})


CURSOR = in_query("cursor", "`next_cursor` of the page before; means nothing but this.")


def limit(*, default: int, most: int) -> Parameter:
    """How many on a page."""
    bounds = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return in_query("limit", "At most so many on the page.", **bounds)
