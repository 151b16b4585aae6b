"""Two replicas of the hub service on one PostgreSQL database, both acting for a moment: all is done once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from tests.hub.postgresql import Server
from tests.hub.reconciler.conftest import Desk
from tests.hub.reconciler.test_notifying import Receiver, receiver
from tests.hub.service.test_job_records import on_postgresql

from windlass.kube.names import RECORD_ANNOTATION
from windlass_hub.reconciler.notifying import DELIVERY_HEADER, Notifier
from windlass_hub.reconciler.seen_jobs import SeenJobs
from windlass_hub.service.audit_database import AuditDatabase
from windlass_hub.service.job_records import JobRecords

pytestmark = [pytest.mark.cluster, pytest.mark.emulator]

__all__ = ["receiver"]


@pytest_asyncio.fixture
async def replicas(
    desk: Desk, receiver: Receiver, postgresql_server: Server, tmp_path: Path
) -> AsyncIterator[tuple[Desk, Desk]]:
    """Each with its own watches and connections."""
    url, file = on_postgresql(postgresql_server, tmp_path)
    databases = [AuditDatabase(url=url, password_file=file) for _ in range(2)]
    other = SeenJobs(desk.client, hub_id=desk.settings.hub_id, on_change=lambda: None)
    await other.start(seconds=20)
    desk.notifier = Notifier(url=receiver.url)
    desk.records = JobRecords(databases[0])
    yield desk, replace(desk, jobs=other, records=JobRecords(databases[1]))
    await other.stop()
    for database in databases:
        database.close()


async def test_both_at_once_keep_one_row_and_tell_of_it_under_one_id(
    replicas: tuple[Desk, Desk], receiver: Receiver
) -> None:
    first, second = replicas
    jobs = [await first.create_job() for _ in range(3)]
    for job in jobs:
        await job.runs()
        await job.becomes("failed")
    for desk in replicas:
        for job in jobs:
            await replace(job, desk=desk).is_seen(lambda seen: seen is not None and seen.usages[0].ended)
    await asyncio.gather(first.pass_(), second.pass_())
    rows = await second.rows()
    assert len(rows) == 3
    assert all(row.is_finished and row.usd is not None for row in rows)
    assert first.decisions("job.recorded") == ["allowed"] * 3, "both write the same log"
    assert len({headers[DELIVERY_HEADER] for headers, _ in receiver.got}) == 3
    assert all([RECORD_ANNOTATION in await job.annotations() for job in jobs])


async def test_what_one_left_undone_the_other_does(replicas: tuple[Desk, Desk], receiver: Receiver) -> None:
    first, second = replicas
    receiver.answers = [503]
    job = await first.create_job()
    await job.runs()
    await job.becomes("failed")
    await first.pass_()
    assert [row.notification for row in await second.rows()] == ["pending"]
    await second.pass_()
    assert [row.notification for row in await first.rows()] == ["done"]
