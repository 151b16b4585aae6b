"""The notebook then and now."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from windlass.bundle.diff import diff_notebooks

from .conftest import code, markdown, notebook


def short(then: list[dict[str, Any]], now: list[dict[str, Any]]) -> list[tuple[str, int | None, int | None]]:
    return [
        (change.change, change.then_index, change.now_index)
        for change in diff_notebooks(notebook(*then), notebook(*now))
    ]


def test_ids_tell_edited_cells_from_new_ones() -> None:
    assert short(
        [code("a", cell_id="1"), code("b", cell_id="2"), code("c", cell_id="3")],
        [code("a", cell_id="1"), code("quite another text", cell_id="2"), code("new", cell_id="4")],
    ) == [("same", 0, 0), ("changed", 1, 1), ("removed", 2, None), ("added", None, 2)]


def test_without_ids_the_text_decides() -> None:
    assert short([code("a"), code("b"), code("c")], [code("a"), code("x = 1"), code("c")]) == [
        ("same", 0, 0),
        ("removed", 1, None),
        ("added", None, 1),
        ("same", 2, 2),
    ]


def test_an_edited_cell_without_id_is_recognised_by_likeness() -> None:
    before = "for epoch in range(3):\n    train()\n    evaluate()\n"
    assert short([code(before), code("done()")], [code(before.replace("3", "30")), code("done()")]) == [
        ("changed", 0, 0),
        ("same", 1, 1),
    ]


def test_moved_and_retyped_cells() -> None:
    assert short(
        [code("a", cell_id="1"), code("b", cell_id="2")],
        [code("b", cell_id="2"), {**markdown("a"), "id": "1"}],
    ) == [("same", 1, 0), ("changed", 0, 1)]


def test_repeated_ids_are_not_trusted() -> None:
    assert short(
        [code("a", cell_id="1"), code("b", cell_id="1")], [code("b", cell_id="1"), code("a", cell_id="1")]
    ) == [
        ("same", 1, 0),
        ("same", 0, 1),
    ]


def test_sources_as_lines_and_broken_cells_are_read() -> None:
    assert diff_notebooks({}, {"cells": "x"}) == []
    assert [change.change for change in diff_notebooks({"cells": [3, code(["a\n", "b"])]}, notebook(code("a\nb")))] == [  # type: ignore[arg-type]
        "same"
    ]


cells = st.lists(
    st.tuples(
        st.sampled_from(["code", "markdown"]),
        st.text(alphabet="ab\n", max_size=8),
        st.sampled_from([None, "1", "2", "3"]),
    ),
    max_size=7,
)


@given(cells, cells)
def test_every_cell_of_both_sides_appears_once(then: list[Any], now: list[Any]) -> None:
    def made(side: list[Any]) -> dict[str, Any]:
        return {"cells": [{"cell_type": kind, "source": text, "id": key} for kind, text, key in side]}

    changes = diff_notebooks(made(then), made(now))
    assert changes == diff_notebooks(made(then), made(now))
    assert sorted(c.then_index for c in changes if c.then_index is not None) == list(range(len(then)))
    assert [c.now_index for c in changes if c.now_index is not None] == list(range(len(now)))
    for change in changes:
        if change.then_index is not None:
            assert change.then_source == then[change.then_index][1]
        if change.change == "same":
            assert change.then_source == change.now_source


@given(cells)
def test_a_notebook_does_not_differ_from_itself(side: list[Any]) -> None:
    same = {"cells": [{"cell_type": kind, "source": text, "id": key} for kind, text, key in side]}
    assert all(change.change == "same" for change in diff_notebooks(same, same))
