"""Parameters, put into the notebook by papermill's tag rules, so that a notebook means the same to both.

Values are written as Python literals by code that builds them from the value; no text is ever evaluated.
"""

from __future__ import annotations

import keyword
import math
from typing import Any

from .context import JobUnreadable
from .notebook import Cell, unused_id

PARAMETERS_TAG = "parameters"
INJECTED_TAG = "injected-parameters"


def inject(cells: list[Cell], parameters: dict[str, Any]) -> list[Cell]:
    """The cells with a cell that assigns `parameters`.

    It replaces an earlier injected cell, else follows the cell tagged `parameters`, else comes first. Without
    parameters nothing changes. Raises JobUnreadable for a name that Python cannot assign to.
    """
    if not parameters:
        return cells
    taken = {cell.id for cell in cells}
    new = Cell(
        index=None,
        kind="code",
        id=unused_id("injected-parameters", fallback="injected-parameters", taken=taken),
        source=render(parameters),
        metadata={"tags": [INJECTED_TAG]},
    )
    injected = _first_tagged(cells, INJECTED_TAG)
    if injected is not None:
        return [*cells[:injected], new, *cells[injected + 1 :]]
    declared = _first_tagged(cells, PARAMETERS_TAG)
    split = 0 if declared is None else declared + 1
    return [*cells[:split], new, *cells[split:]]


def render(parameters: dict[str, Any]) -> str:
    """Source text that assigns the parameters, one per line. Raises JobUnreadable."""
    lines = ["# Parameters"]
    for name, value in parameters.items():
        if not name.isidentifier() or keyword.iskeyword(name):
            raise JobUnreadable(
                f"The parameter {name!r} is not a Python name. Use letters, digits and _, and no digit first."
            )
        lines.append(f"{name} = {literal(value)}")
    return "\n".join(lines) + "\n"


def literal(value: Any) -> str:
    """A Python expression for a JSON value; it evaluates to an equal value. Raises JobUnreadable for other types."""
    if value is None or isinstance(value, (bool, int, str)):
        return repr(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f'float("{value}")'
    if isinstance(value, list):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    raise JobUnreadable(f"A parameter has a value of type {type(value).__name__}; JSON values are possible.")


def _first_tagged(cells: list[Cell], tag: str) -> int | None:
    return next((place for place, cell in enumerate(cells) if tag in cell.tags), None)
