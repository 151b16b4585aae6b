"""Puts the use cases together, and opens what they stand on when the first request needs it.

The parts are cheap to make. Opening the ledger and taking over running jobs happens once, in `ready`; when it fails the
next request tries again, so that a full disk or a locked file is not the end of the server.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from windlass.contract.problem import Problem
from windlass.engines.base import KeepsBundles
from windlass.errors import WindlassError
from windlass.hub.broker import HubBroker
from windlass.ledger.jobs import JobLedger
from windlass.services.about import About
from windlass.services.bundles import Bundles
from windlass.services.changes import ChangeHub
from windlass.services.cluster import ClusterQueries
from windlass.services.control import JobControl
from windlass.services.doctor import Doctor
from windlass.services.drafts import Drafting
from windlass.services.engines import Engines
from windlass.services.environments import Environments, KernelSpecs
from windlass.services.events import EnginePump, ForeignWatch
from windlass.services.experiments.browse import Experiments
from windlass.services.experiments.cache import RunCache
from windlass.services.experiments.compare import Comparer
from windlass.services.experiments.curves import CurveReader
from windlass.services.experiments.detail import RunDetails
from windlass.services.experiments.reading import RunReader
from windlass.services.gpus.assembling import GpusStandOn, assemble_gpus, thresholds_of
from windlass.services.gpus.job_history import JobGpuHistory
from windlass.services.gpus.kernels import KernelList
from windlass.services.gpus.pod_histories import PodHistories
from windlass.services.gpus.watch import GpuWatch
from windlass.services.hub import HubFacts
from windlass.services.launch import Launcher
from windlass.services.ledger_records import LedgerRecords
from windlass.services.logs import LogFeeds
from windlass.services.notebooks import NotebookFeeds
from windlass.services.paths import RootFolder
from windlass.services.preview import Preview
from windlass.services.queries import JobQueries
from windlass.services.rebuild import Rebuild
from windlass.services.records import RecordKeeper
from windlass.services.registry.desk import RegistryDesk, make_desk
from windlass.services.run_files import RunFiles, RunFilesStandOn, assemble
from windlass.services.saving import SaveBroker
from windlass.services.session import SocketSession
from windlass.services.settings import Settings
from windlass.services.spending.assembling import Spending, assemble_spending, prices_of
from windlass.services.spending.job_costs import JobCosts
from windlass.services.submit import Submission
from windlass.tracking.tracking import Tracking

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The use cases, for the handlers."""

    about: About
    cluster: ClusterQueries
    comparison: Comparer
    control: JobControl
    curves: CurveReader
    doctor: Doctor
    environments: Environments
    experiments: Experiments
    gpus: GpuWatch
    job_gpus: JobGpuHistory
    jobs: JobQueries
    preview: Preview
    registry: RegistryDesk
    run_details: RunDetails
    run_files: RunFiles
    run_reader: RunReader
    session: Callable[..., SocketSession]
    spending: Spending
    submission: Submission


class Services:
    """All that stands behind the handlers of one server. To be made on the event loop."""

    engine_retry_seconds = 10.0
    """How long to wait before an engine that could not be taken over is tried again."""

    def __init__(self, *, settings: Settings, kernel_specs: KernelSpecs, kernels: KernelList | None = None) -> None:
        self.settings = settings
        self._ledger = JobLedger(path=settings.ledger_path)
        self._hub = ChangeHub()
        self._engines = Engines(factories=settings.engines, default=settings.default_engine)
        self._broker = HubBroker.from_environment()
        self._hub_facts = HubFacts(broker=self._broker, environment=os.environ)
        self._environments = Environments(specs=kernel_specs, fallback_python=settings.python)
        self._tracking = Tracking(
            data_dir=settings.data_dir,
            configured_uri=settings.tracking_uri,
            python=settings.python,
            enabled=bool(settings.tracking_uri) or settings.embedded_tracking,
        )
        self._launcher = Launcher(
            settings=settings, engines=self._engines, environments=self._environments, tracking=self._tracking
        )
        self._bundles = Bundles(folder=settings.bundles_dir, ledger=self._ledger)
        self._pumps: list[EnginePump] = []
        self._keepers: list[RecordKeeper] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._beginning: list[asyncio.Task[None]] = []
        prices = prices_of(settings, self._broker)
        self._job_gpus = JobGpuHistory(
            ledger=self._ledger,
            engines=self._engines,
            settings=thresholds_of(settings),
            pods=PodHistories(url=settings.prometheus_url, broker=self._broker),
            money=JobCosts(ledger=self._ledger, engines=self._engines, prices=prices),
        )
        self._spending = assemble_spending(
            settings=settings,
            ledger=self._ledger,
            engines=self._engines,
            changes=self._hub,
            broker=self._broker,
            prices=prices,
            usage=self._job_gpus,
        )
        self._gpus = assemble_gpus(
            GpusStandOn(
                settings=settings,
                ledger=self._ledger,
                engines=self._engines,
                changes=self._hub,
                broker=self._broker,
                kernels=kernels,
                money=self._spending.rates,
            )
        )
        self._foreign = ForeignWatch(ledger=self._ledger, hub=self._hub)
        self._opening: asyncio.Task[None] | None = None
        self._closed = False
        self.parts = self._make_parts()

    async def ready(self) -> Parts:
        """The use cases, when the ledger is open and running jobs are known. Raises Unavailable and StorageFull."""
        if self._opening is None or (self._opening.done() and self._opening.exception() is not None):
            self._opening = asyncio.create_task(self._open(), name="windlass-open")
        # Shielded: a request that is given up must not end the opening for those that wait beside it.
        await asyncio.shield(self._opening)
        return self.parts

    @property
    def live_jobs(self) -> int:
        """How many jobs have not ended, as far as is known without asking."""
        return sum(len(pump.live) for pump in self._pumps)

    async def in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run blocking work off the event loop."""
        return await asyncio.to_thread(work, *arguments)

    async def close(self) -> None:
        """Let go of everything; jobs go on."""
        self._closed = True
        if self._opening is not None:
            await asyncio.gather(self._opening, return_exceptions=True)
        for beginning in self._beginning:
            beginning.cancel()
        await asyncio.gather(*self._beginning, return_exceptions=True)
        closers: list[Callable[[], Awaitable[None]]] = [self._foreign.close, *(pump.close for pump in self._pumps)]
        closers += [keeper.close for keeper in self._keepers]
        await asyncio.gather(*(close() for close in closers))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._gpus.close()
        await asyncio.gather(self._engines.close(), self._tracking.close(), self._hub_facts.close())
        await self._ledger.close()

    async def _open(self) -> None:
        aside = await self._ledger.open()
        if aside is not None:
            _log.warning("The job ledger was damaged. It was moved to %s and is rebuilt from the jobs on disk.", aside)
        for name in self._engines.names:
            if not await self._has_begun(name, damaged=aside is not None):
                again = self._begin_later(name, damaged=aside is not None)
                self._beginning.append(asyncio.create_task(again, name=f"windlass-begin-{name}"))
        self._foreign.start()
        await self._gpus.begin()
        self._tasks.append(asyncio.create_task(self._spending.keeper.run(), name="windlass-costs"))
        self._tasks.append(asyncio.create_task(self._tidy_up(), name="windlass-tidy-up"))

    async def _begin_later(self, engine_name: str, *, damaged: bool) -> None:
        """Try again until it goes: a disk has room again, a folder is mounted."""
        while True:
            await asyncio.sleep(self.engine_retry_seconds)
            if await self._has_begun(engine_name, damaged=damaged):
                _log.warning("Jobs of the %s engine are kept track of now.", engine_name)
                self._hub.announce()
                return

    async def _has_begun(self, engine_name: str, *, damaged: bool) -> bool:
        """Start to keep track of one engine's jobs. An engine that is away does not keep the others from working."""
        try:
            engine = self._engines.get(engine_name)
        except WindlassError as error:
            _log.warning("Jobs of the %s engine could not be taken over: %s", engine_name, error)
            return False
        # The embedded server is this machine's alone.
        if isinstance(engine, KeepsBundles) and self._tracking.mode == "configured":
            engine.keep_bundles_with(self._tracking.client)
        costs = self._spending.keeper
        records = LedgerRecords(ledger=self._ledger, hub=self._hub, engine=engine_name, costs=costs)
        keeper = RecordKeeper(tracking=self._tracking, engine=engine, store=records, data_dir=self.settings.data_dir)

        def on_end() -> None:
            keeper.poke()
            costs.poke()

        pump = EnginePump(
            engine=engine,
            ledger=self._ledger,
            hub=self._hub,
            launcher=self._launcher,
            rebuild=Rebuild(ledger=self._ledger, bundles=self._bundles, engine=engine, damaged=damaged),
            on_end=on_end,
        )
        try:
            await pump.start()
        except (WindlassError, OSError) as error:
            _log.warning("Jobs of the %s engine could not be taken over: %s", engine_name, error)
            await pump.close()
            return False
        except BaseException:
            await pump.close()
            raise
        self._pumps.append(pump)
        self._keepers.append(keeper)
        costs.on_change(keeper.poke)
        self._tasks.append(asyncio.create_task(keeper.run(), name=f"windlass-records-{engine_name}"))
        return True

    async def _tidy_up(self) -> None:
        started = time.monotonic()
        try:
            await self._bundles.sweep()
        except (WindlassError, OSError) as error:
            _log.warning("Bundles that no job needs could not be removed: %s", error)
        _log.debug("Swept the bundles in %.3f s.", time.monotonic() - started)

    def _make_parts(self) -> Parts:
        settings, root = self.settings, RootFolder(root=self.settings.root_dir, allow_hidden=self.settings.allow_hidden)
        drafting = Drafting(settings=settings, root=root, environments=self._environments, engines=self._engines)
        jobs = JobQueries(ledger=self._ledger, engines=self._engines, bundles=self._bundles, root=root)
        saving = SaveBroker(timeout_seconds=settings.save_timeout_seconds)
        run_cache = RunCache()
        runs = RunReader(tracking=self._tracking, cache=run_cache)
        submission = Submission(
            drafting=drafting,
            launcher=self._launcher,
            ledger=self._ledger,
            bundles=self._bundles,
            hub=self._hub,
            saving=saving,
        )

        return Parts(
            about=About(settings=settings, engines=self._engines, tracking=self._tracking, hub=self._hub_facts),
            cluster=ClusterQueries(ledger=self._ledger, engines=self._engines),
            comparison=Comparer(tracking=self._tracking, runs=runs, ledger=self._ledger),
            control=JobControl(ledger=self._ledger, engines=self._engines, bundles=self._bundles, hub=self._hub),
            curves=CurveReader(tracking=self._tracking, runs=runs),
            doctor=Doctor(
                settings=settings,
                engines=self._engines,
                environments=self._environments,
                tracking=self._tracking,
                hub=self._hub_facts,
                open_ledger=self.ready,
            ),
            environments=self._environments,
            experiments=Experiments(tracking=self._tracking, cache=run_cache),
            gpus=self._gpus,
            job_gpus=self._job_gpus,
            jobs=jobs,
            preview=Preview(drafting=drafting, tracking=self._tracking, estimates=self._spending.estimates),
            registry=make_desk(
                settings=settings,
                tracking=self._tracking,
                runs=runs,
                ledger=self._ledger,
                engines=self._engines,
                environments=self._environments,
                submission=submission,
                broker=self._broker,
            ),
            run_details=RunDetails(tracking=self._tracking, runs=runs, ledger=self._ledger, bundles=self._bundles),
            run_files=assemble(
                RunFilesStandOn(
                    settings=settings,
                    tracking=self._tracking,
                    runs=runs,
                    ledger=self._ledger,
                    bundles=self._bundles,
                    engines=self._engines,
                    environments=self._environments,
                    drafting=drafting,
                    submission=submission,
                    root=root,
                    broker=self._broker,
                )
            ),
            run_reader=runs,
            session=self._sessions(jobs=jobs, saving=saving),
            spending=self._spending,
            submission=submission,
        )

    def _sessions(self, *, jobs: JobQueries, saving: SaveBroker) -> Callable[..., SocketSession]:
        """What makes a session of each tab's socket; all of them share what is read."""
        logs, notebooks = LogFeeds(), NotebookFeeds()

        def session(
            *, owner: str, send: Callable[[str], Awaitable[None]], describe: Callable[[WindlassError], Problem]
        ) -> SocketSession:
            return SocketSession(
                owner=owner,
                version=self.settings.version,
                send=send,
                describe=describe,
                jobs=jobs,
                ledger=self._ledger,
                hub=self._hub,
                logs=logs,
                notebooks=notebooks,
                saving=saving,
                gpus=self._gpus,
            )

        return session
