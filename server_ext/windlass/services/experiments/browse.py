"""Experiments listed, runs searched a page at a time.

Every page comes from MLflow, whose order and tokens it has; what is kept of it answers the next opening at once, marked
with its time, while the page is read anew.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import NamedTuple

from windlass.contract.experiments import ColumnList, Experiment, ExperimentList, FilterAdvice, FilterCheck
from windlass.contract.runs import RunPage, RunSearch
from windlass.errors import FieldError, InvalidRequest, NotFound
from windlass.services.experiments.cache import PAGE_BYTES, BoundedCache, RunCache
from windlass.services.experiments.columns import KnownKeys
from windlass.services.experiments.curves import beside
from windlass.services.experiments.questions import NOT_NESTED, Question, bad_cursor, page_cursor, question_of, token_in
from windlass.services.experiments.records import RunRecord, record_of
from windlass.services.experiments.rows import moment, row_of
from windlass.tracking import filters
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.pages import experiment_page_of
from windlass.tracking.tracking import Tracking

KEYS_FROM_RUNS = 100
_FIRST_PAGE = "experiments"
_NO_NULLS = re.compile(r"Invalid clause.*'IS'.*'(NOT )?NULL'", re.IGNORECASE)
_LONGEST_ID = 64
_AT_ONCE = 4
_NEWEST_FIRST = ("attributes.`start_time` DESC",)


class _Page(NamedTuple):
    records: list[RunRecord]
    token: str | None
    read_at: float
    """POSIX seconds."""


class Experiments:
    """Experiments and runs of the tracking server. Methods raise Unavailable, MlflowRefused and Upstream."""

    def __init__(self, *, tracking: Tracking, cache: RunCache, clock: Callable[[], float] = time.time) -> None:
        self._tracking = tracking
        self._cache = cache
        self._clock = clock
        self._keys = KnownKeys()
        self._pages: BoundedCache[tuple[str, int], _Page] = BoundedCache(budget_bytes=PAGE_BYTES)

    async def list(
        self, *, text: str | None = None, deleted: bool = False, limit: int, cursor: str | None = None
    ) -> ExperimentList:
        """A page of experiments, the one changed last first. Raises InvalidRequest for a cursor that is none."""
        question = Question(
            experiment_ids=(), filter=text or "", order_by=(_FIRST_PAGE,), deleted=deleted, columns=(), whole=False
        )
        token = token_in(cursor, question)
        reads = await self._tracking.reads()
        try:
            page = await reads.experiments.search(text=text or "", deleted=deleted, limit=limit, page_token=token)
        except MlflowRefused as refused:
            raise _asked_wrongly(refused, token=token, field="q") from refused
        site = self._tracking.browser_site()
        items = [_experiment(experiment, site) for experiment in page.items]
        return ExperimentList(items=items, next_cursor=page_cursor(question, page.token))

    async def columns(self, experiment_ids: Sequence[str]) -> ColumnList:
        """What runs of these experiments can be shown by: of the newest runs at least, and of all that were read."""
        wanted = _checked_ids(experiment_ids)
        unread = self._keys.unread(wanted)
        if unread:
            page = await self._read_newest(unread)
            if page.token is not None:
                # One busy experiment must not hide what the others have.
                seen = {record.experiment_id for record in page.records}
                hidden = [some for some in unread if some not in seen]
                await beside([self._read_newest([some]) for some in hidden], at_once=_AT_ONCE)
        return self._keys.list(wanted)

    async def search(self, search: RunSearch) -> RunPage:
        """A page of runs with the columns in view. Raises InvalidRequest, and NotFound for unknown experiments."""
        question = question_of(search)
        _checked_ids(question.experiment_ids)
        token = token_in(search.cursor, question)
        key = (question.digest, search.limit)
        page = self._pages.get(key) if search.cached and token is None else None
        if page is None:
            page = await self._read(question, limit=search.limit, token=token)
            if token is None:
                self._pages.put(key, page, size_bytes=sum(record.size_bytes for record in page.records))
                if not page.records:
                    await self._expect(question.experiment_ids)
        now_ms = self._clock() * 1000
        site = self._tracking.browser_site()
        return RunPage(
            columns=search.columns,
            items=[row_of(run, columns=question.columns, site=site, now_ms=now_ms) for run in page.records],
            next_cursor=page_cursor(question, page.token),
            read_at=datetime.fromtimestamp(page.read_at, tz=timezone.utc),
        )

    def check_filter(self, check: FilterCheck) -> FilterAdvice:
        """Whether a filter is right, and how it can go on at the caret, with the keys known so far."""
        known = self._keys.list(check.experiment_ids)
        keys = {"metrics": known.metrics, "params": known.params, "tags": known.tags}
        return filters.advise(check.filter, offset=check.offset, keys=keys)

    async def _read_newest(self, experiment_ids: Sequence[str]) -> _Page:
        question = Question(
            experiment_ids=tuple(experiment_ids),
            filter="",
            order_by=_NEWEST_FIRST,
            deleted=False,
            columns=(),
            whole=True,
        )
        return await self._read(question, limit=KEYS_FROM_RUNS, token=None)

    async def _read(self, question: Question, *, limit: int, token: str | None) -> _Page:
        reads = await self._tracking.reads()
        try:
            page = await reads.runs.search(
                experiment_ids=question.experiment_ids,
                filter=question.filter,
                order_by=question.order_by,
                deleted=question.deleted,
                limit=limit,
                page_token=token,
            )
        except MlflowRefused as refused:
            field = "top_level" if question.filter.endswith(NOT_NESTED) else "filter"
            raise _asked_wrongly(refused, token=token, field=field) from refused
        # Runs with thousands of metrics take a while; nobody else is to wait for them.
        records = await asyncio.to_thread(lambda: [record_of(run) for run in page.items])
        self._cache.keep(records)
        self._keys.note(records)
        if question.whole and token is None:
            newest = question.order_by == _NEWEST_FIRST and limit >= KEYS_FROM_RUNS
            self._keys.note_whole(question.experiment_ids, complete=page.token is None, newest=newest)
        return _Page(records=records, token=page.token, read_at=self._clock())

    async def _expect(self, experiment_ids: Sequence[str]) -> None:
        """MLflow finds nothing in experiments that do not exist; whoever asks for them is to know."""
        names = await (await self._tracking.reads()).experiments.names(experiment_ids)
        if not names:
            told = ", ".join(experiment_id[:_LONGEST_ID] for experiment_id in experiment_ids[:3])
            raise NotFound(f"There is no experiment {told} in MLflow: it may have been deleted for good.")


def _checked_ids(experiment_ids: Sequence[str]) -> list[str]:
    wanted = list(dict.fromkeys(experiment_ids))
    if wanted and len(wanted) <= 100 and all(0 < len(one) <= _LONGEST_ID and one.isprintable() for one in wanted):
        return wanted
    message = "Name 1 to 100 experiments by their ids."
    raise InvalidRequest(message, fields=[FieldError(field="experiment_ids", message=message)])


def _asked_wrongly(refused: MlflowRefused, *, token: str | None, field: str) -> Exception:
    """What MLflow found wrong with a question of ours is wrong in what was asked of us."""
    if not refused.is_invalid:
        return refused
    if (too_old := _why_not_null(refused, field=field)) is not None:
        return too_old
    if token is not None:
        return bad_cursor()
    return InvalidRequest(str(refused), fields=[FieldError(field=field, message=str(refused))])


def _why_not_null(refused: MlflowRefused, *, field: str) -> InvalidRequest | None:
    """Servers before MLflow 3 know no `IS NULL`, and name it among words that tell nobody why."""
    if not refused.is_invalid or not _NO_NULLS.search(str(refused)):
        return None
    message = "This MLflow server is too old for IS NULL and IS NOT NULL in filters"
    message += ": runs cannot be grouped under their parents here." if field == "top_level" else "."
    return InvalidRequest(message, fields=[FieldError(field=field, message=message)])


def _milliseconds(value: object) -> int | None:
    return int(value) if isinstance(value, (int, str)) and str(value).isdecimal() else None


def _experiment(experiment: dict[str, object], site: str | None) -> Experiment:
    tags = experiment.get("tags")
    notes = [tag for tag in tags if tag.get("key") == "mlflow.note.content"] if isinstance(tags, list) else []
    experiment_id = str(experiment.get("experiment_id"))
    return Experiment(
        id=experiment_id,
        name=str(experiment.get("name")),
        deleted=experiment.get("lifecycle_stage") == "deleted",
        created_at=moment(_milliseconds(experiment.get("creation_time"))),
        updated_at=moment(_milliseconds(experiment.get("last_update_time"))),
        description=str(notes[0].get("value")) if notes else None,
        url=experiment_page_of(site, experiment_id=experiment_id) if site is not None else None,
    )
