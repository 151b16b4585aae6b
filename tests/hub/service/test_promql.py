"""No text of a user's gets out of its quotes, and no query is about anybody else's pods."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from windlass_hub.service.problems import InvalidRequest
from windlass_hub.service.promql import QUERIES, Pods, checked_name, expression, told_labels

SELECTOR = re.compile(r"\{([^{}]*)\}")
MATCHER = re.compile(r'(exported_)?(namespace|pod)="([a-z0-9.-]+)"|container!="(POD)?"')


@given(st.text(max_size=300))
@example('x"} or up{a="')
@example("x\\")
@example("x\n")
@example("X")
@example("..")
@example("-x")
@example("ann.*")
@example("x" * 254)
def test_what_is_no_name_is_refused_before_it_is_in_a_query(name: str) -> None:
    pods = [Pods(namespace="wl-ann", pod=name)]
    if re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", name) and len(name) <= 253:
        assert f'pod="{name}"' in expression(QUERIES["cpu_cores"], pods, window_seconds=120)
        return
    with pytest.raises(InvalidRequest) as refused:
        checked_name(name, field="pod")
    assert refused.value.fields[0].field == "pod"
    with pytest.raises(InvalidRequest):
        expression(QUERIES["cpu_cores"], pods, window_seconds=120)


@pytest.mark.parametrize("name", QUERIES)
def test_every_selector_of_every_query_names_the_callers_namespace(name: str) -> None:
    pods = [Pods(namespace="wl-ann"), Pods(namespace="hub", pod="jupyter-ann")]
    query = expression(QUERIES[name], pods, window_seconds=120)
    selectors = SELECTOR.findall(query)
    assert len(selectors) >= len(pods)
    for selector in selectors:
        assert all(MATCHER.fullmatch(part.strip()) for part in selector.split(",")), selector
        if 'namespace="hub"' in selector:
            assert 'pod="jupyter-ann"' in selector, "a shared namespace is never open as a whole"
        else:
            assert 'namespace="wl-ann"' in selector
    # No metric stands without a selector: what is left after taking them away names none twice.
    assert not re.search(r"(DCGM_\w+|container_\w+)(?!\w|\{)", query)


def test_the_pod_is_told_where_prometheus_kept_the_exporters_own_labels() -> None:
    kept = {
        "namespace": "gpu-operator",
        "pod": "dcgm-exporter-x",
        "exported_namespace": "wl-ann",
        "exported_pod": "job-0",
        "exported_container": "main",
        "UUID": "GPU-1",
        "instance": "10.0.0.7:9400",
    }
    assert told_labels(kept) == {"namespace": "wl-ann", "pod": "job-0", "container": "main", "UUID": "GPU-1"}
