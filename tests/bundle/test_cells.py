"""The Python in a cell: whatever stands in it, a tree with the cell's own lines, or a sentence."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.bundle.cells import CellSyntaxError, parse_cell
from windlass.bundle.sources import read_cell_code

from .conftest import Project, code


def lines_of(source: str) -> list[int]:
    """The lines on which `mark` is called."""
    return sorted(
        node.lineno
        for node in ast.walk(parse_cell(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "mark"
    )


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("mark()", [1]),
        ("\n\n%matplotlib inline\nmark()", [4]),
        ("!ls\n!pip install \\\n  a \\\n  b\nmark()", [5]),
        ("    x = 1\n    mark()", [2]),
        (">>> x = 1\n>>> mark()", [2]),
        ("x?\n??y\nmark()", [3]),
        ("%%time\nx = 1\nmark()", [3]),
        ("\n\n%%time\n!ls\nmark()", [5]),
        ("%%capture out\n%time mark()\nmark()", [2, 3]),
        ("%time mark()\nmark()", [1, 2]),
        ("%timeit -n 3 mark()", []),
        ("%%bash\nmark()", []),
        ("%%writefile x.py\nmark()", []),
        ("files = !ls\nmark()", [2]),
        ("await mark()\nasync with a() as b:\n    mark()", [1, 3]),
        ("if x:\n    !echo hi\n    mark()", [3]),
        ('x = """\n%not a magic\n"""\n%magic\nmark()', [5]),
    ],
)
def test_lines_are_those_of_the_cell(source: str, lines: list[int]) -> None:
    assert lines_of(source) == lines


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("x = 1\ny = = 2", 2),
        ("%magic\n\n!ls\nx = = 3", 4),
        ("%%time\nx = 1\ny = = 2", 3),
        ("a\0b", 1),
        ("\ud800 = 1", 1),
        ("(" * 3_000, 1),
    ],
)
def test_what_is_no_python_is_said_with_its_line(source: str, line: int) -> None:
    with pytest.raises(CellSyntaxError) as refused:
        parse_cell(source)
    assert refused.value.line == line


@given(st.text(alphabet="ab(%!?\\ \n=:'\"#\t", max_size=60))
@settings(deadline=None)
def test_any_text_is_a_tree_or_a_sentence(source: str) -> None:
    read = read_cell_code(source)
    assert read.error is None or 1 <= read.error.line <= source.count("\n") + 2


ODD = {
    "sum": "x = " + "+".join(["1"] * 3_000),
    "chain": "x = a" + ".b" * 3_000 + "()",
    "brackets": "x = " + "[" * 90 + "]" * 90,
    "union": "x: " + " | ".join(["int"] * 900) + " = 1",
    "calls": "f(" * 80 + ")" * 80,
    "blank-lines": "!ls\n" + "\n" * 20_000 + "x = 1",
    "many-magics": "x = 1\n!ls\n" * 2_000,
}


@pytest.mark.parametrize("source", ODD.values(), ids=ODD.keys())
def test_code_that_no_person_wrote_does_no_harm(project: Project, source: str) -> None:
    project.notebook("train.ipynb", code(source, tags=("parameters",)), "x = 1")
    assert project.plan(world_size=2).cells == 2
