"""How a job was asked for, through the tags of its run and back."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from windlass.contract.cluster import ClusterOptions
from windlass.contract.jobs import JobRequest
from windlass.ledger.tables import JobRow
from windlass.services.job_options import IMPORTS_TAG, OPTIONS_TAG, imports_from, options_of, request_from, tags_of

REQUEST = JobRequest(
    notebook="a.ipynb",
    workers=2,
    processes_per_worker=4,
    gpus_per_worker=4,
    retries=1,
    allow_secrets=True,
    include=["data/*"],
    parameters={"token": "s3cret"},
    cluster=ClusterOptions(image="image:1", queue="team-a"),
)


def row(request: JobRequest, **columns: Any) -> JobRow:
    given = {"engine": "kubernetes", "experiment": "ours", "environment": "conda", "imports": ["torch==2.1"]}
    return JobRow(request=request.model_dump(mode="json"), **(given | columns))


def test_the_options_come_back_and_nothing_else_of_the_request() -> None:
    options = options_of(row(REQUEST))
    tags = tags_of(options, ["torch==2.1"])
    assert "s3cret" not in str(tags), "parameters are in the bundle and in the run's parameters"
    again = request_from(tags, notebook="b.ipynb", parameters={"x": 1})
    assert again is not None
    assert (again.notebook, again.parameters, again.engine) == ("b.ipynb", {"x": 1}, "kubernetes")
    assert (again.workers, again.processes_per_worker, again.gpus_per_worker) == (2, 4, 4)
    assert (again.cluster, again.environment, again.experiment) == (REQUEST.cluster, "conda", "ours")
    assert (again.allow_secrets, again.include) == (False, [])
    assert imports_from(tags) == ("torch==2.1",)


def test_what_is_too_long_for_a_tag_is_left_out() -> None:
    assert tags_of(options_of(row(REQUEST)), ["x" * 6000]).keys() == {OPTIONS_TAG}


@given(
    st.text()
    | st.recursive(
        st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    ).map(json.dumps)
)
def test_tags_of_any_kind_are_options_or_none(text: str) -> None:
    tags = {OPTIONS_TAG: text, IMPORTS_TAG: text, "windlass.world_size": text}
    request = request_from(tags, notebook="a.ipynb", parameters={})
    assert request is None or request.notebook == "a.ipynb"
    assert all(isinstance(name, str) for name in imports_from(tags))


def test_options_that_cannot_be_asked_for_are_none() -> None:
    for options in ({"workers": 0}, {"cluster": {"image": "$(evil)"}}, {"engine": 5}, []):
        assert request_from({OPTIONS_TAG: json.dumps(options)}, notebook="a.ipynb", parameters={}) is None
    named = request_from({OPTIONS_TAG: '{"notebook": "evil.ipynb"}'}, notebook="a.ipynb", parameters={})
    assert named is not None
    assert named.notebook == "a.ipynb"
