"""Jobs in the ledger: put in, changed, found, taken out; and what has changed since a number.

Every method is one transaction on the database's own threads. What the values mean is for `services` to know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, tuple_, update
from sqlalchemy.orm import Session

from windlass.errors import Conflict, NotFound
from windlass.ledger.costs import CostLedger
from windlass.ledger.database import Database
from windlass.ledger.tables import JobRow, KeyRow, LedgerRow, RemovalRow

TOMBSTONES_KEPT = 10_000
WHOLE_LIST = 500
"""How many of the newest jobs a reset brings, beside all that have not ended; older ones are paged."""
FINAL_STATES = frozenset({"succeeded", "failed", "stopped", "lost"})


@dataclass(frozen=True, kw_only=True)
class JobFilter:
    """Which jobs of an owner to list."""

    owner: str
    states: tuple[str, ...] = ()
    notebook: str | None = None
    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What has changed since a number."""

    epoch: str
    sequence: int
    """The number to ask from next time."""
    reset: bool
    """`jobs` is the list afresh: what was asked from is unknown here or too long ago."""
    jobs: list[JobRow] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class JobChange:
    """What an engine says of a job: new values of columns; those equal to the old ones change nothing."""

    job_id: str
    values: Mapping[str, Any]


class JobLedger:
    """All jobs of all owners that this data folder has seen."""

    def __init__(self, *, path: Path) -> None:
        self._database = Database(path=path)
        self.costs = CostLedger(self._database)
        """What they took."""

    async def open(self) -> Path | None:
        """Open the file. Returns where a damaged one was moved aside, if so: then the ledger is empty."""
        await self._database.open()
        return self._database.set_aside

    async def close(self) -> None:
        """Let go of the file."""
        await self._database.close()

    async def foreign_changes(self) -> int:
        """A number that is another one after another server has written."""
        return await self._database.foreign_changes()

    async def insert(self, row: JobRow, *, key: str | None = None, request_sha256: str = "") -> JobRow:
        """Put a new job in, or find the one this key has made already.

        Returns the row that stands: `row` itself, or the earlier job. Raises Conflict when the key was used for
        another request.
        """

        def work(session: Session) -> JobRow:
            if key is not None:
                earlier = _keyed(session, row.owner, key, request_sha256)
                if earlier is not None:
                    return earlier
                session.add(
                    KeyRow(
                        owner=row.owner,
                        key=key,
                        request_sha256=request_sha256,
                        job_id=row.id,
                        created_us=row.created_us,
                    )
                )
            row.version = _next_version(session)
            row.search = search_text(row)
            session.add(row)
            return row

        return await self._database.write(work)

    async def keyed(self, *, owner: str, key: str, request_sha256: str) -> JobRow | None:
        """The job that this key has made, if any. Raises Conflict when it was for another request."""
        return await self._database.read(lambda session: _keyed(session, owner, key, request_sha256))

    async def insert_found(self, rows: Iterable[JobRow]) -> None:
        """Put in jobs that an engine knows and the ledger does not; those it has are left alone."""

        def work(session: Session) -> None:
            for row in rows:
                if session.get(JobRow, row.id) is None and session.get(RemovalRow, row.id) is None:
                    row.version = _next_version(session)
                    row.search = search_text(row)
                    session.add(row)

        await self._database.write(work)

    async def apply(self, changes: Iterable[JobChange]) -> list[JobRow]:
        """Store what has changed. Returns the jobs that did change; an ended job never comes back to life."""

        def work(session: Session) -> list[JobRow]:
            changed = [row for change in changes if (row := _apply(session, change)) is not None]
            session.flush()
            return changed

        return await self._database.write(work)

    async def remove(self, job_id: str) -> None:
        """Take a job out, leaving a tombstone. Nothing happens when it is gone already."""

        def work(session: Session) -> None:
            row = session.get(JobRow, job_id)
            if row is None:
                return
            session.execute(delete(KeyRow).where(KeyRow.job_id == job_id))
            session.add(RemovalRow(job_id=job_id, owner=row.owner, version=_next_version(session)))
            session.delete(row)
            session.flush()
            _prune_tombstones(session)

        await self._database.write(work)

    async def get(self, job_id: str, *, owner: str | None = None) -> JobRow:
        """One job; of that owner. Raises NotFound."""

        def work(session: Session) -> JobRow:
            row = session.get(JobRow, job_id)
            if row is None or owner not in (None, row.owner):
                raise NotFound("There is no such job. It may have been deleted; reload the list.")
            return row

        return await self._database.read(work)

    async def page(self, wanted: JobFilter, *, limit: int, before: tuple[int, str] | None = None) -> list[JobRow]:
        """Up to `limit` jobs, newest first, created before the moment (POSIX microseconds) and id given."""
        query = select(JobRow).where(*_conditions(wanted))
        if before is not None:
            query = query.where(tuple_(JobRow.created_us, JobRow.id) < before)
        query = query.order_by(JobRow.created_us.desc(), JobRow.id.desc()).limit(limit)
        return await self._database.read(lambda session: list(session.scalars(query)))

    async def changes(self, *, owner: str, epoch: str | None, since: int) -> Changes:
        """What has changed for `owner` since a number of the ledger `epoch`; the whole list when that is unknown."""
        return await self._database.read(lambda session: _changes(session, owner, epoch, since))

    async def unfinished(self, *, engine: str) -> list[JobRow]:
        """Jobs of an engine that had not ended when last heard of."""
        query = select(JobRow).where(JobRow.engine == engine, JobRow.state.not_in(FINAL_STATES))
        return await self._database.read(lambda session: list(session.scalars(query)))

    async def unfinished_count(self) -> int:
        """How many jobs have not ended."""
        query = select(func.count()).select_from(JobRow).where(JobRow.state.not_in(FINAL_STATES))
        return await self._database.read(lambda session: session.execute(query).scalar_one())

    async def known_ids(self) -> set[str]:
        """Ids of all jobs in the ledger."""
        return await self._database.read(lambda session: set(session.scalars(select(JobRow.id))))

    async def bundle_needed(self, sha256: str) -> bool:
        """Whether any job still has this bundle."""
        query = select(JobRow.id).where(JobRow.bundle_sha256 == sha256).limit(1)
        return await self._database.read(lambda session: session.execute(query).first() is not None)

    async def select_jobs(self, *conditions: ColumnElement[bool], limit: int) -> list[JobRow]:
        """Jobs that fulfil conditions on `JobRow`, oldest first."""
        query = select(JobRow).where(*conditions).order_by(JobRow.created_us).limit(limit)
        return await self._database.read(lambda session: list(session.scalars(query)))

    async def newest(self, *conditions: ColumnElement[bool], limit: int) -> list[JobRow]:
        """Jobs that fulfil conditions on `JobRow`, newest first."""
        query = select(JobRow).where(*conditions).order_by(JobRow.created_us.desc()).limit(limit)
        return await self._database.read(lambda session: list(session.scalars(query)))


def search_text(row: JobRow) -> str:
    """What the text filter looks in."""
    return "\n".join((row.id, row.name, row.notebook, row.experiment)).casefold()


def _keyed(session: Session, owner: str, key: str, request_sha256: str) -> JobRow | None:
    found = session.scalars(select(KeyRow).where(KeyRow.owner == owner, KeyRow.key == key)).one_or_none()
    if found is None:
        return None
    if found.request_sha256 != request_sha256:
        raise Conflict(
            "This Idempotency-Key was used for another request already. Send the same request again, or take a new key."
        )
    return session.get(JobRow, found.job_id)


def _next_version(session: Session) -> int:
    raised = update(LedgerRow).values(sequence=LedgerRow.sequence + 1).returning(LedgerRow.sequence)
    return session.execute(raised).scalar_one()


def _apply(session: Session, change: JobChange) -> JobRow | None:
    row = session.get(JobRow, change.job_id)
    if row is None:
        return None
    values = dict(change.values)
    if row.state in FINAL_STATES and values.get("state", row.state) not in FINAL_STATES:
        return None
    different = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not different:
        return None
    for name, value in different.items():
        setattr(row, name, value)
    row.version = _next_version(session)
    return row


def _conditions(wanted: JobFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [JobRow.owner == wanted.owner]
    if wanted.states:
        conditions.append(JobRow.state.in_(wanted.states))
    if wanted.notebook is not None:
        conditions.append(JobRow.notebook == wanted.notebook)
    if wanted.text:
        conditions.append(JobRow.search.contains(wanted.text.casefold(), autoescape=True))
    return conditions


def _changes(session: Session, owner: str, epoch: str | None, since: int) -> Changes:
    ledger = session.scalars(select(LedgerRow)).one()
    reset = epoch != ledger.epoch or not ledger.floor <= since <= ledger.sequence
    jobs = select(JobRow).where(JobRow.owner == owner)
    if reset:
        newest = select(JobRow.id).where(JobRow.owner == owner).order_by(JobRow.created_us.desc()).limit(WHOLE_LIST)
        shown = jobs.where(or_(JobRow.state.not_in(FINAL_STATES), JobRow.id.in_(newest)))
        rows = session.scalars(shown.order_by(JobRow.created_us.desc(), JobRow.id.desc()))
        return Changes(epoch=ledger.epoch, sequence=ledger.sequence, reset=True, jobs=list(rows))
    rows = session.scalars(jobs.where(JobRow.version > since).order_by(JobRow.version))
    removed = select(RemovalRow.job_id).where(RemovalRow.owner == owner, RemovalRow.version > since)
    return Changes(
        epoch=ledger.epoch,
        sequence=ledger.sequence,
        reset=False,
        jobs=list(rows),
        removed=list(session.scalars(removed)),
    )


def _prune_tombstones(session: Session) -> None:
    newest_dropped = session.execute(
        select(RemovalRow.version).order_by(RemovalRow.version.desc()).offset(TOMBSTONES_KEPT).limit(1)
    ).scalar_one_or_none()
    if newest_dropped is not None:
        session.execute(delete(RemovalRow).where(RemovalRow.version <= newest_dropped))
        session.execute(update(LedgerRow).values(floor=newest_dropped))
