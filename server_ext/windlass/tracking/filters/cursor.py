"""Walks along a filter's tokens, and carries a mistake out with its place."""

from __future__ import annotations

from windlass.tracking.filters.tokens import Kind, Token, tokens_of

_PAIRS = {"(": ")", "[": "]"}
_BREAKS = (Kind.OPEN, Kind.CLOSE, Kind.COMMA, Kind.COMPARISON)


class Wrong(Exception):
    """A mistake on its way out; places are counted in characters."""

    def __init__(self, start: int, end: int, message: str) -> None:
        super().__init__(message)
        self.start = start
        self.end = end


class Cursor:
    """A place among the tokens of a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = tokens_of(text)
        self._place = 0

    def peek(self, ahead: int = 0) -> Token | None:
        """The token that comes, or one after it; None at the end."""
        place = self._place + ahead
        return self._tokens[place] if place < len(self._tokens) else None

    def take(self) -> Token:
        """The token that comes, and go on. There must be one."""
        token = self._tokens[self._place]
        self._place += 1
        return token

    def rest(self) -> str:
        """The tokens that are left, in capitals."""
        return " ".join(token.text.upper() for token in self._tokens[self._place :])

    def adjoins(self, kind: Kind) -> bool:
        """Whether a token of a kind comes, with no space before it."""
        token = self.peek()
        return token is not None and token.kind is kind and not token.spaced

    def run_end(self, token: Token) -> int:
        """Where the run of tokens ends that begins with one: up to white space, a bracket, a comma or a comparison."""
        end = token.end
        for later in self._tokens:
            if later.start == end and not later.spaced and later.kind not in _BREAKS:
                end = later.end
        return end

    def bracketed(self) -> Token:
        """Take from an opening bracket to the one that closes it; answers that. Raises Wrong when none does."""
        first = self.take()
        open_ = [_PAIRS[first.text]]
        while (token := self.peek()) is not None:
            self.take()
            if token.kind is Kind.OPEN:
                open_.append(_PAIRS[token.text])
            elif token.kind is Kind.CLOSE and token.text == open_[-1]:
                open_.pop()
                if not open_:
                    return token
        raise Wrong(first.start, first.end, f"This {first.text} is not closed: write {_PAIRS[first.text]} after it.")

    def missing(self, message: str) -> Wrong:
        """The mistake that something should come here, and does not: at the next token, or at the end."""
        token = self.peek()
        if token is None:
            return Wrong(len(self.text), len(self.text) + 1, message)
        if token.kind is Kind.UNCLOSED:
            return Wrong(
                token.start, token.end, f"This quote is not closed: write {token.text[0]} where the text ends."
            )
        return Wrong(token.start, token.end, message)
