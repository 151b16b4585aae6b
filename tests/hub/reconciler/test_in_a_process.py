"""The reconciler in the hub service as it is deployed: a process of its own, ended in the middle and started again."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.cluster.cluster import Cluster, eventually
from tests.hub.reconciler.conftest import PRODUCT, Desk
from tests.hub.reconciler.test_notifying import KEY, Receiver, receiver
from tests.hub.service.conftest import CATALOGUE
from tests.hub.service.hub_double import SERVICE_TOKEN, HubDouble
from tests.hub.service.on_a_cluster import ACCOUNT
from tests.hub.service.test_main import answering, environment, free_address, running

from windlass.kube.names import RECORD_ANNOTATION
from windlass_hub.reconciler.notifying import DELIVERY_HEADER, SIGNATURE_HEADER
from windlass_hub.service.audit_database import AuditDatabase
from windlass_hub.service.job_records import JobRecords

pytestmark = [pytest.mark.cluster, pytest.mark.emulator]

__all__ = ["receiver"]


@pytest_asyncio.fixture
async def hub_double() -> AsyncIterator[HubDouble]:
    double = HubDouble()
    double.start()
    yield double
    await double.stop()


async def test_a_restart_in_the_middle_finishes_what_was_begun_and_says_no_secret(
    desk: Desk, cluster: Cluster, hub_double: HubDouble, receiver: Receiver, tmp_path: Path
) -> None:
    cluster.needs("token-request")
    (tmp_path / "key").write_bytes(KEY)
    (tmp_path / "profiles.yaml").write_text(CATALOGUE)
    url = free_address()
    update = {
        "profiles": f"file:{tmp_path}/profiles.yaml",
        "database": f"sqlite:///{tmp_path}/service.sqlite",
        "service_url": url,
        "notify_url": f"{receiver.url}/hook-with-a-secret",
        "notify_secret_file": str(tmp_path / "key"),
    }
    token = await cluster.account_token(desk.settings.hub_namespace, ACCOUNT)
    given = environment(
        desk.settings.model_copy(update=update),
        url,
        KUBECONFIG=str(cluster.kubeconfig(tmp_path / "kubeconfig", token=token)),
        JUPYTERHUB_API_URL=hub_double.url,
    )
    job = await desk.create_job()
    await job.runs()
    await job.becomes("oom-killed")
    database = AuditDatabase(url=update["database"])
    records = JobRecords(database)
    receiver.answers = [503] * 9
    logs = []
    for told in (False, True):
        with running(tmp_path, given) as process:
            await answering(url, process, tmp_path)

            async def as_far(told: bool = told) -> bool:
                steps = {(row.annotation, row.notification == "done") for row in await records.ended()}
                return steps == {("done", told)} and bool(receiver.got)

            await eventually(as_far, seconds=60, what="the job's record")
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        logs.append((tmp_path / "log").read_text())
        receiver.answers = []
    [row] = await records.ended()
    assert (row.owner, row.cause, row.is_finished) == ("ada", "oom-killed", True)
    assert row.usd is not None, (PRODUCT, row.cost_note)
    assert RECORD_ANNOTATION in await job.annotations()
    assert len({headers[DELIVERY_HEADER] for headers, _ in receiver.got}) == 1
    assert all(SIGNATURE_HEADER in headers for headers, _ in receiver.got)
    assert "job.recorded" in logs[0]
    for secret in (token, SERVICE_TOKEN, KEY.decode(), "hook-with-a-secret"):
        assert secret not in "".join(logs)
    database.close()
