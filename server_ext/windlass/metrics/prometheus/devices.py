"""What Prometheus answers, as devices with readings and pods with their use, and what the answer leaves unsaid.

Nothing that is missing becomes 0: a series that is not there, is old, or is not the pod's own leaves its figure out,
and a sentence says why.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from windlass.contract.hub import Metrics
from windlass.metrics.merging import SHARED, share_id, slice_id
from windlass.metrics.prometheus.figures import STALE_SECONDS, Figures, by_place, followed, shared_places
from windlass.metrics.reading import Condition, Device, DeviceSeries, PodUse, Reading

_TOLD_PODS = 5


def devices(
    metrics: Metrics, *, shared_nodes: Collection[str] = (), stale_seconds: float = STALE_SECONDS
) -> list[Device]:
    """The devices of an answer for one moment.

    Args:
        metrics: as `client.Prometheus.metrics` or the hub gave them.
        shared_nodes: nodes whose devices are known to be shared by several pods.
        stale_seconds: figures read longer before the moment are not shown.
    """
    found = by_place(metrics)
    gone = followed(found) - shared_places([figures for figures in found if figures.labels.get("vgpu")])
    held = [figures for figures in found if figures.place not in gone]
    shared = shared_places(held, nodes=shared_nodes)
    return [_device(figures, figures.place in shared, stale_seconds) for figures in held]


def histories(
    metrics: Metrics, *, shared_nodes: Collection[str] = (), stale_seconds: float = STALE_SECONDS
) -> list[DeviceSeries]:
    """The readings of an answer for a span, by device and pod; of shared devices there are none."""
    found = by_place(metrics)
    shared = shared_places(found, nodes=shared_nodes)
    step = metrics.step_seconds or 0.0
    lines = [
        _history(figures, step=step, stale_seconds=stale_seconds) for figures in found if figures.place not in shared
    ]
    return [line for line in lines if line.readings]


def pod_uses(metrics: Metrics) -> list[PodUse]:
    """CPU and memory of the pods, over all their containers; a pod of which a container is not known has no sum."""
    cores, memory = (_by_pod(metrics, name) for name in ("cpu_cores", "memory_used"))
    found = []
    for namespace, pod, at in sorted({*cores, *memory}):
        size = memory.get((namespace, pod, at))
        found.append(
            PodUse(
                namespace=namespace,
                pod=pod,
                at=at,
                cpu_cores=cores.get((namespace, pod, at)),
                memory_bytes=None if size is None else round(size),
            )
        )
    return found


def conditions(metrics: Metrics, found: Sequence[Device]) -> list[Condition]:
    """What an answer for one moment leaves unsaid of the pods it was asked for."""
    told = []
    problems = {item.problem: item.name for item in metrics.items if item.problem}
    told += [_partial(f"Not all figures are known: {problem}") for problem in problems]
    if not problems and not all(item.complete for item in metrics.items):
        told.append(_partial("Not all figures are known: Prometheus answered with less than it was asked for."))
    holding = {(namespace, pod) for namespace, pod, _at in _by_pod(metrics, "gpu_requested")}
    silent = sorted(holding - {(device.namespace or "", device.pod or "") for device in found})
    if silent:
        told.append(nothing_told_of([pod for _namespace, pod in silent]))
    if not found and not silent and not problems:
        message = (
            "Prometheus tells of no GPU of your pods. Where one holds a GPU, see that the DCGM exporter runs on its "
            "node with pods' names, and that Prometheus scrapes it."
        )
        told.append(Condition(source="dcgm", code="no-devices", message=message))
    return told


def nothing_told_of(pods: Sequence[str]) -> Condition:
    """That these pods hold GPUs of which nothing is told."""
    names = ", ".join(pods[:_TOLD_PODS])
    more = f" and {len(pods) - _TOLD_PODS} more" if len(pods) > _TOLD_PODS else ""
    message = (
        f"Nothing is told of the GPUs of {names}{more}: of a shared GPU the DCGM exporter names one pod alone; "
        "else see that it runs on the node, and that Prometheus scrapes it."
    )
    return replace(_partial(message), pods=tuple(pods))


def _device(figures: Figures, shared: bool, stale_seconds: float) -> Device:
    place, labels = figures.place, figures.labels
    identity = slice_id(place.uuid, place.instance) if figures.is_slice else place.uuid
    number = labels.get("gpu", "")
    device = Device(
        id=identity,
        uuid=identity,
        name=labels.get("modelName", ""),
        source="dcgm",
        kind="slice" if figures.is_slice else "card",
        parent_uuid=place.uuid if figures.is_slice else None,
        index=int(number) if number.isdecimal() and not figures.is_slice else None,
        node=labels.get("Hostname"),
        mig_profile=labels.get("GPU_I_PROFILE"),
        gpu_instance=int(place.instance) if place.instance.isdecimal() else None,
        memory_total_bytes=figures.memory_total(),
        namespace=place.namespace,
        pod=place.pod,
        container=labels.get("container"),
    )
    if shared:
        return replace(device, kind="share", id=share_id(identity, place.pod), problem=SHARED)
    moments = figures.moments
    if not moments:
        return replace(device, problem="The DCGM exporter says nothing of it that can be so.")
    moment = moments[-1]
    if not figures.fresh(moment, stale_seconds=stale_seconds):
        return replace(device, problem=_stale(moment - (figures.sampled_at(moment) or moment), device.node))
    reading = figures.reading(moment)
    return replace(device, reading=reading, problem=_unsaid(reading, is_slice=figures.is_slice))


def _unsaid(reading: Reading, *, is_slice: bool) -> str | None:
    if reading.engine is None and is_slice:
        return (
            "How a MIG slice is used is told by DCGM's profiling fields alone, and this exporter leaves them out: have "
            "DCGM_FI_PROF_GR_ENGINE_ACTIVE among its counters."
        )
    if reading.engine is None:
        return "The DCGM exporter does not say how it is used: have DCGM_FI_PROF_GR_ENGINE_ACTIVE among its counters."
    if reading.memory_bytes is None:
        return "The DCGM exporter does not say how much memory is used: have DCGM_FI_DEV_FB_USED among its counters."
    return None


def _stale(seconds: float, node: str | None) -> str:
    where = f" on {node}" if node else ""
    old = f"{round(seconds / 60)} min"
    return f"The last figures are {old} old: see that Prometheus still reaches the DCGM exporter{where}."


def _history(figures: Figures, *, step: float, stale_seconds: float) -> DeviceSeries:
    place = figures.place
    identity = slice_id(place.uuid, place.instance) if figures.is_slice else place.uuid
    number, profile = figures.labels.get("gpu", ""), figures.labels.get("GPU_I_PROFILE", "")
    readings = []
    before: tuple[float, float] | None = None
    for moment in figures.moments:
        if not figures.fresh(moment, stale_seconds=max(stale_seconds, step)):
            continue
        # Of a span each point stands for its step, whenever the exporter was read within it.
        reading = replace(figures.reading(moment), at=moment)
        joules = figures.values[moment].get("gpu_energy")
        if reading.power_watts is None and not figures.is_slice and joules is not None and before is not None:
            reading = replace(reading, power_watts=_watts(before, (moment, joules), step=step))
        before = None if joules is None else (moment, joules)
        readings.append(reading)
    return DeviceSeries(
        device_id=identity,
        uuid=identity,
        label=f"GPU {number}" + (f" {profile}" if profile else "") if number else place.uuid,
        readings=readings,
        source="dcgm",
        pod=place.pod,
        memory_total_bytes=figures.memory_total(),
    )


def _watts(before: tuple[float, float], now: tuple[float, float], *, step: float) -> float | None:
    """Mean power from what a meter said; None over a gap, and where the meter began anew."""
    seconds, joules = now[0] - before[0], now[1] - before[1]
    return joules / seconds if 0 < seconds <= 1.5 * step and joules >= 0 else None


def _by_pod(metrics: Metrics, name: str) -> dict[tuple[str, str, float], float]:
    """Sums over containers, by namespace, pod and moment; left out where one of the values is not known."""
    sums: dict[tuple[str, str, float], float] = {}
    unknown = set()
    for labels, at, value in _points(metrics, name):
        key = (labels.get("namespace", ""), labels.get("pod", ""), at)
        if value is None:
            unknown.add(key)
        else:
            sums[key] = sums.get(key, 0.0) + value
    return {key: value for key, value in sums.items() if key not in unknown}


def _points(metrics: Metrics, name: str) -> Iterable[tuple[dict[str, str], float, float | None]]:
    for item in metrics.items:
        if item.name == name:
            for line in item.series:
                for at, value in line.points:
                    yield line.labels, at, value


def _partial(message: str) -> Condition:
    return Condition(source="dcgm", code="partial", message=message)
