"""The REST client against a small HTTP server that remembers what it was sent, and a real MLflow."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from tests.tracking.recorder import Recorder

from windlass.errors import Unavailable
from windlass.tracking.client import MlflowRefused, MlflowRest, NeedsMlflow
from windlass.tracking.rest import reachable

RUN = {"run": {"info": {"run_id": "r", "lifecycle_stage": "active"}}}


@pytest.mark.parametrize(
    ("variables", "authorization"),
    [
        ({}, None),
        ({"MLFLOW_TRACKING_TOKEN": "s3cret"}, "Bearer s3cret"),
        ({"MLFLOW_TRACKING_USERNAME": "u", "MLFLOW_TRACKING_PASSWORD": "p"}, "Basic dTpw"),
    ],
)
async def test_credentials_come_from_mlflows_variables(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], authorization: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    recorder.answers = [(200, RUN)]
    async with MlflowRest(f"http://{recorder.address}") as mlflow:
        await mlflow.get_run("r")
    assert recorder.headers[0].get("authorization") == authorization
    assert "origin" not in recorder.headers[0]


async def test_credentials_in_the_address_show_up_nowhere(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    recorder.answers = [(401, b"no")]
    async with MlflowRest(f"http://ada:s3cret@{recorder.address}/prefix") as mlflow:
        with pytest.raises(MlflowRefused) as refused:
            await mlflow.get_run("r")
        assert "s3cret" not in mlflow.url
    assert recorder.headers[0]["authorization"].startswith("Basic ")
    assert recorder.paths[0].startswith("/prefix/api/2.0/mlflow/runs/get")
    assert "MLFLOW_TRACKING_USERNAME" in str(refused.value)
    assert "s3cret" not in caplog.text + str(refused.value) + "".join(recorder.paths)


async def test_passing_trouble_is_tried_again(recorder: Recorder) -> None:
    recorder.answers = [(503, b""), (429, b""), (200, RUN)]
    async with MlflowRest(f"http://{recorder.address}") as mlflow:
        assert (await mlflow.get_run("r")) == RUN["run"]
    assert len(recorder.paths) == 3


async def test_server_that_is_away_is_unavailable(unused_tcp_port: int) -> None:
    async with MlflowRest(f"http://127.0.0.1:{unused_tcp_port}") as mlflow:
        with pytest.raises(Unavailable, match="does not answer"):
            await mlflow.get_run("r")
        assert not await mlflow.answers()
    assert not await reachable(f"http://127.0.0.1:{unused_tcp_port}")


async def test_address_that_is_no_address_is_unreachable() -> None:
    assert not await reachable("http://[half")


async def test_artifacts_that_lie_elsewhere_are_left_to_mlflow(recorder: Recorder, tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("x")
    async with MlflowRest(f"http://{recorder.address}") as mlflow:
        for uri in ("s3://bucket/1/r/artifacts", "/var/artifacts", f"http://{recorder.address}0/evil"):
            with pytest.raises(NeedsMlflow):
                await mlflow.upload({"info": {"artifact_uri": uri}}, file, artifact_path="windlass/f")
    assert recorder.paths == []


@pytest.mark.mlflow
async def test_artifacts_with_odd_names_arrive_whole(mlflow: Any, tmp_path: Path) -> None:
    file = tmp_path / "big"
    file.write_bytes(bytes(range(256)) * 20_000)
    async with MlflowRest(mlflow.url) as client:
        run = await client.create_run(experiment_id="0", name="n", start_time=1.5, tags={"a": "b"})
        await client.upload(run, file, artifact_path="windlass/über alles.bin")
        sizes = await client.artifact_sizes(run["info"]["run_id"], "windlass")
    assert run["info"]["start_time"] == 1500
    assert sizes == {"windlass/über alles.bin": 5_120_000}


@pytest.mark.mlflow
async def test_experiment_is_made_once_and_a_deleted_one_is_said_to_be(mlflow: Any) -> None:
    async with MlflowRest(mlflow.url) as client:
        made = await client.experiment_id("once 'quoted'")
        assert await client.experiment_id("once 'quoted'") == made
        assert await client.experiment_name(made) == "once 'quoted'"
        mlflow.ask("experiments/delete", {"experiment_id": made})
        with pytest.raises(MlflowRefused, match="was deleted"):
            await client.experiment_id("once 'quoted'")
        assert await client.get_run("0" * 32) is None
