"""A job's GPU use on its MLflow runs, under the names that MLflow itself has for it, against a real MLflow server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Mlflow, until
from tests.nvml.driver import GIB, FakeDriver, Gpu, build

from windlass.runner.gpu_sampler import LINE_VARIABLE

from .job import Job
from .test_gpu_sampler import UNTIL_TOLD, Watched

pytestmark = pytest.mark.mlflow

OFTEN = {LINE_VARIABLE: "0.3"}
SEEN = """
import os, pathlib, time
path = pathlib.Path(os.environ["WINDLASS_JOB_DIR"], "ranks/0/gpus.jsonl")
while not path.exists(): time.sleep(0.02)
"""
GPU = {
    "system/gpu_0_utilization_percentage": 87.0,
    "system/gpu_0_memory_usage_megabytes": 8589.9,
    "system/gpu_0_memory_usage_percentage": 20.0,
    "system/gpu_0_power_usage_watts": 312.4,
}


@pytest.fixture
def start(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Watched]]:
    library = build(tmp_path_factory.getbasetemp())
    made: list[Watched] = []

    def begin(url: str, *cells: str, **variables: str) -> Watched:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        busy = Gpu(uuid="GPU-0", util=87, used=8 * GIB, power=312_400)
        watched = Watched(Job(folder / "job"), FakeDriver(folder=library, state=folder / "gpus", gpus=[busy]))
        made.append(watched)
        given = {
            "MLFLOW_TRACKING_URI": url,
            "MLFLOW_EXPERIMENT_NAME": f"experiment of {watched.job.id}",
            "MLFLOW_RUN_CONTEXT": json.dumps({"windlass.job_id": watched.job.id}),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "GIT_PYTHON_REFRESH": "quiet",
            "WINDLASS_TRACKING_WAIT": "60",
        }
        watched.start(*cells, **{**given, **variables})
        return watched

    yield begin
    for each in made:
        each.job.end()


def metrics(run: dict[str, Any]) -> dict[str, float]:
    return {item["key"]: item["value"] for item in run["data"].get("metrics", [])}


def runs(watched: Watched, mlflow: Mlflow) -> dict[str, dict[str, Any]]:
    path = watched.job.folder / "runs.jsonl"
    known = [json.loads(line)["run_id"] for line in path.read_text().splitlines()] if path.exists() else []
    return {run["info"]["run_name"]: run for run in map(mlflow.run, known)}


def test_gpu_use_lands_on_the_jobs_own_run_while_it_runs_and_from_before_it_was_made(
    start: Callable[..., Watched], mlflow: Mlflow
) -> None:
    own = start(
        mlflow.url,
        SEEN,
        "import mlflow; mlflow.log_metric('loss', 0.5)",
        UNTIL_TOLD,
        **OFTEN,
        SEEN="ranks/0/gpus.jsonl",
    )
    (run,) = until(
        lambda: [run for run in runs(own, mlflow).values() if GPU.keys() <= metrics(run).keys()], what="GPU metrics"
    )
    assert GPU.items() <= metrics(run).items()
    assert metrics(run)["loss"] == 0.5
    assert metrics(run)["system/system_memory_usage_megabytes"] > 10
    run_id = run["info"]["run_id"]
    seen = mlflow.ask(f"metrics/get-history?run_id={run_id}&metric_key=system/gpu_0_utilization_percentage")["metrics"]
    assert seen[0]["timestamp"] < run["info"]["start_time"], "it covers the whole job"
    own.end()


def test_gpu_use_lands_on_the_run_that_is_active_and_on_none_that_is_over(
    start: Callable[..., Watched], mlflow: Mlflow
) -> None:
    watched = start(
        mlflow.url,
        SEEN,
        "import mlflow\nwith mlflow.start_run(run_name='first'): mlflow.log_metric('loss', 1)",
        "run = mlflow.start_run(run_name='second')",
        **{LINE_VARIABLE: "3600"},  # a first line, and one at the end
    )
    assert watched.job.wait() == 0, watched.job.everything()
    found = runs(watched, mlflow)
    assert GPU.items() <= metrics(found["second"]).items()
    assert metrics(found["first"]) == {"loss": 1.0}, "it was over by then"


def test_a_job_without_gpus_and_one_that_wants_none_log_no_system_metrics(
    start: Callable[..., Watched], mlflow: Mlflow
) -> None:
    cell = "import mlflow; mlflow.log_metric('loss', 0.5)"
    unwanted = start(mlflow.url, cell, UNTIL_TOLD, **OFTEN, MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING="0")
    idle = start(mlflow.url, cell, UNTIL_TOLD, **OFTEN, CUDA_VISIBLE_DEVICES="")
    for watched in (unwanted, idle):
        until(lambda watched=watched: runs(watched, mlflow), what="the run")
        before = len(watched.lines())
        if watched is unwanted:
            until(lambda watched=watched, before=before: len(watched.lines()) > before + 1, what="another reading")
        assert watched.end()
        assert [metrics(run) for run in runs(watched, mlflow).values()] == [{"loss": 0.5}]


def test_an_mlflow_that_is_away_neither_delays_the_end_nor_loses_what_was_written_down(
    start: Callable[..., Watched],
) -> None:
    cell = "import mlflow; mlflow.log_metric('loss', 0.5)"
    watched = start("http://127.0.0.1:9", cell, UNTIL_TOLD, **OFTEN, WINDLASS_TRACKING_WAIT="0.1")
    watched.job.until(lambda _job: len(watched.lines()) > 0)
    assert watched.end()[0]["devices"][0]["engine"] == 0.87
    assert (watched.job.folder / "spool").is_dir()
