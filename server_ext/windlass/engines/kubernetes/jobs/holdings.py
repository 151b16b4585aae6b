"""What the pods of one job held, kept beside its copy: the cluster forgets pods, and money that was spent stays spent.

`held.json` has every pod that was ever seen, by uid. One that went while this looked has an end; one that went while
nobody did has none that is known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from windlass.costs.book import Shape
from windlass.costs.holding import Held, Holding
from windlass.engines.job_folder.files import read_json, write_json
from windlass.engines.kubernetes.model import Object, Observed
from windlass.engines.kubernetes.observing.held_pods import Node, SeenPod, missing, seen_pod

FILE = "held.json"
NEW_SECONDS = 60.0
"""A job that is no older when it is first looked at has had no pods before."""
MOST_PODS = 5000
_FIELDS = frozenset(each.name for each in fields(Held))


class PodHoldings:
    """The pods of one job. Methods that touch the disk say so."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        content = read_json(self._path)
        self._pods = _read(content or {})
        self._whole: bool | None = None if content is None else content.get("whole") is True
        """Looked at from its beginning to its end; None before the first look. What ended unseen is not."""
        self._watched: set[str] = set()
        """Uids of pods that were there when this looked last: should they go, it is now."""
        self._ended = False
        self._written: object = None

    def look(self, seen: Observed, node_of: Callable[[str | None], Node | None], *, now: float | None = None) -> None:
        """Take over what is seen of the job's pods now; `now` in POSIX seconds."""
        now = time.time() if now is None else now
        self._whole = seen.seconds_since_created < NEW_SECONDS if self._whole is None else self._whole
        there: dict[str, Object] = {_uid(pod): pod for pod in seen.pods}
        for uid, pod in there.items():
            self._take(uid, seen_pod(pod, node_of(_node_name(pod))))
        for pod in seen.departed:
            if _uid(pod) not in there:
                self._take(_uid(pod), seen_pod(pod, node_of(_node_name(pod)), gone_at=now))
        departed = {_uid(pod) for pod in seen.departed}
        for uid in self._pods.keys() - there.keys() - departed:
            self._is_gone(uid, now if uid in self._watched else None)
        self._watched = set(there)

    def look_away(self) -> None:
        """The cluster does not answer: what goes now goes unseen."""
        self._watched = set()
        self._whole = False

    def end(self, *, at: float) -> None:
        """The job has ended and is watched no more: what still holds is counted until then, POSIX seconds."""
        for uid in list(self._pods):
            self._is_gone(uid, at if uid in self._watched else None)
        self._watched = set()
        self._ended = True

    def nodes(self) -> set[str]:
        """The names of the nodes that its pods are on and that are not known."""
        held = (pod.held for pod in self._pods.values())
        return {each.node for each in held if each.node and each.capacity is None and each.shape is None}

    def save(self) -> None:
        """Write it down where it has changed. Raises OSError."""
        # A server that comes later has not looked all the while, unless all is over.
        content = {
            "whole": self._ended and self._whole is True,
            "pods": {uid: _to_json(pod) for uid, pod in self._pods.items()},
        }
        if content != self._written:
            write_json(self._path, content)
            self._written = content

    def holding(self, *, expected: int, ran: bool, began_at: float | None) -> Holding:
        """All that is known; see `observing.held_pods.missing` for the arguments."""
        pods = list(self._pods.values())
        why = "" if self._whole else missing(pods, expected=expected, ran=ran, began_at=began_at)
        if len(pods) >= MOST_PODS:
            why = f"The job had more than {MOST_PODS} pods, of which no more are kept."
        return Holding(held=tuple(pod.held for pod in pods), missing=why)

    def _take(self, uid: str, pod: SeenPod) -> None:
        known = self._pods.get(uid)
        if known is None and len(self._pods) >= MOST_PODS:
            return
        self._pods[uid] = pod if known is None else replace(pod, held=_better(known.held, pod.held))

    def _is_gone(self, uid: str, at: float | None) -> None:
        pod = self._pods[uid]
        if not pod.held.ended:
            until = at if pod.held.until is None else pod.held.until
            self._pods[uid] = replace(pod, held=replace(pod.held, until=until, ended=True))


def _better(old: Held, new: Held) -> Held:
    """What is known by now: a node may be gone when its pod is looked at again, and an end that was seen stays."""
    if old.node == new.node and new.capacity is None and old.capacity is not None:
        new = replace(
            new,
            instance_type=old.instance_type,
            capacity=old.capacity,
            region=old.region,
            gpus=old.gpus,
            product=old.product,
            mig_profile=old.mig_profile,
            shares=old.shares,
            shape=old.shape,
            problem=old.problem,
        )
    if old.until is not None and (new.until is None or new.until > old.until):
        new = replace(new, until=old.until, ended=True)
    return new


def _uid(pod: Object) -> str:
    return str(pod["metadata"].get("uid") or pod["metadata"].get("name"))


def _node_name(pod: Object) -> str | None:
    return (pod.get("spec") or {}).get("nodeName")


def _to_json(pod: SeenPod) -> dict[str, Any]:
    held = {**asdict(pod.held), "shape": None if pod.held.shape is None else _shape_to_json(pod.held.shape)}
    return {"created_at": pod.created_at, "held": held}


def _shape_to_json(shape: Shape) -> dict[str, Any]:
    numbers = {"cores": shape.cores, "memory_gib": shape.memory_gib}
    return {**asdict(shape), **{name: None if each is None else float(each) for name, each in numbers.items()}}


def _read(content: Mapping[str, Any]) -> dict[str, SeenPod]:
    """What was written; nothing where it cannot be read, and then the pods that are gone were not seen."""
    found = content.get("pods")
    items: Iterable[tuple[str, Any]] = found.items() if isinstance(found, dict) else ()
    return {uid: pod for uid, content in items if (pod := _from_json(content)) is not None}


def _from_json(content: Mapping[str, Any]) -> SeenPod | None:
    try:
        known = {name: value for name, value in content["held"].items() if name in _FIELDS}
        shape = known.get("shape")
        if shape is not None:
            numbers = {name: None if shape[name] is None else Fraction(shape[name]) for name in ("cores", "memory_gib")}
            known["shape"] = Shape(gpus=int(shape["gpus"]), product=shape["product"], **numbers)
        return SeenPod(held=Held(**known), created_at=content["created_at"])
    except (KeyError, TypeError, AttributeError, ValueError):
        return None
