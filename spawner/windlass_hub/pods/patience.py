"""How long a starting server is waited for, and what is not worth waiting for.

JupyterHub waits until a time is up and then knows no reason. A start that cannot succeed is given up as soon as that is
certain, and one that takes too long with what it was waiting for. Pure: pods and a clock in, a verdict out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .events import Event
from .state import Pod, PodState, brief, read_pod, wanted

PULL_TRIES = 3
PULL_SECONDS = 60.0
BROKEN_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why a start is given up: a sentence for its user, a word for the metrics."""

    sentence: str
    reason: str


class Patience:
    """Looks at the pod of one start from time to time.

    Args:
        crash_restarts: so many restarts of a server that does not come up are enough.
    """

    def __init__(self, *, crash_restarts: int) -> None:
        self._crash_restarts = crash_restarts
        self._pulls: set[str] = set()
        self._since: dict[str, float] = {}

    def look(self, pod: Pod | None, *, now: float) -> Trouble | None:
        """What makes waiting useless, if anything; `now` in seconds of any clock."""
        if pod is None:
            return None
        state = read_pod(pod)
        if state.ended:
            return Trouble(sentence=f"The server did not start. {state.sentence}", reason=_word(state))
        if state.phase == "crash-looping" and state.restarts >= self._crash_restarts:
            return Trouble(sentence=f"The server did not start. {state.sentence}", reason="crash")
        if state.cannot_pull:
            # Each try and each pause is another version of the pod.
            self._pulls.add(str((pod.get("metadata") or {}).get("resourceVersion") or ""))
            waited = self._waited("pull", now)
            if len(self._pulls) >= PULL_TRIES or waited >= PULL_SECONDS:
                return Trouble(sentence=state.sentence, reason="image")
        if state.hopeless:
            # A Secret or a ConfigMap made at the same time may be a moment late; a name does not become valid.
            enough = 0 if state.reason == "InvalidImageName" else BROKEN_SECONDS
            if self._waited(state.reason, now) >= enough:
                return Trouble(sentence=state.sentence, reason="image" if "Image" in state.reason else "container")
        return None

    def _waited(self, what: str, now: float) -> float:
        return now - self._since.setdefault(what, now)


def vanished(seen: Pod) -> Trouble:
    """The pod of a start is gone: deleted, preempted or evicted before it was ready.

    Args:
        seen: the pod as it was last seen.
    """
    state = read_pod(seen, gone=True)
    return Trouble(
        sentence=f"The server did not start. {state.sentence}",
        reason="pod" if state.phase == "absent" else _word(state),
    )


def too_long(pod: Pod | None, events: Iterable[Event], *, seconds: float, product: str = "") -> Trouble:
    """Why a start that took all its time is given up: by the pod, else by the last warning of its events.

    Args:
        pod: of the start; None: none was seen.
        events: about it, oldest first.
        seconds: it was waited for.
        product: the GPU it asks for, where a profile says so.
    """
    state = read_pod(pod)
    warning = _last_warning(events)
    waited = f"Waited {_span(seconds)}"
    if pod is None:
        return Trouble(sentence=f"{waited} for Kubernetes to make the server's pod; it never showed up.", reason="pod")
    if state.phase == "waiting" and not state.cannot_pull and not state.hopeless:
        said = _after_colon(state.sentence) or warning
        node = f"a node with {product}" if product else wanted(pod)
        sentence = f"{waited} for {node}{': ' + said if said else ''}."
        return Trouble(sentence=sentence, reason="unschedulable")
    said = state.sentence if state.phase in {"waiting", "crash-looping"} else warning
    return Trouble(
        sentence=f"{waited} for the server to start{': ' + said.rstrip('.') if said else ''}.", reason="timeout"
    )


def seconds_to_start(*, start_minutes: float, start_timeout: float) -> float:
    """When a start is given up, always before JupyterHub does so without a reason.

    Args:
        start_minutes: as the admin set it; 0: as long as JupyterHub allows.
        start_timeout: JupyterHub's, in seconds.
    """
    allowed = max(start_timeout - 5, 0.9 * start_timeout)
    return min(60 * start_minutes, allowed) if start_minutes > 0 else allowed


def _last_warning(events: Iterable[Event]) -> str:
    warnings = [event for event in events if event.get("type") == "Warning"]
    return brief(str(warnings[-1].get("message") or "")) if warnings else ""


def _after_colon(sentence: str) -> str:
    return sentence.partition(": ")[2].rstrip(".")


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def _word(state: PodState) -> str:
    return "crash" if state.phase in {"failed", "completed"} else state.phase.replace("-", "_")
