"""A filter cut into tokens, each with its place: the part of sqlparse's lexer that decides what MLflow takes.

The rules and their order are sqlparse's; keywords that mean nothing to a filter are words like any other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """What a token is."""

    COMMENT = auto()
    WORD = auto()
    RESERVED = auto()
    """A word that is no name even after a dot."""
    BACKTICKED = auto()
    SINGLE = auto()
    DOUBLE = auto()
    ODD_NAME = auto()
    """What SQL takes for a name and nobody means: `[x]`, `?`, `*`, `@x`."""
    NUMBER = auto()
    COMPARISON = auto()
    DOT = auto()
    OPEN = auto()
    CLOSE = auto()
    CAST = auto()
    COMMA = auto()
    UNCLOSED = auto()
    """A quote without its end, and all that comes after."""
    OTHER = auto()


@dataclass(frozen=True)
class Token:
    """A piece of the text."""

    kind: Kind
    text: str
    start: int
    spaced: bool
    """Whether white space stands before it."""

    @property
    def end(self) -> int:
        """Where the next piece may begin."""
        return self.start + len(self.text)

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these words (upper case), however written."""
        return self.kind in (Kind.WORD, Kind.RESERVED) and " ".join(self.text.upper().split()) in words


_FLAGS = re.IGNORECASE | re.UNICODE
_SPACE = re.compile(r"\s+", _FLAGS)
_RULES = [
    (re.compile(rule, _FLAGS), kind)
    for rule, kind in (
        (r"(--|# ).*?(\r\n|\r|\n|$)", Kind.COMMENT),
        (r"/\*[\s\S]*?\*/", Kind.COMMENT),
        (r":=", Kind.OTHER),
        (r"::", Kind.CAST),
        (r"\*", Kind.ODD_NAME),
        (r"`(``|[^`])*`", Kind.BACKTICKED),
        (r"´(´´|[^´])*´", Kind.ODD_NAME),
        (r"\?|%(\(\w+\))?s|(?<!\w)[$:?]\w+", Kind.ODD_NAME),
        (r"\\\w+", Kind.OTHER),
        (r"(CASE|IN|VALUES|USING|FROM|AS)\b", Kind.RESERVED),
        (r"(@|##|#)[A-ZÀ-Ü]\w+", Kind.ODD_NAME),
        (r"[A-ZÀ-Ü]\w*(?=\s*\.(?!\d))", Kind.WORD),
        (r"(?<=\.)[A-ZÀ-Ü]\w*", Kind.WORD),
        (r"[A-ZÀ-Ü]\w*(?=\()", Kind.WORD),
        (r"-?0x[\dA-F]+", Kind.OTHER),
        (r"-?\d+(\.\d+)?E-?\d+", Kind.NUMBER),
        (r"(?![_A-ZÀ-Ü])-?(\d+(\.\d*)|\.\d+)(?![_A-ZÀ-Ü])", Kind.NUMBER),
        (r"(?![_A-ZÀ-Ü])-?\d+(?![_A-ZÀ-Ü])", Kind.NUMBER),
        (r"'(''|\\'|[^'])*'", Kind.SINGLE),
        (r'"(""|\\"|[^"])*"', Kind.DOUBLE),
        (r"(?<![\w\])])(\[[^\]\[]+\])", Kind.ODD_NAME),
        (r"NOT\s+NULL\b", Kind.WORD),
        (r"(NOT\s+)?(LIKE|ILIKE|RLIKE|REGEXP)\b", Kind.COMPARISON),
        (r"\w[$#\w]*", Kind.WORD),
        (r"\.", Kind.DOT),
        (r"[(\[]", Kind.OPEN),
        (r"[)\]]", Kind.CLOSE),
        (r",", Kind.COMMA),
        (r"->>?|#>>?|@>|<@|-|#-", Kind.OTHER),
        (r"[<>=~!]+", Kind.COMPARISON),
        (r"['\"`´][\s\S]*", Kind.UNCLOSED),
        (r"[+/@#%^&|-]+", Kind.OTHER),
        (r"[\s\S]", Kind.OTHER),
    )
]


def tokens_of(text: str) -> list[Token]:
    """The tokens of a text, white space left out. Never fails."""
    tokens: list[Token] = []
    place = 0
    while place < len(text):
        spaces = _SPACE.match(text, place)
        if spaces is not None:
            place = spaces.end()
            if place == len(text):
                break
        for rule, kind in _RULES:
            found = rule.match(text, place)
            if found is not None:
                tokens.append(Token(kind=kind, text=found[0], start=place, spaced=spaces is not None))
                place = found.end()
                break
    return tokens
