"""Puts GPUs' view together: which sources there are to ask is decided here, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from windlass.errors import WindlassError
from windlass.hub.broker import HubBroker
from windlass.ledger.jobs import JobLedger
from windlass.metrics import judging
from windlass.metrics.nvml.source import NvmlSource
from windlass.metrics.prometheus.source import BrokerSource, DcgmSource
from windlass.metrics.reading import GpuSource
from windlass.metrics.recorded.source import RecordedJob, RecordedSource
from windlass.metrics.recording import ReadingFiles
from windlass.metrics.sampler import KEEP_SECONDS, Sampler
from windlass.services.changes import ChangeHub
from windlass.services.engines import Engines
from windlass.services.gpus.holdings import JobHoldings
from windlass.services.gpus.kernels import KernelList
from windlass.services.gpus.money import Money, NoMoney
from windlass.services.gpus.owners import OwnerFinder
from windlass.services.gpus.pods import JobPodsSource
from windlass.services.gpus.watch import GpuWatch, GpuWatchStandsOn
from windlass.services.settings import Settings

KEPT_BEYOND_ALARM = 1.5
"""What is kept, as so many times an alarm's time: it says since when it has been so."""


@dataclass(frozen=True, kw_only=True)
class GpusStandOn:
    """What it is put together of."""

    settings: Settings
    ledger: JobLedger
    engines: Engines
    changes: ChangeHub
    broker: HubBroker | None
    kernels: KernelList | None
    money: Money | None = None


def assemble_gpus(stands_on: GpusStandOn) -> GpuWatch:
    """The view of GPUs; nothing is asked yet."""
    settings = stands_on.settings
    thresholds = thresholds_of(settings)
    holdings = JobHoldings(ledger=stands_on.ledger, engines=stands_on.engines, changes=stands_on.changes)
    sources = sources_of(settings, stands_on.broker, holdings)
    # Where nobody else tells of pods, what all of them write is wanted while somebody looks.
    holdings.follows = lambda: not any(source.name == "dcgm" and _is_told(source) for source in sources)
    sampler = Sampler(
        sources,
        keep_seconds=max(KEEP_SECONDS, thresholds.alarm_seconds * KEPT_BEYOND_ALARM),
        record=settings.gpu_record,
        files=ReadingFiles(settings.data_dir / "gpus") if settings.gpu_record else None,
        own_pod=settings.pod,
    )
    return GpuWatch(
        GpuWatchStandsOn(
            sampler=sampler,
            owners=OwnerFinder(kernels=stands_on.kernels),
            holdings=holdings,
            money=stands_on.money or NoMoney(),
            thresholds=thresholds,
            own_pod=settings.pod,
            all_pods_are_theirs=stands_on.broker is not None,
        )
    )


def _is_told(source: GpuSource) -> bool:
    return not isinstance(source, DcgmSource) or source.has_place


def thresholds_of(settings: Settings) -> judging.Settings:
    """What counts as not used, and for how long, as it was configured."""
    return judging.Settings(idle_threshold=settings.gpu_idle_threshold, alarm_seconds=settings.gpu_alarm_minutes * 60)


def sources_of(settings: Settings, broker: HubBroker | None, holdings: JobHoldings) -> list[GpuSource]:
    """What can be asked: this machine's driver and jobs; of pods the hub, else a Prometheus of the settings."""

    async def recorded() -> Sequence[RecordedJob]:
        try:
            return (await holdings.of(None)).recorded
        except WindlassError:  # the ledger is locked, say: they are asked again soon
            return ()

    sources: list[GpuSource] = [NvmlSource(), RecordedSource(recorded)]
    if broker is not None:
        return [*sources, BrokerSource(broker=broker)]
    if settings.prometheus_url:
        return [*sources, JobPodsSource(url=settings.prometheus_url, holdings=holdings)]
    return sources
