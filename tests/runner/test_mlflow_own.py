"""Choosing a job's own run among pods that race: by every schedule that is tried, and with a real MLflow."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.runner.mlflow_own import FATE, JOB_TAG, OWN_TAG, SUPERSEDED, Election

JOB = "job-1"


class Died(Exception):
    """A pod is gone in the middle of it."""


@dataclass
class Server:
    """MLflow as far as elections go: each call is one step, and parameters are written once."""

    runs: dict[str, Any] = field(default_factory=dict)
    may_delete: bool = True

    def make(self, start_time: int) -> Any:
        run_id = f"{len(self.runs):04d}"
        info = SimpleNamespace(run_id=run_id, start_time=start_time, lifecycle_stage="active", status="RUNNING")
        data = SimpleNamespace(params={}, tags={JOB_TAG: JOB, OWN_TAG: "true"})
        self.runs[run_id] = SimpleNamespace(info=info, data=data)
        return self.seen(run_id)

    def seen(self, run_id: str) -> Any:
        run = self.runs[run_id]
        data = SimpleNamespace(params=dict(run.data.params), tags=dict(run.data.tags))
        return SimpleNamespace(info=SimpleNamespace(**vars(run.info)), data=data)

    @property
    def own(self) -> list[str]:
        return [run_id for run_id, run in self.runs.items() if run.data.params.get(FATE) == JOB]


class Turns:
    """Lets one pod at a time make one call, in the order of a schedule; a pod may die at its nth call."""

    def __init__(self, schedule: list[int], *, deaths: dict[int, int]) -> None:
        self._schedule = list(schedule)
        self._deaths = deaths
        self._calls: dict[int, int] = {}
        self._alive: set[int] = set()
        self._changed = threading.Condition()
        self._next: int | None = None

    def run(self, pods: dict[int, Any]) -> dict[int, Any]:
        self._alive = set(pods)
        self._choose()
        with ThreadPoolExecutor(len(pods)) as pool:
            futures = {number: pool.submit(self._run, number, pod) for number, pod in pods.items()}
            return {number: future.result(timeout=20) for number, future in futures.items()}

    def _run(self, number: int, pod: Any) -> Any:
        try:
            return pod()
        except Died:
            return None
        finally:
            with self._changed:
                self._alive.discard(number)
                if self._next == number:
                    self._choose()

    def step(self, number: int, call: Any) -> Any:
        with self._changed:
            assert self._changed.wait_for(lambda: self._next == number, timeout=20)
            self._calls[number] = self._calls.get(number, 0) + 1
            try:
                if self._deaths.get(number) == self._calls[number]:
                    raise Died
                return call()
            finally:
                if self._deaths.get(number) != self._calls[number]:
                    self._choose()

    def _choose(self) -> None:
        alive = sorted(self._alive)
        wanted = self._schedule.pop(0) if self._schedule else 0
        self._next = alive[wanted % len(alive)] if alive else None
        with self._changed:
            self._changed.notify_all()


class Client:
    """MLflow's client, of one pod."""

    def __init__(self, server: Server, turns: Turns, number: int) -> None:
        self._server = server
        self._step = lambda call: turns.step(number, call)

    def make(self, start_time: int) -> Any:
        return self._step(lambda: self._server.make(start_time))

    def search_experiments(self, **_page: Any) -> Any:
        return Page([SimpleNamespace(experiment_id="0")])

    def search_runs(self, _ids: Any, **_what: Any) -> list[Any]:
        return self._step(
            lambda: [
                self._server.seen(run_id)
                for run_id, run in self._server.runs.items()
                if run.info.lifecycle_stage == "active" and run.data.tags[OWN_TAG] == "true"
            ]
        )

    def log_param(self, run_id: str, key: str, value: str) -> None:
        self._step(lambda: self._log_param(run_id, key, value))

    def _log_param(self, run_id: str, key: str, value: str) -> None:
        run = self._server.runs[run_id]
        if run.info.lifecycle_stage != "active" or run.data.params.setdefault(key, value) != value:
            raise ValueError("MLflow refuses it.")

    def get_run(self, run_id: str) -> Any:
        return self._step(lambda: self._server.seen(run_id))

    def delete_run(self, run_id: str) -> None:
        self._step(lambda: self._delete(run_id))

    def _delete(self, run_id: str) -> None:
        if not self._server.may_delete:
            raise PermissionError
        self._server.runs[run_id].info.lifecycle_stage = "deleted"

    def set_tag(self, run_id: str, key: str, value: str) -> None:
        self._step(lambda: self._server.runs[run_id].data.tags.update({key: value}))

    def set_terminated(self, run_id: str, status: str) -> None:
        self._step(lambda: setattr(self._server.runs[run_id].info, "status", status))


class Page(list[Any]):
    token = None


@settings(max_examples=150, deadline=None)
@given(
    schedule=st.lists(st.integers(0, 3), max_size=80),
    starts=st.lists(st.integers(0, 3), min_size=2, max_size=4),
    deaths=st.dictionaries(st.integers(0, 2), st.integers(1, 12), max_size=2),
    may_delete=st.booleans(),
)
def test_whatever_races_and_whoever_dies_there_is_one_own_run(
    schedule: list[int], starts: list[int], deaths: dict[int, int], may_delete: bool
) -> None:
    deaths = {number: call for number, call in deaths.items() if number < len(starts) - 1}
    server = Server(may_delete=may_delete)
    turns = Turns(schedule, deaths=deaths)

    def pod(number: int) -> Any:
        client = Client(server, turns, number)
        election = Election(client, job_id=JOB, sleep=lambda _seconds: None)
        run = election.find(["0"]) or election.settle(lambda: client.make(starts[number]))
        # An own run that nothing takes away: what is logged to it later is logged to a run that exists.
        assert server.runs[run.info.run_id].info.lifecycle_stage == "active"
        return run.info.run_id

    answers = turns.run({number: lambda number=number: pod(number) for number in range(len(starts))})
    taken = {answer for answer in answers.values() if answer is not None}
    assert len(taken) == 1
    assert server.own == list(taken)
    (own,) = taken
    assert server.runs[own].data.tags[OWN_TAG] == "true"


@pytest.mark.mlflow
def test_pods_that_race_at_a_real_server_agree_and_leave_nothing_behind(
    mlflow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    job_id, pods = f"race-{uuid.uuid4().hex[:8]}", 6
    experiments = [MlflowClient(mlflow.url).create_experiment(f"{job_id} {number}") for number in range(2)]
    begin = threading.Barrier(pods)

    def pod(number: int) -> str:
        client = MlflowClient(mlflow.url)
        tags = {OWN_TAG: "true", JOB_TAG: job_id}
        election = Election(client, job_id=job_id)
        mine = client.create_run(experiments[number % 2], start_time=1000 - number, tags=tags)
        begin.wait(60)
        return str(election.settle(lambda: mine).info.run_id)

    with ThreadPoolExecutor(pods) as pool:
        chosen = set(pool.map(pod, range(pods)))
    (own,) = mlflow.runs_of(job_id)
    assert chosen == {own["info"]["run_id"]}
    assert {"key": FATE, "value": job_id} in own["data"]["params"]
    assert SUPERSEDED not in str(own)
