"""Rows about ended jobs, in every database that the service may have: SQLite, and a real PostgreSQL server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from tests.hub import postgresql
from tests.hub.postgresql import PASSWORD, Server

from windlass_hub.reconciler.records import JobRecord, RecordRefused, RecordsAway
from windlass_hub.service.audit_database import AuditDatabase, DatabaseProblem
from windlass_hub.service.audit_tables import Base
from windlass_hub.service.job_records import JobRecords

DAY = 86_400.0
RECORD = JobRecord(
    uid="u1",
    job_id="j1",
    owner="ada",
    namespace="wl-ada",
    name="train-j1",
    kind="PyTorchJob",
    state="failed",
    cause="oom-killed",
    reason="master ran out of memory",
    created_at=1_700_000_000.123456,
    started_at=None,
    ended_at=1_700_000_060.0,
    recorded_at=1_700_000_061.0,
    exit_code=137,
    gpu_hours=0.016667,
)
DONE = {"run": "done", "annotation": "done", "notification": "done"}

Open = Callable[[], AuditDatabase]


@pytest.fixture(params=["sqlite", "postgresql"])
def open_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the same database each time, as replicas do."""
    made: list[AuditDatabase] = []
    url, password = f"sqlite:///{tmp_path}/hub.sqlite", ""
    if request.param == "postgresql":
        url, password = on_postgresql(request.getfixturevalue("postgresql_server"), tmp_path)

    def make() -> AuditDatabase:
        made.append(AuditDatabase(url=url, password_file=password))
        return made[-1]

    yield make
    for database in made:
        database.close()


def on_postgresql(server: Server, folder: Path) -> tuple[str, str]:
    file = folder / "database-password"
    file.write_text(f"{PASSWORD}\n")
    return server.new_database(), str(file)


@pytest.fixture
def records(open_database: Open) -> JobRecords:
    return JobRecords(open_database())


async def test_a_row_is_read_as_it_was_written(records: JobRecords) -> None:
    assert await records.add(RECORD)
    assert list(await records.ended()) == [RECORD]
    assert list(await records.unfinished(limit=9)) == [RECORD]
    assert await records.known(["u1", "u2"]) == {"u1"}


async def test_a_row_is_left_once_nothing_is_to_be_done(records: JobRecords) -> None:
    await records.add(RECORD)
    await records.update("u1", run="done", run_note="2 runs", finished_by="reconciler")
    assert [row.run for row in await records.unfinished(limit=9)] == ["done"]
    await records.update("u1", annotation="skipped", notification="given-up")
    assert await records.unfinished(limit=9) == []
    assert [row.is_finished for row in await records.ended(owner="ada")] == [True]
    assert await records.ended(owner="bob") == []


async def test_of_replicas_that_write_the_same_row_at_once_one_does(open_database: Open) -> None:
    replicas = [JobRecords(open_database()) for _ in range(4)]
    for round_ in range(10):
        record = replace(RECORD, uid=f"u{round_}")
        added = await asyncio.gather(*(replica.add(record) for replica in replicas))
        assert sorted(added) == [False, False, False, True]
    assert len(await replicas[0].ended()) == 10


async def test_text_that_a_database_cannot_hold_is_kept_in_signs_that_it_can(records: JobRecords) -> None:
    odd = replace(RECORD, reason="the end\0of \ud800it", name="n" * 400, cost_note="c" * 400)
    assert await records.add(odd)
    await records.update("u1", notification_note="no\0" + "x" * 400)
    [row] = await records.ended()
    assert row.reason == "the end\\0of \\ud800it"
    assert (len(row.name), len(row.cost_note), len(row.notification_note)) == (253, 300, 300)


async def test_a_row_that_no_database_takes_is_told_apart_from_one_that_is_away(open_database: Open) -> None:
    records = JobRecords(open_database())
    with pytest.raises(RecordRefused):
        await records.add(replace(RECORD, owner=None))  # type: ignore[arg-type]  # what must not come comes
    assert await records.add(RECORD)


async def test_old_rows_go_but_not_what_is_left_to_do_nor_what_is_still_there(records: JobRecords) -> None:
    for number, (days, steps) in enumerate([(10, DONE), (10, {}), (10, DONE), (1, DONE)]):
        await records.add(replace(RECORD, uid=f"u{number}", recorded_at=1e9 - days * DAY, **steps))
    assert await records.prune(before=1e9 - 5 * DAY, keep={"u2"}) == 1
    assert {row.uid for row in await records.ended()} == {"u1", "u2", "u3"}


async def test_many_rows_of_which_many_stay_are_pruned(records: JobRecords) -> None:
    for number in range(30):
        await records.add(replace(RECORD, uid=f"u{number}", recorded_at=1.0, **DONE))
    there = {f"u{number}" for number in range(10)} | {f"elsewhere{number}" for number in range(40_000)}
    assert await records.prune(before=2.0, keep=there) == 20
    assert len(await records.ended()) == 10


def test_replicas_that_start_at_once_make_one_schema(open_database: Open) -> None:
    async def start() -> None:
        replicas = [JobRecords(open_database()) for _ in range(4)]
        await asyncio.gather(*(replica.add(replace(RECORD, uid=f"u{at}")) for at, replica in enumerate(replicas)))
        assert len(await replicas[0].ended()) == 4

    asyncio.run(start())


@pytest.fixture
def server(postgresql_server: Server) -> Server:
    return postgresql_server


async def test_a_password_that_is_rotated_is_read_again(server: Server, tmp_path: Path) -> None:
    url, file = on_postgresql(server, tmp_path)
    database = AuditDatabase(url=url, password_file=file)
    Path(file).write_text("an old one")
    with pytest.raises(RecordsAway, match="does not accept the password") as refused:
        await JobRecords(database).add(RECORD)
    assert "an old one" not in str(refused.value)
    Path(file).write_text(PASSWORD)
    assert await JobRecords(database).add(RECORD)
    database.close()


async def test_a_server_that_was_away_is_used_again(server: Server, tmp_path: Path) -> None:
    url, file = on_postgresql(server, tmp_path)
    database = AuditDatabase(url=url, password_file=file)
    records = JobRecords(database)
    assert await records.add(RECORD)
    server.stop()
    try:
        with pytest.raises(RecordsAway, match="cannot be reached"):
            await records.ended()
    finally:
        server.start()
    assert list(await records.ended()) == [RECORD]
    database.close()


def test_the_database_of_another_application_is_left_alone(server: Server, tmp_path: Path) -> None:
    url, file = on_postgresql(server, tmp_path)
    server.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))", database=server.made[-1])
    server.execute("INSERT INTO alembic_version VALUES ('4621fec11365')", database=server.made[-1])
    database = AuditDatabase(url=url, password_file=file)
    with pytest.raises(DatabaseProblem, match="another application's"):
        database.prune(before_us=0)
    database.close()


def test_postgresql_has_the_schema_of_the_tables(server: Server, tmp_path: Path) -> None:
    url, file = on_postgresql(server, tmp_path)
    database = AuditDatabase(url=url, password_file=file)
    differences = database.run(
        lambda connection: compare_metadata(MigrationContext.configure(connection), Base.metadata), writing=False
    )
    assert differences == []
    database.close()


def test_entries_of_the_audit_log_are_kept_and_pruned(open_database: Open) -> None:
    database = open_database()
    rows = [
        {"at_us": at, "who": "ada", "action": "a", "target": "t", "decision": "allowed", "detail": {"n": at}}
        for at in range(5)
    ]
    database.write(rows)
    assert database.prune(before_us=2) == 2
    latest = database.latest(limit=2, before=None, who="ada", action="a")
    assert [(row["at_us"], row["detail"]) for row in latest] == [(4, {"n": 4}), (3, {"n": 3})]
    assert [row["at_us"] for row in database.latest(limit=9, before=latest[-1]["id"], who=None, action=None)] == [2]


def test_without_a_server_the_tests_say_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "programs", lambda: None)
    assert "PostgreSQL" in postgresql.missing()
