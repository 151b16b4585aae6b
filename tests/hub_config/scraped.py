"""What stands in for a cluster: exporters' answers, and targets that are found without Kubernetes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from tests.metrics.prometheus.replay import as_version_1, replayed

FOLDER = Path(__file__).parents[2] / "hub-config" / "prometheus"


def kubernetes_meta(
    *, node: str, app: str = "dcgm-exporter", port: str = "9400", phase: str = "Running"
) -> dict[str, str]:
    """What Prometheus' discovery tells of a pod, as far as the configuration asks."""
    return {
        "__meta_kubernetes_pod_label_app_kubernetes_io_name": app,
        "__meta_kubernetes_pod_label_app": "",
        "__meta_kubernetes_pod_container_port_number": port,
        "__meta_kubernetes_pod_phase": phase,
        "__meta_kubernetes_pod_node_name": node,
    }


def as_one_config(
    targets: Mapping[str, Sequence[dict[str, Any]]], *, head: Mapping[str, Any] | None = None, more: Sequence[Any] = ()
) -> str:
    """A whole configuration of our scrape configurations, each with targets in the place of those it would discover.

    The token is expected in the file `token` beside it.
    """
    jobs = []
    for job in yaml.safe_load((FOLDER / "scrape.yaml").read_text()):
        kept = {name: value for name, value in job.items() if name not in ("kubernetes_sd_configs", "scrape_interval")}
        if "authorization" in kept:
            kept["authorization"] = {"credentials_file": "token"}
        jobs.append({**kept, "static_configs": list(targets.get(job["job_name"], ()))})
    return yaml.safe_dump({**(head or {}), "scrape_configs": [*jobs, *more]}, sort_keys=False)


def node_1() -> str:
    """A busy card, an idle one of which an XID is told, two that nobody holds, and slices of two MIG cards."""
    cards = replayed("wl-ann", pods=("train-0", "notebook"), change=_second_idle())
    free = re.sub(r',container="[^"]*",namespace="[^"]*",pod="[^"]*",pod_uid=""', "", replayed("any", card="free"))
    mig = replayed(
        "wl-bob",
        pods=("slice-0", "slice-1"),
        card="mig",
        more='GPU_I_PROFILE="2g.10gb",GPU_I_ID="3"',
        change=lambda name, value: 0.0 if name == "DCGM_FI_DEV_GPU_UTIL" else value,
    )
    return _untyped(cards + free + mig)


def node_2() -> str:
    """A node whose exporter has the older names of metrics and labels."""
    return as_version_1(replayed("wl-old", pods=("old-0", "old-1"), card="old"))


def cluster() -> str:
    """What kube-state-metrics tells of these pods and nodes."""
    held = {
        ("wl-ann", "train-0"): ("node-1", "nvidia_com_gpu"),
        ("wl-ann", "notebook"): ("node-1", "nvidia_com_gpu"),
        ("wl-bob", "slice-0"): ("node-1", "nvidia_com_mig_2g_10gb"),
        ("wl-bob", "slice-1"): ("node-1", "nvidia_com_mig_2g_10gb"),
        ("wl-old", "old-0"): ("node-2", "nvidia_com_gpu"),
        ("wl-cyd", "dark-0"): ("node-3", "nvidia_com_gpu"),
    }
    lines = [
        line
        for (namespace, pod), (node, resource) in held.items()
        for own in [f'namespace="{namespace}",pod="{pod}"']
        for line in (
            f'kube_pod_container_resource_requests{{{own},container="main",node="{node}",resource="{resource}"}} 1',
            f'kube_pod_status_phase{{{own},phase="Running"}} 1',
        )
    ]
    job = 'namespace="wl-ann",pod="train-0",label_windlass_io_job="3f2a",label_windlass_io_owner="ann"'
    nodes = (f'kube_node_status_allocatable{{node="node-{n}",resource="nvidia_com_gpu"}} 4' for n in (1, 2, 3))
    return "\n".join([*sorted(lines), f"kube_pod_labels{{{job}}} 1", *nodes]) + "\n"


def _second_idle() -> Callable[[str, float], float]:
    """The sample tells of each metric twice: of the first card, then of the second."""
    seen: set[str] = set()

    def change(name: str, value: float) -> float:
        second = name in seen
        seen.add(name)
        if name == "DCGM_FI_DEV_XID_ERRORS":
            return 79.0 if second else 0.0
        return 0.01 if second and "_ACTIVE" in name else value

    return change


def _untyped(text: str) -> str:
    """Without the types, which may be told once for each metric only."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
