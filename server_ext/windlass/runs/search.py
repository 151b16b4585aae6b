"""Finds the runs that were asked for: looks experiments and columns up by name, and reads as many pages as it takes.

`windlass runs` and `%runs` differ in where they show it; what is found is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic import ValidationError

from windlass.contract.experiments import ColumnList, Experiment
from windlass.contract.runs import RunPage, RunSearch
from windlass.errors import InvalidRequest, NotFound
from windlass.runs.columns import column_named, columns_in_filter, nearest
from windlass.runs.found import FoundRuns
from windlass.runs.options import RunsWanted
from windlass.tracked import Tracked

MOST_EXPERIMENTS = 100
MOST_COLUMNS = 200
LISTED_KEYS = 12
_PAGE_OF_RUNS = 500
_PAGE_OF_EXPERIMENTS = 200
_PAGES_OF_EXPERIMENTS = 5
_NOBODYS = ("windlass.", "system/", "mlflow.")
"""Keys that Windlass and MLflow log themselves: to be had by name, and not what a list begins with."""


@dataclass(frozen=True)
class _Scope:
    experiments: tuple[Experiment, ...]
    everywhere: bool = False
    notes: tuple[str, ...] = ()


def find_runs(
    tracked: Tracked, wanted: RunsWanted, *, likely: Sequence[str] = (), all_columns: bool = False
) -> FoundRuns:
    """The runs that are wanted.

    Args:
        tracked: Whom to ask.
        wanted: What was asked for.
        likely: Experiments (names or ids) to take when none is named: the first that exists.
        all_columns: Read all metrics and parameters when no columns are named, rather than what a list begins with.

    Raises:
        InvalidRequest: a name is none, or an option holds what the contract does not allow.
        NotFound: there is no such experiment.
        ClientError: the server refused, as for a mistake in the filter.
    """
    scope = _named(tracked, wanted.experiments) if wanted.experiments else _likely(tracked, likely)
    known = tracked.columns([experiment.id for experiment in scope.experiments]) if scope.experiments else _NOTHING
    sort = column_named(wanted.sort, known)
    asked = list(dict.fromkeys([*(column_named(name, known) for name in wanted.columns), *_worth_showing(sort)]))
    columns = asked if wanted.columns else [*asked, *columns_in_filter(wanted.filter, known)]
    listed = len(dict.fromkeys(columns))
    notes = list(scope.notes)
    if not wanted.columns:
        columns += _all_keys(known) if all_columns else _first_keys(known)
    columns = list(dict.fromkeys(columns))
    read = [column for column in columns if not column.startswith("attributes.")]
    if len(read) > MOST_COLUMNS:
        notes.append(f"The first {MOST_COLUMNS} of {len(read)} columns are read: name others with --columns.")
        read = read[:MOST_COLUMNS]
    page = _pages(tracked, wanted, scope=scope, sort=sort, read=read)
    notes.extend(_doubts(page, asked, known))
    return FoundRuns(
        page=page,
        experiments=scope.experiments,
        everywhere=scope.everywhere,
        columns=tuple(column for column in columns if column.startswith("attributes.") or column in set(read)),
        asked=listed,
        sort=sort,
        ascending=wanted.ascending,
        narrowed=bool(wanted.filter.strip()),
        notes=tuple(notes),
    )


_NOTHING = ColumnList(metrics=[], params=[], tags=[], complete=True)


def _pages(tracked: Tracked, wanted: RunsWanted, *, scope: _Scope, sort: str, read: list[str]) -> RunPage:
    if not scope.experiments:
        raise NotFound("MLflow has no experiments yet. `windlass train NOTEBOOK` makes the first.")
    search = _search(wanted, scope=scope, sort=sort, read=read)
    page = tracked.runs(search)
    items = page.items
    cursor = page.next_cursor
    while cursor is not None and len(items) < wanted.limit:
        rest = min(_PAGE_OF_RUNS, wanted.limit - len(items))
        more = tracked.runs(search.model_copy(update={"cursor": cursor, "limit": rest}))
        items = items + more.items
        cursor = more.next_cursor
    return page.model_copy(update={"items": items, "next_cursor": cursor})


def _search(wanted: RunsWanted, *, scope: _Scope, sort: str, read: list[str]) -> RunSearch:
    try:
        return RunSearch(
            experiment_ids=[experiment.id for experiment in scope.experiments],
            filter=wanted.filter,
            sort=sort,
            descending=not wanted.ascending,
            columns=read,
            limit=min(_PAGE_OF_RUNS, wanted.limit),
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidRequest(f"{where}: {first['msg']}.") from error


def _doubts(page: RunPage, asked: list[str], known: ColumnList) -> Iterator[str]:
    """What was asked for and is in none of the runs may be mistyped; MLflow would not tell."""
    for place, column in enumerate(page.columns):
        if column in asked and page.items and all(run.values[place] is None for run in page.items):
            near = nearest(column, known)
            yield f"None of these runs has {column}" + (f"; did you mean {near}?" if near else ".")


def _named(tracked: Tracked, names: Sequence[str]) -> _Scope:
    found = []
    for name in names:
        experiment = _experiment(tracked, name)
        if experiment is None and not name.isdecimal():
            raise NotFound(_no_experiment(tracked, name))
        # An id beyond what is listed: the search will tell whether it is one.
        found.append(experiment or Experiment(id=name, name=name))
    return _Scope(tuple({experiment.id: experiment for experiment in found}.values()))


def _likely(tracked: Tracked, names: Sequence[str]) -> _Scope:
    for name in names:
        experiment = _experiment(tracked, name)
        if experiment is not None:
            return _Scope((experiment,))
    page = tracked.experiments(limit=MOST_EXPERIMENTS)
    notes: tuple[str, ...] = ()
    if page.next_cursor is not None:
        notes = (
            f"Only the {MOST_EXPERIMENTS} experiments changed last are looked at: name another with --experiment.",
        )
    return _Scope(tuple(page.items), everywhere=True, notes=notes)


def _experiment(tracked: Tracked, name: str) -> Experiment | None:
    """The experiment of that name, else of that id; None when it is not among those that are listed."""
    for text in (name, None):  # MLflow cannot look for every name, as for one with both kinds of quotes
        cursor: str | None = None
        for _ in range(_PAGES_OF_EXPERIMENTS):
            page = tracked.experiments(q=text, limit=_PAGE_OF_EXPERIMENTS, cursor=cursor)
            for experiment in page.items:
                if experiment.name == name or (text is None and experiment.id == name):
                    return experiment
            cursor = page.next_cursor
            if cursor is None:
                break
    return None


def _no_experiment(tracked: Tracked, name: str) -> str:
    there = [experiment.name for experiment in tracked.experiments(limit=_PAGE_OF_EXPERIMENTS).items]
    lower = {each.lower(): each for each in reversed(there)}
    near = get_close_matches(name.lower(), lower, n=1)
    if near:
        return f"MLflow has no experiment {name!r}; did you mean {lower[near[0]]!r}?"
    some = ", ".join(repr(each) for each in there[:5])
    return f"MLflow has no experiment {name!r}." + (f" The ones changed last are {some}." if some else "")


def _worth_showing(sort: str) -> tuple[str, ...]:
    """What runs are sorted by is shown; the start, the state and the name are in every list."""
    return () if sort in ("attributes.start_time", "attributes.status", "attributes.run_name") else (sort,)


def _all_keys(known: ColumnList) -> list[str]:
    return [*(f"metrics.{key}" for key in known.metrics), *(f"params.{key}" for key in known.params)]


def _first_keys(known: ColumnList) -> list[str]:
    metrics = [f"metrics.{key}" for key in known.metrics if not key.startswith(_NOBODYS)]
    params = [f"params.{key}" for key in known.params if not key.startswith(_NOBODYS)]
    return ["attributes.cost", *metrics[:LISTED_KEYS], *params[:LISTED_KEYS]]
