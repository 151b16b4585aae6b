"""The same rows in a real PostgreSQL server: replicas at once, sums, what was idle, budgets, what is told of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.hub.postgresql import PASSWORD, Server
from tests.hub.spending.ledgers import MIDNIGHT, Ledger, answer, ended, engine, holder, hours

from windlass_hub.budget_rules import BudgetRule
from windlass_hub.service.spending_reports import cost_rows
from windlass_hub.spending.amounts import NANO, day_of
from windlass_hub.spending.budgets import Owed, Standing
from windlass_hub.spending.idleness import next_window

TODAY = day_of(MIDNIGHT)


async def test_replicas_count_once_and_every_question_is_answered(postgresql_server: Server, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    url = postgresql_server.new_database()
    replicas = [Ledger(folder=tmp_path, url=url, password_file=str(password)) for _ in range(3)]
    for at in (1, 2):
        pods = [holder(), holder("u2", product="H900", item="j2", experiment="bert")]
        await asyncio.gather(*(replica.look(*pods, at=hours(at)) for replica in replicas))
    ledger = replicas[0]
    await ledger.look(holder(), ended(holder("u2", product="H900", item="j2"), hours(2)), at=hours(2))
    counters = (await ledger.counters())["ann", "training"]
    assert (counters["usd"], counters["gpu_hours"], counters["unknown"]) == (60 * NANO, 4 * NANO, 1)

    await ledger.records.keep_idle([], since=None, until=hours(0))
    window = next_window(hours(0), now=hours(2))
    assert window is not None
    ledger.metrics = answer(window, engine([(window.end, 0.0)], pod="pod-u1"))
    assert await ledger.accountant.look_at_use()
    assert (await ledger.counters())["ann", "training"]["idle_usd"] == pytest.approx(0.5 * NANO)

    for by in ("user", "group", "job", "experiment", "model", "day"):
        items, total = await cost_rows(ledger.records, by=by, first=TODAY, last=TODAY, owner="ann")  # type: ignore[arg-type]
        assert sum(item.usd or 0 for item in items) == total.usd == 60
        assert (total.unknown_jobs, total.jobs, total.idle_usd) == (1, 2, pytest.approx(0.5))
    assert (await cost_rows(ledger.records, by="user", first=TODAY, last=TODAY, owner="bob"))[0] == []

    rule = BudgetRule(user="ann", limit_usd=1)
    owed, standing = Owed(scope="user", name="ann", rule=rule), Standing(starts_at=1.0, limit=NANO, state="over")
    for _ in range(2):
        await ledger.records.keep_standing(owed, standing)
        await ledger.records.decide(owed.key, starts_at=1.0, action="hold", extra_usd=2, by="eve", note="", at=2.0)
    assert await ledger.records.standings() == {owed.key: standing}
    assert await ledger.records.prune(before_day=TODAY + 1) == 2
    for replica in replicas:
        replica.close()
