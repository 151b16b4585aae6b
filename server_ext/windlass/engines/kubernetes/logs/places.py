"""How far each pod's log has been read, kept on disk: a server that starts again goes on there.

Written after the logs themselves, and with their sizes: what lies in a log beyond its size here was written by a server
that died before it could say so, and comes a second time. `Surplus` leaves out just that. Nothing here asks a cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from windlass.engines.job_folder.files import read_json, write_json
from windlass.engines.job_folder.logwriter import Piece
from windlass.engines.kubernetes.logs.log_lines import Place
from windlass.engines.kubernetes.logs.rank_text import Tally

_MOST_PODS = 5000


@dataclass(frozen=True, kw_only=True)
class PodPlace:
    """How far the log of one pod has been read."""

    restarts: int = 0
    """Which start of its container `place` is about."""
    place: Place = field(default_factory=Place)
    tallies: Mapping[int, Tally] = field(default_factory=dict)
    done: bool = False
    """That container has ended, and all it printed has been read."""


@dataclass
class Places:
    """The places of a job's pods by uid and container, and the sizes of its logs by rank."""

    pods: dict[str, PodPlace] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Places:
        """What the file says; nothing where there is none, or it cannot be understood."""
        content = read_json(path) or {}
        try:
            pods = {str(uid): _pod_place(value) for uid, value in content["pods"].items()}
            sizes = {int(rank): int(size) for rank, size in content["sizes"].items()}
        except (KeyError, TypeError, ValueError, AttributeError):
            return cls()
        return cls(pods=pods, sizes=sizes)

    def write(self, path: Path) -> None:
        """Raises OSError."""
        kept = dict(list(self.pods.items())[-_MOST_PODS:])
        write_json(path, {"pods": {uid: asdict(place) for uid, place in kept.items()}, "sizes": self.sizes})


def _pod_place(value: Any) -> PodPlace:
    return PodPlace(
        restarts=int(value["restarts"]),
        place=Place(**value["place"]),
        tallies={int(rank): Tally(**tally) for rank, tally in value["tallies"].items()},
        done=value["done"] is True,
    )


class Surplus:
    """What the logs hold already of what comes next, in bytes by rank."""

    def __init__(self, bytes_by_rank: Mapping[int, int]) -> None:
        self._left = {rank: count for rank, count in bytes_by_rank.items() if count > 0}

    def left(self, rank: int) -> int:
        """How much of this rank has not come again yet."""
        return self._left.get(rank, 0)

    def forget(self, ranks: Iterable[int]) -> None:
        """What comes next of these is not what came then."""
        for rank in ranks:
            self._left.pop(rank, None)

    def without(self, pieces: Sequence[Piece]) -> Sequence[Piece]:
        """The pieces, less what is there."""
        if not self._left:
            return pieces
        new: list[Piece] = []
        for piece in pieces:
            there = min(self._left.get(piece.rank, 0), len(piece.content))
            if there:
                self._left[piece.rank] -= there
            if there < len(piece.content):
                new.append(piece._replace(content=piece.content[there:]))
        self._left = {rank: count for rank, count in self._left.items() if count}
        return new
