"""A job that has ended, as the hub keeps it: what it took, how it ended, and what is still to be done about it.

The row is the list of things to do. Where it is kept is the service's affair (`Records`).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Step = Literal["pending", "done", "skipped", "given-up"]
"""skipped: there is nothing to do; given-up: it was tried long enough, or can never succeed."""
FinishedBy = Literal["", "server", "reconciler", "nobody"]
"""Who closed the MLflow run: the user's server, this, or nobody, as there was none. Empty: nobody has yet."""

_NAMESPACE = uuid.UUID("6f6f2b1e-7c0e-5d9b-9a63-2f1f6a1c9e54")


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """One ended job. Times are POSIX seconds of the cluster's clock but for `recorded_at`, which is of the hub's."""

    uid: str
    """Of the job's object: no other job ever has it."""
    job_id: str
    owner: str
    """The user, as the hub that made the namespace has it."""
    namespace: str
    name: str
    kind: str
    state: str
    cause: str
    reason: str
    created_at: float | None
    started_at: float | None
    ended_at: float | None
    recorded_at: float
    exit_code: int | None = None
    gpu_hours: float | None = None
    """Hours of whole cards; None when they are not known."""
    usd: float | None = None
    cost_note: str = ""
    """Why a figure is not known."""
    unseen_of: int = 0
    """How many pods it had at the least, where some came and went that nobody saw; 0: all were seen."""
    finished_by: FinishedBy = ""
    run: Step = "pending"
    run_note: str = ""
    annotation: Step = "pending"
    notification: Step = "pending"
    notification_note: str = ""

    @property
    def delivery_id(self) -> str:
        """The same for every attempt to tell of this job, whoever makes it."""
        return str(uuid.uuid5(_NAMESPACE, self.uid))

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do."""
        return "pending" not in (self.run, self.annotation, self.notification)


class RecordsAway(Exception):
    """The rows cannot be read or written now; `str()` is a sentence."""


class RecordRefused(Exception):
    """The rows are there, and do not take this one: they will not take it later either. `str()` is a sentence."""


class Records(Protocol):
    """Where rows are kept. Methods raise RecordsAway, and those that write RecordRefused."""

    async def known(self, uids: Collection[str]) -> set[str]:
        """Those of these that have a row."""
        ...

    async def add(self, record: JobRecord) -> bool:
        """Keep a row; False, and nothing is changed, where that job has one."""
        ...

    async def unfinished(self, *, limit: int) -> Sequence[JobRecord]:
        """Rows with something left to do, those recorded first first."""
        ...

    async def update(self, uid: str, **changes: Any) -> None:
        """Change fields of a row."""
        ...

    async def prune(self, *, before: float, keep: Collection[str]) -> int:
        """Delete rows recorded before that moment with nothing left to do, but for these uids; how many went."""
        ...
