"""No text of a user's gets out of its quotes, and no expression is about anybody else's pods."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from windlass.errors import InvalidRequest
from windlass.metrics.prometheus.fields import GPU_FIELDS, POD_FIGURES, told_labels
from windlass.metrics.prometheus.queries import Pods, checked_name, gpu_expression, pod_expression

SELECTOR = re.compile(r"\{([^{}]*)\}")
POD_MATCHER = re.compile(
    r'(exported_|pod_)?(namespace|pod|pod_name|container|resource|phase|__name__)(=|!=|=~)"[A-Za-z0-9_.+|-]*"'
)
OWN = [Pods(namespace="wl-ann"), Pods(namespace="hub", pod="jupyter-ann")]


@given(st.text(max_size=300))
@example('x"} or up{a="')
@example("x\\")
@example("x\n")
@example("X")
@example("..")
@example("-x")
@example("ann.*")
@example("x" * 254)
@example("٣")
def test_what_is_no_name_is_refused_before_it_is_in_an_expression(name: str) -> None:
    pods = [Pods(namespace="wl-ann", pod=name)]
    if re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", name) and len(name) <= 253:
        assert f'pod="{name}"' in pod_expression(POD_FIGURES["cpu_cores"], pods, window_seconds=120)
        assert f'exported_pod="{name}"' in gpu_expression(GPU_FIELDS, pods)
        return
    with pytest.raises(InvalidRequest) as refused:
        checked_name(name, field="pod")
    assert refused.value.fields[0].field == "pod"
    with pytest.raises(InvalidRequest):
        pod_expression(POD_FIGURES["cpu_cores"], pods, window_seconds=120)
    with pytest.raises(InvalidRequest):
        gpu_expression(GPU_FIELDS, pods)


EXPRESSIONS = {
    "devices, a moment": gpu_expression(GPU_FIELDS, OWN),
    "devices, a span": gpu_expression(GPU_FIELDS, OWN, step_seconds=300),
    **{
        f"{name}, {'a span' if over_time else 'a moment'}": pod_expression(
            figure, OWN, window_seconds=120, over_time=over_time
        )
        for name, figure in POD_FIGURES.items()
        for over_time in (False, True)
    },
}


@pytest.mark.parametrize("what", EXPRESSIONS)
def test_every_selector_names_the_askers_own_pods(what: str) -> None:
    expression = EXPRESSIONS[what]
    selectors = SELECTOR.findall(expression)
    assert len(selectors) >= len(OWN)
    for selector in selectors:
        assert all(POD_MATCHER.fullmatch(part.strip()) for part in selector.split(",")), selector
        if re.search(r'namespace="hub"', selector):
            assert re.search(r'pod(_name)?="jupyter-ann"', selector), "a shared namespace is never open as a whole"
        else:
            assert 'namespace="wl-ann"' in selector
    # No metric stands without a selector.
    assert not re.search(
        r"(DCGM_\w+|container_\w+|kube_\w+)(?!\w|\{|\|)", re.sub(r'"[^"]*"|by \([^)]*\)', "", expression)
    )


def test_many_pods_of_one_namespace_are_one_matcher_and_a_dot_in_a_name_is_a_dot() -> None:
    pods = [Pods(namespace="hub", pod=name) for name in ("b.1", "a", "b.1")]
    expression = pod_expression(POD_FIGURES["memory_used"], pods, window_seconds=120)
    assert expression.count("container_memory_working_set_bytes") == 1
    assert 'pod=~"a|b\\\\.1"' in expression
    whole = pod_expression(POD_FIGURES["memory_used"], [*pods, Pods(namespace="hub")], window_seconds=120)
    assert 'pod!=""' in whole
    assert "pod=~" not in whole


def test_the_expression_does_not_grow_with_the_pods_of_a_namespace() -> None:
    assert len(gpu_expression(GPU_FIELDS, [Pods(namespace="wl-ann")])) < 6000


@pytest.mark.parametrize(
    "metric",
    [
        {"namespace": "wl-ann", "pod": "job-0", "container": "main", "UUID": "GPU-1", "Hostname": "n"},
        {
            "namespace": "gpu-operator",
            "pod": "dcgm-exporter-x",
            "container": "exporter",
            "exported_namespace": "wl-ann",
            "exported_pod": "job-0",
            "exported_container": "main",
            "UUID": "GPU-1",
            "hostname": "n",
            "instance": "10.0.0.7:9400",
        },
        {
            "namespace": "gpu-operator",
            "pod_namespace": "wl-ann",
            "pod_name": "job-0",
            "container_name": "main",
            "uuid": "GPU-1",
            "Hostname": "n",
        },
    ],
    ids=["honored", "kept aside", "version 1"],
)
def test_the_pod_and_the_node_are_told_however_they_are_spelled(metric: dict[str, str]) -> None:
    expected = {"namespace": "wl-ann", "pod": "job-0", "container": "main", "UUID": "GPU-1", "Hostname": "n"}
    assert told_labels(metric) == expected
