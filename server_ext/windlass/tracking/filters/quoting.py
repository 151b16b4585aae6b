"""Words of somebody else's, put into MLflow's filters and sort orders so that they stay words.

MLflow has no escapes: a value ends at the first quote of its kind. What cannot be said is refused, not sent.
"""

from __future__ import annotations

from windlass.errors import FieldError, InvalidRequest
from windlass.tracking.filters.vocabulary import ALIASES

KINDS = ("metrics", "params", "tags", "attributes")


def quoted(value: str) -> str:
    """A value as a filter has it. Raises InvalidRequest for one that no quotes hold."""
    for quote in ("'", '"'):
        if quote not in value and not value.endswith("\\"):
            return f"{quote}{value}{quote}"
    raise InvalidRequest("MLflow cannot compare with a text that has quotes of both kinds, or ends with a backslash.")


def contains(text: str) -> str:
    """A pattern for LIKE and ILIKE that finds whatever contains the text.

    What cannot be said in a pattern stands for any character, so that too much is found rather than too little.
    """
    said = text
    for character in "'\"\\":
        said = said.replace(character, "_")
    return f"'%{said}%'"


def key(column: str) -> str:
    """A column (`metrics.<key>`, `params.<key>`, `tags.<key>`, `attributes.<key>`) as filters and sort orders name it.

    Raises InvalidRequest for one that they cannot.
    """
    kind, _, name = column.partition(".")
    if kind not in KINDS or not name:
        raise _unfit(f"{column!r} is no column: it begins with metrics., params., tags. or attributes.")
    if "`" in name or '"' in name or "\\" in name:
        raise _unfit(f"MLflow cannot sort or filter by {column!r}: there are quotes or backslashes in it.")
    if kind != "attributes" and name in ALIASES:
        raise _unfit(f"MLflow takes {name!r} for {ALIASES[name]!r} everywhere: it cannot sort or filter by {column!r}.")
    return f"{kind}.`{name}`"


def order_by(column: str, *, descending: bool) -> str:
    """A clause that sorts by a column. Raises InvalidRequest for one that MLflow cannot sort by."""
    return f"{key(column)} {'DESC' if descending else 'ASC'}"


def _unfit(message: str) -> InvalidRequest:
    return InvalidRequest(message, fields=[FieldError(field="sort", message=message)])
