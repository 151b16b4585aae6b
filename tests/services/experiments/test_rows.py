"""Runs as rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.errors import InvalidRequest
from windlass.services.experiments.records import RunRecord
from windlass.services.experiments.rows import LONGEST_TEXT, Column, data_version_of, moment, row_of, shortened

Make = Callable[..., RunRecord]


@given(st.text(max_size=1200))
def test_a_text_is_whole_or_says_that_it_was_cut(text: str) -> None:
    shown = shortened(text)
    assert len(shown) <= LONGEST_TEXT
    assert shown == text or (shown.endswith("…") and text.startswith(shown[:-1]))


@given(st.integers(-(2**63), 2**63))
def test_any_moment_of_mlflows_is_a_moment_or_unknown(time_ms: int) -> None:
    found = moment(time_ms)
    assert found is None or abs(found.timestamp() * 1000 - time_ms) < 1


@pytest.mark.parametrize("name", ["", "metrics", "metrics.", "attributes.status", ".x", "x" * 600])
def test_what_is_no_column_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Column.named(name)
    assert refused.value.fields[0].field == "columns"


def test_a_key_may_have_points(record: Make) -> None:
    run = record(metrics={"val.loss": 0.5}, params={"a.b.c": "x"})
    assert [Column.named(name).of(run) for name in ("metrics.val.loss", "params.a.b.c")] == [0.5, "x"]


@pytest.mark.parametrize(
    ("info", "seconds"),
    [
        ({}, 2.5),
        ({"end_time": 0, "status": "RUNNING"}, 9.0),
        ({"end_time": 0, "status": "SCHEDULED"}, None),
        ({"start_time": 0}, None),
        ({"end_time": 500}, 0.0),
    ],
)
def test_a_run_lasts_from_its_start_to_its_end_or_to_now(record: Make, info: dict[str, object], seconds: float) -> None:
    assert row_of(record(**info), site=None, now_ms=10_000).duration_seconds == seconds


@pytest.mark.parametrize(
    ("tags", "notebook"),
    [
        ({"windlass.notebook": "a/b.ipynb", "mlflow.source.name": "x"}, "a/b.ipynb"),
        ({"mlflow.source.name": "train.py"}, "train.py"),
        ({"mlflow.source.name": "/usr/lib/python3/site-packages/ipykernel_launcher.py"}, None),
        ({}, None),
    ],
)
def test_the_notebook_is_named_or_unknown(record: Make, tags: dict[str, str], notebook: str | None) -> None:
    assert row_of(record(tags=tags), site=None).notebook == notebook


def test_the_data_version_is_that_of_dvc_before_the_datasets(record: Make) -> None:
    assert data_version_of(record(tags={"dvc.rev": "r1"})) == "r1"
    assert data_version_of(record(tags={"dvc.rev": "r1", "windlass.dvc_rev": "r2"})) == "r2"
    assert data_version_of(record()) is None


def test_a_run_has_a_page_where_a_browser_reaches_it(record: Make) -> None:
    run = record("r" * 8)
    assert row_of(run, site="https://mlflow.example/x").url == "https://mlflow.example/x/#/experiments/1/runs/rrrrrrrr"
    assert row_of(run, site=None).url is None
