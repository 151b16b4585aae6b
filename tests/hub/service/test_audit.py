"""The log of decisions: kept over restarts, never in the way, and without a secret."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from tests.conftest import until
from tests.hub.service.conftest import Service

from windlass_hub.service import audit as audit_module
from windlass_hub.service import audit_database
from windlass_hub.service.audit import Audit
from windlass_hub.service.audit_database import AuditDatabase, DatabaseProblem

Make = Callable[..., Audit]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "audit.sqlite"


@pytest.fixture
def make(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes a log on the same file each time; quick to try again."""
    monkeypatch.setattr(audit_module, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(audit_database, "BUSY_SECONDS", 0.05)
    made: list[Audit] = []

    def make(**options: Any) -> Audit:
        audit = Audit(database=AuditDatabase(url=f"sqlite:///{path}"), **options)
        made.append(audit)
        audit.start()
        return audit

    yield make
    for audit in made:
        asyncio.run(audit.close())


async def test_a_restart_keeps_what_was_decided(make: Make) -> None:
    audit = make()
    audit.record(who="ann", action="token.issue", target="wl-ann", decision="issued", detail={"seconds": 3600})
    await audit.close()
    again = make()
    again.record(who="bob", action="profiles.save")
    assert await again.settled()
    bob, ann = await again.latest()
    assert (bob.who, bob.decision) == ("bob", "allowed")
    assert (ann.who, ann.action, ann.target, ann.decision) == ("ann", "token.issue", "wl-ann", "issued")
    assert ann.detail == {"seconds": 3600}
    assert abs(ann.at.timestamp() - time.time()) < 60


async def test_the_log_is_read_in_pages_and_by_who_and_what(make: Make) -> None:
    audit = make()
    for number in range(10):
        audit.record(who=f"user{number % 2}", action="a" if number < 5 else "b", target=str(number))
    assert await audit.settled()
    newest = await audit.latest(limit=3)
    older = await audit.latest(limit=3, before=newest[-1].id)
    assert [entry.target for entry in newest + older] == ["9", "8", "7", "6", "5", "4"]
    assert [entry.target for entry in await audit.latest(who="user1", action="a")] == ["3", "1"]


async def test_what_is_named_like_a_secret_is_not_kept(make: Make, path: Path) -> None:
    audit = make()
    detail = {"token": "hunter2", "api_key": "hunter2", "Authorization": "hunter2", "why": "x" * 5000, "none": None}
    audit.record(who="ann", action="a" * 500, target="t" * 500, detail=detail)
    assert await audit.settled()
    (entry,) = await audit.latest()
    assert set(entry.detail) == {"why"}
    assert len(entry.detail["why"]) == 500
    assert b"hunter2" not in b"".join(file.read_bytes() for file in path.parent.iterdir())


async def test_a_refusal_in_a_loop_is_counted_and_fills_nothing(make: Make) -> None:
    now = [1_000_000.0]
    audit = make(clock=lambda: now[0])
    for _ in range(1000):
        audit.record(who="ann", action="metrics", target="wl-bob", decision="refused")
    now[0] += 61
    audit.record(who="ann", action="metrics", target="wl-bob", decision="refused")
    for _ in range(3):
        audit.record(who="ann", action="token.issue", decision="issued")
    assert await audit.settled()
    refused = [entry for entry in await audit.latest() if entry.decision == "refused"]
    assert [entry.detail for entry in refused] == [{"repeated_before": 999}, {}]
    assert len(await audit.latest(action="token.issue")) == 3


async def test_old_entries_are_deleted(make: Make) -> None:
    now = [1_000_000.0]
    audit = make(keep_days=30, clock=lambda: now[0])
    audit.record(who="ann", action="old")
    assert await audit.settled()
    now[0] += 31 * 86_400
    audit.record(who="ann", action="new")

    def pruned() -> bool:
        return [row["action"] for row in audit._database.latest(limit=9, before=None, who=None, action=None)] == ["new"]

    await asyncio.to_thread(until, pruned, what="the deletion")


async def test_a_locked_database_holds_up_nobody_and_loses_nothing(make: Make, path: Path) -> None:
    audit = make()
    audit.record(who="ann", action="before")
    assert await audit.settled()
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    audit.record(who="ann", action="during")
    await asyncio.to_thread(until, lambda: audit.health().problem, what="the trouble")
    health = audit.health()
    assert (health.ok, health.waiting, health.lost) == (False, 1, 0)
    assert "locked" in (health.problem or "")
    assert [entry.action for entry in await audit.latest()] == ["before"], "reading goes on"
    other.rollback()
    other.close()
    assert await audit.settled()
    await asyncio.to_thread(until, lambda: audit.health().ok, what="the end of the trouble")
    assert [entry.action for entry in await audit.latest()] == ["during", "before"]


async def test_a_full_disk_is_told_and_lived_through(make: Make) -> None:
    def no_room(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA max_page_count = 1").close()

    event.listen(Engine, "connect", no_room)
    try:
        audit = make()
        audit.record(who="ann", action="a")
        await asyncio.to_thread(until, lambda: audit.health().problem, what="the trouble")
        assert audit.health().problem == "The disk that holds the audit database is full: make room."
    finally:
        event.remove(Engine, "connect", no_room)
    assert await audit.settled()


async def test_what_does_not_fit_any_more_is_counted_as_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_module, "WAITING_AT_MOST", 2)
    (tmp_path / "file").touch()
    audit = Audit(database=AuditDatabase(url=f"sqlite:///{tmp_path}/file/audit.sqlite"))
    for _ in range(5):
        audit.record(who="ann", action="a")
    assert (audit.health().waiting, audit.health().lost, audit.health().ok) == (2, 3, False)
    with pytest.raises(DatabaseProblem):
        await audit.latest()


async def test_odd_names_are_kept_and_break_no_line_of_the_log(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    audit = make()
    with caplog.at_level(logging.INFO):
        audit.record(who="ann\r\nINFO forged", action="a\0b", target="\ud800", detail={"note": "\udfff\0"})
        audit.record(who="bob", action="a")
    assert await audit.settled()
    newest, odd = await audit.latest()
    assert newest.who == "bob"
    assert (odd.who, odd.action, odd.target) == ("ann\r\nINFO forged", "a\\0b", "\\ud800")
    assert odd.detail == {"note": "\\udfff\\0"}
    assert all("\n" not in record.getMessage() for record in caplog.records)


async def test_an_entry_that_the_database_does_not_take_keeps_no_other_back(make: Make, path: Path) -> None:
    audit = make()
    assert await audit.latest() == []
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TRIGGER picky BEFORE INSERT ON decisions WHEN NEW.who = 'odd' BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    connection.close()
    for who in ("ann", "odd", "bob"):
        audit.record(who=who, action="a")
    assert await audit.settled()
    assert [entry.who for entry in await audit.latest()] == ["bob", "ann"]
    assert (audit.health().ok, audit.health().lost) == (False, 1)


async def test_the_database_of_a_newer_version_is_left_alone(make: Make, path: Path) -> None:
    audit = make()
    assert await audit.latest() == []
    await audit.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(DatabaseProblem, match="newer version"):
        await make().latest()


def test_services_that_start_at_once_make_one_schema(path: Path) -> None:
    def write(name: str) -> None:
        database = AuditDatabase(url=f"sqlite:///{path}")
        row = {"at_us": 1, "who": name, "action": "a", "target": "", "decision": "allowed", "detail": {}}
        database.write([row])
        database.close()

    threads = [threading.Thread(target=write, args=(f"user{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database = AuditDatabase(url=f"sqlite:///{path}")
    assert len(database.latest(limit=9, before=None, who=None, action=None)) == 4
    database.close()


def test_the_schema_is_that_of_the_tables() -> None:
    """What migrations make and what the code expects are compared by Alembic itself."""
    program = """
import sys
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from windlass_hub.service.audit_database import AuditDatabase
from windlass_hub.service.audit_tables import Base
database = AuditDatabase(url="sqlite:///" + sys.argv[1])
found = database._run(
    lambda connection: compare_metadata(MigrationContext.configure(connection), Base.metadata), writing=False
)
sys.exit(str(found) if found else 0)
"""
    done = subprocess.run([sys.executable, "-c", program, ":memory:"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


async def test_trouble_of_the_log_is_named_in_health_and_stops_no_request(service: Service, tmp_path: Path) -> None:
    async with service.client("ann") as http:
        assert (await http.get("api/health")).json() == {"status": "ok", "troubled": []}
        await service.state.audit.close()
        service.state.audit = Audit(database=AuditDatabase(url=f"sqlite:///{tmp_path}/profiles.yaml/audit.sqlite"))
        service.state.audit.start()
        service.state.audit.record(who="ann", action="a")
        await asyncio.to_thread(until, lambda: service.state.audit.health().problem, what="the trouble")
        assert (await http.get("api/me")).status_code == 200
        health = await http.get("api/health")
    assert (health.status_code, health.json()["troubled"]) == (200, ["audit"])
