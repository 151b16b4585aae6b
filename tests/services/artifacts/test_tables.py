"""Heads of tables."""

from __future__ import annotations

import csv
import io
import json

from hypothesis import given
from hypothesis import strategies as st

from windlass.services.artifacts.tables import MOST_COLUMNS, MOST_ROWS, csv_head, mlflow_table

CELL = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
GRID = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=8)
)


@given(GRID, st.sampled_from(",;\t|"))
def test_what_a_csv_writer_wrote_is_read_back(grid: list[list[str]], delimiter: str) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(grid)
    head = csv_head(out.getvalue(), delimiter=delimiter, whole=True)
    assert head is not None
    assert [head.table.columns, *head.table.rows] == grid
    assert not head.table.more


@given(st.text(max_size=300), st.booleans())
def test_any_text_is_a_table_or_not_and_every_row_fits_the_columns(text: str, whole: bool) -> None:
    head = csv_head(text, delimiter=None, whole=whole)
    if head is not None:
        assert {len(row) for row in head.table.rows} <= {len(head.table.columns)}
        head.table.model_dump_json()


@given(st.text(max_size=100) | st.recursive(st.none() | st.floats() | st.integers(), st.lists).map(json.dumps))
def test_any_json_is_a_table_or_not(text: str) -> None:
    found = mlflow_table(f'{{"columns": ["a"], "data": [[{text}]]}}')
    if found is not None:
        found.table.model_dump_json()


def test_a_table_of_just_as_many_rows_is_whole() -> None:
    for rows, more in ((MOST_ROWS - 1, False), (MOST_ROWS, False), (MOST_ROWS + 1, True)):
        head = csv_head("a\n" + "1\n" * rows, delimiter=",", whole=True)
        assert head is not None
        assert (len(head.table.rows), head.table.more) == (min(rows, MOST_ROWS), more)


def test_a_cut_table_leaves_out_the_row_that_may_be_half() -> None:
    head = csv_head("a,b\n1,2\n3", delimiter=",", whole=False)
    assert head is not None
    assert (head.table.rows, head.table.more) == ([["1", "2"]], True)


def test_columns_beyond_the_limit_are_counted() -> None:
    head = mlflow_table(json.dumps({"columns": list(range(MOST_COLUMNS + 1)), "data": []}))
    assert head is not None
    assert (len(head.table.columns), head.message) == (200, "The first 200 of 201 columns are shown.")
