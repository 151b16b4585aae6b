"""A job's pods and time line as they are printed."""

from __future__ import annotations

from rich.console import Console

from windlass.contract.cluster import JobPlacement
from windlass.output.placement import placement_view


def test_pods_with_ranks_and_reasons_and_the_way_so_far() -> None:
    placement = JobPlacement.model_validate(
        {
            "namespace": "wl-ada",
            "object_kind": "PyTorchJob",
            "object_name": "train-1",
            "pods": [
                {
                    "name": "train-1-master-0",
                    "role": "master",
                    "ranks": [0, 1, 2, 3],
                    "node": "gpu-1",
                    "state": "running",
                },
                {
                    "name": "train-1-worker-0",
                    "role": "worker",
                    "ranks": [4],
                    "state": "waiting",
                    "reason": "no \x1b[31mGPU",
                },
            ],
            "timeline": [
                {"name": "created", "at": "2026-11-23T13:00:00Z"},
                {"name": "node_ready", "at": "2026-11-23T13:01:00Z", "seconds": 60.0},
                {"name": "ended"},
            ],
        }
    )
    console = Console(width=160, record=True, force_terminal=False)
    with console.capture() as capture:
        console.print(placement_view(placement))
    printed = capture.get()
    assert "PyTorchJob train-1 in namespace wl-ada" in printed
    assert "0-3" in printed
    assert "gpu-1" in printed
    assert "node found" in printed
    assert "ended" not in printed
    assert "\x1b[31m" not in printed
