"""What can stand at the caret of a filter that is being typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from windlass.contract.experiments import Completion, FilterAdvice, FilterProblem
from windlass.errors import InvalidRequest
from windlass.tracking.filters.cursor import Cursor, Wrong
from windlass.tracking.filters.names import Name, read_name
from windlass.tracking.filters.parser import FilterMistake, parse, read_compared, read_comparison
from windlass.tracking.filters.places import from_utf16, to_utf16
from windlass.tracking.filters.quoting import quoted
from windlass.tracking.filters.tokens import Kind, tokens_of
from windlass.tracking.filters.vocabulary import DATASET, NUMBERS, STATUSES, TEXTS, comparisons, is_number, named

MOST_OFFERED = 50
_UNFINISHED = frozenset(
    {Kind.WORD, Kind.RESERVED, Kind.DOT, Kind.BACKTICKED, Kind.UNCLOSED, Kind.OTHER, Kind.NUMBER, Kind.ODD_NAME}
)
_REST_OF_WORD = re.compile(r"[\w./-]*[`'\"]?")
_QUOTES = str.maketrans("", "", "`'\"")
_KINDS = ("metrics", "params", "tags", "attributes", "datasets")


@dataclass(frozen=True)
class _Offer:
    text: str
    kind: str
    key: str
    """What may be typed for it, besides the text itself."""


def advise(
    text: str, offset: int, keys: Mapping[str, Sequence[str]], *, values: Mapping[str, Sequence[str]] | None = None
) -> FilterAdvice:
    """Whether a filter is right, and what can stand at the caret.

    Args:
        text: the filter as it stands.
        offset: where the caret is, in UTF-16 code units; one past the end is the end.
        keys: the known keys of `metrics`, `params` and `tags`.
        values: known values by column (`params.optimizer`, `attributes.user_id`).
    """
    found = parse(text)
    problem = None
    if isinstance(found, FilterMistake):
        problem = FilterProblem(start=found.start, end=found.end, message=found.message)
    caret = from_utf16(text, offset)
    start = _word_start(text[:caret])
    typed = text[start:caret].translate(_QUOTES).lower()
    end = caret
    if typed and (rest := _REST_OF_WORD.match(text, caret)) is not None:
        end = rest.end()
    place = (to_utf16(text, start), to_utf16(text, end))
    offers = _ranked(typed, _offers(text[:start], keys, values or {}))
    return FilterAdvice(
        problem=problem,
        completions=[
            Completion(text=offer.text, start=place[0], end=place[1], label=offer.text, kind=offer.kind)
            for offer in offers
        ],
    )


def _word_start(before: str) -> int:
    """Where the word begins that the caret is in or right behind."""
    start = len(before)
    for token in reversed(tokens_of(before)):
        if token.end != start or token.kind not in _UNFINISHED:
            break
        start = token.start
        if token.spaced:
            break
    return start


def _offers(before: str, keys: Mapping[str, Sequence[str]], values: Mapping[str, Sequence[str]]) -> Iterable[_Offer]:
    """What can come after a text, told by reading it; nothing after a mistake."""
    cursor = Cursor(before)
    joined = True
    try:
        while (token := cursor.peek()) is not None:
            if token.is_word("AND"):
                cursor.take()
                joined = True
                continue
            name = read_name(cursor)
            if _begins_comparison(cursor):
                return _comparisons(name, cursor.rest())
            comparison = read_comparison(cursor, name)
            if cursor.peek() is None and not comparison.startswith("IS "):
                return _values(name, comparison, values)
            read_compared(cursor, name, comparison)
            joined = False
    except Wrong:
        return ()
    return _names(keys) if joined else (_Offer("AND", "keyword", "and"),)


def _begins_comparison(cursor: Cursor) -> bool:
    """Whether nothing is there of a comparison, or the first word of two."""
    return cursor.rest() in ("", "IS", "NOT")


def _comparisons(name: Name, begun: str) -> Iterator[_Offer]:
    for comparison in comparisons(name.kind, name.key):
        if comparison.startswith(begun) and comparison != begun:
            left = comparison.removeprefix(begun).strip()
            yield _Offer(left, "operator", left.lower())


def _values(name: Name, comparison: str, values: Mapping[str, Sequence[str]]) -> Iterator[_Offer]:
    if is_number(name.kind, name.key):
        return
    known = values.get(f"{name.kind}.{name.key}", ())
    if (name.kind, name.key) == ("attributes", "status"):
        known = STATUSES
    for value in known:
        try:
            said = quoted(value)
        except InvalidRequest:
            continue
        yield _Offer(f"({said})" if comparison.endswith("IN") else said, "value", value.lower())


def _names(keys: Mapping[str, Sequence[str]]) -> Iterator[_Offer]:
    for kind in _KINDS:
        yield _Offer(f"{kind}.", "keyword", kind)
    own = {"attributes": (*TEXTS, *NUMBERS), "datasets": DATASET}
    for kind in _KINDS:
        for key in own.get(kind) or keys.get(kind, ()):
            said = named(kind, key)
            if said is not None:
                yield _Offer(said, "key", key.lower())


def _ranked(typed: str, offers: Iterable[_Offer]) -> list[_Offer]:
    """Those that what was typed can become, the likeliest first, at most 50."""
    ranks: list[list[_Offer]] = [[], [], []]
    for offer in offers:
        full = offer.text.translate(_QUOTES).lower()
        if full == typed:
            continue
        if full.startswith(typed):
            ranks[0].append(offer)
        elif offer.key.startswith(typed):
            ranks[1].append(offer)
        elif typed in full:
            ranks[2].append(offer)
    return [offer for rank in ranks for offer in rank][:MOST_OFFERED]
