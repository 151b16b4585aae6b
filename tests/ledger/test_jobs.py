"""Jobs in the ledger: found by page and filter, and their changes told exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from windlass.errors import Conflict, NotFound
from windlass.ledger import jobs
from windlass.ledger.jobs import JobChange, JobFilter, JobLedger
from windlass.ledger.tables import JobRow


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[JobLedger]:
    ledger = JobLedger(path=tmp_path / "ledger.db")
    await ledger.open()
    yield ledger
    await ledger.close()


def row(job_id: str, *, owner: str = "ann", created_us: int = 1, **columns: Any) -> JobRow:
    given = {
        "name": job_id,
        "notebook": "a.ipynb",
        "experiment": "a",
        "engine": "local",
        "kind": "python",
        "request": {"notebook": "a.ipynb"},
        "python": "/usr/bin/python3",
        "state": "submitted",
        "status": {},
        "sent_notices": [],
        "runs": [],
    }
    return JobRow(id=job_id, owner=owner, created_us=created_us, **{**given, **columns})


def to(job_id: str, state: str, **status: Any) -> JobChange:
    return JobChange(job_id=job_id, values={"state": state, "status": status})


async def test_a_key_makes_one_job_however_many_insert_it_at_once(tmp_path: Path, ledger: JobLedger) -> None:
    beside = JobLedger(path=tmp_path / "ledger.db")
    await beside.open()
    rows = [row(f"j{index}") for index in range(20)]
    inserts = [
        (ledger if index % 2 else beside).insert(entry, key="k", request_sha256="r") for index, entry in enumerate(rows)
    ]
    standing = await asyncio.gather(*inserts)
    assert len({entry.id for entry in standing}) == 1
    assert len(await ledger.page(JobFilter(owner="ann"), limit=50)) == 1
    with pytest.raises(Conflict):
        await ledger.insert(row("other"), key="k", request_sha256="another")
    assert (await ledger.insert(row("bobs", owner="bob"), key="k", request_sha256="another")).id == "bobs"
    await beside.close()


async def test_a_key_is_free_again_when_its_job_is_deleted(ledger: JobLedger) -> None:
    await ledger.insert(row("j1"), key="k", request_sha256="r")
    await ledger.remove("j1")
    assert await ledger.keyed(owner="ann", key="k", request_sha256="other") is None
    assert (await ledger.insert(row("j2"), key="k", request_sha256="other")).id == "j2"


async def test_what_is_equal_changes_nothing_and_an_end_is_an_end(ledger: JobLedger) -> None:
    await ledger.insert(row("j1"))
    first = await ledger.apply([to("j1", "running", progress={"fraction": 0.5})])
    assert await ledger.apply([to("j1", "running", progress={"fraction": 0.5})]) == []
    ended = await ledger.apply([to("j1", "stopped", reason="enough")])
    assert ended[0].version > first[0].version
    assert await ledger.apply([to("j1", "running")]) == []
    assert (await ledger.get("j1")).state == "stopped"
    assert await ledger.apply([to("nobody", "running")]) == []


async def test_only_the_owner_finds_a_job(ledger: JobLedger) -> None:
    await ledger.insert(row("j1"))
    assert (await ledger.get("j1", owner="ann")).id == "j1"
    with pytest.raises(NotFound):
        await ledger.get("j1", owner="bob")


async def test_a_deleted_job_that_an_engine_still_shows_stays_deleted(ledger: JobLedger) -> None:
    await ledger.insert(row("j1"))
    await ledger.remove("j1")
    await ledger.remove("j1")
    await ledger.insert_found([row("j1"), row("j2")])
    assert await ledger.known_ids() == {"j2"}


async def test_an_old_number_gets_the_list_afresh_when_tombstones_are_gone(
    ledger: JobLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "TOMBSTONES_KEPT", 2)
    start = await ledger.changes(owner="ann", epoch=None, since=0)
    for index in range(5):
        await ledger.insert(row(f"j{index}"))
        await ledger.remove(f"j{index}")
    assert (await ledger.changes(owner="ann", epoch=start.epoch, since=start.sequence)).reset is True
    now = await ledger.changes(owner="ann", epoch=start.epoch, since=9)
    assert now.reset is False
    assert now.removed == ["j4"]


async def test_a_fresh_list_has_all_live_jobs_and_the_newest_others(
    ledger: JobLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "WHOLE_LIST", 2)
    for index in range(5):
        await ledger.insert(row(f"j{index}", created_us=index, state="running" if index == 0 else "failed"))
    changes = await ledger.changes(owner="ann", epoch=None, since=0)
    assert [entry.id for entry in changes.jobs] == ["j4", "j3", "j0"]


steps = st.lists(
    st.tuples(
        st.sampled_from(["insert", "run", "progress", "end", "remove", "read"]),
        st.integers(0, 4),
        st.sampled_from(["ann", "bob"]),
    ),
    max_size=30,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_who_follows_by_number_ends_up_with_what_is_there(
    steps: list[tuple[str, int, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    async def play() -> None:
        ledger = JobLedger(path=tmp_path_factory.mktemp("follow") / "ledger.db")
        await ledger.open()
        shown: dict[str, int] = {}
        epoch, since = None, 0

        async def read() -> None:
            nonlocal epoch, since
            changes = await ledger.changes(owner="ann", epoch=epoch, since=since)
            if changes.reset:
                shown.clear()
            for entry in changes.jobs:
                assert entry.version > shown.get(entry.id, 0)
                shown[entry.id] = entry.version
            for job_id in changes.removed:
                shown.pop(job_id, None)
            epoch, since = changes.epoch, changes.sequence

        for count, (action, number, owner) in enumerate(steps):
            job_id = f"{owner}-{number}"
            known = await ledger.known_ids()
            if action == "insert" and job_id not in known:
                await ledger.insert_found([row(job_id, owner=owner, created_us=count)])
            elif action == "remove":
                await ledger.remove(job_id)
            elif action == "read":
                await read()
            else:
                state = {"run": "running", "progress": "running", "end": "failed"}.get(action, "running")
                await ledger.apply([to(job_id, state, at=count if action == "progress" else 0)])
        await read()
        there = await ledger.page(JobFilter(owner="ann"), limit=100)
        assert shown == {entry.id: entry.version for entry in there}
        await ledger.close()

    asyncio.run(play())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moments=st.lists(st.integers(0, 5), max_size=25), size=st.integers(1, 7))
def test_pages_show_each_job_once_also_when_many_were_made_at_one_moment(
    moments: list[int], size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async def play() -> None:
        ledger = JobLedger(path=tmp_path_factory.mktemp("pages") / "ledger.db")
        await ledger.open()
        await ledger.insert_found([row(f"j{index:03}", created_us=moment) for index, moment in enumerate(moments)])
        seen: list[JobRow] = []
        before = None
        while True:
            page = await ledger.page(JobFilter(owner="ann"), limit=size, before=before)
            seen += page
            if len(page) < size:
                break
            before = (page[-1].created_us, page[-1].id)
            await ledger.insert_found([row(f"new{len(seen)}", created_us=99)])
        keys = [(entry.created_us, entry.id) for entry in seen]
        assert keys == sorted(((moment, f"j{index:03}") for index, moment in enumerate(moments)), reverse=True)
        await ledger.close()

    asyncio.run(play())


@pytest.mark.parametrize(
    ("text", "found"),
    [("TRAIN", ["j1"]), ("größe", ["j2"]), ("GRÖSSE", ["j2"]), ("%", ["j3"]), ("_", ["j3"]), ("j", ["j1", "j2", "j3"])],
)
async def test_text_is_found_whatever_its_case_and_never_a_pattern(
    ledger: JobLedger, text: str, found: list[str]
) -> None:
    await ledger.insert(row("j1", name="Train", created_us=3))
    await ledger.insert(row("j2", name="Größe", created_us=2))
    await ledger.insert(row("j3", name="100%_", created_us=1))
    page = await ledger.page(JobFilter(owner="ann", text=text), limit=10)
    assert [entry.id for entry in page] == found
