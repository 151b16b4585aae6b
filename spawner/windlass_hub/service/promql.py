"""The queries that users may ask Prometheus, by name, and how they are narrowed to the caller's own pods.

Users send names and times, never PromQL. The only text of theirs that gets into a query is the name of a pod, and that
is checked to be one and quoted besides. DCGM: https://docs.nvidia.com/datacenter/dcgm/latest/dcgm-api/dcgm-api-field-ids.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from .problems import InvalidRequest

_DNS_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class NamedQuery:
    """One line of the table. `expression` has `%(pods)s` for the matchers and `%(window)s` for a rate's window."""

    unit: str
    description: str
    expression: str
    source: Literal["dcgm", "cadvisor"]


@dataclass(frozen=True, kw_only=True)
class Pods:
    """Pods of the caller: all of a namespace, or one of a namespace that is shared."""

    namespace: str
    pod: str | None = None

    def holds(self, *, namespace: str, pod: str) -> bool:
        """Whether that pod is one of these."""
        return namespace == self.namespace and self.pod in (None, pod)


def _dcgm(field: str, unit: str, description: str, factor: str = "") -> NamedQuery:
    return NamedQuery(unit=unit, description=description, expression=f"{field}{{%(pods)s}}{factor}", source="dcgm")


def _rate(metric: str, unit: str, description: str, *, by: str = "namespace, pod", more: str = "") -> NamedQuery:
    expression = f"sum by ({by}) (rate({metric}{{%(pods)s{more}}}[%(window)s]))"
    return NamedQuery(unit=unit, description=description, expression=expression, source="cadvisor")


_CONTAINERS = ', container!="", container!="POD"'
_BY_CONTAINER = "namespace, pod, container"
QUERIES: Mapping[str, NamedQuery] = {
    "gpu_utilization": _dcgm("DCGM_FI_DEV_GPU_UTIL", "fraction", "Part of the time a kernel ran on the GPU", " / 100"),
    "gpu_memory_used": _dcgm("DCGM_FI_DEV_FB_USED", "bytes", "GPU memory in use", f" * {MEBIBYTE}"),
    "gpu_memory_free": _dcgm("DCGM_FI_DEV_FB_FREE", "bytes", "GPU memory not in use", f" * {MEBIBYTE}"),
    "gpu_power": _dcgm("DCGM_FI_DEV_POWER_USAGE", "watts", "Power the GPU takes"),
    "gpu_temperature": _dcgm("DCGM_FI_DEV_GPU_TEMP", "celsius", "Temperature of the GPU"),
    "gpu_engine_active": _dcgm(
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE", "fraction", "Part of the time the graphics or compute engine was active"
    ),
    "gpu_sm_active": _dcgm(
        "DCGM_FI_PROF_SM_ACTIVE", "fraction", "Part of the time a multiprocessor had work, over all of them"
    ),
    "gpu_sm_occupancy": _dcgm("DCGM_FI_PROF_SM_OCCUPANCY", "fraction", "Warps resident, of the most there could be"),
    "gpu_tensor_active": _dcgm("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "fraction", "Part of the time tensor cores worked"),
    "gpu_memory_bandwidth_active": _dcgm(
        "DCGM_FI_PROF_DRAM_ACTIVE", "fraction", "Part of the time the memory interface was busy"
    ),
    "gpu_pcie_sent": _dcgm("DCGM_FI_PROF_PCIE_TX_BYTES", "bytes_per_second", "Bytes the GPU sent over PCIe"),
    "gpu_pcie_received": _dcgm("DCGM_FI_PROF_PCIE_RX_BYTES", "bytes_per_second", "Bytes the GPU received over PCIe"),
    "gpu_nvlink_sent": _dcgm("DCGM_FI_PROF_NVLINK_TX_BYTES", "bytes_per_second", "Bytes the GPU sent over NVLink"),
    "gpu_nvlink_received": _dcgm(
        "DCGM_FI_PROF_NVLINK_RX_BYTES", "bytes_per_second", "Bytes the GPU received over NVLink"
    ),
    "cpu_cores": _rate(
        "container_cpu_usage_seconds_total", "cores", "Cores in use", by=_BY_CONTAINER, more=_CONTAINERS
    ),
    "memory_used": NamedQuery(
        unit="bytes",
        description="Memory in use that cannot be given back",
        expression=f"sum by ({_BY_CONTAINER}) (container_memory_working_set_bytes{{%(pods)s{_CONTAINERS}}})",
        source="cadvisor",
    ),
    "network_received": _rate("container_network_receive_bytes_total", "bytes_per_second", "Bytes received"),
    "network_sent": _rate("container_network_transmit_bytes_total", "bytes_per_second", "Bytes sent"),
}

LABELS = ("namespace", "pod", "container", "gpu", "UUID", "modelName", "GPU_I_PROFILE", "GPU_I_ID", "Hostname")
"""What is told of a series; everything else a cluster may label with stays inside."""


def expression(query: NamedQuery, pods: Iterable[Pods], *, window_seconds: int) -> str:
    """The PromQL for these pods and no others.

    The DCGM exporter names the pod that uses a GPU in `namespace` and `pod`; where Prometheus does not honor these, it
    keeps them as `exported_namespace` and `exported_pod`, beside the exporter's own.
    """
    prefixes = ("", "exported_") if query.source == "dcgm" else ("",)
    parts = [
        query.expression % {"pods": _matchers(found, prefix), "window": f"{window_seconds}s"}
        for found in pods
        for prefix in prefixes
    ]
    return " or ".join(f"({part})" for part in parts)


def told_labels(metric: Mapping[str, str]) -> dict[str, str]:
    """The labels of a series as the caller gets them, with the pod that it is about."""
    about = {**metric}
    if "exported_namespace" in metric and "exported_pod" in metric:
        about |= {name: metric[f"exported_{name}"] for name in ("namespace", "pod")}
        about["container"] = metric.get("exported_container", "")
    return {name: about[name] for name in LABELS if about.get(name)}


def checked_name(name: str, *, field: str) -> str:
    """The name of a pod or namespace. Raises InvalidRequest for what can be none."""
    if not _DNS_NAME.fullmatch(name):
        message = f"{field} must be the name of one: small letters, digits, - and dots."
        raise InvalidRequest(message, fields=[(field, message)])
    return name


def _matchers(pods: Pods, prefix: str) -> str:
    wanted = {"namespace": pods.namespace} | ({"pod": pods.pod} if pods.pod is not None else {})
    told = ((label, _quoted(checked_name(value, field=label))) for label, value in wanted.items())
    return ", ".join(f'{prefix}{label}="{value}"' for label, value in told)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
