"""What every wire model shares."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

from pydantic import BaseModel, ConfigDict, JsonValue, PlainSerializer, WithJsonSchema

__all__ = ["JsonValue", "Timestamp", "WireModel"]


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Timestamp = Annotated[
    datetime,
    PlainSerializer(_rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""An aware UTC moment; in JSON `2026-11-23T05:31:00.000Z`."""


class WireModel(BaseModel):
    """A model of the REST contract: unknown fields are a mistake of the sender, and are said to be one."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)
