"""Puts together what concerns the files of runs: shown, handed out, run again, traced."""

from __future__ import annotations

from dataclasses import dataclass

from windlass.hub.broker import HubBroker
from windlass.ledger.jobs import JobLedger
from windlass.services.artifacts.audit import ModelAudit
from windlass.services.artifacts.listing import ArtifactListing
from windlass.services.artifacts.parquet import ParquetHeads
from windlass.services.artifacts.reading import ArtifactReader
from windlass.services.artifacts.source import ArtifactSources
from windlass.services.artifacts.viewing import ArtifactViewer
from windlass.services.bundles import Bundles
from windlass.services.drafts import Drafting
from windlass.services.engines import Engines
from windlass.services.environments import Environments
from windlass.services.experiments.reading import RunReader
from windlass.services.lineage import Lineages
from windlass.services.lineage.origins import Origins
from windlass.services.paths import RootFolder
from windlass.services.reproduce.load_code import ModelLoading
from windlass.services.reproduce.notebooks import RunNotebooks
from windlass.services.reproduce.record_runs import RecordRuns
from windlass.services.reproduce.rerun import RunReruns
from windlass.services.reproduce.sent import SentBundles
from windlass.services.settings import Settings
from windlass.services.submit import Submission
from windlass.tracking.tracking import Tracking


@dataclass(frozen=True, kw_only=True)
class RunFiles:
    """The use cases, for the handlers."""

    bundles: SentBundles
    lineage: Lineages
    listing: ArtifactListing
    loading: ModelLoading
    notebooks: RunNotebooks
    reader: ArtifactReader
    reruns: RunReruns
    viewer: ArtifactViewer


@dataclass(frozen=True, kw_only=True)
class RunFilesStandOn:
    """What they need of the rest."""

    settings: Settings
    tracking: Tracking
    runs: RunReader
    ledger: JobLedger
    bundles: Bundles
    engines: Engines
    environments: Environments
    drafting: Drafting
    submission: Submission
    root: RootFolder
    broker: HubBroker | None


def assemble(base: RunFilesStandOn) -> RunFiles:
    """Make them; nothing is opened or asked."""
    tracking, runs, ledger = base.tracking, base.runs, base.ledger
    sources = ArtifactSources(tracking=tracking, runs=runs, audit=ModelAudit(broker=base.broker))
    records = RecordRuns(tracking=tracking)
    bundles = SentBundles(
        tracking=tracking,
        ledger=ledger,
        bundles=base.bundles,
        runs=runs,
        records=records,
        most_bytes=base.settings.max_bundle_bytes,
    )
    return RunFiles(
        bundles=bundles,
        lineage=Lineages(tracking=tracking, runs=runs, ledger=ledger, origins=Origins(root=base.root)),
        listing=ArtifactListing(sources=sources),
        loading=ModelLoading(tracking=tracking, runs=runs),
        notebooks=RunNotebooks(
            tracking=tracking, runs=runs, records=records, ledger=ledger, engines=base.engines, sent=bundles
        ),
        reader=ArtifactReader(sources=sources),
        reruns=RunReruns(
            tracking=tracking,
            runs=runs,
            sent=bundles,
            submission=base.submission,
            drafting=base.drafting,
            engines=base.engines,
            environments=base.environments,
        ),
        viewer=ArtifactViewer(sources=sources, parquet=ParquetHeads(python=base.settings.python, ledger=ledger)),
    )
