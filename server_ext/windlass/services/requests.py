"""What is wrong with a request and its model cannot see: text that no program can take, numbers that no JSON has."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator

from windlass.contract.base import JsonValue
from windlass.contract.jobs import JobRequest
from windlass.errors import FieldError, InvalidRequest


def check_request(request: JobRequest) -> None:
    """Raise InvalidRequest, with every field concerned."""
    texts = {
        "name": request.name,
        "engine": request.engine,
        "kind": request.kind,
        "environment": request.environment,
        "experiment": request.experiment,
    }
    texts |= {f"include.{index}": pattern for index, pattern in enumerate(request.include)}
    texts |= {f"exclude.{index}": pattern for index, pattern in enumerate(request.exclude)}
    message = "This holds control characters (line breaks, NUL); take them out."
    errors = [FieldError(field=name, message=message) for name, text in texts.items() if text and _has_controls(text)]
    _refuse([*errors, *_not_json(request.parameters)])


def check_parameters(parameters: dict[str, JsonValue] | None) -> None:
    """Raise InvalidRequest for values that are no JSON."""
    _refuse(list(_not_json(parameters or {})))


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        raise InvalidRequest(f"Please correct {errors[0].field}: {errors[0].message}", fields=errors)


def _has_controls(text: str) -> bool:
    return any(unicodedata.category(character) == "Cc" for character in text)


def _not_json(parameters: dict[str, JsonValue]) -> Iterator[FieldError]:
    for name, value in parameters.items():
        if not _is_finite(value):
            message = "NaN and infinity are not JSON; send them as text, as 'nan', and convert them in the notebook."
            yield FieldError(field=f"parameters.{name}", message=message)


def _is_finite(value: JsonValue) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(_is_finite(inner) for inner in value.values())
    if isinstance(value, list):
        return all(_is_finite(inner) for inner in value)
    return True
