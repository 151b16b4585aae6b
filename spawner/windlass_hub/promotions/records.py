"""A promotion as it is kept, and what keeps it. What is written here is the truth of who moved what, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from windlass.errors import Unavailable

from .rules import Rule, Target

HOLD_SECONDS = 120.0
"""How long a model is held for one promotion: who has not ended it by then was interrupted."""
WAITING, MOVING, DONE, REFUSED, WITHDRAWN, FAILED = "waiting", "moving", "done", "refused", "withdrawn", "failed"
OPEN = (WAITING, MOVING)
OUTSIDE = "(outside Windlass)"
"""Who moved what was moved past Windlass; no name of a user."""


class RecordsAway(Unavailable):
    """The database cannot be used now."""


class Busy(Exception):
    """Another promotion of the model is being done; `by` whom."""

    def __init__(self, *, by: str | None) -> None:
        super().__init__("busy")
        self.by = by


class Repeated(Exception):
    """This was asked before with the same key; `record` is what came of it."""

    def __init__(self, record: Record) -> None:
        super().__init__("repeated")
        self.record = record


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What somebody said."""

    by: str
    at: datetime
    approved: bool
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One line of the log."""

    id: int
    model: str
    target: Target
    to_version: str
    """Empty: it was removed."""
    from_version: str | None
    """As who asked saw it; None: nobody held it."""
    state: str
    by: str
    comment: str
    asked_at: datetime
    message: str | None = None
    ended_at: datetime | None = None
    rule: Rule | None = None
    """As it was when this was asked."""
    key: str | None = None
    answers: tuple[Answer, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether something is still to happen."""
        return self.state in OPEN


@dataclass(frozen=True, kw_only=True)
class NewRecord:
    """What is to be kept of a promotion that is asked for."""

    model: str
    target: Target
    to_version: str
    from_version: str | None
    state: str
    by: str
    comment: str = ""
    message: str | None = None
    rule: Rule | None = None
    key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is known of a model. `revision` changes with everything that is done about it."""

    revision: int
    is_moving: bool
    seen: Mapping[str, str] | None
    """Version by `Target.key` at the last look; None: nobody looked yet."""
    interrupted: Sequence[Record] = field(default_factory=list)
    """Promotions that were begun by somebody whose time is over."""


class Records(Protocol):
    """The log. All of its methods raise RecordsAway; each is one transaction."""

    async def add(self, new: NewRecord) -> Record:
        """Keep a line that has ended already (a conflict, a failure)."""
        ...

    async def ask(self, new: NewRecord) -> tuple[Record | None, Record | None]:
        """Keep a promotion that waits, unless one of the same target is open: the new one, or the open one.

        Raises Repeated.
        """
        ...

    async def begin(self, new: NewRecord | int, *, holder: str) -> Record | None:
        """Write down the intent to move, and hold the model: a new line, or the line of that id which waits.

        None: it waits no more. Raises Busy while another holds the model, and Repeated.
        """
        ...

    async def finish(self, record: Record, *, state: str, message: str | None, seen: Mapping[str, str]) -> bool:
        """End what was begun, and let go of the model; `seen` are the targets it changed (empty: nobody holds it).

        False, and nothing is changed, where it had been ended by somebody else.
        """
        ...

    async def answer(self, record_id: int, answer: Answer) -> Record | None:
        """Add what somebody said to a promotion that waits; None: it waits no more, or they had said something."""
        ...

    async def close(self, record_id: int, *, state: str, message: str | None, answer: Answer | None) -> Record | None:
        """End one that waits; None: it waits no more."""
        ...

    async def get(self, record_id: int) -> Record | None:
        """One line."""
        ...

    async def of_key(self, *, by: str, model: str, key: str) -> Record | None:
        """The line that somebody's idempotency key made."""
        ...

    async def of_model(self, model: str, *, limit: int, before: int | None) -> list[Record]:
        """The newest lines first, below the id `before`."""
        ...

    async def newest(self, *, limit: int, before: int | None = None, waiting: bool = False) -> list[Record]:
        """The newest lines of all models, or those that wait."""
        ...

    async def standing(self, model: str) -> Standing:
        """What is known of a model."""
        ...

    async def looked(self, model: str, *, revision: int, seen: Mapping[str, str], drift: Sequence[NewRecord]) -> bool:
        """Keep what was found at a look, and what had moved; False, where something was done about the model since."""
        ...

    async def interrupted(self) -> list[str]:
        """Models with a promotion that was begun by somebody whose time is over."""
        ...
