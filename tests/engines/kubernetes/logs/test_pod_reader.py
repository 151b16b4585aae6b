"""What a pod's object says about its log."""

from __future__ import annotations

from typing import Any

import pytest

from windlass.engines.kubernetes.logs.pod_reader import PodSeen


@pytest.mark.parametrize(
    ("status", "state", "restarts"),
    [
        ({}, "waiting", 0),
        ({"containerStatuses": None}, "waiting", 0),
        ({"containerStatuses": [{"name": "sidecar", "state": {"running": {}}}]}, "waiting", 0),
        ({"containerStatuses": [{"name": "pytorch", "state": {"waiting": {"reason": "x"}}}]}, "waiting", 0),
        ({"containerStatuses": [{"name": "pytorch", "state": {"running": {}}, "restartCount": 2}]}, "running", 2),
        ({"containerStatuses": [{"name": "pytorch", "state": {"terminated": {"exitCode": 1}}}]}, "ended", 0),
        (
            {
                "containerStatuses": [
                    {
                        "name": "pytorch",
                        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                        "lastState": {"terminated": {"exitCode": 1}},
                        "restartCount": 3,
                    }
                ]
            },
            "ended",
            3,
        ),
    ],
)
def test_the_state_of_the_container_that_runs_the_ranks(status: dict[str, Any], state: str, restarts: int) -> None:
    pod = {"metadata": {"name": "a", "uid": "u"}, "status": status}
    seen = PodSeen.of(pod, container="pytorch", node_rank=1)
    assert (seen.name, seen.uid, seen.node_rank, seen.state, seen.restarts) == ("a", "u", 1, state, restarts)
