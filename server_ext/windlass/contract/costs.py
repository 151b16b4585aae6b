"""Money: prices, what was spent and wasted, what something would cost, and what smaller thing would do.

USD throughout, with the currency said. What is not known is null with a sentence why; a sum that lacks a part says how
many parts.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from windlass.contract.base import Timestamp, WireModel
from windlass.contract.gpus import UsageSummary

CostBy = Literal["user", "group", "job", "experiment", "model", "day"]


class CostRow(WireModel):
    """What one user, job, experiment or day took."""

    key: str
    label: str
    usd: float | None
    """The sum of what is known; null where nothing is."""
    idle_usd: float | None
    """Of it, for GPU time that was held and not used."""
    gpu_hours: float | None
    """Hours of whole cards."""
    idle_gpu_hours: float | None
    jobs: int
    unknown_jobs: int = 0
    """Those whose cost is not known: `usd` lacks them."""
    unknown_idle_jobs: int = 0
    """Those whose idle share is not known: `idle_usd` and `idle_gpu_hours` lack them."""
    run_id: str | None = None
    job_id: str | None = None
    day: str | None = None
    """`2026-11-23`, in UTC; of a row by day."""


class CostReport(WireModel):
    """What was spent from `start` to `end`, most first (days: newest first)."""

    by: CostBy
    start: Timestamp
    end: Timestamp
    currency: str = "USD"
    items: list[CostRow]
    total: CostRow
    source: Literal["ledger", "hub"]
    """ledger: this person's own jobs on this server; hub: the hub service's records."""
    notes: list[str] = Field(default_factory=list)
    next_cursor: str | None = None


class Price(WireModel):
    """A line of the price book that is in force."""

    what: str
    """As `NVIDIA A100-SXM4-40GB`, `mig 2g.10gb of …`, `p4d.24xlarge`, `core`, `GiB of memory`, `GiB of storage`."""
    kind: Literal["gpu", "mig", "share", "node", "cpu", "memory", "storage"]
    usd_per_hour: float
    capacity: Literal["spot", "on-demand"] = "on-demand"
    region: str | None = None
    valid_from: str | None = None
    """A date."""
    valid_until: str | None = None
    source: str
    """`list price of 2026-09-01`, a file with its line, or `the hub's catalogue`."""


class PriceList(WireModel):
    """The prices in force now."""

    items: list[Price]
    currency: str = "USD"
    problem: str | None = None
    """What is wrong with the configured price book, with file and line; the last good one, or the list prices, hold."""


class CostPart(WireModel):
    """One line of a calculation."""

    what: str
    amount: float
    unit: str
    usd_per_hour: float | None
    source: str


class EarlierRuns(WireModel):
    """How long earlier jobs of the same notebook took."""

    jobs: int
    median_seconds: float
    longest_seconds: float
    usd: float | None
    """Of one of the median's length, at today's price."""


class Budget(WireModel):
    """What a user or group may spend in a month, and has."""

    scope: Literal["user", "group"]
    name: str
    period: Literal["month", "week"]
    starts_at: Timestamp
    limit_usd: float
    spent_usd: float
    unknown_jobs: int = 0
    """Whose cost is not known: they are not in `spent_usd`."""
    warn_at: float
    """Part of the limit from which on it warns."""
    state: Literal["ok", "warning", "over"]
    blocks: bool
    """Whether nothing new may be started once it is over."""
    refuses: bool = False
    """Whether nothing new may be started now: it is over and blocks, or an administrator holds it."""


class CostEstimate(WireModel):
    """What a job would cost that is not sent yet."""

    currency: str = "USD"
    usd_per_hour: float | None
    spot_usd_per_hour: float | None = None
    most_usd: float | None = None
    """If it runs into its time limit."""
    limit_seconds: int | None = None
    earlier: EarlierRuns | None = None
    parts: list[CostPart] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    """As `The node is not known before it is placed: priced as …`."""
    budgets: list[Budget] = Field(default_factory=list)
    """Those that this would count against."""
    refused: str | None = None
    """Why a budget forbids it."""


class PodCost(WireModel):
    """What one pod or one local process group held, and for how long."""

    title: str
    node: str | None = None
    instance_type: str | None = None
    capacity: Literal["spot", "on-demand"] | None = None
    held_from: Timestamp | None = None
    held_until: Timestamp | None = None
    """null: it holds on."""
    gpus: float | None = None
    """Whole cards: a MIG slice counts its sevenths, a share its part."""
    gpu_product: str | None = None
    usd_per_hour: float | None = None
    usd: float | None = None
    note: str | None = None


class JobCost(WireModel):
    """What a job took so far, or in all."""

    job_id: str
    currency: str = "USD"
    live: bool
    usd: float | None
    usd_per_hour: float | None
    """Now; 0 once it has ended."""
    gpu_hours: float | None
    idle_gpu_hours: float | None
    idle_usd: float | None
    idle_fraction: float | None
    pods: list[PodCost]
    parts: list[CostPart] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)


class JobAdvice(WireModel):
    """Whether something smaller would have held a job, or something larger was needed."""

    job_id: str
    verdict: Literal["smaller", "larger", "fits", "unknown"]
    sentence: str
    """`It used 8 of 40 GB and 31 % of the GPU: a 2g.10gb slice would do, and saves $22.29 an hour.`"""
    evidence: UsageSummary | None = None
    has: str | None = None
    """What it had, as `1 × NVIDIA A100-SXM4-40GB`."""
    would_do: str | None = None
    profile: str | None = None
    """The slug of the profile in the hub's catalogue."""
    saves_usd_per_hour: float | None = None
    options: dict[str, object] | None = None
    """What to change in the next `JobRequest`."""
    why_not: list[str] = Field(default_factory=list)
    """Of smaller things that were looked at: why each would not have held it."""


class BudgetList(WireModel):
    """The budgets that count for this user."""

    items: list[Budget]
