"""Notebooks rebuilt from what is harmless."""

from __future__ import annotations

import json
from typing import Any

import nbformat
from hypothesis import given
from hypothesis import strategies as st

from windlass.services.artifacts.notebooks import shown_notebook

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
OUTPUTS = st.fixed_dictionaries(
    {"output_type": st.sampled_from(["stream", "error", "display_data", "execute_result", "odd"])},
    optional={
        "name": VALUES,
        "text": VALUES,
        "ename": VALUES,
        "evalue": VALUES,
        "traceback": VALUES,
        "data": st.dictionaries(st.sampled_from(["text/html", "text/plain", "image/png", "image/svg+xml"]), VALUES)
        | VALUES,
    },
)
CELLS = st.fixed_dictionaries(
    {"cell_type": st.sampled_from(["code", "markdown", "raw"]) | VALUES},
    optional={
        "source": VALUES,
        "metadata": VALUES,
        "attachments": VALUES,
        "execution_count": VALUES,
        "outputs": st.lists(OUTPUTS, max_size=3) | VALUES,
    },
)


@given(st.lists(CELLS | VALUES, max_size=4), VALUES)
def test_whatever_a_notebook_holds_the_one_shown_is_valid_and_harmless(cells: list[Any], metadata: Any) -> None:
    text = json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": cells, "metadata": metadata})
    shown = shown_notebook(text)
    assert shown is not None
    shown.encode("utf-8")
    clean = json.loads(shown)
    nbformat.validate(clean)
    data = [output.get("data", {}) for cell in clean["cells"] for output in cell.get("outputs", ())]
    assert {kind for one in data for kind in one} <= {"text/plain", "image/png"}


@given(VALUES | st.text())
def test_what_is_no_notebook_is_none(value: Any) -> None:
    assert shown_notebook(value if isinstance(value, str) else json.dumps(value)) is None
