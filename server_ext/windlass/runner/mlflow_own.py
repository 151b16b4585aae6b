"""Which run is a job's own, when pods that share nothing but MLflow each want to make it: exactly one, whatever races.

MLflow gives no lock, its searches have no order of their own, and pods' clocks differ: so "the oldest run with the
job's tag wins" is wrong, since an older one may be seen after a younger one has been taken. But a parameter of a run
can be written once, and the server's database sees to that. Each candidate run has a fate, such a parameter: it is the
job's own run, or it is superseded. Who wants a candidate to become the own run

1. searches after that candidate was made,
2. supersedes all others that it finds undecided, and stops where one of them turns out to be the own run,
3. then writes that the candidate is the own run.

Two own runs cannot be: of any two candidates the younger one's search finds the older one, and the older one's fate
stands before the younger one's is written. And there will be one: all choose the same candidate of those they see, the
first by start and id, and the first of all is never superseded. Anybody may finish what another pod began, so nobody
waits for a pod that has died. All of it can be repeated at any point.

It needs searches that show what was made before (MLflow on one database: every one it supports), uses MLflow's public
client alone, and knows nothing of ranks and files.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

OWN_TAG = "windlass.own"
JOB_TAG = "windlass.job_id"
FATE = "windlass.own_run"
SUPERSEDED = "superseded"

_ROUNDS = 20
_EXPERIMENTS_AT_ONCE = 500
_RUNS_AT_ONCE = 1000
_PAUSES_SECONDS = (0.3, 0.6, 1.2, 2.4)


class OwnRunUndecided(Exception):
    """MLflow shows something else each time it is asked."""


class Election:
    """One pod's part in choosing the own run of one job. Methods raise what MLflow's client raises."""

    def __init__(self, client: Any, *, job_id: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self._client = client
        self._job_id = job_id

    def find(self, experiment_ids: Iterable[str] | None = None) -> Any | None:
        """The own run if it is decided, among the given experiments or (None) all of them."""
        return next((run for run in self._candidates(experiment_ids) if self._fate(run) == self._job_id), None)

    def wait(self, experiment_ids: Sequence[str]) -> Any | None:
        """The own run, once another pod has made it; None when it has not within a few seconds."""
        for pause in (*_PAUSES_SECONDS, 0.0):
            found = self.find(experiment_ids)
            if found is not None:
                return found
            # Of a thousand pods that begin together none asks at the same time as the others.
            self._sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311  (no secret)
        return None

    def settle(self, make: Callable[[], Any]) -> Any:
        """The own run, decided; `make` makes an empty candidate, which is discarded if it is not the one.

        Raises:
            OwnRunUndecided: it could not be decided in a reasonable number of rounds.
        """
        made: list[Any] = []
        for number in range(_ROUNDS):
            candidates = self._candidates(None)
            owner = self._decide(candidates)
            if owner is None and not self._open(candidates):
                made.append(make())
                continue
            if owner is not None:
                others = {run.info.run_id: run for run in (*candidates, *made)}
                others.pop(owner.info.run_id, None)
                for run in others.values():
                    self._discard(run)
                return owner
            self._sleep(0.05 * number)
        raise OwnRunUndecided("MLflow could not settle which run is the job's own.")

    def _decide(self, candidates: Sequence[Any]) -> Any | None:
        """Have the first candidate become the own run; None where that has to be looked at again."""
        owner = next((run for run in candidates if self._fate(run) == self._job_id), None)
        undecided = self._open(candidates)
        if owner is not None or not undecided:
            return owner
        first, *others = sorted(undecided, key=lambda run: (run.info.start_time, run.info.run_id))
        for other in others:
            seen = self._write_fate(other, SUPERSEDED)
            if self._fate(seen) == self._job_id:
                return seen
            if self._fate(seen) is None and seen.info.lifecycle_stage == "active":
                return None
        seen = self._write_fate(first, self._job_id)
        return seen if self._fate(seen) == self._job_id else None

    def _write_fate(self, run: Any, fate: str) -> Any:
        """The run as it is after an attempt to write its fate: what stands there holds, whoever wrote it."""
        with contextlib.suppress(Exception):  # written before, deleted, or away: the next call tells which
            self._client.log_param(run.info.run_id, FATE, fate)
        return self._client.get_run(run.info.run_id)

    def _discard(self, run: Any) -> None:
        """Take a superseded candidate out of sight. Nothing was logged to it: nobody logs before the decision."""
        run_id = run.info.run_id
        try:
            self._client.delete_run(run_id)
        except Exception:  # noqa: BLE001  (deleted already; or this user may not delete: then it is marked)
            with contextlib.suppress(Exception):  # nobody takes it for the own run, marked or not
                self._client.set_tag(run_id, OWN_TAG, SUPERSEDED)
                self._client.set_terminated(run_id, "KILLED")

    def _candidates(self, experiment_ids: Iterable[str] | None) -> list[Any]:
        ids = list(dict.fromkeys(experiment_ids if experiment_ids is not None else self._all_experiments()))
        wanted = f"tags.`{JOB_TAG}` = '{self._job_id}' and tags.`{OWN_TAG}` = 'true'"
        found: list[Any] = []
        for start in range(0, len(ids), _EXPERIMENTS_AT_ONCE):
            some = ids[start : start + _EXPERIMENTS_AT_ONCE]
            found += self._client.search_runs(some, filter_string=wanted, max_results=_RUNS_AT_ONCE)
        return found

    def _all_experiments(self) -> Iterator[str]:
        token = None
        while True:
            page = self._client.search_experiments(max_results=_RUNS_AT_ONCE, page_token=token)
            yield from (experiment.experiment_id for experiment in page)
            token = page.token
            if not token:
                return

    def _open(self, candidates: Sequence[Any]) -> list[Any]:
        return [run for run in candidates if self._fate(run) is None]

    @staticmethod
    def _fate(run: Any) -> str | None:
        return run.data.params.get(FATE) if run.info.lifecycle_stage == "active" else None
