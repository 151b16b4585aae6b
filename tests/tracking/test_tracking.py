"""Where runs are tracked, as the services see it."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from windlass.contract.jobs import GitState
from windlass.errors import Unavailable
from windlass.tracking.embedded import EmbeddedServer
from windlass.tracking.tracking import Tracking

JOB = {"job_id": "j1", "owner": "ada", "notebook": "d/train.ipynb", "bundle_sha256": "ab", "experiment": "e"}


async def test_tracking_that_is_off_gives_jobs_nothing(tmp_path: Path) -> None:
    tracking = Tracking(data_dir=tmp_path, configured_uri=None, python=sys.executable, enabled=False)
    tracking.warm_up()
    assert (await tracking.info()).state == "off"
    assert await tracking.job_environment(**JOB, git=None) == {}
    with pytest.raises(Unavailable):
        await tracking.client()
    await tracking.close()
    assert list(tmp_path.iterdir()) == []


async def test_missing_mlflow_is_said_with_the_cure(tmp_path: Path) -> None:
    for python in (tmp_path / "no-such-python", Path("/bin/false")):
        tracking = Tracking(data_dir=tmp_path, configured_uri=None, python=str(python))
        info = await tracking.info()
        assert (info.mode, info.state) == ("embedded", "missing")
        assert 'pip install "windlass[mlflow]"' in (info.message or "")
        assert await tracking.job_environment(**JOB, git=None) == {}
        assert not await tracking.keeps_records()
        await tracking.close()


async def test_configured_server_that_is_away_does_not_hold_anything_up(
    tmp_path: Path, unused_tcp_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    uri = f"http://ada:s3cret@127.0.0.1:{unused_tcp_port}"
    tracking = Tracking(data_dir=tmp_path, configured_uri=uri, python=sys.executable)
    info = await tracking.info()
    deadline = time.monotonic() + 20
    while info.state == "starting" and time.monotonic() < deadline:
        info = await tracking.info()
    assert (info.mode, info.state) == ("configured", "down")
    assert info.url == f"http://127.0.0.1:{unused_tcp_port}"
    environment = await tracking.job_environment(**JOB, git=GitState(commit="c", branch="b", dirty=True))
    assert environment["MLFLOW_TRACKING_URI"] == info.url
    assert environment["MLFLOW_TRACKING_USERNAME"] == "ada"
    assert "s3cret" not in environment["MLFLOW_RUN_CONTEXT"] + info.model_dump_json() + caplog.text
    tags = json.loads(environment["MLFLOW_RUN_CONTEXT"])
    assert tags["windlass.git.dirty"] == "true"
    assert tags["mlflow.source.git.commit"] == "c"
    await tracking.close()


async def test_store_without_a_server_is_passed_on_as_it_is(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/m.db"
    tracking = Tracking(data_dir=tmp_path, configured_uri=uri, python=sys.executable)
    assert (await tracking.job_environment(**JOB, git=None))["MLFLOW_TRACKING_URI"] == uri
    assert not await tracking.keeps_records()
    assert tracking.run_url(experiment_id="1", run_id="r") is None
    await tracking.close()


@pytest.mark.mlflow
async def test_embedded_address_is_known_at_once_and_stays(mlflow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tracking = Tracking(data_dir=mlflow.data_dir, configured_uri=None, python=sys.executable)
    tracking.warm_up()
    environment = await tracking.job_environment(**JOB, git=None)
    assert environment["MLFLOW_TRACKING_URI"] == mlflow.url
    assert environment["MLFLOW_EXPERIMENT_NAME"] == "e"
    assert float(environment["WINDLASS_TRACKING_WAIT"]) > 0
    async with await tracking.client() as client:
        assert await client.answers()
    info = await tracking.info()
    assert (info.state, info.url) == ("up", mlflow.url)
    assert tracking.run_url(experiment_id="1", run_id="r") == f"{mlflow.url}/#/experiments/1/runs/r"
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
    assert tracking.run_url(experiment_id="1", run_id="r") is None
    await tracking.close()


async def test_folder_that_cannot_be_written_is_said_and_jobs_run_on(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file stands in the way")
    tracking = Tracking(data_dir=tmp_path / "data", configured_uri=None, python=sys.executable)
    assert await tracking.job_environment(**JOB, git=None) == {}
    info = await tracking.info()
    assert info.state == "down"
    assert "cannot be started" in (info.message or "")
    await tracking.close()


async def test_a_keeper_that_ends_at_once_costs_the_record_and_not_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_: Any) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-c", ""])
        process.wait()
        return process

    monkeypatch.setattr(EmbeddedServer, "_spawn", ended)
    tracking = Tracking(data_dir=tmp_path, configured_uri=None, python=sys.executable)
    assert await tracking.job_environment(**JOB, git=None) == {}
    assert "keeper.log" in ((await tracking.info()).message or "")
    await tracking.close()


async def test_one_reader_per_address_lives_until_tracking_is_closed(tmp_path: Path, recorder: Any) -> None:
    recorder.answers = [(200, {"experiments": []})]
    tracking = Tracking(
        data_dir=tmp_path, configured_uri=f"http://ada:s3cret@{recorder.address}", python=sys.executable
    )
    reads = await tracking.reads()
    assert await tracking.reads() is reads
    assert (await reads.experiments.search()).items == []
    assert "s3cret" not in reads.url
    assert recorder.headers[0]["authorization"].startswith("Basic ")
    await tracking.close()


async def test_a_database_is_nothing_to_read_runs_from(tmp_path: Path) -> None:
    tracking = Tracking(data_dir=tmp_path, configured_uri="sqlite:///x.db", python=sys.executable)
    with pytest.raises(Unavailable, match="MLflow servers only"):
        await tracking.reads()
    await tracking.close()
