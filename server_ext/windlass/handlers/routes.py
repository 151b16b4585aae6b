"""Which handler serves which operation. A test holds this against `operations.OPERATIONS`, path by path."""

from __future__ import annotations

import re

from tornado.web import RequestHandler

from windlass.handlers.cluster import ClusterHandler, PlacementHandler
from windlass.handlers.costs import (
    BudgetsHandler,
    CostsHandler,
    EstimateHandler,
    JobAdviceHandler,
    JobCostHandler,
    PricesHandler,
)
from windlass.handlers.experiments import ColumnsHandler, ExperimentsHandler
from windlass.handlers.gpus import GpuAlarmDismissHandler, GpuHistoryHandler, GpusHandler
from windlass.handlers.job import JobHandler, RerunHandler, StopHandler
from windlass.handlers.job_gpus import JobGpusHandler
from windlass.handlers.jobs import JobsHandler, PreviewHandler
from windlass.handlers.models import (
    EvaluateHandler,
    EvaluationsHandler,
    ModelHandler,
    ModelsHandler,
    PromotionHandler,
    PromotionsHandler,
    PromotionTermsHandler,
    VersionCompareHandler,
    VersionHandler,
)
from windlass.handlers.operations import PREFIX
from windlass.handlers.output import BundleHandler, DiffHandler, LogsHandler, NotebookHandler
from windlass.handlers.run_files import (
    ArtifactRawHandler,
    ArtifactsHandler,
    ArtifactViewHandler,
    LoadCodeHandler,
    ModelVersionLineageHandler,
    RunBundleHandler,
    RunDiffHandler,
    RunLineageHandler,
    RunNotebookHandler,
    RunRerunHandler,
)
from windlass.handlers.runs import RunCompareHandler, RunCurvesHandler, RunFilterHandler, RunHandler, RunSearchHandler
from windlass.handlers.server import DoctorHandler, EnvironmentsHandler, InfoHandler, UnknownHandler
from windlass.handlers.socket import SocketHandler

HANDLERS: dict[str, type[RequestHandler]] = {
    "/info": InfoHandler,
    "/doctor": DoctorHandler,
    "/environments": EnvironmentsHandler,
    "/cluster": ClusterHandler,
    "/jobs/preview": PreviewHandler,
    "/jobs": JobsHandler,
    "/jobs/{job_id}": JobHandler,
    "/jobs/{job_id}/stop": StopHandler,
    "/jobs/{job_id}/rerun": RerunHandler,
    "/jobs/{job_id}/placement": PlacementHandler,
    "/jobs/{job_id}/gpus": JobGpusHandler,
    "/jobs/{job_id}/cost": JobCostHandler,
    "/jobs/{job_id}/advice": JobAdviceHandler,
    "/jobs/{job_id}/logs": LogsHandler,
    "/jobs/{job_id}/notebook": NotebookHandler,
    "/jobs/{job_id}/diff": DiffHandler,
    "/jobs/{job_id}/bundle": BundleHandler,
    "/gpus": GpusHandler,
    "/gpus/history": GpuHistoryHandler,
    "/gpus/alarms/{alarm_id}/dismiss": GpuAlarmDismissHandler,
    "/experiments": ExperimentsHandler,
    "/experiments/columns": ColumnsHandler,
    "/runs/search": RunSearchHandler,
    "/runs/filter": RunFilterHandler,
    "/runs/compare": RunCompareHandler,
    "/runs/curves": RunCurvesHandler,
    "/runs/{run_id}": RunHandler,
    "/runs/{run_id}/notebook": RunNotebookHandler,
    "/runs/{run_id}/diff": RunDiffHandler,
    "/runs/{run_id}/bundle": RunBundleHandler,
    "/runs/{run_id}/rerun": RunRerunHandler,
    "/runs/{run_id}/load-code": LoadCodeHandler,
    "/runs/{run_id}/artifacts": ArtifactsHandler,
    "/runs/{run_id}/artifacts/view": ArtifactViewHandler,
    "/runs/{run_id}/artifacts/raw": ArtifactRawHandler,
    "/runs/{run_id}/lineage": RunLineageHandler,
    "/models": ModelsHandler,
    "/models/{name}": ModelHandler,
    "/models/{name}/promotions": PromotionsHandler,
    "/models/{name}/promotions/{promotion_id}": PromotionHandler,
    "/models/{name}/promotion-terms": PromotionTermsHandler,
    "/models/{name}/versions/{version}": VersionHandler,
    "/models/{name}/versions/{version}/compare": VersionCompareHandler,
    "/models/{name}/versions/{version}/evaluate": EvaluateHandler,
    "/models/{name}/versions/{version}/evaluations": EvaluationsHandler,
    "/models/{name}/versions/{version}/lineage": ModelVersionLineageHandler,
    "/costs": CostsHandler,
    "/costs/prices": PricesHandler,
    "/costs/budgets": BudgetsHandler,
    "/costs/estimate": EstimateHandler,
    "/socket": SocketHandler,
}


def patterns() -> list[tuple[str, type[RequestHandler]]]:
    """Regular expressions relative to the base URL, in the order to try them; the last takes what is left."""
    known = [(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", PREFIX + path), handler) for path, handler in HANDLERS.items()]
    return [*known, (r"/windlass(?:/.*)?", UnknownHandler)]
