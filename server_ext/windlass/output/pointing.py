"""A filter with carets under the place of its mistake, whatever is in it.

The server counts in UTF-16 code units, terminals in cells: a wide character takes two of these, an accent none. Every
character of the filter is shown as one, so that the place stays right where something had to be made harmless.
"""

from __future__ import annotations

from rich.cells import cell_len

from windlass.contract.problem import Problem
from windlass.output import text

WIDTH = 78
_MARGIN = 30
_CUT = "..."
_JOINERS = frozenset("\u200c\u200d\ufe0f")


def pointer(problem: Problem | None, source: str) -> str | None:
    """Two lines that show the place a problem speaks of, if it speaks of one in this filter."""
    if problem is None or not any(field.field == "filter" for field in problem.fields):
        return None
    start, end = problem.extra.get("start"), problem.extra.get("end")
    if not isinstance(start, int) or not isinstance(end, int):
        return None
    return pointed(source, start=start, end=end)


def pointed(source: str, *, start: int, end: int, width: int = WIDTH) -> str:
    """The filter on one line of at most `width` cells, and carets below from `start` to `end` (UTF-16 code units)."""
    first, last = _index(source, start), _index(source, end)
    shown = [_shown(character) for character in source]
    lead, skipped = "", 0
    if cell_len("".join(shown)) > width:
        skipped = max(0, first - _MARGIN)
        lead = _CUT if skipped else ""
    before = lead + "".join(shown[skipped:first])
    marked = "".join(shown[first:last])
    rest = "".join(shown[last:])
    line = _fitting(before + marked + rest, width)
    room = max(1, width - cell_len(before))
    return f"{line}\n{' ' * cell_len(before)}{'^' * min(max(1, cell_len(marked)), room)}"


def _index(source: str, units: int) -> int:
    """Which character begins at or around so many UTF-16 code units."""
    passed = 0
    for place, character in enumerate(source):
        passed += 2 if ord(character) > 0xFFFF else 1
        if passed > units:
            return place
    return len(source)


def _shown(character: str) -> str:
    if character in "\n\t":
        return " "
    return "\ufffd" if character in _JOINERS else text.lines(character) or "\ufffd"


def _fitting(line: str, width: int) -> str:
    if cell_len(line) <= width:
        return line
    while cell_len(line) > width - len(_CUT):
        line = line[:-1]
    return line + _CUT
