"""The chain while it is put together: each link once, by what it is, and what leads from one to the next.

It asks nobody; what is known of a link when it is first named is what is shown of it.
"""

from __future__ import annotations

from windlass.contract.lineage import Lineage, LineageEdge, LineageKind, LineageNode


class Chain:
    """Links and what leads from one to another."""

    def __init__(self) -> None:
        self._nodes: list[LineageNode] = []
        self._places: dict[tuple[LineageKind, str], int] = {}
        self._edges: dict[tuple[int, int], None] = {}
        self.truncated = False

    def add(self, node: LineageNode, *, after: int | None = None) -> int:
        """Put a link in, behind another; answers its place. One that is there already only learns what it cost."""
        place = self._places.setdefault((node.kind, node.id), len(self._nodes))
        if place == len(self._nodes):
            self._nodes.append(node)
        there = self._nodes[place]
        there.cost_usd = node.cost_usd if there.cost_usd is None else there.cost_usd
        there.gpu_hours = node.gpu_hours if there.gpu_hours is None else there.gpu_hours
        if after is not None and after != place:
            self._edges.setdefault((after, place))
        return place

    def whole(self, *, focus: int) -> Lineage:
        """The chain, with what it cost: each job counts once, and one that is unknown makes the sum unknown."""
        jobs = [node for node in self._nodes if node.kind is LineageKind.JOB]
        return Lineage(
            focus=focus,
            nodes=self._nodes,
            edges=[LineageEdge(source=source, target=target) for source, target in self._edges],
            cost_usd=_sum([job.cost_usd for job in jobs]),
            gpu_hours=_sum([job.gpu_hours for job in jobs]),
            truncated=self.truncated,
        )


def _sum(amounts: list[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known and len(known) == len(amounts) else None
