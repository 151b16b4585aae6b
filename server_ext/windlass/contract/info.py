"""What this server can do, and what is missing."""

from __future__ import annotations

from pydantic import Field

from windlass.contract.base import WireModel


class Capacity(WireModel):
    """What an engine has and what is free; null where unknown."""

    cpus: int | None = None
    cpus_free: int | None = None
    gpus: int | None = None
    gpus_free: int | None = None
    running: int | None = None
    queued: int | None = None


class EngineInfo(WireModel):
    """One engine."""

    name: str
    display_name: str
    available: bool
    message: str | None = None
    """What is missing, and what to do about it."""
    kinds: list[str] = Field(default_factory=list)
    capacity: Capacity = Field(default_factory=Capacity)


class TrackingInfo(WireModel):
    """Where runs are tracked."""

    mode: str = Field(pattern="^(configured|embedded|off)$")
    state: str = Field(pattern="^(up|starting|down|missing|off|idle)$")
    """`missing`: MLflow is not installed; `idle`: the embedded server is started on first use."""
    url: str | None = None
    """Address without credentials."""
    message: str | None = None


class HubInfo(WireModel):
    """This server's hub, where it runs Windlass; null is unknown."""

    user: str | None = None
    groups: list[str] | None = None
    jobs_namespace: str | None = None
    """The Kubernetes namespace of the user's jobs; null also on a hub that makes none."""
    profile: str | None = None
    """What this server was started with."""
    usd_per_hour: float | None = None
    """What this server costs."""
    message: str | None = None
    """Why the hub service does not answer."""


class Info(WireModel):
    """The server in one answer: for the panel's first request and `windlass doctor`."""

    version: str
    user: str
    root: str
    """The server's root folder, as shown to people."""
    default_engine: str
    engines: list[EngineInfo]
    tracking: TrackingInfo
    max_bundle_bytes: int
    on_hub: bool
    hub: HubInfo | None = None
    """null without a hub, and on one without Windlass."""
    job_survives_server: bool
    """False when local jobs die with this server's container (a hub pod)."""


class Check(WireModel):
    """One line of `windlass doctor`."""

    name: str
    ok: bool | None
    """null: could not be told."""
    message: str
    fix: str | None = None


class CheckList(WireModel):
    """All of `windlass doctor`'s server-side checks."""

    items: list[Check]
