"""Budgets: whose spending counts against which, when they warn, and that a figure that wavers warns once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.costs.books import DAY
from tests.hub.spending.ledgers import MIDNIGHT, Ledger, ended, holder, hours

from windlass_hub.budget_rules import BudgetRule
from windlass_hub.settings import Settings
from windlass_hub.spending.amounts import NANO
from windlass_hub.spending.budgeting import Budgeting, NotTold
from windlass_hub.spending.budgets import Decided, Owed, Spending, Standing, owed_by, stand, worse
from windlass_hub.spending.people import HubAway, People
from windlass_hub.spending.periods import bounds

RULE = BudgetRule(user="ann", limit_usd=100, blocks=True)
OWED = Owed(scope="user", name="ann", rule=RULE)


def stood(usd: float, before: Standing | None = None, **more: Any) -> Any:
    return stand(OWED, Spending(usd=round(usd * NANO)), now=MIDNIGHT, before=before, **more)


def kept(state: Any, limit: float = 100) -> Standing:
    return Standing(starts_at=bounds("month", MIDNIGHT)[0], limit=round(limit * NANO), state=state)


@pytest.mark.parametrize(
    ("usd", "before", "state"),
    [
        (79.9, None, "ok"),
        (80, None, "warning"),
        (79.9, kept("warning"), "warning"),
        (78.9, kept("warning"), "ok"),
        (100, kept("warning"), "over"),
        (99.5, kept("over"), "over"),
        (98.5, kept("over"), "warning"),
        (99.5, kept("over", limit=90), "warning"),
    ],
)
def test_a_state_is_left_later_than_it_was_entered_unless_the_limit_is_another(
    usd: float, before: Standing | None, state: str
) -> None:
    assert stood(usd, before).state == state


def test_another_period_is_judged_afresh() -> None:
    before = Standing(starts_at=0.0, limit=100 * NANO, state="over")
    assert stood(99.5, before).state == "warning"


@given(spent=st.lists(st.floats(0, 150), min_size=2, max_size=20).map(sorted))
def test_what_only_grows_never_goes_back(spent: list[float]) -> None:
    before: Standing | None = None
    for usd in spent:
        now = stood(usd, before)
        assert before is None or not worse(before.state, now.state)
        before = Standing(starts_at=now.starts_at, limit=now.limit, state=now.state)


def test_whoever_has_a_budget_of_their_own_does_not_have_everybodys() -> None:
    rules = [BudgetRule(user="*", limit_usd=5), RULE, BudgetRule(group="risk", limit_usd=9)]
    assert [owed.rule.limit_usd for owed in owed_by(rules, user="ann", groups=("risk",))] == [100, 9]
    assert [owed.rule.limit_usd for owed in owed_by(rules, user="bob", groups=())] == [5]


def test_exceptions_hold_raise_and_exempt() -> None:
    assert not stood(120, exception=Decided(action="exempt")).blocks
    assert stood(0, exception=Decided(action="hold")).blocks
    raised = stood(120, exception=Decided(extra_usd=100))
    assert (raised.state, raised.blocks, raised.wire().limit_usd) == ("ok", False, 200)


@pytest.mark.parametrize(
    ("period", "day", "first", "last"),
    [
        ("month", "2026-12-31", "2026-12-01", "2027-01-01"),
        ("month", "2024-02-29", "2024-02-01", "2024-03-01"),
        ("week", "2026-11-29", "2026-11-23", "2026-11-30"),
        ("week", "2027-01-01", "2026-12-28", "2027-01-04"),
    ],
)
def test_periods_begin_and_end_at_midnight(period: Any, day: str, first: str, last: str) -> None:
    def at(text: str) -> float:
        return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()

    assert bounds(period, at(day) + DAY - 1) == (at(first), at(last))


@pytest.mark.parametrize(
    "budgets",
    [
        [{"limit_usd": 1}],
        [{"user": "a", "group": "b", "limit_usd": 1}],
        [{"group": "*", "limit_usd": 1}],
        [{"user": "a", "limit_usd": 0}],
        [{"user": "a", "limit_usd": "nan"}],
        [{"user": "a", "limit_usd": 1, "warn_at": 1.5}],
        [{"user": "a", "limit_usd": 1}, {"user": "a", "limit_usd": 2}],
    ],
)
def test_what_is_no_budget_is_refused(budgets: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"budgets": budgets})


@dataclass
class Desk:
    """Budgets over a ledger; `told` is what an address outside has received."""

    ledger: Ledger
    hub: dict[str, tuple[str, ...]] | None = field(default_factory=lambda: {"ann": ("training",), "bob": ()})
    told: list[Mapping[str, Any]] = field(default_factory=list)
    away: bool = False
    audit: list[tuple[str, str]] = field(default_factory=list)

    def budgeting(self, *rules: BudgetRule) -> Budgeting:
        desk = self

        class Teller:
            async def tell(self, delivery_id: str, message: Mapping[str, Any]) -> None:
                if desk.away:
                    raise NotTold("The receiver does not answer.")
                assert message["delivery_id"] == delivery_id
                desk.told.append(message)

        async def users() -> Any:
            if desk.hub is None:
                raise HubAway("The hub does not answer.")
            for name, groups in desk.hub.items():
                yield name, groups

        self.people = People(users)
        return Budgeting(
            rules=rules,
            records=self.ledger.records,
            people=self.people,
            teller=Teller(),
            decide=lambda action, target, _decision, **_detail: self.audit.append((action, target)),
            wall=lambda: self.ledger.now,
        )


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    made = Desk(ledger=Ledger(folder=tmp_path))
    yield made
    made.ledger.close()


async def test_each_threshold_is_told_once_over_restarts(desk: Desk) -> None:
    for at in (2, 3, 3.1, 4, 5):
        await desk.ledger.look(holder(), at=hours(at))
        await desk.budgeting(RULE).look(may_act=True)
    assert [message["event"] for message in desk.told] == ["budget.warning", "budget.over"]
    assert desk.audit == [("budget.warning", "user:ann"), ("budget.over", "user:ann")]
    assert desk.told[1]["budget"]["spent_usd"] == 120


async def test_what_could_not_be_told_is_told_later_with_the_same_id(desk: Desk) -> None:
    await desk.ledger.look(holder(), at=hours(3))
    desk.away = True
    await desk.budgeting(RULE).look(may_act=True)
    desk.away = False
    await desk.budgeting(RULE).look(may_act=True)
    await desk.budgeting(RULE).look(may_act=True)
    assert [message["event"] for message in desk.told] == ["budget.warning"]
    assert desk.audit == [("budget.warning", "user:ann")]


async def test_a_replica_that_does_not_act_knows_and_tells_nobody(desk: Desk) -> None:
    await desk.ledger.look(holder(), at=hours(4))
    budgeting = desk.budgeting(RULE)
    await budgeting.look(may_act=False)
    assert budgeting.block_of("ann") is not None
    assert desk.told == []


async def test_a_groups_budget_blocks_its_members_and_none_while_the_hub_does_not_say(desk: Desk) -> None:
    await desk.ledger.look(holder(), at=hours(4))
    budgeting = desk.budgeting(BudgetRule(group="training", limit_usd=100, blocks=True))
    desk.hub = None
    await desk.people.look()
    await budgeting.look(may_act=True)
    assert budgeting.block_of("ann") is None
    assert budgeting.block_of("cyd", groups=("training",)) is not None
    desk.hub = {"ann": ("training",), "bob": ()}
    await desk.people.look()
    assert budgeting.block_of("ann") is not None
    assert budgeting.block_of("bob") is None


async def test_what_is_not_known_counts_for_nothing_and_is_told(desk: Desk) -> None:
    await desk.ledger.look(ended(holder(product="H900"), hours(9)), at=hours(10))
    budgeting = desk.budgeting(RULE)
    await budgeting.look(may_act=True)
    [found] = budgeting.stands_of("ann", ())
    assert (found.wire().spent_usd, found.wire().unknown_jobs, found.blocks) == (0, 1, False)


async def test_what_was_found_long_ago_blocks_nobody(desk: Desk) -> None:
    await desk.ledger.look(holder(), at=hours(4))
    budgeting = desk.budgeting(RULE)
    await budgeting.look(may_act=True)
    desk.ledger.now += 1000
    assert budgeting.block_of("ann") is None
    assert not budgeting.known
