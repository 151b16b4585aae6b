"""What a server's pod is doing, read from the pod as the API shows it, and said so that its user understands it.

KubeSpawner knows running and not running. Between them lie a node that does not come, an image that cannot be pulled,
a server that runs out of memory again and again, a spot node that was taken away. Pure: a dictionary in, a state out;
nothing here asks the cluster or decides to stop anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

Phase = Literal[
    "absent", "waiting", "starting", "running", "crash-looping", "restarting", "ending",
    "evicted", "preempted", "node-lost", "completed", "failed",
]  # fmt: skip
Pod = Mapping[str, Any]

NOTEBOOK = "notebook"
# What ran so long is no loop: Kubernetes, too, starts to count anew then.
STEADY = timedelta(minutes=10)
_ENDED = frozenset({"absent", "evicted", "preempted", "node-lost", "completed", "failed"})
_PULL = {"ErrImagePull", "ImagePullBackOff"}
# What trying again does not mend, as the reason of a waiting container -> what it is called.
_BROKEN = {
    "InvalidImageName": "The name of the image is not valid",
    "ErrImageNeverPull": "The image is not on the node, and may not be pulled",
    "CreateContainerConfigError": "The server's container is not set up right",
    "CreateContainerError": "The server's container cannot be made",
    "RunContainerError": "The server's container cannot be run",
}
_PREEMPTED = {"Preempting", "Preempted", "PreemptionByScheduler", "PreemptionByKubeScheduler"}
_EVICTED = {"Evicted", "EvictionByEvictionAPI", "TerminationByKubelet"}
_NODE_LOST = {"NodeLost", "NodeShutdown", "Terminated", "Shutdown", "DeletionByTaintManager", "DeletionByPodGC"}


@dataclass(frozen=True, kw_only=True)
class PodState:
    """A pod in one word and one sentence.

    Attributes:
        reason: Kubernetes' own word for it where there is one, as Unschedulable, ImagePullBackOff, OOMKilled.
        sentence: for the server's user.
        exit_code: of the notebook container's last end; None: it never ended, or nobody knows.
        restarts: how often the notebook container was started again.
    """

    phase: Phase
    reason: str = ""
    sentence: str = ""
    exit_code: int | None = None
    restarts: int = 0

    @property
    def ended(self) -> bool:
        """No server runs in it and none will."""
        return self.phase in _ENDED

    @property
    def cannot_pull(self) -> bool:
        """The image cannot be had at the moment; the node goes on trying."""
        return self.reason in _PULL

    @property
    def hopeless(self) -> bool:
        """It waits for something that waiting does not bring."""
        return self.phase == "waiting" and self.reason in _BROKEN


def read_pod(pod: Pod | None, *, container: str = NOTEBOOK, gone: bool = False) -> PodState:
    """The state of a pod.

    Args:
        pod: as the API shows it; None: there is none.
        container: the one the server runs in.
        gone: the pod was deleted, and this is how it was last seen.
    """
    if pod is None:
        return PodState(phase="absent", sentence="The server's pod is gone.")
    status = pod.get("status") or {}
    phase = status.get("phase")
    own = _container(status, container)
    if (lost := _taken_away(pod, status, over=gone or phase in {"Failed", "Succeeded"})) is not None:
        return lost
    if gone:
        return PodState(phase="absent", sentence="The server's pod was deleted.")
    if phase in {"Succeeded", "Failed"}:
        return _finished(status, phase, own)
    if (pod.get("metadata") or {}).get("deletionTimestamp"):
        return PodState(phase="ending", sentence="The server is being stopped.", restarts=_restarts(own))
    return _living(pod, status, own)


def owner_of(pod: Pod) -> tuple[str | None, str | None]:
    """The user and the name of the server that a pod was made for; None and None for one that tells nothing."""
    told = (pod.get("metadata") or {}).get("annotations") or {}
    user = told.get("hub.jupyter.org/username")
    return user, None if user is None else told.get("hub.jupyter.org/servername", "")


def wanted(pod: Pod | None) -> str:
    """The node a pod asks for, as people name it: `a node with Tesla-T4`."""
    spec = (pod or {}).get("spec") or {}
    selector = spec.get("nodeSelector") or {}
    product = selector.get("nvidia.com/gpu.product") or selector.get("gpu-type")
    if product:
        return f"a node with {product}"
    for container in spec.get("containers") or []:
        limits = (container.get("resources") or {}).get("limits") or {}
        for name, count in limits.items():
            if "/" in name:
                return f"a node with {count} {name}"
    return "a node"


def _living(pod: Pod, status: Mapping[str, Any], own: Mapping[str, Any]) -> PodState:
    restarts = _restarts(own)
    if (trouble := _crashing(pod, own) or _stuck(status, restarts)) is not None:
        return trouble
    if status.get("phase") == "Running":
        statuses = status.get("containerStatuses")
        # A Running pod without a word on its containers is a status half written, no end.
        if statuses and not all(each.get("ready") for each in statuses):
            return PodState(phase="starting", sentence="The server is starting.", restarts=restarts)
        return PodState(phase="running", sentence="The server is running.", restarts=restarts)
    if status.get("phase") == "Unknown":
        return PodState(phase="running", reason="Unknown", sentence="The server's node does not answer.")
    return _pending(pod, status)


def _pending(pod: Pod, status: Mapping[str, Any]) -> PodState:
    scheduled = _condition(status, "PodScheduled")
    if scheduled.get("status") == "True":
        return PodState(phase="starting", sentence="The node is getting the image and starting the server.")
    reason = str(scheduled.get("reason") or "")
    said = brief(str(scheduled.get("message") or ""))
    return PodState(
        phase="waiting", reason=reason, sentence=f"The server waits for {wanted(pod)}{': ' + said if said else ''}."
    )


def brief(message: str) -> str:
    """The scheduler's message without what it says of preemption, and without its full stop."""
    return " ".join(message.split()).split(" preemption: ")[0].rstrip(" .")


def _stuck(status: Mapping[str, Any], restarts: int) -> PodState | None:
    """An image or a container that does not come, in the server's container or in any beside or before it."""
    for each in _all_containers(status):
        waiting = (each.get("state") or {}).get("waiting") or {}
        reason, message = str(waiting.get("reason") or ""), brief(str(waiting.get("message") or ""))
        if reason in _PULL:
            said = f"The image {each.get('image') or ''} cannot be pulled".replace("  ", " ")
        elif reason in _BROKEN:
            said = _BROKEN[reason]
        elif reason == "CrashLoopBackOff":  # another container than the server's
            return _looping(each, what=f"The container {each.get('name')}")
        else:
            continue
        sentence = f"{said}{': ' + message if message else ''}."
        return PodState(phase="waiting", reason=reason, sentence=sentence, restarts=restarts)
    return None


def _crashing(pod: Pod, own: Mapping[str, Any]) -> PodState | None:
    state = own.get("state") or {}
    if (state.get("waiting") or {}).get("reason") == "CrashLoopBackOff":
        return _looping(own, what="The server")
    ended = state.get("terminated")
    if ended is None:
        return None
    code = _code(ended)
    if code == 0:
        return PodState(phase="completed", reason="Completed", sentence="The server ended by itself.", exit_code=0)
    if (pod.get("spec") or {}).get("restartPolicy") == "Never":  # the pod may run on by a container beside it
        return PodState(
            phase="failed",
            reason=str(ended.get("reason") or "Error"),
            sentence=f"The server {_how(ended)}.",
            exit_code=code,
        )
    return _looping({**own, "lastState": state}, what="The server")


def _looping(status: Mapping[str, Any], *, what: str) -> PodState:
    ended = (status.get("lastState") or {}).get("terminated") or {}
    restarts = _restarts(status)
    was_steady = _ran(ended) >= STEADY
    ending = ". It is started again." if was_steady else f", {restarts} times." if restarts > 1 else "."
    return PodState(
        phase="restarting" if was_steady else "crash-looping",
        reason=str(ended.get("reason") or ("Error" if was_steady else "CrashLoopBackOff")),
        sentence=f"{what} {_how(ended)}{ending}",
        exit_code=_code(ended),
        restarts=restarts,
    )


def _how(ended: Mapping[str, Any]) -> str:
    if ended.get("reason") == "OOMKilled":
        return "ran out of memory and was killed"
    code = _code(ended)
    return "ended and was started again" if code is None else f"ended with exit code {code}"


def _finished(status: Mapping[str, Any], phase: object, own: Mapping[str, Any]) -> PodState:
    ended = (own.get("state") or {}).get("terminated") or {}
    code = _code(ended)
    if phase == "Succeeded":
        return PodState(
            phase="completed", reason="Completed", sentence="The server ended by itself.", exit_code=code or 0
        )
    said = brief(str(status.get("message") or ""))
    sentence = f"The server {_how(ended)}." if ended else f"The server failed{': ' + said if said else ''}."
    reason = str(ended.get("reason") or status.get("reason") or "Failed")
    return PodState(phase="failed", reason=reason, sentence=sentence, exit_code=code, restarts=_restarts(own))


def _taken_away(pod: Pod, status: Mapping[str, Any], *, over: bool) -> PodState | None:
    """Ended by the cluster: only what is over, or on a node that is."""
    disrupted = _condition(status, "DisruptionTarget")
    reasons = [str(status.get("reason") or "")]
    if disrupted.get("status") == "True":
        reasons.append(str(disrupted.get("reason") or ""))
    if not over and "NodeLost" not in reasons:
        return None
    said = brief(str(status.get("message") or disrupted.get("message") or ""))
    tail = f": {said}." if said else "."
    node = (pod.get("spec") or {}).get("nodeName")
    kinds: tuple[tuple[set[str], Phase, str], ...] = (
        (_PREEMPTED, "preempted", "The server was stopped to make room for something of higher priority"),
        (_EVICTED, "evicted", "The server was evicted from its node"),
        (_NODE_LOST, "node-lost", f"The server's node{f' {node}' if node else ''} was lost or shut down"),
    )
    for reason in reasons:
        for known, phase, sentence in kinds:
            if reason in known:
                return PodState(phase=phase, reason=reason, sentence=f"{sentence}{tail}")
    return None


def _all_containers(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from status.get("initContainerStatuses") or []
    yield from status.get("containerStatuses") or []


def _container(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next((each for each in status.get("containerStatuses") or [] if each.get("name") == name), {})


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    return next((each for each in status.get("conditions") or [] if each.get("type") == kind), {})


def _restarts(status: Mapping[str, Any]) -> int:
    return int(status.get("restartCount") or 0)


def _ran(ended: Mapping[str, Any]) -> timedelta:
    """How long a container ran that ended; nothing where that is not told."""
    try:
        begun, over = (
            datetime.fromisoformat(str(ended[name]).replace("Z", "+00:00")) for name in ("startedAt", "finishedAt")
        )
        return over - begun
    except (KeyError, ValueError, TypeError):
        return timedelta(0)


def _code(ended: Mapping[str, Any]) -> int | None:
    code = ended.get("exitCode")
    return None if code is None else int(code)
