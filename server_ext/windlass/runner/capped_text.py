"""Text of which head and tail are kept: a million printed lines must cost no memory and no notebook slow to open."""

from __future__ import annotations

HEAD_CHARACTERS = 65536
TAIL_CHARACTERS = 65536


class CappedText:
    """Grows by `append`; holds at most head + twice the tail."""

    def __init__(self, *, head: int = HEAD_CHARACTERS, tail: int = TAIL_CHARACTERS) -> None:
        self._head_limit = head
        self._tail_limit = tail
        self._head: list[str] = []
        self._head_size = 0
        self._tail: list[str] = []
        self._tail_size = 0
        self._lines_out = 0
        self._characters_out = 0

    def append(self, text: str) -> None:
        """Add text; cheap, whatever has gone before."""
        room = self._head_limit - self._head_size
        if room > 0:
            taken = text[:room]
            self._head.append(taken)
            self._head_size += len(taken)
            text = text[room:]
        if not text:
            return
        self._tail.append(text)
        self._tail_size += len(text)
        if self._tail_size > 2 * self._tail_limit:
            self._trim()

    def _trim(self) -> None:
        kept = "".join(self._tail)
        cut = len(kept) - self._tail_limit
        newline = kept.find("\n", cut, cut + 2000)
        if newline >= 0:
            cut = newline + 1
        self._lines_out += kept.count("\n", 0, cut)
        self._characters_out += cut
        self._tail = [kept[cut:]]
        self._tail_size = len(kept) - cut

    @property
    def empty(self) -> bool:
        """Whether nothing was appended yet."""
        return not self._head_size

    def render(self) -> str:
        """The text, with a line that says how much is left out."""
        if self._tail_size > self._tail_limit and (self._characters_out or self._tail_size > 2 * self._tail_limit):
            self._trim()
        head, tail = "".join(self._head), "".join(self._tail)
        if not self._characters_out:
            return head + tail
        note = left_out(lines=self._lines_out, characters=self._characters_out)
        return f"{head}\n{note}\n{tail}"


def left_out(*, lines: int, characters: int) -> str:
    """The sentence that stands where output was left out."""
    return f"[… {lines:,} lines ({characters / 1e6:,.1f} million characters) left out here; the log has all of it …]"


def shorten(text: str, *, limit: int) -> str:
    """`text`, or its head and tail when it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    half = limit // 2
    middle = text[half:-half]
    return f"{text[:half]}\n{left_out(lines=middle.count(chr(10)), characters=len(middle))}\n{text[-half:]}"
