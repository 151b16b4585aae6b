"""Pods that a test moves by hand, and an accountant that keeps them in a real database."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.costs.books import A100, HOUR

from windlass.contract.hub import Metrics
from windlass.costs.book import PriceBook
from windlass.costs.holding import Held
from windlass.costs.reading import parse_book
from windlass_hub.service.audit_database import AuditDatabase
from windlass_hub.service.spending_records import SpendingDatabase
from windlass_hub.spending.accounting import Accountant
from windlass_hub.spending.holders import Holder
from windlass_hub.spending.idleness import Window

MIDNIGHT = 1_789_948_800.0
"""2026-09-21T00:00Z, a Monday."""
PRICES = parse_book(
    f"""
version: 1
prices:
- {{gpu: {A100}, usd_per_hour: 30}}
- {{cpu: core, usd_per_hour: 0.03}}
- {{memory: GiB, usd_per_hour: 0.004}}
""",
    name="book.yaml",
)


def holder(uid: str = "u1", *, owner: str = "ann", item: str = "j1", **changes: Any) -> Holder:
    """A pod of a job with one card, that began to hold at midnight."""
    held = {
        "title": "worker 0",
        "since": MIDNIGHT,
        "capacity": "on-demand",
        "gpus": 1,
        "product": A100,
        "cores": 0.0,
        "memory_gib": 0.0,
    }
    of_pod = {name: changes.pop(name) for name in ("kind", "label", "experiment", "model", "pod") if name in changes}
    return Holder(
        uid=uid,
        owner=owner,
        namespace=f"wl-{owner}",
        item=item,
        held=Held(**{**held, **changes}),
        **{"pod": f"pod-{uid}", "kind": "job", **of_pod},
    )


def ended(pod: Holder, until: float) -> Holder:
    return replace(pod, held=replace(pod.held, until=until, ended=True))


class Pods:
    """The pods that a watch sees: what `PodWatch` answers, without a cluster."""

    def __init__(self) -> None:
        self.problem: str | None = None
        self._there: dict[str, Holder] = {}

    def set(self, *pods: Holder) -> None:
        self._there = {pod.uid: pod for pod in pods}

    def holders(self) -> dict[str, Holder]:
        return dict(self._there)

    def forget(self, uids: list[str]) -> None:
        pass


@dataclass
class Ledger:
    """The parts. `restart` makes the accountant anew, as after a restart of the service."""

    folder: Path
    url: str = ""
    password_file: str = ""
    pods: Pods = field(default_factory=Pods)
    now: float = MIDNIGHT
    prices: PriceBook | None = PRICES
    groups: dict[str, Collection[str]] | None = field(default_factory=lambda: {"ann": ("training",)})
    metrics: Metrics | None = None
    asked: list[tuple[Collection[Holder], Window]] = field(default_factory=list)

    def __post_init__(self) -> None:
        url = self.url or f"sqlite:///{self.folder}/hub.sqlite"
        self.database = AuditDatabase(url=url, password_file=self.password_file)
        self.records = SpendingDatabase(self.database)
        self.restart()

    def restart(self) -> Accountant:
        self.accountant = Accountant(
            watch=self.pods,  # type: ignore[arg-type]  # all of it that is asked
            records=self.records,
            prices=self._prices,
            groups_of=lambda name: None if self.groups is None else self.groups.get(name, ()),
            ask=self._ask,
            wall=lambda: self.now,
        )
        return self.accountant

    async def look(self, *pods: Holder, at: float) -> None:
        self.now = at
        self.pods.set(*pods)
        await self.accountant.look()

    async def amounts(self) -> list[tuple[str, int, int | None, int | None, str]]:
        """Of each pod and day: USD and hours of cards in billionths, and the note."""
        return await self.records.run(
            lambda connection: [
                tuple(row)
                for row in connection.exec_driver_sql(
                    "SELECT uid, day, usd, gpu_hours, note FROM spending_days ORDER BY uid, day"
                )
            ],
            writing=False,
        )

    async def counters(self) -> dict[tuple[str, str], dict[str, int]]:
        def read(connection: Any) -> dict[tuple[str, str], dict[str, int]]:
            rows = connection.exec_driver_sql("SELECT * FROM spending_counters").mappings()
            names = ("usd", "idle_usd", "gpu_hours", "unknown")
            return {(row["owner"], row["groups"]): {name: row[name] for name in names} for row in rows}

        found: dict[tuple[str, str], dict[str, int]] = await self.records.run(read, writing=False)
        return found

    def close(self) -> None:
        self.database.close()

    async def _prices(self) -> PriceBook | None:
        return self.prices

    async def _ask(self, holders: Collection[Holder], window: Window) -> Metrics | None:
        self.asked.append((holders, window))
        return self.metrics


def engine(points: Iterable[tuple[float, float | None]], *, pod: str, namespace: str = "wl-ann") -> dict[str, Any]:
    """A series of one device's engine activity, as Prometheus' answer has it."""
    labels = {"namespace": namespace, "pod": pod, "UUID": f"GPU-{pod}", "gpu": "0"}
    return {"labels": labels, "points": list(points)}


def answer(window: Window, *series: dict[str, Any]) -> Metrics:
    return Metrics.model_validate(
        {
            "start": window.start,
            "end": window.end,
            "step_seconds": 60.0,
            "items": [
                {"name": "gpu_engine_active", "unit": "fraction", "description": "", "series": list(series)},
            ],
        }
    )


def hours(number: float) -> float:
    return MIDNIGHT + number * HOUR
