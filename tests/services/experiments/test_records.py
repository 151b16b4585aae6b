"""MLflow's answers taken apart."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.services.experiments.conftest import answered

from windlass.contract.runs import RunStatus
from windlass.errors import Upstream
from windlass.services.experiments.records import number_of, plain, record_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["info", "data", "run_id", "metrics", "key", "value", "inputs"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (1, 1.0),
        ("2.5", 2.5),
        ("NaN", math.nan),
        ("Infinity", math.inf),
        ("-Infinity", -math.inf),
        (1.7976931348623157e308, math.inf),
        (-1.7976931348623157e308, -math.inf),
        (1.7e308, 1.7e308),
    ],
)
def test_numbers_mean_what_was_logged(said: Any, meant: float) -> None:
    assert repr(number_of(said)) == repr(meant)


@given(st.floats())
def test_a_number_crosses_the_wire_as_itself_or_by_name(value: float) -> None:
    shown = plain(value)
    assert float(shown) == value or (math.isnan(value) and shown == "NaN")
    assert isinstance(shown, str) != math.isfinite(value)


@given(JSON)
def test_whatever_is_no_run_is_said_to_be_none(nonsense: Any) -> None:
    run = nonsense if isinstance(nonsense, dict) else {"info": nonsense}
    with contextlib.suppress(Upstream):
        assert record_of(run).id


def test_runs_of_older_servers_are_understood() -> None:
    run = {"info": {"run_uuid": "b" * 32, "experiment_id": "1", "status": "RUNNING", "start_time": "1700000000000"}}
    found = record_of(run)
    assert (found.id, found.started_ms, found.ended_ms) == ("b" * 32, 1_700_000_000_000, None)
    assert found.name == found.id
    assert not found.has_ended
    assert record_of({"info": {**run["info"], "end_time": 0}}).ended_ms is None


def test_cost_is_a_metric_else_a_tag_else_unknown() -> None:
    assert record_of(answered(metrics={"windlass.cost_usd": 0})).number("windlass.cost_usd") == 0.0
    assert record_of(answered(tags={"windlass.cost_usd": "1.5"})).number("windlass.cost_usd") == 1.5
    for tags in ({}, {"windlass.cost_usd": "unknown"}, {"windlass.cost_usd": "nan"}):
        assert record_of(answered(tags=tags)).number("windlass.cost_usd") is None
    assert record_of(answered(metrics={"windlass.cost_usd": "NaN"})).number("windlass.cost_usd") is None


def test_a_state_that_mlflow_does_not_have_is_no_run() -> None:
    with pytest.raises(Upstream):
        record_of(answered(status="DREAMING"))
    assert record_of(answered(status="KILLED")).status is RunStatus.KILLED
