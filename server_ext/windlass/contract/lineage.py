"""Where a thing came from and what became of it: notebook → bundle → job → run → model version → deployment."""

from __future__ import annotations

from enum import Enum

from windlass.contract.base import Timestamp, WireModel


class LineageKind(str, Enum):
    """What a link of the chain is."""

    NOTEBOOK = "notebook"
    BUNDLE = "bundle"
    JOB = "job"
    RUN = "run"
    MODEL_VERSION = "model_version"
    DEPLOYMENT = "deployment"


class LineageNode(WireModel):
    """One link."""

    kind: LineageKind
    id: str
    """Path of the notebook, sha256 of the bundle, id of the job or run, `name/version` of the model version."""
    label: str
    detail: str | None = None
    at: Timestamp | None = None
    cost_usd: float | None = None
    gpu_hours: float | None = None
    missing: bool = False
    """It is named by another link, and is gone or cannot be read."""


class LineageEdge(WireModel):
    """One link came from another. Indices into `nodes`."""

    source: int
    target: int


class Lineage(WireModel):
    """The chain that a thing is part of."""

    focus: int
    """Which of the nodes was asked about."""
    nodes: list[LineageNode]
    edges: list[LineageEdge]
    cost_usd: float | None = None
    """Of every job in the chain; null when one of them is unknown."""
    gpu_hours: float | None = None
    truncated: bool = False
    """There is more than is shown (a run with more than 50 nested runs, a model with more than 50 versions)."""
