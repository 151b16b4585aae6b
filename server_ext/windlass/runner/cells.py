"""Which cells run, and which are left out because they would send the notebook from inside its own job.

Works on source text alone: the shell that will run it may have no magics at all.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Sequence

from .notebook import Cell

SKIP_TAG = "skip-train"

_LAUNCH = re.compile(r"^\s*(?:[A-Za-z_]\w*\s*=\s*)?%train\b")
_CELL_LAUNCH = re.compile(r"^\s*%%train\b")
_WATCH = re.compile(r"^\s*%(?:jobs|job|logs|stop|gpus|costs|runs|deploy)(?:\s|$)")
_EXTENSION = re.compile(r"^\s*%(?:load_ext|reload_ext|unload_ext)\s+windlass\s*(?:#.*)?$")
_SAYS_PROGRESS = re.compile(r"\bprogress\s*\(")
_IMPORTS_WINDLASS = re.compile(r"^\s*(?:import|from)\s+windlass\b", re.MULTILINE)
_MAGIC_OR_SHELL = re.compile(r"^(\s*)(?:[%!?]|[A-Za-z_]\w*\s*=\s*[%!])")


def skip_reason(cell: Cell) -> str | None:
    """Why the cell is not run in a job, as a phrase for people; None when it runs."""
    if SKIP_TAG in cell.tags:
        return f"it is tagged {SKIP_TAG}"
    if _CELL_LAUNCH.match(cell.source.lstrip("\n")):
        return "it holds %%train"
    if "%" not in cell.source:
        return None
    lines = cell.source.splitlines()
    ours = _windlass_lines(lines)
    if any(_LAUNCH.match(lines[number]) for number in ours):
        return "it holds %train"
    rest = [line for number, line in enumerate(lines) if number not in ours]
    if ours and all(not line.strip() or line.lstrip().startswith("#") for line in rest):
        return "it holds only Windlass magics"
    return None


def runnable_source(cell: Cell) -> str:
    """The cell's source with single Windlass magics commented out; every line keeps its number."""
    if "%" not in cell.source:
        return cell.source
    lines = cell.source.splitlines(keepends=True)
    for number in _windlass_lines(lines):
        body = lines[number].lstrip()
        indent = lines[number][: len(lines[number]) - len(body)]
        lines[number] = f"{indent}pass  # left out in a job: {body}"
    return "".join(lines)


def says_progress(sources: Sequence[str]) -> bool:
    """Whether the notebook looks as if it told its progress by `windlass.progress`."""
    return any(map(_IMPORTS_WINDLASS.search, sources)) and any(map(_SAYS_PROGRESS.search, sources))


def _windlass_lines(lines: list[str]) -> set[int]:
    """Numbers (from 0) of the lines that are Windlass magics, and not the inside of a string or a bracket."""
    if lines and lines[0].lstrip().startswith("%%"):
        return set()
    return {
        number
        for number, line in enumerate(lines)
        if (_LAUNCH.match(line) or _WATCH.match(line) or _EXTENSION.match(line)) and _is_statement(lines[:number])
    }


def _is_statement(before: list[str]) -> bool:
    """Whether a new statement may begin after these lines: no string or bracket is open."""
    source = "".join(_MAGIC_OR_SHELL.sub(r"\1pass #", line.rstrip("\n")) + "\n" for line in before)
    try:
        for _token in tokenize.generate_tokens(io.StringIO(source).readline):
            pass
    except tokenize.TokenError as error:
        return "multi-line" not in str(error)
    except (SyntaxError, IndentationError):
        return True
    return True
