"""Which runs are closed and described, and where the last lines may be put: on a real MLflow."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest
from tests.conftest import Mlflow

from windlass.tracking import client as mlflow_client
from windlass.tracking.client import MlflowRest
from windlass_hub.reconciler.closing_runs import TAIL_ARTIFACT, TAIL_TAG, close_runs
from windlass_hub.reconciler.records import JobRecord

TAIL = "epoch 1\nepoch 2"


@pytest.fixture
def server(mlflow: Mlflow, until: Any) -> Mlflow:
    def answers() -> bool:
        try:
            mlflow.ask("experiments/search", {"max_results": 1})
        except OSError:
            return False
        return True

    until(answers, what="MLflow")
    return mlflow


@pytest.fixture
def record() -> JobRecord:
    job_id = f"j{uuid.uuid4().hex[:12]}"
    return JobRecord(
        uid=job_id,
        job_id=job_id,
        owner="ada",
        namespace="wl-ada",
        name=f"train-{job_id}",
        kind="PyTorchJob",
        state="failed",
        cause="oom-killed",
        reason="master ran out of memory",
        created_at=None,
        started_at=None,
        ended_at=1_700_000_060.0,
        recorded_at=1_700_000_061.0,
    )


def experiment(server: Mlflow, **more: str) -> str:
    return str(server.ask("experiments/create", {"name": f"e-{uuid.uuid4().hex[:8]}", **more})["experiment_id"])


def a_run(server: Mlflow, record: JobRecord, *, where: str, begun: int = 1000, **tags: str) -> str:
    found = {"windlass.job_id": record.job_id, "mlflow.user": record.owner, **tags}
    pairs = [{"key": key, "value": value} for key, value in found.items()]
    made = server.ask("runs/create", {"experiment_id": where, "start_time": begun, "tags": pairs})
    return str(made["run"]["info"]["run_id"])


def tags_of(server: Mlflow, run_id: str) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in server.run(run_id)["data"]["tags"]}


def status_of(server: Mlflow, run_id: str) -> str:
    return str(server.run(run_id)["info"]["status"])


async def test_all_of_many_runs_are_closed(server: Mlflow, record: JobRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_client, "_RUNS_AT_ONCE", 3)
    where = experiment(server)
    runs = [a_run(server, record, where=where, begun=number) for number in range(1, 9)]
    async with MlflowRest(server.url, environ={}) as mlflow:
        closed = await close_runs(mlflow, record)
    assert (closed.found, closed.closed) == (8, 8)
    assert status_of(server, runs[-1]) == "FAILED"


async def test_what_a_job_took_can_be_sorted_by(server: Mlflow, record: JobRecord) -> None:
    where = experiment(server)
    cheap, dear = (
        a_run(server, record, where=where),
        a_run(server, replace(record, job_id=f"{record.job_id}-dear"), where=where),
    )
    async with MlflowRest(server.url, environ={}) as mlflow:
        for _ in range(2):
            await close_runs(mlflow, replace(record, usd=9.5, gpu_hours=2.0))
            await close_runs(mlflow, replace(record, job_id=f"{record.job_id}-dear", usd=10.0, gpu_hours=0.0))
    body = {"experiment_ids": [where], "order_by": ["metrics.`windlass.cost_usd` DESC"]}
    found = server.ask("runs/search", body)["runs"]
    assert [run["info"]["run_id"] for run in found] == [dear, cheap]
    taken = {metric["key"]: metric["value"] for metric in found[0]["data"]["metrics"]}
    assert taken == {"windlass.cost_usd": 10.0, "windlass.gpu_hours": 0.0}


async def test_a_candidate_that_was_passed_over_is_not_described_as_the_jobs_own_run(
    server: Mlflow, record: JobRecord
) -> None:
    """Of several candidates one became the own run, by a parameter; a user who may not delete leaves the others."""
    where = experiment(server)
    marked = a_run(server, record, where=where, begun=1, **{"windlass.own": "superseded"})
    passed_over = a_run(server, record, where=where, begun=2, **{"windlass.own": "true"})
    own = a_run(server, record, where=where, begun=3, **{"windlass.own": "true"})
    for run_id, fate in ((passed_over, "superseded"), (own, record.job_id)):
        server.ask("runs/log-parameter", {"run_id": run_id, "key": "windlass.own_run", "value": fate})
    async with MlflowRest(server.url, environ={}) as mlflow:
        closed = await close_runs(mlflow, record, tail=TAIL)
    assert tags_of(server, own)[TAIL_TAG] == TAIL
    assert not {TAIL_TAG, "windlass.state"} & {*tags_of(server, passed_over), *tags_of(server, marked)}
    assert closed.closed == 3
    assert {status_of(server, run_id) for run_id in (own, passed_over, marked)} == {"FAILED"}


async def test_the_last_lines_are_put_only_where_the_server_itself_puts_files_of_that_run(
    server: Mlflow, record: JobRecord
) -> None:
    """Where an experiment's files lie says its maker, who may name the place of another's run."""
    victim = experiment(server)
    where = experiment(server, artifact_location=f"mlflow-artifacts:/{victim}/another/artifacts")
    run_id = a_run(server, record, where=where)
    async with MlflowRest(server.url, environ={}) as mlflow:
        await close_runs(mlflow, record, tail=TAIL)
        assert await mlflow.artifact_sizes(run_id, "windlass") == {}
    assert tags_of(server, run_id)[TAIL_TAG] == TAIL
    own = a_run(server, record, where=experiment(server), begun=1)
    async with MlflowRest(server.url, environ={}) as mlflow:
        await close_runs(mlflow, record, tail=TAIL)
        assert await mlflow.artifact_sizes(own, "windlass") == {TAIL_ARTIFACT: len(TAIL)}
