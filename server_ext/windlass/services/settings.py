"""What a server was told about itself, as plain values: services take this and know no configuration system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from windlass.engines.base import Engine


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of one Jupyter server."""

    data_dir: Path
    root_dir: Path
    owner: str
    """The person this server belongs to."""
    version: str
    python: str
    """The interpreter of the server: the environment of last resort."""
    default_engine: str = "local"
    engines: Mapping[str, Callable[[], Engine]] = field(default_factory=dict)
    """Makes each engine, when it is first needed."""
    max_bundle_bytes: int = 100 * 1024 * 1024
    allow_hidden: bool = False
    """Whether the contents manager shows hidden files."""
    tracking_uri: str | None = None
    embedded_tracking: bool = True
    promotion_aliases: tuple[str, ...] = ("champion", "challenger")
    promotion_free: bool = True
    """Whether other aliases may be typed."""
    on_hub: bool = False
    save_timeout_seconds: float = 5.0
    gpu_idle_threshold: float = 0.05
    """Part of the time, 0 to 1, below which a GPU is not used."""
    gpu_alarm_minutes: float = 10.0
    gpu_record: bool = False
    """Whether this machine's GPUs are watched while nobody looks."""
    prometheus_url: str | None = None
    """Of the Prometheus that scrapes the cluster's DCGM exporter."""
    price_book: Path | None = None
    """A YAML file of prices."""
    advice_minutes: float = 10.0
    """From less measured time there is no advice."""
    pod: str | None = None
    """The pod this server runs in, where it does."""

    @property
    def ledger_path(self) -> Path:
        """The ledger's file."""
        return self.data_dir / "ledger.db"

    @property
    def bundles_dir(self) -> Path:
        """Where bundles lie, named by their hash."""
        return self.data_dir / "bundles"
