"""What would be sent, and what is noticed about it, before anything is."""

from __future__ import annotations

from enum import Enum

from pydantic import Field

from windlass.contract.base import JsonValue, WireModel
from windlass.contract.jobs import GitState


class ParameterField(WireModel):
    """One parameter of the notebook's parameters cell, for a form."""

    name: str
    type: str = Field(pattern="^(bool|int|float|str|list|dict|none|other)$")
    """Inferred from the annotation, the type comment or the default."""
    default: JsonValue = None
    default_source: str
    """The default as written in the cell."""
    help: str | None = None
    """The comment behind the assignment."""
    value: JsonValue = None
    """The value that would be sent."""


class BundleFile(WireModel):
    """A file that goes."""

    path: str
    """Relative to the server's root folder."""
    size_bytes: int
    reason: str
    """Why it goes: `notebook`, `imported by train.ipynb cell 3`, `matches include data/*.csv` …"""


class LeftOutFile(WireModel):
    """A file (or folder) that does not go."""

    path: str
    size_bytes: int | None = None
    reason: str


class DataReference(WireModel):
    """A path that the code opens by name."""

    path: str
    cell: int | None = None
    file: str
    line: int
    exists: bool
    included: bool
    size_bytes: int | None = None


class Package(WireModel):
    """A package the code imports."""

    module: str
    distribution: str | None = None
    version: str | None = None
    """Installed in the job's environment; null when it is not."""


class Severity(str, Enum):
    """How much a finding matters: an error keeps the job from being sent."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Finding(WireModel):
    """Something noticed by reading the code."""

    rule: str
    """A short stable name: `secret`, `no-process-group`, `save-on-every-rank` …"""
    severity: Severity
    message: str
    fix: str | None = None
    path: str | None = None
    cell: int | None = None
    """Index of the cell, counted from 0, every cell type counted."""
    line: int | None = None
    """Line in the cell (or file), counted from 1."""
    excerpt: str | None = None
    """The line concerned, secrets masked."""
    apply: dict[str, JsonValue] | None = None
    """Values that, merged into the request (RFC 7396), mend it; null where only the user can."""


class EnvironmentSummary(WireModel):
    """The Python that would run the job."""

    name: str | None
    """Kernel spec name."""
    display_name: str | None = None
    python: str | None = None
    python_version: str | None = None
    packages: list[Package] = Field(default_factory=list)
    missing: list[str] = Field(default_factory=list)
    """Modules that the code imports and the environment lacks."""


class JobPreview(WireModel):
    """Everything about a job that can be known before it is sent."""

    notebook: str
    engine: str
    kind: str
    world_size: int
    files: list[BundleFile]
    left_out: list[LeftOutFile]
    data: list[DataReference]
    parameters: list[ParameterField]
    environment: EnvironmentSummary
    git: GitState | None = None
    findings: list[Finding]
    total_bytes: int
    bundle_sha256: str | None = None
    cells: int
    """Code cells that would run."""
    command: list[str]
    """What is started, argument by argument."""
    manifest: dict[str, JsonValue] | None = None
    """The job's own object, in a cluster."""
    manifests: list[dict[str, JsonValue]] = Field(default_factory=list)
    """All objects that would be made, the job's own among them, in the order they are made."""
    kind_reason: str | None = None
    """Why the job is of this kind, where the engine chose it."""
    cost_usd_per_hour: float | None = None
    notices: list[str] = Field(default_factory=list)
    can_submit: bool
    """False when a finding of severity error stands in the way."""


class Environment(WireModel):
    """A kernel spec of the server, as a place where a job can run."""

    name: str
    display_name: str
    language: str
    python: str | None = None
    usable: bool
    message: str | None = None
    """Why it cannot be used."""


class EnvironmentList(WireModel):
    """The environments a job can run in."""

    items: list[Environment]
    default: str | None = None
