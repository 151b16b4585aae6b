"""Which rank a container's lines belong to, and whether any of a rank's output has been lost.

Ranks that share a container put their number before each line. A line without one is the pod's only rank's, or, where
there are several, the launcher's own: torchrun, or code that is not Python. With each report a rank says how much text
it has sent before; what is missing of that was rotated away on the node before it was read. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from windlass.engines.job_folder.logwriter import Piece
from windlass.engines.job_folder.paths import LAUNCHER
from windlass.engines.kubernetes.logs.frames import RS, Report, split
from windlass.engines.kubernetes.logs.log_lines import Line

_PREFIX = re.compile(rb"\[rank (\d{1,6})\] ")


@dataclass(frozen=True, kw_only=True)
class PodRanks:
    """The ranks of one pod: `count` of them from `first` on, in a world of `world_size`."""

    first: int
    count: int
    world_size: int

    @property
    def unnamed(self) -> int:
        """Whose the lines are that name no rank."""
        return self.first if self.count == 1 else LAUNCHER

    def __contains__(self, rank: int) -> bool:
        return self.first <= rank < min(self.first + self.count, self.world_size)


@dataclass
class Tally:
    """Bytes of one rank's text: read here, said by the rank, and how much was read when it said so."""

    read: int = 0
    said: int = 0
    read_then: int = 0

    def missing(self, said: int) -> int:
        """How much was lost since the rank said so last."""
        begun_anew = said < self.said
        lost = 0 if begun_anew else (said - self.said) - (self.read - self.read_then)
        self.said, self.read_then = said, self.read
        return max(0, lost)


@dataclass
class RankText:
    """Reads the lines of one container, in order."""

    ranks: PodRanks
    tallies: dict[int, Tally] = field(default_factory=dict)
    _current: int = LAUNCHER
    _unfinished: set[int] = field(default_factory=set)
    _gap_known: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._current = self.ranks.unnamed

    def take(self, line: Line) -> tuple[Piece | None, bytes | None]:
        """The rank's text and the frame in this line."""
        time_ns, content, begins, line_ended = line
        if begins:
            self._current = self.ranks.unnamed
            if self.ranks.world_size > 1 and (found := _PREFIX.match(content)):
                rank = int(found[1])
                if rank in self.ranks:
                    self._current, content = rank, content[found.end() :]
        if RS not in content:
            return self._text(time_ns, content, ended=line_ended), None
        parts = split(content)
        return self._text(time_ns, parts.text, ended=parts.ended and line_ended), parts.frame

    @property
    def home(self) -> int:
        """In whose log it stands what is to be said of the container as a whole."""
        return self.ranks.first if self.ranks.count else LAUNCHER

    def say(self, rank: int, time: float, sentence: str) -> Piece:
        """A line of ours in the log of this rank."""
        begin = "\n" if rank in self._unfinished else ""
        self._unfinished.discard(rank)
        return Piece(rank, time, f"{begin}[windlass] {sentence}\n".encode())

    def gap(self, line: Line, seconds: float) -> Piece:
        """Lines before this one may have been rotated away."""
        self._gap_known = set(range(self.ranks.first, self.ranks.first + self.ranks.count))
        whose = self.ranks.unnamed if line.content.startswith(RS) else self._whose(line)
        sentence = f"up to {seconds:,.1f} seconds of output before this line were rotated away on the node."
        return self.say(whose, line.time_ns / 1e9, sentence)

    def missing(self, report: Report, time: float) -> Piece | None:
        """A sentence where the rank has sent more than has come."""
        lost = self.tallies.setdefault(report.rank, Tally()).missing(report.text_bytes)
        if report.rank in self._gap_known:
            self._gap_known.discard(report.rank)
            return None
        if not lost:
            return None
        return self.say(report.rank, time, f"{lost:,} bytes of output before this line were rotated away on the node.")

    def _whose(self, line: Line) -> int:
        found = _PREFIX.match(line.content)
        named = int(found[1]) if found and self.ranks.world_size > 1 else -1
        return named if named in self.ranks else self.ranks.unnamed

    def _text(self, time_ns: int, content: bytes, *, ended: bool) -> Piece | None:
        rank = self._current
        text = content + b"\n" if ended else content
        if not text:
            return None
        tally = self.tallies.get(rank)
        if tally is None:
            tally = self.tallies[rank] = Tally()
        tally.read += len(text)
        if not ended:
            self._unfinished.add(rank)
        elif self._unfinished:
            self._unfinished.discard(rank)
        return Piece(rank, time_ns / 1e9, text)
