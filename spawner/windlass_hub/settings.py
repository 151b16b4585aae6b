"""The settings that the hub's configuration and the hub service share.

`configure(c, settings)` writes them into a JupyterHub configuration; the service reads them back from its environment
(`WINDLASS_HUB_SETTINGS`, JSON). They hold no secret: secrets come by files or by their own variables, named here.
"""

from __future__ import annotations

import os
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from .budget_rules import BudgetRule, refuse_doubles
from .isolation.network import Network
from .promotions.rules import PromotionSettings

SERVICE_NAME = "windlass"
ENVIRONMENT = "WINDLASS_HUB_SETTINGS"
FEED_TOKEN_ENVIRONMENT = "WINDLASS_HUB_FEED_TOKEN"  # noqa: S105  (the name of the variable)

PROFILES_READ = "custom:windlass:profiles:read"
PROFILES_WRITE = "custom:windlass:profiles:write"
COSTS_READ = "custom:windlass:costs:read"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
ACCESS_SERVICE = f"access:services!service={SERVICE_NAME}"


class Settings(BaseModel):
    """Everything an admin decides about the hub side, apart from the catalogue."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    profiles: str = Field(
        "file:windlass-profiles.yaml",
        description="Where the catalogue is: file:PATH, or configmap:NAMESPACE/NAME.",
    )
    keep_versions: int = Field(20, ge=1, le=200, description="How many earlier versions of the catalogue are kept.")
    spawner: Literal["kubernetes", "local"] = Field(
        "kubernetes", description="kubernetes: pods. local: processes of this machine, for a hub without Kubernetes."
    )
    isolation: Literal["none", "own", "beside"] = Field(
        "beside",
        description="own: notebook and jobs in one namespace per user. beside: notebooks stay where they are, jobs get "
        "a namespace per user beside. none: no namespaces are made (stock KubeSpawner).",
    )
    namespace_prefix: str = Field(
        "wl", pattern=r"^[a-z]([a-z0-9-]{0,12}[a-z0-9])?$", description="Of the users' namespaces."
    )
    hub_namespace: str = Field("", description="The hub's own namespace; found out in a pod when left out.")
    hub_id: str = Field(
        "hub",
        pattern=r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$",
        description="Tells this hub's objects from another hub's.",
    )
    hub_account: str = Field("hub", description="The hub's ServiceAccount, in its own namespace.")
    service_account: str = Field(
        "", description="The hub service's ServiceAccount; the hub's own when left out (it runs in the hub's pod)."
    )
    network: Network = Field(
        Network(), description="Where MLflow, the artifact store and the like are, for NetworkPolicies."
    )
    admin_groups: tuple[str, ...] = Field(
        (), description="Groups whose members edit profiles. Hub admins do not, unless named here."
    )
    admin_users: tuple[str, ...] = Field((), description="Users who edit profiles.")
    reader_groups: tuple[str, ...] = Field(
        (), description="Groups whose members see profiles, servers and costs, and change nothing."
    )
    service_url: str = Field(
        "http://127.0.0.1:8123",
        description="Where hub, proxy and users' servers reach the hub service. It listens at this address, and on all "
        "of them where a name is given.",
    )
    database: str = Field(
        "sqlite:///windlass-hub.sqlite", description="SQLAlchemy URL of the service's own database (audit log, jobs)."
    )
    database_password_file: str = Field(
        "", description="A file with the database's password, so that none stands in the URL."
    )
    audit_days: int = Field(365, ge=1, le=3650, description="After how many days entries of the audit log are deleted.")
    job_days: int = Field(730, ge=7, le=3650, description="After how many days what an ended job took is deleted.")
    prometheus_url: str = Field("", description="Prometheus for the metrics of users' pods; empty: none.")
    metrics_token_file: str = Field(
        "", description="A file with a token that may read the service's own metrics, as Prometheus sends it."
    )
    price_book: str = Field(
        "", description="A file with prices by node, card, region and date, before those of the catalogue."
    )
    budgets: tuple[BudgetRule, ...] = Field((), description="What users and groups may spend in a month or a week.")
    cull_minutes: float = Field(
        0,
        ge=0,
        description="After how long without activity the hub's culler stops a server; told to its user. 0: not known.",
    )
    mlflow_url: str = Field("", description="The MLflow server users' jobs reach; empty: each user's own.")
    mlflow_credentials_file: str = Field(
        "",
        description="A file with the hub service's own credentials for that server (YAML: MLFLOW_TRACKING_USERNAME …), "
        "to close the runs of jobs whose user is away.",
    )
    promotion: PromotionSettings = Field(
        PromotionSettings(),
        description="Aliases that models are promoted by, and whose approval each needs. It needs `mlflow_url`.",
    )
    server_grace_minutes: float = Field(
        10, ge=0, le=1440, description="How long a user's running server is given to finish the record of an ended job."
    )
    notify_url: str = Field(
        "", description="Where a signed POST goes when a job has ended: https, or http inside the cluster. Empty: none."
    )
    notify_secret_file: str = Field("", description="A file with the key of that signature; empty: nothing is signed.")
    credentials_dir: str = Field(
        "",
        description="A folder of files, by user or group, with their MLflow, S3, Hugging Face and index credentials.",
    )
    kubernetes_server: str = Field(
        "", description="The API server's address as users' servers reach it; left out: as the hub reaches it."
    )
    token_seconds: int = Field(
        3600, ge=600, le=86_400, description="How long a Kubernetes token from the broker lives."
    )
    start_minutes: float = Field(
        10, gt=0, description="How long a start may take before it is given up with the reason."
    )

    @field_validator("budgets")
    @classmethod
    def _one_each(cls, budgets: tuple[BudgetRule, ...]) -> tuple[BudgetRule, ...]:
        refuse_doubles(budgets)
        return budgets

    @field_validator("notify_url")
    @classmethod
    def _safe_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if not url:
            return url
        if parts.username or parts.password or not parts.hostname:
            raise ValueError("notify_url must be an address without a user and a password.")
        inside = "." not in parts.hostname or parts.hostname.endswith((".svc", ".svc.cluster.local", ".cluster.local"))
        if parts.scheme == "https" or (parts.scheme == "http" and (inside or parts.hostname in _LOOPBACK)):
            return url
        raise ValueError("notify_url must begin with https://, or be a service of the cluster.")

    @classmethod
    def from_environment(cls) -> Settings:
        """The settings the hub gave its service.

        Raises:
            pydantic.ValidationError: they are not what this version knows.
        """
        return cls.model_validate_json(os.environ.get(ENVIRONMENT, "{}"))
