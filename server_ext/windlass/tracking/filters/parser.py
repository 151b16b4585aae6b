"""Reads a filter for runs, clause by clause, and says where the first mistake is and what to write instead.

Taken is what MLflow takes. Refused, beyond that, is what MLflow takes and misreads: a dot with no name right after
it, a clause with IN or `IS NULL` and no AND before it, a sort order, a list compared by anything but IN, a time that no
database can hold, a metric named as MLflow's page once named an attribute. Servers before 3.9 know no `IS NULL`:
they refuse it themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from windlass.tracking.filters.cursor import Cursor, Wrong
from windlass.tracking.filters.names import Name, read_name
from windlass.tracking.filters.places import to_utf16
from windlass.tracking.filters.tokens import Kind, Token
from windlass.tracking.filters.values import Value, read_list, read_value
from windlass.tracking.filters.vocabulary import comparisons

_INSTEAD = {"==": "=", "<>": "!=", "=>": ">=", "=<": "<=", "~": "LIKE", "NOT LIKE": "!="}


@dataclass(frozen=True)
class Clause:
    """One comparison."""

    kind: str
    """metrics, params, tags, attributes or datasets."""
    key: str
    comparison: str
    """As MLflow writes it: `>=`, `LIKE`, `NOT IN`, `IS NULL` …"""
    value: Value


@dataclass(frozen=True)
class Parsed:
    """A filter that MLflow takes."""

    clauses: tuple[Clause, ...]


@dataclass(frozen=True)
class FilterMistake:
    """The first thing that is wrong with a filter, and where, in UTF-16 code units; `end` is greater than `start`."""

    start: int
    end: int
    message: str


def parse(text: str) -> Parsed | FilterMistake:
    """Read a filter; an empty one is right, and finds everything."""
    try:
        return Parsed(clauses=tuple(_clauses(Cursor(text))))
    except Wrong as wrong:
        start, end = to_utf16(text, wrong.start), to_utf16(text, wrong.end)
        return FilterMistake(start=start, end=max(end, start + 1), message=str(wrong))


def _clauses(cursor: Cursor) -> Iterator[Clause]:
    joined = True
    while (token := cursor.peek()) is not None:
        if token.is_word("AND"):
            cursor.take()
            joined = True
            continue
        name = read_name(cursor)
        comparison = read_comparison(cursor, name)
        if not joined and comparison in ("IN", "NOT IN", "IS NULL", "IS NOT NULL"):
            raise Wrong(name.start, name.end, f"AND is missing before {name.text}.")
        yield Clause(name.kind, name.key, comparison, read_compared(cursor, name, comparison))
        # After NULL, MLflow finds the next clause without help.
        joined = comparison.startswith("IS ")


def read_comparison(cursor: Cursor, name: Name) -> str:
    """Take a comparison, answered in capitals. Raises Wrong for none, and for one that does not fit the name."""
    comparison, place = _comparison(cursor, name)
    if comparison not in comparisons(name.kind, name.key):
        raise _unfit(cursor, name, comparison, place)
    return comparison


def read_compared(cursor: Cursor, name: Name, comparison: str) -> Value:
    """Take what a name is compared with; None where that is NULL. Raises Wrong."""
    if comparison.startswith("IS "):
        return None
    return read_list(cursor, name) if comparison.endswith("IN") else read_value(cursor, name)


def _comparison(cursor: Cursor, name: Name) -> tuple[str, tuple[int, int]]:
    """Take a comparison; answers it in capitals, and where it stands."""
    first = cursor.peek()
    if first is None:
        raise cursor.missing(f"A comparison is missing after {name.text}: {_choice(name)}.")
    if first.kind is Kind.COMPARISON:
        cursor.take()
        return _spelled(first), (first.start, first.end)
    if first.is_word("IN"):
        cursor.take()
        return "IN", (first.start, first.end)
    second = cursor.peek(1)
    if second is not None and first.is_word("NOT") and second.is_word("IN"):
        return _both(cursor, "NOT IN")
    if second is not None and first.is_word("IS") and second.is_word("NULL"):
        return _both(cursor, "IS NULL")
    if second is not None and first.is_word("IS") and second.is_word("NOT NULL"):
        if len(second.text) > len("NOT NULL") or not second.text[3:].startswith(" "):
            raise Wrong(second.start, second.end, "Write NOT NULL with one space.")
        return _both(cursor, "IS NOT NULL")
    raise _no_comparison(cursor, name, first)


def _both(cursor: Cursor, words: str) -> tuple[str, tuple[int, int]]:
    first, second = cursor.take(), cursor.take()
    return words, (first.start, second.end)


def _spelled(token: Token) -> str:
    return " ".join(token.text.upper().split())


def _no_comparison(cursor: Cursor, name: Name, first: Token) -> Wrong:
    if first.is_word("ASC", "DESC"):
        return Wrong(first.start, first.end, "A filter has no sort order: sort by a column instead.")
    if first.is_word("BETWEEN"):
        message = f"MLflow knows no BETWEEN: write {name.text} >= … AND {name.text} <= …"
        return Wrong(first.start, first.end, message)
    return cursor.missing(f"A comparison must follow {name.text}: {_choice(name)}. A name with spaces needs backticks.")


def _unfit(cursor: Cursor, name: Name, comparison: str, place: tuple[int, int]) -> Wrong:
    following = cursor.peek()
    if following is not None and following.kind is Kind.COMPARISON and not comparison.isalpha():
        message = f"There may be no space within a comparison: write {comparison}{following.text}."
        return Wrong(place[0], following.end, message)
    if comparison.startswith("IS "):
        message = f"{comparison} is for params and tags only; {name.text} takes {_choice(name)}."
    else:
        instead = _INSTEAD.get(comparison)
        advice = f"Write {instead}" if instead in comparisons(name.kind, name.key) else f"It takes {_choice(name)}"
        message = f"{name.text} cannot be compared by {comparison}. {advice}."
    return Wrong(*place, message)


def _choice(name: Name) -> str:
    return ", ".join(comparisons(name.kind, name.key))
