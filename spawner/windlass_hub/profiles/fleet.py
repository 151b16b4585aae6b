"""The nodes of a snapshot, counted for many profiles at once.

The spawn page asks for the room of every profile, and the hub has one event loop: going through all nodes for each of
fifty profiles would stall everybody. Most profiles want the same kind of node, and most nodes of a kind have the same
left; so nodes are matched once per kind, and equal ones are counted once. It knows amounts and labels, no sentences.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import mul

from windlass.costs.products import card_of
from windlass.kube.quantities import parse_bytes, parse_quantity

from .model import Profile, Toleration
from .nodes import Amounts, CapacitySnapshot, NodeRoom, Taint
from .rendering import extended_resources, node_selector, tolerations

PRODUCT_LABEL = "nvidia.com/gpu.product"
_ROUNDING = 1e-9
_COUNTLESS = 10_000
_PODS = "pods"


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a profile needs of a node.

    Attributes:
        asked: what must be free on one node.
        resources: extended resources that a node must have at all.
        card: the card that a node's label must not contradict; None: labels decide nothing.
        anywhere: on one machine, where labels and taints do not exist.
    """

    selector: dict[str, str]
    tolerations: tuple[Toleration, ...]
    asked: Amounts
    resources: tuple[str, ...]
    card: str | None
    anywhere: bool

    @classmethod
    def of(cls, profile: Profile, *, anywhere: bool) -> Need:
        """What this profile needs."""
        selector = node_selector(profile)
        return cls(
            selector=selector,
            tolerations=tolerations(profile),
            asked=requests_of(profile),
            resources=tuple(extended_resources(profile)),
            card=None if profile.gpu is None or PRODUCT_LABEL in selector else card_of(profile.gpu.product),
            anywhere=anywhere,
        )

    @property
    def kind(self) -> Hashable:
        """Two needs of one kind want the same nodes, though not as much of them."""
        borne = tuple((each.key, each.operator, each.value, each.effect) for each in self.tolerations)
        return tuple(sorted(self.selector.items())), borne, self.resources, self.card

    def may_be_held_by(self, node: NodeRoom) -> bool:
        """Whether the node is of the kind, by what about a node never changes."""
        selected = all(node.labels.get(label) == value for label, value in self.selector.items())
        return self.anywhere or (selected and all(node.allocatable.get(name, 0) >= 1 for name in self.resources))

    def is_card_of(self, node: NodeRoom) -> bool:
        """Whether the node's label names this card, or none."""
        label = node.labels.get(PRODUCT_LABEL)
        return self.card is None or label is None or _card_of(label) == self.card

    def bears(self, taints: tuple[Taint, ...]) -> bool:
        """Whether a pod may be placed in spite of these."""
        return self.anywhere or all(taint.borne_by(self.tolerations) for taint in taints)


class Rows:
    """What is left on some nodes, ready to be divided: for each resource one column, for equal nodes one row.

    Args:
        left: of each node what is left of each resource, in the order of `names`.
        names: of the resources.
    """

    def __init__(self, left: Iterable[tuple[float, ...]], *, names: tuple[str, ...]) -> None:
        counted = Counter(left)
        self._times = list(counted.values())
        self._columns = dict(zip(names, zip(*counted, strict=True), strict=True)) if counted else {}

    def fits(self, asked: Amounts) -> int:
        """How many times `asked` goes into the nodes; what a node has left over is no help to another."""
        if not self._columns:
            return 0
        counts = [
            [int(left / amount + _ROUNDING) for left in self._columns[name]] if amount != 1 else self._whole(name)
            for name, amount in asked.items()
        ]
        return sum(map(mul, self._times, map(min, *counts)))

    def _whole(self, name: str) -> list[int]:
        return [int(left + _ROUNDING) for left in self._columns[name]]


class Stock:
    """The nodes that one kind of need may have.

    Attributes:
        placeable: those of its labels and resources, whatever their state.
        contradicted: there are such nodes, and all of their labels say another card.
    """

    def __init__(self, nodes: Iterable[NodeRoom], need: Need) -> None:
        self.placeable = [node for node in nodes if need.may_be_held_by(node)]
        counted = [node for node in self.placeable if need.is_card_of(node)]
        self.contradicted = bool(self.placeable) and not counted
        borne: dict[tuple[Taint, ...], bool] = {(): True}
        self._ready: list[NodeRoom] = []
        for node in counted:
            if node.ready:
                if node.taints not in borne:
                    borne[node.taints] = need.bears(node.taints)
                if borne[node.taints]:
                    self._ready.append(node)
        self._names = tuple(need.asked)

    def free(self, asked: Amounts) -> int:
        """How many fit beside what runs."""
        return self._free.fits(asked)

    def total(self, asked: Amounts) -> int:
        """How many fit when nothing runs but what runs on every node."""
        return self._total.fits(asked)

    def big_enough(self, asked: Amounts) -> bool:
        """Whether one would fit on a node of the kind that is empty, ready or not."""
        return self._empty.fits(asked) > 0

    @cached_property
    def _free(self) -> Rows:
        return self._rows((node.allocatable, node.used) for node in self._ready)

    @cached_property
    def _total(self) -> Rows:
        return self._rows((node.allocatable, node.reserved) for node in self._ready)

    @cached_property
    def _empty(self) -> Rows:
        return self._rows((node.allocatable, {}) for node in self.placeable)

    def _rows(self, nodes: Iterable[tuple[Mapping[str, float], Mapping[str, float]]]) -> Rows:
        names = self._names
        return Rows((tuple(_left(has, taken, name) for name in names) for has, taken in nodes), names=names)


class Fleet:
    """All nodes of a snapshot."""

    def __init__(self, snapshot: CapacitySnapshot) -> None:
        self._nodes = snapshot.nodes
        self._stocks: dict[Hashable, Stock] = {}

    def stock(self, need: Need) -> Stock:
        """The nodes for this need."""
        kind = need.kind
        if kind not in self._stocks:
            self._stocks[kind] = Stock(self._nodes, need)
        return self._stocks[kind]


class _Latest:
    """The fleet of the snapshot in use: the next page within seconds asks for the same one."""

    _of: weakref.ref[CapacitySnapshot] | None = None
    _fleet: Fleet | None = None

    def fleet(self, snapshot: CapacitySnapshot) -> Fleet:
        if self._fleet is None or self._of is None or self._of() is not snapshot:
            self._of, self._fleet = weakref.ref(snapshot), Fleet(snapshot)
        return self._fleet


fleet_of = _Latest().fleet
"""The nodes of a snapshot, prepared once for as long as the same snapshot is asked for."""


def requests_of(profile: Profile) -> Amounts:
    """What the scheduler must find on one node: cores, bytes, GPUs, and a place for one pod."""
    return {
        **{name: float(count) for name, count in extended_resources(profile).items()},
        "cpu": float(parse_quantity(profile.cpu_guarantee or profile.cpu)),
        "memory": float(parse_bytes(profile.memory_guarantee or profile.memory)),
        _PODS: 1.0,
    }


def _left(has: Mapping[str, float], taken: Mapping[str, float], name: str) -> float:
    """What is left of a resource; a node that does not say how many pods it takes takes any."""
    if name == _PODS and name not in has:
        return _COUNTLESS
    return max(0.0, has.get(name, 0.0) - taken.get(name, 0.0))


@lru_cache(maxsize=1024)
def _card_of(label: str) -> str:
    return card_of(label)
