"""The model registry: models, versions, promotions."""

from __future__ import annotations

from windlass.contract.jobs import Job
from windlass.contract.lineage import Lineage
from windlass.contract.models import (
    EvaluationRequest,
    EvaluationResult,
    ModelChange,
    ModelList,
    ModelVersion,
    ModelVersionDetail,
    ModelVersionList,
    Promotion,
    PromotionAnswer,
    PromotionLog,
    PromotionRequest,
    PromotionTerms,
    RegisteredModel,
    RegisterRequest,
    VersionChange,
    VersionComparison,
)

from .jobs import IDEMPOTENCY_KEY
from .model import CURSOR, Operation, in_path, in_query, limit

MODELS_PAGE = 50
LARGEST_MODELS_PAGE = 200

NAME = in_path("name", "The registered model's name.")
VERSION = in_path("version", "The version's number.")
PROMOTION_ID = in_path("promotion_id", "The promotion's id in the log.")

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="get",
        path="/models",
        name="listModels",
        summary="Registered models, by name",
        response=ModelList,
        parameters=(
            in_query("q", "Only models whose name contains this text, whatever the case."),
            limit(default=MODELS_PAGE, most=LARGEST_MODELS_PAGE),
            CURSOR,
        ),
        problems=(400, 502, 503),
    ),
    Operation(
        method="post",
        path="/models",
        name="registerModel",
        summary="Make the model of a run a version of a registered model",
        request=RegisterRequest,
        response=ModelVersion,
        status=201,
        also=(200,),
        problems=(400, 403, 404, 409, 502, 503),
        headers=(("Location", "Where the version is."),),
    ),
    Operation(
        method="get",
        path="/models/{name}",
        name="getModel",
        summary="A model and a page of its versions, newest first",
        response=ModelVersionList,
        parameters=(NAME, limit(default=MODELS_PAGE, most=LARGEST_MODELS_PAGE), CURSOR),
        problems=(400, 404, 502, 503),
    ),
    Operation(
        method="patch",
        path="/models/{name}",
        name="changeModel",
        summary="Change a model's description and tags",
        request=ModelChange,
        response=RegisteredModel,
        parameters=(NAME,),
        problems=(400, 404, 502, 503),
    ),
    Operation(
        method="get",
        path="/models/{name}/versions/{version}",
        name="getModelVersion",
        summary="A version: aliases, metrics, signature, size, source",
        response=ModelVersionDetail,
        parameters=(NAME, VERSION),
        problems=(404, 502, 503),
    ),
    Operation(
        method="patch",
        path="/models/{name}/versions/{version}",
        name="changeModelVersion",
        summary="Change a version's description and tags",
        request=VersionChange,
        response=ModelVersion,
        parameters=(NAME, VERSION),
        problems=(400, 404, 502, 503),
    ),
    Operation(
        method="get",
        path="/models/{name}/versions/{version}/compare",
        name="compareModelVersions",
        summary="A version against another: metrics, signature, what breaks, size",
        response=VersionComparison,
        parameters=(NAME, VERSION, in_query("with", "The version that is there now; `version` is the candidate.")),
        problems=(400, 404, 502, 503),
    ),
    Operation(
        method="get",
        path="/models/{name}/versions/{version}/lineage",
        name="getModelVersionLineage",
        summary="Where a version came from and what became of it",
        response=Lineage,
        parameters=(NAME, VERSION),
        problems=(404, 502, 503),
    ),
    Operation(
        method="post",
        path="/models/{name}/versions/{version}/evaluate",
        name="evaluateModelVersion",
        summary="Evaluate a version, and the present holder of an alias, on one validation set, as a job",
        request=EvaluationRequest,
        response=Job,
        status=201,
        also=(200,),
        parameters=(NAME, VERSION, IDEMPOTENCY_KEY),
        problems=(400, 404, 409, 422, 502, 503, 507),
        headers=(("Location", "Where the job is."),),
    ),
    Operation(
        method="get",
        path="/models/{name}/versions/{version}/evaluations",
        name="getEvaluation",
        summary="What the newest evaluation of a version found",
        response=EvaluationResult,
        parameters=(NAME, VERSION),
        problems=(404, 502, 503),
    ),
    Operation(
        method="get",
        path="/models/{name}/promotions",
        name="listPromotions",
        summary="Who moved which alias or stage, when, from where to where, and why",
        response=PromotionLog,
        parameters=(NAME, CURSOR),
        problems=(400, 404, 502, 503),
    ),
    Operation(
        method="get",
        path="/models/{name}/promotion-terms",
        name="getPromotionTerms",
        summary="What a version can be promoted to, and under which rules",
        response=PromotionTerms,
        parameters=(NAME,),
        problems=(404, 502, 503),
    ),
    Operation(
        method="post",
        path="/models/{name}/promotions",
        name="promoteModel",
        summary="Move an alias or a stage to a version; 202 when that waits for an approval",
        request=PromotionRequest,
        response=Promotion,
        also=(202,),
        parameters=(NAME, IDEMPOTENCY_KEY),
        problems=(400, 403, 404, 409, 502, 503),
    ),
    Operation(
        method="post",
        path="/models/{name}/promotions/{promotion_id}",
        name="answerPromotion",
        summary="Approve, refuse or withdraw a promotion that waits",
        request=PromotionAnswer,
        response=Promotion,
        parameters=(NAME, PROMOTION_ID),
        problems=(400, 403, 404, 409, 502, 503),
    ),
)
