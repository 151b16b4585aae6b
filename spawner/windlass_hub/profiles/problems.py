"""What is wrong with a catalogue, said to the person who wrote it: where, and what to do, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pydantic import ValidationError

from .fields import RULES

_MOST = 50
# By pydantic's error type; filled with the error's context.
_SENTENCES = {
    "missing": "This is needed.",
    "extra_forbidden": "This key is not known.",
    "invalid_key": "Keys must be text: put quotes around it.",
    "string_type": "This must be text: put quotes around it.",
    "string_unicode": "This holds characters that are no text.",
    "string_too_short": "This must not be empty.",
    "string_too_long": "This is too long: at most {max_length} characters.",
    "too_long": "There are too many: at most {max_length}.",
    "bool_type": "This must be true or false.",
    "bool_parsing": "This must be true or false.",
    "finite_number": "This must be a number.",
    "literal_error": "This must be {expected}.",
    "greater_than": "This must be more than {gt}.",
    "greater_than_equal": "This must be at least {ge}.",
    "less_than": "This must be less than {lt}.",
    "less_than_equal": "This must be at most {le}.",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "This must be a whole number."),
    **dict.fromkeys(("float_type", "float_parsing"), "This must be a number."),
    **dict.fromkeys(("tuple_type", "list_type"), "This must be a list."),
    **dict.fromkeys(
        ("dict_type", "model_type", "model_attributes_type", "mapping_type"), "This must hold named values."
    ),
}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong at one place; `path` is dotted with list positions, as `profiles.2.gpu.count`."""

    path: str
    message: str


class CatalogueError(Exception):
    """The document cannot be used; `problems` says where and why. `str()` is one sentence."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{first.path + ': ' if first.path else ''}{first.message}{more}")


def problems_of(error: ValidationError) -> list[Problem]:
    """The problems in pydantic's order, at most 50: a document with more is wrong as a whole."""
    return list(islice(_problems(error), _MOST))


def _problems(error: ValidationError) -> Iterator[Problem]:
    for item in error.errors(include_url=False, include_input=False):
        place = [str(part)[:100] for part in item["loc"] if part != "[key]"]
        yield Problem(path=".".join(place), message=_sentence(item["type"], item["msg"], item.get("ctx") or {}))


def _sentence(kind: str, message: str, context: Mapping[str, Any]) -> str:
    if kind == "string_pattern_mismatch":
        return RULES.get(str(context.get("pattern")), message)
    if kind in _SENTENCES:
        return _SENTENCES[kind].format_map(context)
    own = message.removeprefix("Value error, ")
    return own[:1].upper() + own[1:]
