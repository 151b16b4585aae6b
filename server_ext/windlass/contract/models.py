"""The model registry: models, versions, aliases, and how they are promoted."""

from __future__ import annotations

from enum import Enum

from pydantic import Field

from windlass.contract.base import JsonValue, Timestamp, WireModel
from windlass.contract.cluster import ClusterOptions
from windlass.contract.comparison import ComparedValue
from windlass.contract.runs import MetricValue, TextValue


class ModelVersion(WireModel):
    """A version of a registered model."""

    name: str
    version: str
    aliases: list[str]
    stage: str | None = None
    """None, Staging, Production or Archived on servers that still have stages; else null."""
    status: str
    """READY, PENDING_REGISTRATION or FAILED_REGISTRATION."""
    message: str | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None
    user: str | None = None
    description: str | None = None
    tags: list[TextValue] = Field(default_factory=list)
    source: str | None = None
    run_id: str | None = None
    run_name: str | None = None
    experiment_id: str | None = None
    model_id: str | None = None
    job_id: str | None = None
    metrics: list[MetricValue] = Field(default_factory=list)
    """The first few of its source run's, by name and without those of the system; `ModelVersionDetail` has all."""
    url: str | None = None


class SignatureField(WireModel):
    """One input or output of a model."""

    name: str | None = None
    type: str
    """`double`, `string`, `tensor(float32, (-1, 28, 28))` …"""
    required: bool = True


class Signature(WireModel):
    """What a model takes and gives."""

    inputs: list[SignatureField] | None = None
    outputs: list[SignatureField] | None = None
    params: list[SignatureField] | None = None


class ModelVersionDetail(WireModel):
    """A version, with what its files say."""

    version: ModelVersion
    metrics: list[MetricValue] = Field(default_factory=list)
    """Of the source run, and of the LoggedModel where there is one."""
    params: list[TextValue] = Field(default_factory=list)
    signature: Signature | None = None
    """Null: the model was logged without one, or its files cannot be read; then `message` says so."""
    flavors: list[str] = Field(default_factory=list)
    size_bytes: int | None = None
    requirements: list[str] = Field(default_factory=list)
    mlflow_version: str | None = None
    message: str | None = None


class RegisteredModel(WireModel):
    """A model of the registry."""

    name: str
    description: str | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None
    tags: list[TextValue] = Field(default_factory=list)
    aliases: dict[str, str] = Field(default_factory=dict)
    """Alias → version."""
    latest_version: str | None = None
    url: str | None = None


class ModelList(WireModel):
    """A page of models, by name."""

    items: list[RegisteredModel]
    next_cursor: str | None = None


class ModelVersionList(WireModel):
    """A page of a model's versions, newest first."""

    model: RegisteredModel
    items: list[ModelVersion]
    next_cursor: str | None = None


class RegisterRequest(WireModel):
    """Make the model of a run a version of a registered model, which is made when there is none of that name."""

    name: str = Field(min_length=1, max_length=250)
    """Without `/` and `:`."""
    run_id: str = Field(min_length=1, max_length=64)
    model_id: str | None = Field(default=None, max_length=64)
    path: str | None = Field(default=None, max_length=1024)
    """Path among the run's artifacts. With neither this nor `model_id`: the run's only model."""
    description: str | None = Field(default=None, max_length=5000)
    tags: dict[str, str] = Field(default_factory=dict, max_length=50)


class VersionChange(WireModel):
    """Change a version's words. What is null stays as it is."""

    description: str | None = Field(default=None, max_length=5000)
    tags: dict[str, str | None] = Field(default_factory=dict, max_length=50)
    """A null value removes the tag."""


class ModelChange(VersionChange):
    """Change a model's words. What is null stays as it is."""


class PromotionRequest(WireModel):
    """Move an alias, or a stage, to a version."""

    version: str = Field(pattern="^[0-9]{1,19}$")
    alias: str | None = Field(default=None, min_length=1, max_length=250)
    stage: str | None = Field(default=None, pattern="^(None|Staging|Production|Archived)$")
    """One of `alias` and `stage` is needed."""
    expected: str | None = Field(default=None, pattern="^([0-9]{1,19})?$")
    """The version that the asker saw it at, empty for none: if it has moved since, this is a conflict. Null: any."""
    comment: str = Field(default="", max_length=2000)


class PromotionState(str, Enum):
    """Where a promotion stands."""

    WAITING = "waiting"
    """For an approval."""
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"
    """It was to be done, and MLflow refused or the alias had moved by then; `message` says."""


class Approval(WireModel):
    """What somebody said to a promotion."""

    by: str
    at: Timestamp
    approved: bool
    comment: str = ""


class Promotion(WireModel):
    """One line of the log: who moved what, when, from where to where, and why."""

    id: str
    model: str
    alias: str | None = None
    stage: str | None = None
    from_version: str | None = None
    to_version: str
    state: PromotionState
    message: str | None = None
    by: str
    comment: str = ""
    asked_at: Timestamp
    ended_at: Timestamp | None = None
    needs: str | None = None
    """Whose approval it needs, in words: `1 of ml-leads`."""
    approvals: list[Approval] = Field(default_factory=list)
    may_approve: bool = False
    """Whether the asker of this list may approve it."""
    may_withdraw: bool = False


class PromotionLog(WireModel):
    """What happened to a model's aliases and stages, newest first."""

    items: list[Promotion]
    next_cursor: str | None = None


class PromotionRule(WireModel):
    """What moving an alias, or a stage, asks for."""

    alias: str | None = None
    stage: str | None = None
    """One of `alias` and `stage` is given."""
    groups: list[str]
    """Whose members may approve."""
    approvals: int
    enforced: bool
    """Whether the tracking server keeps others from moving it past Windlass."""


class PromotionTerms(WireModel):
    """What can be promoted to, and under which rules."""

    aliases: list[str]
    """Those the admin set, `champion` and `challenger` unless changed; others may be typed where `free` says so."""
    free: bool
    stages: list[str]
    """Empty on servers without stages."""
    rules: list[PromotionRule] = Field(default_factory=list)
    log: str = Field(pattern="^(hub|tags)$")
    """Where the log is kept: the hub's database, or tags of the version, which whoever may write there can change."""
    message: str | None = None
    """What the asker ought to know: that an alias is protected here only as long as everyone goes through Windlass."""


class PromotionAnswer(WireModel):
    """An approval, a refusal, or the end of one's own request."""

    decision: str = Field(pattern="^(approve|refuse|withdraw)$")
    comment: str = Field(default="", max_length=2000)


class SchemaChange(WireModel):
    """One field that two versions' signatures do not share alike."""

    part: str = Field(pattern="^(inputs|outputs|params)$")
    name: str | None = None
    change: str = Field(pattern="^(added|removed|type|required)$")
    before: str | None = None
    after: str | None = None
    breaking: bool
    """Whether a caller of the one can fail with the other."""


class VersionComparison(WireModel):
    """Two versions side by side: from the present one to the candidate."""

    before: ModelVersionDetail
    after: ModelVersionDetail
    metrics: list[ComparedValue]
    params: list[ComparedValue]
    schema_changes: list[SchemaChange]
    breaking: bool | None = None
    """Null: one of them has no signature."""


class EvaluationRequest(WireModel):
    """Evaluate a version, and the present holder of an alias, on one validation set, as a job."""

    data: str = Field(min_length=1, max_length=1024)
    """A CSV or Parquet file, relative to the server's root folder."""
    targets: str = Field(min_length=1, max_length=250)
    """Its column with the truth."""
    model_type: str = Field(default="classifier", pattern="^(classifier|regressor)$")
    against: str | None = Field(default="champion", max_length=250)
    """Alias of the version to compare with; null: none."""
    environment: str | None = Field(default=None, max_length=255)
    """Kernel spec whose Python evaluates; the server's default when left out."""
    engine: str | None = Field(default=None, max_length=63)
    """`local` or `kubernetes`; the server's default when left out."""
    cluster: ClusterOptions | None = None
    """What the worker is given in a cluster; not for the local engine."""
    allow_secrets: bool = False
    """Send the data although it holds what looks like secrets. Without it such a file is refused."""


class EvaluationResult(WireModel):
    """What an evaluation job found."""

    job_id: str
    done: bool
    message: str | None = None
    version: str
    against: str | None = None
    metrics: list[ComparedValue] = Field(default_factory=list)
    """Values of `against`, then of `version`; the first is null when there is no `against`."""
    extra: dict[str, JsonValue] = Field(default_factory=dict)
