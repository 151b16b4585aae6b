"""The registry's use cases put together, as the handlers have them."""

from __future__ import annotations

from dataclasses import dataclass

from windlass.hub.broker import HubBroker
from windlass.ledger.jobs import JobLedger
from windlass.services.drafts import Drafting
from windlass.services.engines import Engines
from windlass.services.environments import Environments
from windlass.services.experiments.reading import RunReader
from windlass.services.registry.evaluate import Evaluations
from windlass.services.registry.evaluation_results import EvaluationResults
from windlass.services.registry.files import VersionFiles
from windlass.services.registry.hub_side import HubSide
from windlass.services.registry.models import ModelRegistry
from windlass.services.registry.promote import AliasSettings, Promotions
from windlass.services.registry.register import Registration
from windlass.services.registry.sources import SourceRuns
from windlass.services.registry.versions import Versions
from windlass.services.settings import Settings
from windlass.services.submit import Submission
from windlass.tracking.tracking import Tracking


@dataclass(frozen=True, kw_only=True)
class RegistryDesk:
    """Everything that is done with models."""

    models: ModelRegistry
    versions: Versions
    registration: Registration
    promotions: Promotions
    evaluations: Evaluations
    results: EvaluationResults


def make_desk(
    *,
    settings: Settings,
    tracking: Tracking,
    runs: RunReader,
    ledger: JobLedger,
    engines: Engines,
    environments: Environments,
    submission: Submission,
    broker: HubBroker | None,
) -> RegistryDesk:
    """Put it together; nothing is asked or opened."""
    hub = HubSide(broker)
    models = ModelRegistry(tracking=tracking, sources=SourceRuns(runs=runs))
    files = VersionFiles()
    return RegistryDesk(
        models=models,
        versions=Versions(tracking=tracking, runs=runs, models=models, files=files),
        registration=Registration(tracking=tracking, runs=runs, models=models, hub=hub),
        promotions=Promotions(
            tracking=tracking,
            models=models,
            settings=AliasSettings(aliases=settings.promotion_aliases, free=settings.promotion_free),
            hub=hub,
        ),
        evaluations=Evaluations(
            settings=settings,
            tracking=tracking,
            models=models,
            submission=submission,
            drafting=lambda root: Drafting(settings=settings, root=root, environments=environments, engines=engines),
            files=files,
        ),
        results=EvaluationResults(ledger=ledger, models=models, runs=runs),
    )
