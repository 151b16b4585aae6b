"""The notebook then against the notebook now, cell by cell.

Cells are the same cell when their id says so, else when their text does; only what is left is compared by likeness.
The answer depends on the two notebooks alone.
"""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import dataclass
from typing import Any

from windlass.contract.jobs import CellChange

LIKENESS = 0.5
"""How much of two texts must be common for one to be the other, edited (0 to 1)."""
MAX_COMPARISONS = 400
MAX_COMPARED_CHARS = 20_000
MAX_COMPARED_BY_CHAR = 1_000


@dataclass(frozen=True)
class _Cell:
    index: int
    id: str | None
    kind: str
    source: str


def diff_notebooks(then: dict[str, Any], now: dict[str, Any]) -> list[CellChange]:
    """What became of each cell, in the order of the notebook now; removed cells stand where they were.

    Takes notebooks of format 4 as read from JSON; what is no cell there is passed over.
    """
    old, new = _cells(then), _cells(now)
    pairs = _by_id(old, new)
    _by_content(old, new, pairs)
    _by_likeness(old, new, pairs)
    changes: list[CellChange] = []
    matched = set(pairs.values())
    removed = [cell for cell in old if cell.index not in matched]
    behind = -1
    for cell in new:
        before = old[pairs[cell.index]] if cell.index in pairs else None
        while removed and removed[0].index <= (behind + 1 if before is None else before.index):
            behind = removed[0].index
            changes.append(_change(removed.pop(0), None))
        behind = behind if before is None else before.index
        changes.append(_change(before, cell))
    changes.extend(_change(cell, None) for cell in removed)
    return changes


def _cells(notebook: dict[str, Any]) -> list[_Cell]:
    raw = notebook.get("cells")
    found: list[_Cell] = []
    for cell in raw if isinstance(raw, list) else []:
        if not isinstance(cell, dict):
            continue
        source = cell.get("source", "")
        if isinstance(source, list):
            source = "".join(line for line in source if isinstance(line, str))
        identity = cell.get("id")
        found.append(
            _Cell(
                index=len(found),
                id=identity if isinstance(identity, str) else None,
                kind=str(cell.get("cell_type", "raw")),
                source=source if isinstance(source, str) else "",
            )
        )
    return found


def _by_id(old: list[_Cell], new: list[_Cell]) -> dict[int, int]:
    """Now-index → then-index of cells whose id occurs once on each side."""
    counts_then = Counter(cell.id for cell in old)
    counts_now = Counter(cell.id for cell in new)
    places = {cell.id: cell.index for cell in old if cell.id is not None and counts_then[cell.id] == 1}
    return {
        cell.index: places[cell.id]
        for cell in new
        if cell.id is not None and cell.id in places and counts_now[cell.id] == 1
    }


def _left(cells: list[_Cell], taken: set[int]) -> list[_Cell]:
    return [cell for cell in cells if cell.index not in taken]


def _by_content(old: list[_Cell], new: list[_Cell], pairs: dict[int, int]) -> None:
    """Equal cells: first those that keep their order, then the rest."""
    before, after = _left(old, set(pairs.values())), _left(new, set(pairs))
    matcher = difflib.SequenceMatcher(
        a=[(cell.kind, cell.source) for cell in before], b=[(cell.kind, cell.source) for cell in after], autojunk=False
    )
    for block in matcher.get_matching_blocks():
        for offset in range(block.size):
            pairs[after[block.b + offset].index] = before[block.a + offset].index
    waiting: dict[tuple[str, str], list[int]] = {}
    for cell in _left(old, set(pairs.values())):
        waiting.setdefault((cell.kind, cell.source), []).append(cell.index)
    for cell in _left(new, set(pairs)):
        if places := waiting.get((cell.kind, cell.source)):
            pairs[cell.index] = places.pop(0)


def _by_likeness(old: list[_Cell], new: list[_Cell], pairs: dict[int, int]) -> None:
    """Cells that were edited and lost their id: the most alike first, at most MAX_COMPARISONS looked at."""
    before, after = _left(old, set(pairs.values())), _left(new, set(pairs))
    if len(before) * len(after) > MAX_COMPARISONS:
        return
    scored = [
        (-score, abs(one.index - other.index), one.index, other.index)
        for one in before
        for other in after
        if one.kind == other.kind and (score := _likeness(one.source, other.source)) >= LIKENESS
    ]
    taken: set[int] = set(pairs.values())
    for _, _, then_index, now_index in sorted(scored):
        if then_index not in taken and now_index not in pairs:
            pairs[now_index] = then_index
            taken.add(then_index)


def _likeness(one: str, other: str) -> float:
    if not one or not other or max(len(one), len(other)) > MAX_COMPARED_CHARS:
        return 0.0
    lines = difflib.SequenceMatcher(a=one.splitlines(), b=other.splitlines(), autojunk=False).ratio()
    if lines >= LIKENESS or max(len(one), len(other)) > MAX_COMPARED_BY_CHAR:
        return lines
    letters = difflib.SequenceMatcher(a=one, b=other, autojunk=False)
    return letters.ratio() if letters.quick_ratio() >= LIKENESS else 0.0


def _change(before: _Cell | None, after: _Cell | None) -> CellChange:
    one = after or before
    if before is None or after is None:
        change = "added" if before is None else "removed"
    else:
        change = "same" if (before.kind, before.source) == (after.kind, after.source) else "changed"
    return CellChange(
        change=change,
        cell_type=one.kind if one else "raw",
        then_index=before.index if before else None,
        now_index=after.index if after else None,
        then_source=before.source if before else None,
        now_source=after.source if after else None,
    )
