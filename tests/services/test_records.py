"""Records of jobs, sent to a real MLflow server. Engine and ledger are the doubles: they are other packages' tests."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import forwarding

from windlass.contract.jobs import GitState, JobRun
from windlass.engines.base import JobStatus, LogPiece, LogSlice, State
from windlass.errors import NotFound
from windlass.services.pending_records import Figures, OutdatedRun
from windlass.services.records import PendingRecord, RecordKeeper
from windlass.tracking.tracking import Tracking

pytestmark = pytest.mark.mlflow


@dataclass
class FakeEngine:
    """As much of an engine as a record needs of a job that has ended."""

    runs: tuple[dict[str, Any], ...] = ()
    notebook: bytes | None = b'{"cells": []}'
    log: str = "epoch 1\n"
    before: Callable[[], None] = lambda: None

    async def status(self, job_id: str) -> JobStatus:
        return JobStatus(job_id=job_id, state=State.SUCCEEDED, runs=self.runs)

    async def executed_notebook(self, job_id: str) -> bytes | None:
        self.before()
        return self.notebook

    async def logs(self, job_id: str, *, rank: int, offset: int, limit_bytes: int) -> LogSlice:
        data = self.log.encode()
        if rank > 1:
            raise NotFound(f"There is no rank {rank}.")
        part = data[offset : offset + limit_bytes]
        pieces = (LogPiece(rank=rank, time=0.0, text=part.decode()),) if part else ()
        end = offset + len(part)
        return LogSlice(offset=offset, next_offset=end, size_bytes=len(data), complete=True, pieces=pieces)


@dataclass
class MemoryStore:
    """The ledger, in memory."""

    pending: dict[str, PendingRecord] = field(default_factory=dict)
    records: list[tuple[str, str]] = field(default_factory=list)
    runs: list[JobRun] = field(default_factory=list)
    run_id: str | None = None
    figures: Figures | None = None
    outdated: list[OutdatedRun] = field(default_factory=list)
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    async def pending_records(self) -> list[PendingRecord]:
        return list(self.pending.values())

    async def set_record(
        self,
        job_id: str,
        *,
        record: str,
        run_id: str | None = None,
        experiment_id: str | None = None,
        runs: list[JobRun] | None = None,
        figures: Figures | None = None,
    ) -> None:
        self.figures = figures or self.figures
        self.records.append((job_id, record))
        if record in ("uploaded", "off"):
            self.pending.pop(job_id, None)
            self.finished.set()
        self.run_id = run_id or self.run_id
        self.runs = runs if runs is not None else self.runs

    async def outdated_runs(self) -> list[OutdatedRun]:
        return list(self.outdated)

    async def set_figures(self, job_id: str, figures: Figures) -> None:
        self.outdated = [each for each in self.outdated if each.job_id != job_id]
        self.figures = figures

    def said(self, start: str) -> str | None:
        return next((record for _job, record in self.records if record.startswith(start)), None)


@dataclass
class Bench:
    data_dir: Path
    record: PendingRecord
    engine: FakeEngine
    store: MemoryStore

    def keeper(self, uri: str | None, **options: Any) -> RecordKeeper:
        tracking = Tracking(data_dir=self.data_dir, configured_uri=uri, python=sys.executable, **options)
        return RecordKeeper(tracking=tracking, engine=self.engine, store=self.store, data_dir=self.data_dir)

    def change(self, **values: Any) -> None:
        self.record = replace(self.record, **values)
        self.store.pending[self.record.job_id] = self.record


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    job_id = f"job-{uuid.uuid4().hex[:8]}"
    record = PendingRecord(
        job_id=job_id,
        name="train it",
        owner="ada",
        notebook="dir/train.ipynb",
        experiment=f"experiment of {job_id}",
        state="succeeded",
        reason="",
        world_size=2,
        bundle_sha256="0" * 64,
        python="",
        parameters={"learning_rate": 0.01, "name": "x", "layers": [1, 2]},
        started_at=1_700_000_000.0,
        ended_at=1_700_000_012.5,
        exit_code=0,
        git=GitState(commit="abc", branch="main", dirty=True),
    )
    (tmp_path / "bundles").mkdir()
    (tmp_path / "bundles" / f"{'0' * 64}.tar.gz").write_bytes(b"bundle")
    return Bench(data_dir=tmp_path, record=record, engine=FakeEngine(), store=MemoryStore(pending={job_id: record}))


def pairs(run: dict[str, Any], kind: str) -> dict[str, Any]:
    return {item["key"]: item["value"] for item in run["data"].get(kind, [])}


async def test_job_that_made_no_run_gets_one_with_everything_on_it(bench: Bench, mlflow: Any) -> None:
    await bench.keeper(mlflow.url).send_now()
    assert bench.store.records == [(bench.record.job_id, "uploading"), (bench.record.job_id, "uploaded")]
    run = mlflow.run(bench.store.run_id)
    assert pairs(run, "params") == {"learning_rate": "0.01", "name": "x", "layers": "[1, 2]"}
    tags = pairs(run, "tags")
    assert tags["windlass.job_id"] == bench.record.job_id
    assert tags["windlass.state"] == "succeeded"
    assert tags["windlass.exit_code"] == "0"
    assert tags["windlass.duration_seconds"] == "12.500"
    assert tags["mlflow.source.git.commit"] == "abc"
    assert run["info"]["status"] == "FINISHED"
    assert run["info"]["end_time"] == 1_700_000_012_500
    paths = mlflow.artifacts(bench.store.run_id, "windlass")
    assert paths == ["windlass/bundle.tar.gz", "windlass/executed.ipynb", "windlass/logs"]
    assert mlflow.artifact(bench.store.run_id, "windlass/executed.ipynb") == b'{"cells": []}'
    assert mlflow.artifact(bench.store.run_id, "windlass/logs/rank-1.log") == b"epoch 1\n"
    (listed,) = bench.store.runs
    assert listed.experiment_name == bench.record.experiment
    assert listed.url == f"{mlflow.url}/#/experiments/{listed.experiment_id}/runs/{listed.run_id}"


async def test_what_a_job_took_is_metrics_of_its_run_and_what_is_unknown_is_none(bench: Bench, mlflow: Any) -> None:
    bench.change(cost_usd=1.25)
    await bench.keeper(mlflow.url).send_now()
    bench.store.pending[bench.record.job_id] = bench.record
    await bench.keeper(mlflow.url).send_now()
    assert pairs(mlflow.run(bench.store.run_id), "metrics") == {"windlass.cost_usd": 1.25}
    history = mlflow.ask(f"metrics/get-history?run_id={bench.store.run_id}&metric_key=windlass.cost_usd")
    assert len(history["metrics"]) == 1


def outdated(bench: Bench, *, run_id: str, job_id: str = "", **figures: float | None) -> OutdatedRun:
    known = {"cost_usd": None, "gpu_hours": None, "gpu_idle_fraction": None, **figures}
    return OutdatedRun(
        job_id=job_id or bench.record.job_id,
        run_id=run_id,
        ended_at=bench.record.ended_at or 0.0,
        figures=Figures(**known),
    )


async def test_a_figure_that_is_not_known_any_more_is_no_number_on_the_run(bench: Bench, mlflow: Any) -> None:
    bench.change(cost_usd=1.25, gpu_hours=2.0)
    keeper = bench.keeper(mlflow.url)
    await keeper.send_now()
    assert bench.store.figures == bench.record.figures
    for _ in range(2):
        bench.store.outdated = [outdated(bench, run_id=str(bench.store.run_id), gpu_hours=2.0)]
        await keeper.send_now()
        assert bench.store.outdated == []
    metrics = pairs(mlflow.run(bench.store.run_id), "metrics")
    assert (metrics["windlass.cost_usd"], metrics["windlass.gpu_hours"]) == ("NaN", 2.0)
    history = mlflow.ask(f"metrics/get-history?run_id={bench.store.run_id}&metric_key=windlass.cost_usd")
    assert len(history["metrics"]) == 2


async def test_runs_that_are_gone_and_those_that_cannot_be_told_yet_keep_nothing_up(
    bench: Bench, mlflow: Any, unused_tcp_port: int
) -> None:
    bench.change(cost_usd=1.25)
    await bench.keeper(mlflow.url).send_now()
    run_id = str(bench.store.run_id)
    bench.store.outdated = [
        outdated(bench, run_id="f" * 32, job_id="gone", cost_usd=1.0),
        outdated(bench, run_id=run_id, cost_usd=0.5),
    ]
    records = list(bench.store.records)
    await bench.keeper(f"http://127.0.0.1:{unused_tcp_port}").send_now()
    assert len(bench.store.outdated) == 2
    assert bench.store.records == records, "what became of the record itself is not touched"
    await bench.keeper(mlflow.url).send_now()
    assert bench.store.outdated == []
    assert pairs(mlflow.run(run_id), "metrics") == {"windlass.cost_usd": 0.5}


async def test_runs_of_the_notebook_carry_the_record_and_are_closed(bench: Bench, mlflow: Any) -> None:
    def make(name: str) -> dict[str, Any]:
        info = mlflow.ask("runs/create", {"experiment_id": "0", "run_name": name})["run"]["info"]
        return {"run_id": info["run_id"], "experiment_id": "0", "tracking_uri": mlflow.url, "name": name, "own": False}

    first, second = make("first"), make("second")
    elsewhere = {"run_id": "f" * 32, "tracking_uri": "http://elsewhere.example", "own": False}
    mlflow.ask("runs/log-parameter", {"run_id": first["run_id"], "key": "learning_rate", "value": "0.5"})
    bench.engine.runs = (elsewhere, first, second)
    bench.change(state="stopped", exit_code=None)
    await bench.keeper(mlflow.url.replace("127.0.0.1", "localhost")).send_now()
    assert bench.store.run_id == first["run_id"]
    run = mlflow.run(first["run_id"])
    assert pairs(run, "params")["learning_rate"] == "0.5", "what the notebook logged itself is not contradicted"
    assert "windlass.exit_code" not in pairs(run, "tags")
    assert [listed.status for listed in bench.store.runs] == ["KILLED", "KILLED"]
    assert mlflow.run(second["run_id"])["info"]["status"] == "KILLED"


async def test_huge_log_is_cut_to_read_and_kept_whole_beside(bench: Bench, mlflow: Any) -> None:
    line = "x" * 99 + "\n"
    bench.engine.log = "first line\n" + line * 130_000 + "last line\n"
    bench.change(world_size=1)
    await bench.keeper(mlflow.url).send_now()
    shown = mlflow.artifact(bench.store.run_id, "windlass/logs/rank-0.log").decode()
    assert shown.startswith("first line\n")
    assert shown.endswith("last line\n")
    assert "characters left out here" in shown
    assert len(shown) < 12 << 20
    whole = gzip.decompress(mlflow.artifact(bench.store.run_id, "windlass/logs/rank-0.log.gz"))
    assert whole.decode() == bench.engine.log


async def test_record_waits_while_mlflow_is_away_and_is_sent_when_it_is_back(
    bench: Bench, mlflow: Any, unused_tcp_port: int
) -> None:
    await bench.keeper(f"http://127.0.0.1:{unused_tcp_port}").send_now()
    waiting = bench.store.said("waiting: ")
    assert waiting is not None
    assert "does not answer" in waiting
    await bench.keeper(mlflow.url).send_now()
    assert bench.store.records[-1] == (bench.record.job_id, "uploaded")


async def test_a_server_that_is_away_is_asked_once_however_much_waits(
    bench: Bench, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from windlass.tracking.rest import MlflowHttp

    asked = []
    send = MlflowHttp.request

    async def count(self: MlflowHttp, *args: Any, **kwargs: Any) -> Any:
        asked.append(args)
        return await send(self, *args, **kwargs)

    monkeypatch.setattr(MlflowHttp, "request", count)
    for number in range(20):
        bench.store.pending[f"job-{number}"] = replace(bench.record, job_id=f"job-{number}")
    await bench.keeper(f"http://127.0.0.1:{unused_tcp_port}").send_now()
    assert len(asked) == 1
    assert {record.partition(":")[0] for _job, record in bench.store.records} == {"waiting"}
    assert {job for job, _record in bench.store.records} == set(bench.store.pending)


@pytest.mark.parametrize("steps", [1, 3, 5, 8])
async def test_interrupted_anywhere_it_is_finished_later_without_a_second_run(
    bench: Bench, mlflow: Any, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from windlass.tracking.rest import MlflowHttp

    send, left = MlflowHttp.request, [steps + 1]

    async def die_after_some(self: MlflowHttp, *args: Any, **kwargs: Any) -> Any:
        answer = await send(self, *args, **kwargs)
        left[0] -= 1
        if left[0] == 0:
            # The request has reached MLflow, and the answer nobody.
            raise asyncio.CancelledError
        return answer

    monkeypatch.setattr(MlflowHttp, "request", die_after_some)
    with pytest.raises(asyncio.CancelledError):
        await bench.keeper(mlflow.url).send_now()
    assert bench.store.said("uploaded") is None
    await bench.keeper(mlflow.url).send_now()
    assert bench.store.said("uploaded") is not None
    assert len(mlflow.runs_of(bench.record.job_id)) == 1
    assert len(mlflow.artifacts(bench.store.run_id, "windlass/logs")) == 2


async def test_what_was_spooled_is_copied_once_with_steps_models_and_artifacts(
    bench: Bench, mlflow: Any, mlflow_job: Any, unused_tcp_port: int
) -> None:
    folder = bench.data_dir / "jobs" / bench.record.job_id
    url = f"http://127.0.0.1:{unused_tcp_port}"
    job = mlflow_job(folder=folder, job_id=bench.record.job_id, url=url)
    name = f"model-{bench.record.job_id}"
    job.run(
        "import mlflow\n"
        "from sklearn.linear_model import LinearRegression\n"
        "for step in range(3): mlflow.log_metric('loss', 1 / (step + 1), step=step)\n"
        "mlflow.log_text('hello', 'folder/note.txt')\n"
        "model = LinearRegression().fit([[0], [1]], [0, 1])\n"
        f"mlflow.sklearn.log_model(model, name='m', registered_model_name='{name}', pip_requirements=[])\n"
        "with mlflow.start_run(nested=True, run_name='child'): mlflow.log_param('x', 'y')\n"
    )
    bench.engine.runs = tuple(job.runs)
    keeper = bench.keeper(mlflow.url)
    await keeper.send_now()
    assert bench.store.records[-1] == (bench.record.job_id, "uploaded"), bench.store.records
    bench.change()
    await keeper.send_now()
    by_name = {run["info"]["run_name"]: run for run in mlflow.runs_of(bench.record.job_id)}
    assert set(by_name) == {f"train-{bench.record.job_id}", "child"}
    own = by_name[f"train-{bench.record.job_id}"]
    own_id = own["info"]["run_id"]
    assert bench.store.run_id == own_id
    history = mlflow.ask(f"metrics/get-history?run_id={own_id}&metric_key=loss")["metrics"]
    assert [(point["step"], point["value"]) for point in history] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert mlflow.artifacts(own_id, "folder") == ["folder/note.txt"]
    assert pairs(by_name["child"], "tags")["mlflow.parentRunId"] == own_id
    (model,) = own["outputs"]["model_outputs"]
    versions = mlflow.ask(f"model-versions/search?filter=name='{name}'")["model_versions"]
    assert [version["run_id"] for version in versions] == [own_id]
    assert versions[0]["source"] == f"models:/{model['model_id']}"
    assert not (folder / "spool" / "mlflow.db").exists()


async def test_what_was_logged_after_mlflow_went_away_is_sent_later(
    bench: Bench, mlflow: Any, mlflow_job: Any, until: Any, unused_tcp_port: int
) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    job = mlflow_job(folder=bench.data_dir / "jobs" / bench.record.job_id, job_id=bench.record.job_id, url=url)
    job.wait_seconds = 60
    notebook = (
        "import mlflow, os, pathlib, time\n"
        "mlflow.log_metric('loss', 1, step=0)\n"
        "pathlib.Path('ready').touch()\n"
        "while not os.path.exists('go'): time.sleep(0.02)\n"
        "for step in (1, 2): mlflow.log_metric('loss', 1 / (step + 1), step=step)\n"
        "mlflow.log_params({'a': 1}); mlflow.set_tag('t', 'v')\n"
    )
    with forwarding(unused_tcp_port, mlflow.url):
        (process,) = job.start(notebook, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
        until((job.folder / "ready").exists, seconds=100, what="the first metric")
    (job.folder / "go").touch()
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 0, output
    assert output.count("has stopped answering") == 1
    bench.engine.runs = tuple(job.runs)
    with forwarding(unused_tcp_port, mlflow.url):
        keeper = bench.keeper(url)
        while bench.store.said("uploaded") is None:
            await keeper.send_now()
    (run,) = mlflow.runs_of(bench.record.job_id)
    history = mlflow.ask(f"metrics/get-history?run_id={run['info']['run_id']}&metric_key=loss")["metrics"]
    assert [(point["step"], point["value"]) for point in history] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert pairs(run, "params")["a"] == "1"
    assert pairs(run, "tags")["t"] == "v"
    assert run["info"]["status"] == "FINISHED"


async def test_tracking_that_is_off_is_said_once(bench: Bench) -> None:
    await bench.keeper(None, enabled=False).send_now()
    assert bench.store.records == [(bench.record.job_id, "off")]


async def test_of_two_servers_one_sends_while_the_other_waits(bench: Bench, mlflow: Any) -> None:
    entered, inside = [], [0]

    def enter() -> None:
        inside[0] += 1
        entered.append(inside[0])

    bench.engine.before = enter
    keepers = [bench.keeper(mlflow.url), bench.keeper(mlflow.url)]
    tasks = [asyncio.create_task(keeper.run()) for keeper in keepers]
    try:
        await asyncio.wait_for(bench.store.finished.wait(), 60)
    finally:
        for keeper in keepers:
            await keeper.close()
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    assert entered == [1]
    assert len(mlflow.runs_of(bench.record.job_id)) == 1
