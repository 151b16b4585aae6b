"""Why a job is where it is, in one sentence: what somebody who asks "why is it waiting" needs to know first.

What has to be put right comes before what only takes its time. Pure: the moment is an argument.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from windlass.contract.hub import StartingNode
from windlass.engines.base import State
from windlass.engines.kubernetes.model import Object, Observed, Phase
from windlass.engines.kubernetes.observing import queueing
from windlass.engines.kubernetes.observing.endings import EVICTIONS, INIT_WORK, ended, failed_init, first_failure
from windlass.engines.kubernetes.observing.mishaps import image_trouble, mount_trouble, no_pods
from windlass.engines.kubernetes.observing.phases import Present, present
from windlass.engines.kubernetes.observing.pod_status import PodStatus
from windlass.engines.kubernetes.observing.scheduling import placement
from windlass.engines.kubernetes.wording import lasting, listed, short

OPERATOR_SECONDS = 30.0
"""How long an operator may take to make pods before its silence is worth a word."""
CREATING_SECONDS = 120.0
"""How long a container may take to be made before that is."""


def explain(
    seen: Observed,
    phase: Phase,
    *,
    starting: Sequence[StartingNode] = (),
    position: int | None = None,
    now: float | None = None,
) -> str:
    """The reason of a job's state; empty where the state says all.

    Args:
        seen: what is known of the job.
        phase: what follows from it.
        starting: nodes that Karpenter is starting, from the hub side.
        position: the job's place in its queue, from 1 (`queueing.positions`).
        now: POSIX seconds; this moment when left out.
    """
    if phase.state.is_final or phase.reason:
        return phase.reason
    if phase.state is State.QUEUED:
        return queueing.explain(seen, position=position)
    if phase.state is State.SUSPENDED:
        return "held back until it is resumed"
    moment = time.time() if now is None else now
    there = present(seen)
    if phase.state is State.RUNNING:
        away = [pod.title for pod in there.pods if pod.unreachable]
        return f"the node of {listed(away[:3])} does not answer" if away else ""
    waits = _trouble(seen, there) or _waiting(seen, there, starting, moment)
    if phase.state is State.RESTARTING:
        return "; ".join(filter(None, (_why_again(there, phase), waits)))
    return waits


def pod_reason(pod: PodStatus, events: Sequence[Object]) -> str:
    """Why one pod waits or failed; empty while it goes well."""
    if pod.stage in ("succeeded", "running"):
        return "its node does not answer" if pod.unreachable and pod.stage == "running" else ""
    if pod.stage in ("failed", "restarting"):
        if pod.evicted and pod.stage == "failed":
            return EVICTIONS.get(pod.evicted, "was taken off its node")
        return ended(pod.failure) if pod.failure is not None else failed_init(pod) or short(pod.message)
    if pod.stage == "starting":
        return image_trouble(pod, events) or mount_trouble(pod, events) or failed_init(pod) or _work(pod)
    return _unplaced(pod)


def _unplaced(pod: PodStatus) -> str:
    if pod.gated:
        return "held back by a scheduling gate"
    if not pod.unschedulable:
        return ""
    place = placement(pod.unschedulable)
    return place.hopeless or f"waiting for {place.wanted}" + (f": {place.details}" if place.details else "")


def _trouble(seen: Observed, there: Present) -> str:
    """What somebody has to put right."""
    if len(there.pods) < there.expected and (refused := no_pods(seen.events)):
        return refused
    for look in (image_trouble, mount_trouble):
        for pod in there.pods:
            if pod.stage == "starting" and (words := look(pod, seen.events)):
                return words
    for pod in there.pods:
        if pod.stage == "starting" and (words := failed_init(pod)):
            return words
        if pod.unschedulable and pod.stage == "waiting" and (words := placement(pod.unschedulable).hopeless):
            return f"waiting for its volumes: {words}"
    return ""


def _waiting(seen: Observed, there: Present, starting: Sequence[StartingNode], now: float) -> str:
    """What only takes its time."""
    if not there.pods:
        if seen.seconds_since_created < OPERATOR_SECONDS:
            return "waiting for the cluster to make its pods"
        return (
            f"nothing has made its pods for {lasting(seen.seconds_since_created)}: "
            "the cluster's training operator may not be running"
        )
    waiting = [pod for pod in there.pods if pod.stage == "waiting"]
    if waiting:
        return _for_a_node(seen, there, waiting, starting, now)
    creating = [pod for pod in there.pods if pod.stage == "starting"]
    if not creating:
        missing = there.expected - len(there.pods)
        return f"waiting for {missing} of {there.expected} pods to be made" if missing > 0 else ""
    work = _work(creating[0])
    if there.expected > 1:
        work += f" on {sum(_work(pod) == work for pod in creating)} of {there.expected} pods"
    since = creating[0].scheduled_at
    if since is not None and now - since > CREATING_SECONDS:
        work += f", for {lasting(now - since)}"
    return work


def _for_a_node(
    seen: Observed, there: Present, waiting: list[PodStatus], starting: Sequence[StartingNode], now: float
) -> str:
    placed = len([pod for pod in there.pods if pod.stage != "waiting"])
    told = next((pod.unschedulable for pod in waiting if pod.unschedulable), "")
    if any(pod.gated for pod in waiting) and not told:
        return "held back by a scheduling gate"
    place = placement(told) if told else None
    wanted = place.wanted if place is not None else "a node"
    words = f"waiting for {wanted}: {placed} of {there.expected} pods placed"
    if coming := _coming(starting, seen.events, now):
        return f"{words}; {coming}"
    return f"{words} ({place.details})" if place is not None and place.details else words


def _coming(starting: Sequence[StartingNode], events: Sequence[Object], now: float) -> str:
    """What is being done about it."""
    named = " ".join(str(each.get("message")) for each in events if each.get("reason") == "Nominated")
    ours = [node for node in starting if node.name in named] or list(starting)
    alive = [node for node in ours if node.state != "failed"]
    if alive:
        types = list(dict.fromkeys(short(node.instance_type or "a node", longest=60) for node in alive))
        begun = [node.since.timestamp() for node in alive if node.since is not None]
        count = f" ({len(alive)} nodes)" if len(alive) > 1 else ""
        age = f", {lasting(now - min(begun))}" if begun else ""
        return f"Karpenter is starting {listed(types[:3])}{count}{age}"
    if ours:
        why = short(ours[0].reason, longest=160)
        kind = short(ours[0].instance_type or "a node", longest=60)
        return f"Karpenter could not start {kind}" + (f": {why}" if why else "")
    reasons = [each.get("reason") for each in events]
    if "TriggeredScaleUp" in reasons or "Nominated" in reasons:
        return "the cluster is adding a node"
    if "NotTriggerScaleUp" in reasons:
        return "the cluster's autoscaler can add none that fits"
    return ""


def _work(pod: PodStatus) -> str:
    """What a pod that has its node is busy with."""
    for each in pod.init:
        if each.is_running:
            return INIT_WORK.get(each.name, f"running the init container {short(each.name, longest=63)}")
    return "pulling the image and starting the container"


def _why_again(there: Present, phase: Phase) -> str:
    """What made it start again."""
    loops = [pod for pod in there.pods if pod.main.waiting == "CrashLoopBackOff"]
    if loops and (failure := loops[0].failure) is not None:
        times = f" ({loops[0].main.restarts} restarts)" if loops[0].main.restarts > 1 else ""
        return f"{loops[0].title} crashes again and again{times}: it {ended(failure)}"
    taken = [pod for pod in (*there.pods, *there.past) if pod.evicted]
    if taken:
        return f"{taken[0].title} {EVICTIONS.get(taken[0].evicted, 'was taken off its node')}"
    first = first_failure([*there.past, *there.pods])
    return f"starting again after {first}" if first else f"starting again (restart {max(1, phase.restarts)})"
