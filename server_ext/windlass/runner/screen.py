"""What a terminal would show of text that rewrites itself (tqdm, Keras, pip): bars must not flood log or notebook.

It understands carriage return, backspace, cursor up and down and line erasure, over the few rows that can still change.
Pure text in, rows out; it knows no files and no clock.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\r|\n|\x08|\x1b\[([\d;?]*)([A-Za-z])|[^\r\n\x08\x1b]+|\x1b")
_CONTROLS = ("\r", "\x08", "\x1b[")
_MOVES = re.compile(r"\r|\x08|\x1b\[[\d;]*[ABCDGJK]")
_MOST_ROWS = 24
_ROWS_BELOW_A_BAR = 6


def rewrites(text: str) -> bool:
    """Whether the text does more than add lines; colours alone do not."""
    if not any(control in text for control in _CONTROLS):
        return False
    return _MOVES.search(text) is not None


class Row:
    """One row that may still change. `logged` is for the log's use: the state it wrote last."""

    __slots__ = ("cells", "logged", "rewritten")

    def __init__(self, text: str = "") -> None:
        self.cells = list(text)
        self.logged: str | None = None
        self.rewritten = False

    @property
    def text(self) -> str:
        """The row as shown, without the blanks that bars use to wipe."""
        return "".join(self.cells).rstrip(" ")


class Screen:
    """The rows of one stream that can still change."""

    def __init__(self) -> None:
        self._start(Row())

    def _start(self, row: Row) -> None:
        self.rows = [row]
        self._row = 0
        self._column = len(row.cells)
        self._tall = 0
        self._prefix = ""

    @property
    def idle(self) -> bool:
        """Nothing is shown that could be rewritten: plain text may bypass the screen."""
        return len(self.rows) == 1 and not self.rows[0].cells and self.rows[0].logged is None

    def begin(self, partial: str) -> None:
        """Take over a line whose beginning has bypassed the screen."""
        row = Row(partial)
        row.logged = partial or None
        self._start(row)

    def feed(self, text: str) -> list[Row]:
        """Show `text`; the rows that are now finished, in order."""
        finished: list[Row] = []
        for match in _TOKEN.finditer(text):
            piece = match.group()
            if piece == "\n":
                self._line_feed(finished)
            elif piece == "\r":
                self._column = 0
                self.rows[self._row].rewritten = True
            elif piece == "\x08":
                self._column = max(0, self._column - 1)
            elif match.group(2):
                self._escape(match.group(1), match.group(2), piece)
            else:
                self._put(piece)
        return finished

    def settle(self) -> list[Row]:
        """Take all rows as finished; an empty last one is dropped."""
        rows = self.rows if self.rows[-1].cells or self.rows[-1].logged is not None else self.rows[:-1]
        self._start(Row())
        return rows

    def _line_feed(self, finished: list[Row]) -> None:
        self._row += 1
        self._column = 0
        if self._row == len(self.rows):
            self.rows.append(Row())
        self._tall -= self._tall > 0
        while self._row > 0 and not self._may_be_reached(self.rows[0]):
            finished.append(self.rows.pop(0))
            self._row -= 1

    def _may_be_reached(self, first: Row) -> bool:
        """Whether the cursor may go up to the first row: bars below bars do, shortly after they were drawn."""
        if self._tall:
            return len(self.rows) <= _MOST_ROWS
        return first.rewritten and len(self.rows) <= _ROWS_BELOW_A_BAR

    def _escape(self, arguments: str, command: str, sequence: str) -> None:
        count = int(arguments) if arguments.isdigit() else 1
        cells = self.rows[self._row].cells
        if command == "A":
            self._tall = _MOST_ROWS
            self._row = max(0, self._row - count)
        elif command == "B":
            self._row = min(len(self.rows) - 1, self._row + count)
        elif command in ("C", "D"):
            self._column = max(0, self._column + (count if command == "C" else -count))
        elif command == "G":
            self._column = max(0, count - 1)
        elif command == "K":
            if arguments == "2":
                cells.clear()
            elif arguments in ("", "0"):
                del cells[self._column :]
        elif command == "m":
            self._colour(cells, sequence)

    def _colour(self, cells: list[str], sequence: str) -> None:
        """Colours take no room: they stick to the character before, or to the one that follows."""
        if 0 < self._column <= len(cells):
            cells[self._column - 1] += sequence
        else:
            self._prefix += sequence

    def _put(self, text: str) -> None:
        cells = self.rows[self._row].cells
        if self._column > len(cells):
            cells.extend(" " * min(self._column - len(cells), 10_000))
            self._column = len(cells)
        fresh = list(text)
        if self._prefix:
            fresh[0] = self._prefix + fresh[0]
            self._prefix = ""
        cells[self._column : self._column + len(fresh)] = fresh
        self._column += len(fresh)
