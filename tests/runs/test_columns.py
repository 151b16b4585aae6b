"""Names as people write them become columns, or a sentence."""

from __future__ import annotations

import pytest

from windlass.contract.experiments import ColumnList
from windlass.errors import InvalidRequest
from windlass.runs.columns import column_named, columns_in_filter, nearest

KNOWN = ColumnList(
    metrics=["accuracy", "val/loss", "cost", "both", "params.x"], params=["lr", "both", "batch size"], tags=["team"],
    complete=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("accuracy", "metrics.accuracy"),
        ("val/loss", "metrics.val/loss"),
        ("lr", "params.lr"),
        ("batch size", "params.batch size"),
        ("`batch size`", "params.batch size"),
        ("team", "tags.team"),
        ("start_time", "attributes.start_time"),
        ("user", "attributes.user_id"),
        ("cost", "attributes.cost"),
        ("metrics.cost", "metrics.cost"),
        ("metric.new", "metrics.new"),
        ("param.`batch size`", "params.batch size"),
        ("run.name", "attributes.run_name"),
        ("metrics.params.x", "metrics.params.x"),
    ],
)
def test_a_name_becomes_a_column(name: str, column: str) -> None:
    assert column_named(name, KNOWN) == column


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("both", "write metrics.both or params.both"),
        ("acuracy", "did you mean 'accuracy'?"),
        ("zzz", "There are the metrics accuracy"),
        ("metrics.", "No run has 'metrics.'"),
        ("attributes.colour", "theirs are start_time"),
        ("", "No run has ''"),
    ],
)
def test_what_is_no_name_is_a_sentence(name: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        column_named(name, KNOWN)
    assert sentence in str(refused.value)


def test_a_key_of_runs_that_were_never_read_may_be_written_out() -> None:
    with pytest.raises(InvalidRequest) as refused:
        column_named("older", KNOWN.model_copy(update={"complete": False}))
    assert "write metrics.older or params.older" in str(refused.value)


def test_the_nearest_column_is_of_the_same_kind() -> None:
    assert nearest("metrics.acuracy", KNOWN) == "metrics.accuracy"
    assert nearest("params.acuracy", KNOWN) is None
    assert nearest("metrics.accuracy", KNOWN) is None


def test_columns_of_a_filter_are_those_that_there_are() -> None:
    text = "metrics.accuracy > 1 and param.`batch size` = '1' and metric.\"val/loss\" < 2 and metrics.acc = 1"
    assert list(columns_in_filter(text, KNOWN)) == ["metrics.accuracy", "params.batch size", "metrics.val/loss"]
