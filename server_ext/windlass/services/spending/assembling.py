"""Puts the use cases of money together."""

from __future__ import annotations

from dataclasses import dataclass

from windlass.hub.broker import HubBroker
from windlass.ledger.jobs import JobLedger
from windlass.services.changes import ChangeHub
from windlass.services.engines import Engines
from windlass.services.settings import Settings
from windlass.services.spending.advising import Advisor
from windlass.services.spending.estimating import Estimates
from windlass.services.spending.hub_records import HubRecords
from windlass.services.spending.job_costs import JobCosts, KnowsUsage
from windlass.services.spending.keeping import CostKeeper
from windlass.services.spending.live_rates import LiveRates
from windlass.services.spending.prices import Prices
from windlass.services.spending.reporting import CostReports


@dataclass(frozen=True, kw_only=True)
class Spending:
    """All about money."""

    prices: Prices
    job_costs: JobCosts
    keeper: CostKeeper
    rates: LiveRates
    reports: CostReports
    estimates: Estimates
    advisor: Advisor


def prices_of(settings: Settings, broker: HubBroker | None) -> Prices:
    """The price book in force; nothing is read yet."""
    return Prices(file=settings.price_book, broker=broker, history=settings.data_dir / "catalogue_prices.json")


def assemble_spending(
    *,
    settings: Settings,
    ledger: JobLedger,
    engines: Engines,
    changes: ChangeHub,
    broker: HubBroker | None,
    prices: Prices,
    usage: KnowsUsage,
) -> Spending:
    """The use cases of money; nothing is asked yet."""
    hub = _records_of(broker)
    costs = JobCosts(ledger=ledger, engines=engines, prices=prices, usage=usage)
    return Spending(
        prices=prices,
        job_costs=costs,
        keeper=CostKeeper(ledger=ledger, changes=changes, costs=costs, prices=prices),
        rates=LiveRates(ledger=ledger, prices=prices, hub=hub),
        reports=CostReports(ledger=ledger, hub=hub),
        estimates=Estimates(settings=settings, ledger=ledger, engines=engines, prices=prices, hub=hub),
        advisor=Advisor(
            ledger=ledger,
            engines=engines,
            costs=costs,
            prices=prices,
            minutes=settings.advice_minutes,
            bundles=settings.bundles_dir,
            profiles=broker,
        ),
    )


def _records_of(broker: object) -> HubRecords | None:
    """What the hub keeps, where there is a hub and it keeps it."""
    return broker if isinstance(broker, HubRecords) else None
