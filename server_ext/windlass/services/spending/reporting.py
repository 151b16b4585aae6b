"""What was spent, summed up by user, job, experiment or day, as the ledger has it; by group and model as the hub has.

The ledger counts whole days of UTC. Who asks for a part of a day is answered with the whole of it, and told so.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import get_args

from windlass.contract.costs import BudgetList, CostBy, CostReport, CostRow
from windlass.errors import FieldError, InvalidRequest
from windlass.ledger.costs import By, CostSum, Period
from windlass.ledger.jobs import JobLedger
from windlass.services.spending.hub_records import HubRecords

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_OF_THE_HUB = ("user", "group", "model")
"""On a hub these are of its records: they are about more than one person's jobs, or about more than jobs."""
WHOLE_DAYS = "Counted by whole days of UTC."


@dataclass(frozen=True, kw_only=True)
class Question:
    """What somebody asks for, as they wrote it."""

    by: str | None
    start: str | None
    end: str | None
    limit: int
    cursor: str | None


class CostReports:
    """Answers about money that was spent. A user finds their own jobs only."""

    def __init__(
        self, *, ledger: JobLedger, hub: HubRecords | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._ledger = ledger
        self._hub = hub
        self._clock = clock

    async def report(self, question: Question, *, owner: str) -> CostReport:
        """The sums. Raises InvalidRequest; from the hub Forbidden and Unavailable, too."""
        by = _by(question.by)
        start, end = self._period(question)
        if by in _OF_THE_HUB and self._hub is not None:
            return await self._hub.costs(
                by=by, start=_text(start), end=_text(end), limit=question.limit, cursor=question.cursor
            )
        if by == "group" or by == "model":  # noqa: PLR1714 - mypy follows this one
            message = f"This server has no hub that keeps costs by {by}: ask for user, job, experiment or day."
            raise InvalidRequest(message, fields=[FieldError(field="by", message=message)])
        period = Period(owner=owner, first=start.date().isoformat(), last=_last_day(end).isoformat())
        after = None if question.cursor is None else read_cursor(question.cursor, by=by)
        sums = await self._ledger.costs.sums(period, by=by, limit=question.limit + 1, after=after)
        more, sums = len(sums) > question.limit, sums[: question.limit]
        whole = _midnight(start), _midnight(end + timedelta(days=1) - timedelta(microseconds=1))
        notes = [WHOLE_DAYS] if (start, end) != whole and not self._is_open(question) else []
        return CostReport(
            by=by,
            start=whole[0],
            end=whole[1],
            items=[_row(each, by=by) for each in sums],
            total=_row(await self._ledger.costs.total(period), by=None),
            source="ledger",
            notes=notes,
            next_cursor=cursor_of(sums[-1], by=by) if more else None,
        )

    async def budgets(self) -> BudgetList:
        """The budgets that count for this user; none without a hub. Raises Unavailable."""
        return BudgetList(items=[]) if self._hub is None else await self._hub.budgets()

    def _period(self, question: Question) -> tuple[datetime, datetime]:
        now = datetime.fromtimestamp(self._clock(), tz=timezone.utc)
        start = _moment("start", question.start) if question.start else _midnight(now).replace(day=1)
        end = _moment("end", question.end, last=True) if question.end else now
        if question.start and not question.end:
            end = max(end, start)
        if end < start:
            message = "The end lies before the start: exchange them, or leave one out."
            raise InvalidRequest(message, fields=[FieldError(field="end", message=message)])
        return start, end

    @staticmethod
    def _is_open(question: Question) -> bool:
        """Whether only days were given, or nothing: then nobody asked for a part of one."""
        return all(text is None or _DAY.fullmatch(text) for text in (question.start, question.end))


def cursor_of(row: CostSum, *, by: By) -> str:
    """A cursor behind a row of a report."""
    text = json.dumps([by, *row.place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str, *, by: By) -> tuple[int, str]:
    """What `cursor_of` was made from. Raises InvalidRequest."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        kind, nano, key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if kind == by and type(nano) is int and abs(nano) < 2**63 and isinstance(key, str):
            return nano, key
    except (ValueError, TypeError, RecursionError):
        pass
    message = "This cursor is not one of ours: use next_cursor of the page before, or leave it out to start at the top."
    raise InvalidRequest(message, fields=[FieldError(field="cursor", message=message)])


def _by(text: str | None) -> CostBy:
    for known in get_args(CostBy):
        if (text or "job") == known:
            found: CostBy = known
            return found
    message = f"by must be one of {', '.join(get_args(CostBy))}."
    raise InvalidRequest(message, fields=[FieldError(field="by", message=message)])


def _moment(field: str, text: str, *, last: bool = False) -> datetime:
    """A day of UTC (its end, for the `last` that is included) or a moment. Raises InvalidRequest."""
    try:
        if _DAY.fullmatch(text):
            day = datetime.combine(date.fromisoformat(text), datetime.min.time(), tzinfo=timezone.utc)
            return _checked(day + timedelta(days=1) if last else day)
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        if moment.tzinfo is not None:
            return _checked(moment.astimezone(timezone.utc))
    except (ValueError, OverflowError):
        pass
    message = f"{field} must be a day, as 2026-11-23, or a moment with its zone, as 2026-11-23T08:00:00+01:00."
    raise InvalidRequest(message, fields=[FieldError(field=field, message=message)])


def _checked(moment: datetime) -> datetime:
    """Raises ValueError for what no job can have been in: the arithmetic of days ends there."""
    if not 1900 <= moment.year <= 2900:
        raise ValueError(moment)
    return moment


def _last_day(end: datetime) -> date:
    """The last day of which a period has something."""
    return (end - timedelta(microseconds=1)).date()


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _row(found: CostSum, *, by: By | None) -> CostRow:
    """`by` None: the total."""
    return CostRow(
        key=found.key,
        label=found.label or ("Total" if by is None else found.key),
        usd=found.usd,
        idle_usd=found.idle_usd,
        gpu_hours=found.gpu_hours,
        idle_gpu_hours=found.idle_gpu_hours,
        jobs=found.jobs,
        unknown_jobs=found.unknown_jobs,
        unknown_idle_jobs=found.unknown_idle_jobs,
        run_id=found.run_id if by == "job" else None,
        job_id=found.key if by == "job" else None,
        day=found.key if by == "day" else None,
    )
