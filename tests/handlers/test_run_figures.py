"""What a job took reaches its MLflow run when it becomes known, or another figure, after the record was sent."""

from __future__ import annotations

import json
import math
import os
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Mlflow, until
from tests.jupyter import Server, end_all
from tests.mlflow_proxy import MlflowProxy, proxying

pytestmark = pytest.mark.mlflow

COST, IDLE = "windlass.cost_usd", "windlass.gpu_idle_fraction"
A100 = "NVIDIA A100-SXM4-40GB"


class Tracked:
    """A server of a machine with an A100, with an MLflow behind a proxy and a price book that may be absent."""

    def __init__(self, base: Path, proxy: MlflowProxy, mlflow: Mlflow) -> None:
        self.proxy = proxy
        self.mlflow = mlflow
        self.book = base / "prices.yaml"
        tools = base / "tools"
        tools.mkdir()
        (tools / "nvidia-smi").write_text(f"#!/bin/sh\necho 'GPU 0: {A100} (UUID: GPU-1)'\n")
        (tools / "nvidia-smi").chmod(0o755)
        options = (f"--WindlassApp.tracking_uri={proxy.url}", f"--WindlassApp.price_book={self.book}")
        variables = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
        self.server = Server(base=base, options=options, variables=variables)

    def price(self, usd_per_hour: int) -> None:
        entry = f"{{node: {socket.gethostname()}, usd_per_hour: {usd_per_hour}}}"
        draft = self.book.with_suffix(".new")
        draft.write_text(f"version: 1\nprices:\n- {entry}\n")
        draft.replace(self.book)

    def restart(self) -> None:
        self.server.kill()
        self.server.start()

    def ended(self, name: str, **request: Any) -> dict[str, Any]:
        """A job that has ended, its record in MLflow."""
        self.server.notebook(name, "print(1)")
        job_id = self.server.send(name, **request)["id"]
        assert self.server.reaches(job_id)["state"] == "succeeded", self.server.log_text(job_id)

        def look() -> dict[str, Any] | None:
            job = self.server.job(job_id)
            return job if job["record"] == "uploaded" else None

        return until(look, what="the record")

    def metrics(self, job: dict[str, Any]) -> dict[str, float]:
        run = self.mlflow.run(job["run_id"])
        return {each["key"]: float(each["value"]) for each in run["data"].get("metrics", [])}

    def cost(self, job: dict[str, Any], *, besides: float | None = None) -> float:
        """What its run says that it cost, once that is another figure."""

        def look() -> float | None:
            said = self.metrics(job).get(COST)
            return said if said is not None and said != besides and not math.isnan(said) else None

        return until(look, seconds=90, what="the cost on the run")

    def points(self, job: dict[str, Any], key: str) -> list[dict[str, Any]]:
        return self.mlflow.ask(f"metrics/get-history?run_id={job['run_id']}&metric_key={key}")["metrics"]


@pytest.fixture
def tracked(tmp_path: Path, mlflow: Mlflow) -> Iterator[Tracked]:
    with proxying(mlflow.url) as proxy:
        tracked = Tracked(tmp_path, proxy, mlflow)
        tracked.price(3600)
        tracked.server.start()
        try:
            yield tracked
        finally:
            tracked.server.end()
            end_all(tracked.server.data)


def seconds_of(job: dict[str, Any]) -> float:
    begun, over = (datetime.fromisoformat(job[name].replace("Z", "+00:00")) for name in ("started_at", "ended_at"))
    return (over - begun).total_seconds()


def test_a_price_that_comes_or_changes_after_the_record_reaches_the_run_and_no_file_is_sent_again(
    tracked: Tracked,
) -> None:
    tracked.book.write_text("version: 1\nprices: []\n")
    job = tracked.ended("late.ipynb")
    assert COST not in tracked.metrics(job)
    uploads = [asked for asked in tracked.proxy.asked if asked.method == "PUT"]
    assert uploads, "the record has files"

    # The price comes while MLflow is away, and the server goes before MLflow is back.
    with tracked.proxy.away():
        tracked.price(3600)
        tracked.restart()
        until(lambda: tracked.server.job(job["id"])["cost_usd"], seconds=90, what="the cost in the ledger")
        assert tracked.server.job(job["id"])["record"] == "uploaded", "a record that is there is not told to wait"
        tracked.restart()
        assert COST not in tracked.metrics(job)
    first = tracked.cost(job)
    assert first == pytest.approx(tracked.server.job(job["id"])["cost_usd"])

    # A price that was wrong is mended: what is lower than before counts all the same.
    tracked.price(36)
    tracked.restart()
    second = tracked.cost(job, besides=first)
    assert second == pytest.approx(first / 100, rel=0.01)
    assert [point["value"] for point in tracked.points(job, COST)] == [first, second]

    # What is said already is not said again, whoever starts anew.
    tracked.restart()
    other = tracked.ended("other.ipynb")
    assert other["cost_usd"] is not None
    assert len(tracked.points(job, COST)) == 2
    mine = [asked for asked in tracked.proxy.asked if asked.method == "PUT" and job["run_id"] in asked.path]
    assert len(mine) == len(uploads)


def test_an_idle_share_that_comes_late_reaches_the_run_and_the_money_of_its_day(tracked: Tracked) -> None:
    job = tracked.ended("idle.ipynb", gpus_per_worker=1)
    assert IDLE not in tracked.metrics(job)
    assert tracked.metrics(job)[COST] > 0
    # The lines of its second half come from a cluster's log only now, say: a quarter of its time it did nothing.
    began = datetime.fromisoformat(job["started_at"].replace("Z", "+00:00")).timestamp()
    quarter = seconds_of(job) / 4
    lines = [
        {
            "at": began + (number + 1) * quarter,
            "seconds": quarter,
            "rank": 0,
            "attempt": 0,
            "devices": [{"uuid": "GPU-1", "name": A100, "index": 0, "seconds": quarter, "engine": engine}],
        }
        for number, engine in enumerate((0.0, 0.9, 0.8, 0.9))
    ]
    path = tracked.server.data / "jobs" / job["id"] / "ranks" / "0" / "gpus.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    tracked.restart()
    said = until(lambda: tracked.metrics(job).get(IDLE), seconds=90, what="the idle share on the run")
    # The job took a moment, and times on the wire are of milliseconds.
    assert said == pytest.approx(0.25, abs=0.02)
    with tracked.server.client() as http:
        (row,) = http.get("/costs", params={"by": "day"}).raise_for_status().json()["items"]
        cost = http.get(f"/jobs/{job['id']}/cost").raise_for_status().json()
    assert row["idle_usd"] == pytest.approx(cost["idle_usd"])
    assert cost["idle_usd"] == pytest.approx(cost["usd"] * said, rel=0.05)
    assert row["unknown_idle_jobs"] == 0
