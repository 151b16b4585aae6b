"""Reads what a clause is about: `metrics.accuracy`, `` params.`batch size` ``, `status`.

MLflow's tokenizer splits a name at most characters that are no letters; those names need backticks, and that is what
is said of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from windlass.tracking.filters.cursor import Cursor, Wrong
from windlass.tracking.filters.tokens import Kind, Token
from windlass.tracking.filters.vocabulary import ALIASES, DATASET, KINDS, NUMBERS, TEXTS

_NAMES = (Kind.WORD, Kind.BACKTICKED, Kind.SINGLE, Kind.DOUBLE, Kind.ODD_NAME)
_ATTRIBUTES = (*TEXTS, *NUMBERS)
_REST_OF_NAME = re.compile(r"[^\s<>=!~()'\"`,;]*")
_EXAMPLE = "such as metrics.accuracy > 0.9"


@dataclass(frozen=True)
class Name:
    """What is compared."""

    kind: str
    key: str
    start: int
    end: int
    text: str
    """As it was written."""


def read_name(cursor: Cursor) -> Name:
    """Take a name. Raises Wrong."""
    head = cursor.peek()
    if head is None or head.kind not in (Kind.WORD, Kind.BACKTICKED, Kind.DOUBLE):
        raise _no_name(cursor, head)
    cursor.take()
    dot = cursor.peek()
    if dot is not None and dot.kind is Kind.NUMBER and dot.text.startswith(".") and not dot.spaced:
        raise _needs_backticks(cursor.text, head, dot)
    if dot is None or dot.kind is not Kind.DOT:
        return _attribute(cursor, head, head, _unquoted(head.text, "`\"'"))
    if dot.spaced:
        raise Wrong(head.start, dot.end, "There may be no space before the dot of a name.")
    kind = _kind(head)
    if head.text.upper() in ("PARAMETER", "PARAMETERS") and re.match(r"\.\s*\d", cursor.text[dot.start :]):
        raise _needs_backticks(cursor.text, head, dot)
    last = _after_dot(cursor, head)
    key = _unquoted(_unquoted(cursor.text[dot.end : last.end], "'\""), "`")
    if kind == "attributes":
        return _attribute(cursor, head, last, key)
    if kind == "datasets" and key not in DATASET:
        known = ", ".join(f"datasets.{word}" for word in DATASET)
        raise Wrong(dot.end, last.end, f"Of datasets MLflow knows {known}.")
    if kind != "datasets" and key in ALIASES:
        raise Wrong(head.start, last.end, f"MLflow takes {key!r} for {ALIASES[key]!r} everywhere: it cannot find this.")
    return Name(kind=kind, key=key, start=head.start, end=last.end, text=cursor.text[head.start : last.end])


def _after_dot(cursor: Cursor, head: Token) -> Token:
    """Take the dot and everything that belongs to the name after it; answers the last token."""
    last = head
    while cursor.adjoins(Kind.DOT):
        dot = cursor.take()
        part = cursor.peek()
        if part is not None and not part.spaced and part.kind in (Kind.RESERVED, Kind.NUMBER, Kind.OTHER):
            raise _needs_backticks(cursor.text, head, part)
        if part is not None and not part.spaced and part.kind is Kind.UNCLOSED:
            raise cursor.missing("")
        if part is None or part.spaced or part.kind not in _NAMES:
            written = cursor.text[head.start : dot.end]
            raise Wrong(head.start, dot.end, f"A name is missing right after {written}")
        last = _with_brackets(cursor, cursor.take())
    following = cursor.peek()
    if following is not None and not following.spaced and following.kind in (Kind.OTHER, Kind.ODD_NAME):
        raise _needs_backticks(cursor.text, head, following)
    return last


def _with_brackets(cursor: Cursor, last: Token) -> Token:
    """What SQL takes for a call, an index or a cast is part of the name: `f1(macro)`, `layers[0]`."""
    while True:
        if cursor.adjoins(Kind.OPEN):
            last = cursor.bracketed()
        elif cursor.adjoins(Kind.CAST) and (typed := cursor.peek(1)) is not None and typed.kind in _NAMES:
            cursor.take()
            last = cursor.take()
        else:
            return last


def _kind(head: Token) -> str:
    word = _unquoted(head.text, "`")
    if word in KINDS:
        return KINDS[word]
    near = get_close_matches(word.lower(), KINDS, n=1, cutoff=0.6)
    advice = f"Did you mean {KINDS[near[0]]}?" if near else "Write metrics, params, tags, attributes or datasets."
    raise Wrong(head.start, head.end, f"Runs have no {head.text!r}. {advice}")


def _attribute(cursor: Cursor, head: Token, last: Token, key: str) -> Name:
    key = ALIASES.get(key, key)
    if key in _ATTRIBUTES:
        text = cursor.text[head.start : last.end]
        return Name(kind="attributes", key=key, start=head.start, end=last.end, text=text)
    known = ", ".join(_ATTRIBUTES)
    following = cursor.peek()
    if head.text.upper() in ("OR", "NOT") and following is not None:
        raise Wrong(head.start, head.end, f"MLflow knows no {head.text.upper()} here: conditions are joined by AND.")
    if head is last and not _is_compared(following):
        message = (
            f"{key} is no condition. A condition is a name, a comparison and a value; conditions are joined by AND."
        )
        raise Wrong(head.start, last.end, message)
    near = get_close_matches(key.lower(), _ATTRIBUTES, n=1, cutoff=0.75)
    if near:
        raise Wrong(head.start, last.end, f"Runs have no attribute {key!r}. Did you mean {near[0]}?")
    advice = f"Write metrics.{key}, params.{key} or tags.{key}" if head is last else "Write one of them"
    raise Wrong(head.start, last.end, f"Runs have no attribute {key!r}: theirs are {known}. {advice}.")


def _is_compared(token: Token | None) -> bool:
    return token is None or token.kind is Kind.COMPARISON or token.is_word("IN", "IS", "NOT")


def _no_name(cursor: Cursor, head: Token | None) -> Wrong:
    if head is not None and head.text == "(":
        return Wrong(head.start, head.end, "MLflow knows no parentheses around conditions: join them by AND.")
    if head is not None and head.kind is Kind.COMMENT:
        return Wrong(head.start, head.end, "A filter can have no comments; a name with -- or # in it needs backticks.")
    if head is not None and head.text == ";":
        return Wrong(head.start, head.end, "A filter has no semicolons: join conditions by AND.")
    if head is not None and head.kind is Kind.SINGLE:
        message = "A text cannot stand here. A condition begins with a name; one with spaces stands in backticks."
        return Wrong(head.start, head.end, message)
    return cursor.missing(f"A condition begins with a name, {_EXAMPLE}.")


def _needs_backticks(text: str, head: Token, token: Token) -> Wrong:
    """The mistake of a bare name that MLflow would cut in two."""
    end = max(token.end, _end_of_name(text, token.start))
    name = text[head.start : end].partition(".")[2].strip("`\"'")
    quote = "`" if "`" not in name else '"'
    return Wrong(head.start, end, f"Put this name into backticks: {head.text}.{quote}{name}{quote}")


def _end_of_name(text: str, start: int) -> int:
    found = _REST_OF_NAME.match(text, start)
    return found.end() if found is not None else start


def _unquoted(text: str, quotes: str) -> str:
    for quote in quotes:
        if len(text) >= 2 and text.startswith(quote) and text.endswith(quote):
            return text[1:-1]
    return text
