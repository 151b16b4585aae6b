"""`costs`, `budgets`, `server-cost`: what pods cost. One's own; everybody's for whoever may see costs."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta, timezone
from typing import get_args

from windlass.contract.costs import Budget, BudgetList, CostBy, CostReport, CostRow
from windlass_hub.service.auth import ServiceHandler, needs
from windlass_hub.service.problems import InvalidRequest
from windlass_hub.service.server_costs import server_cost
from windlass_hub.service.spending_reports import cost_rows
from windlass_hub.settings import COSTS_READ
from windlass_hub.spending.amounts import DAY_SECONDS, date_of, day_number, day_of

PAGE = 1000
MOST = 10_000
LONGEST_DAYS = 3660
BY_DAYS = "These figures are kept by whole days of UTC: they begin and end at midnight."
BY_GROUP = "A user of several groups is in the row of each of them: the rows are more than the total."
UNKNOWN = "Hours of jobs of unknown cost may be missing in the sums too."
COUNTED = "Jobs, notebook servers and deployed models count one each."
_CSV = (
    "key", "label", "usd", "idle_usd", "gpu_hours", "idle_gpu_hours", "jobs", "unknown_jobs", "unknown_idle_jobs",
)  # fmt: skip


class CostsHandler(ServiceHandler):
    """`api/costs?by=&start=&end=[&mine=1][&limit=&cursor=]`."""

    scopes = needs(GET=())

    async def get(self) -> None:
        """What was spent; with `Accept: text/csv` as a table."""
        spending = self.state.costs
        self.limit("costs")
        by, (first, last) = self._by(), self._days()
        whole_team = self.caller.has(COSTS_READ) and self.query_text("mine", most=8) is None
        items, total = await cost_rows(
            spending.records, by=by, first=first, last=last, owner=None if whole_team else self._own_name()
        )
        notes = [BY_DAYS, COUNTED, *([UNKNOWN] if total.unknown_jobs else ())]
        notes += [BY_GROUP] if by == "group" and whole_team else ()
        if spending.problem is not None:
            notes.append(f"The figures may be old: {spending.problem}")
        wants_csv = "text/csv" in self.request.headers.get("Accept", "")
        limit, begin = self.query_count("limit", default=MOST if wants_csv else PAGE, most=MOST), self._cursor()
        shown = items[begin : begin + limit]
        report = CostReport(
            by=by,
            start=_moment(first),
            end=_moment(last + 1),
            items=shown,
            total=total,
            source="hub",
            notes=notes,
            next_cursor=str(begin + limit) if begin + limit < len(items) else None,
        )
        if wants_csv:
            self._reply_csv(report)
        else:
            self.reply(report)

    def _own_name(self) -> str:
        return self.caller.name if self.caller.kind == "user" else ""

    def _by(self) -> CostBy:
        text = self.query_text("by", most=20) or "user"
        for known in get_args(CostBy):
            if text == known:
                return known  # type: ignore[no-any-return]  # get_args has no types
        message = f"by must be one of {', '.join(get_args(CostBy))}."
        raise InvalidRequest(message, fields=[("by", message)])

    def _days(self) -> tuple[int, int]:
        today = datetime.now(timezone.utc).date()
        first = self._day("start", default=today.replace(day=1))
        last = self._day("end", default=today, is_end=True)
        if not 0 <= last - first < LONGEST_DAYS:
            message = f"start must be before end, and {LONGEST_DAYS} days at most."
            raise InvalidRequest(message, fields=[("start", message)])
        return first, last

    def _day(self, name: str, *, default: date, is_end: bool = False) -> int:
        text = self.query_text(name, most=40)
        if text is None:
            return day_number(default)
        try:
            if len(text) == 10:
                return _in_range(day_number(date.fromisoformat(text)))
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
            moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
            # An end at midnight is the end of the day before.
            return _in_range(day_of((moment - timedelta(microseconds=1 if is_end else 0)).timestamp()))
        except (ValueError, OverflowError):
            message = f"{name} must be a date, as 2026-11-23, or a moment of RFC 3339."
            raise InvalidRequest(message, fields=[(name, message)]) from None

    def _cursor(self) -> int:
        text = self.query_text("cursor", most=12)
        if text is not None and not (text.isascii() and text.isdigit()):
            raise InvalidRequest("This cursor is none.", fields=[("cursor", "Not one of this list.")])
        return int(text or 0)

    def _reply_csv(self, report: CostReport) -> None:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow((report.by, *_CSV[1:]))
        for item in report.items:
            writer.writerow(_cells(item))
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        name = f"windlass-costs-by-{report.by}-{report.start.date()}.csv"
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.finish(text.getvalue())


class BudgetsHandler(ServiceHandler):
    """`api/budgets`."""

    scopes = needs(GET=())

    async def get(self) -> None:
        """The budgets that count for the caller; all of them for whoever may see costs and asks with `all=1`."""
        budgeting = self.state.costs.budgeting
        items: list[Budget] = []
        if self.query_text("all", most=8) is not None and self.caller.has(COSTS_READ):
            items = [each.wire() for each in budgeting.stands()]
        elif self.caller.kind == "user":
            items = budgeting.told_to(self.caller.name, await self._groups())
        order = {"over": 0, "warning": 1, "ok": 2}
        items.sort(key=lambda each: (order[each.state], each.scope, each.name))
        self.reply(BudgetList(items=items))

    async def _groups(self) -> frozenset[str]:
        # A user's server may have a token that is not told them.
        known = self.state.costs.people.groups_of(self.caller.name)
        return self.caller.groups | (known or frozenset())


class ServerCostHandler(ServiceHandler):
    """`api/server-cost?name=`."""

    scopes = needs(GET=())
    people_only = True

    async def get(self) -> None:
        """What the caller's own server has cost since it was started, and when it is stopped."""
        self.limit("costs")
        name = self.query_text("name", most=255) or ""
        self.reply(await server_cost(self.state, user=self.caller.name, name=name))


def _cells(item: CostRow) -> list[object]:
    values = item.model_dump()
    return [_safe(values[name]) for name in _CSV]


def _safe(value: object) -> object:
    """A cell that no spreadsheet takes for a formula; what is not known is empty."""
    if isinstance(value, str) and value[:1] in tuple("=+-@\t\r"):
        return f"'{value}"
    return "" if value is None else value


def _in_range(day: int) -> int:
    date_of(day)
    return day


def _moment(day: int) -> datetime:
    return datetime.fromtimestamp(day * DAY_SECONDS, tz=timezone.utc)
