"""Errors on the wire: RFC 9457 problem details."""

from __future__ import annotations

from pydantic import Field

from windlass.contract.base import JsonValue, WireModel


class FieldProblem(WireModel):
    """What is wrong with one field of a request."""

    field: str
    """Dotted path, as `parameters.learning_rate`."""
    message: str


class Problem(WireModel):
    """Why a request was refused, in a sentence that says what to do. Sent as application/problem+json."""

    type: str
    """`windlass:not-found` and the like; stable, for programs."""
    title: str
    status: int
    detail: str
    """For people."""
    instance: str | None = None
    fields: list[FieldProblem] = Field(default_factory=list)
    extra: dict[str, JsonValue] = Field(default_factory=dict)
    """What a program may want beside it, as the findings that stand in the way."""
