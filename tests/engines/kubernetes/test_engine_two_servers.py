"""Two of a user's servers over one data folder: both say the same of a job, and what it prints is there once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.crds import install
from tests.engines.kubernetes.engines import engine_on, spec

from windlass.engines.base import State
from windlass.engines.kubernetes.logs import following
from windlass.kube.resources import PYTORCH_JOBS

JOB = "jtest0000000001"
NAME = f"train-it-{JOB}"


@pytest.mark.emulator
async def test_both_servers_say_how_a_job_ended_and_its_log_is_there_once(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "CLAIM_SECONDS", 0.2)
    await install(cluster, PYTORCH_JOBS)
    operator = cluster.operator("PyTorchJob", jobs=False).start()
    namespace = await cluster.namespace()
    lines = b"".join(b"[rank 0] line %d\n" % number for number in range(200))
    try:
        async with engine_on(cluster, namespace, tmp_path) as one, engine_on(cluster, namespace, tmp_path) as two:
            await one.engine.submit(spec(tmp_path))
            await two.engine.adopt()
            for made in (one, two):
                await made.reaches(JOB, State.RUNNING)
            logs = cluster.emulator.api.logs
            master = f"{NAME}-master-0"
            cluster.emulator.call(lambda: logs.of(namespace, master).write(lines))
            for made in (one, two):

                async def said(made: object = made) -> bool:
                    return (await made.log(JOB, rank=0)).count("line 199\n") == 1

                await eventually(said, what="the last line")
            for name in (f"{NAME}-worker-0", master):
                await cluster.kubelet.become(namespace, name, "succeeded")
            ends = [await made.reaches(JOB, State.SUCCEEDED, seconds=50) for made in (one, two)]
            assert ends[0] == ends[1]
            assert (await two.log(JOB, rank=0)).splitlines() == [f"line {number}" for number in range(200)]
            assert await one.engine.placement(JOB) == await two.engine.placement(JOB)
    finally:
        operator.stop()
