"""One call that puts Windlass into a JupyterHub configuration: `configure(c, Settings(...))`.

Scopes, roles, the hub service and the spawner must agree with each other; written by hand in four places they do not
for long. It only adds: what the admin configured before stays, and everything it sets can be set again after the call.
"""

from __future__ import annotations

import os
import secrets
import sys
from typing import Any

from traitlets.config.loader import LazyConfigValue

from .settings import (
    ACCESS_SERVICE,
    COSTS_READ,
    ENVIRONMENT,
    FEED_TOKEN_ENVIRONMENT,
    PROFILES_READ,
    PROFILES_WRITE,
    SERVICE_NAME,
    Settings,
)

CUSTOM_SCOPES = {
    PROFILES_WRITE: {
        "description": "Edit Windlass profiles, prices and quotas",
        "subscopes": [PROFILES_READ],
    },
    PROFILES_READ: {"description": "See all Windlass profiles, their history and who runs what"},
    COSTS_READ: {"description": "See what everybody's servers and jobs cost"},
}
# What the service asks of the hub, each with its reason; docs and tests read it.
SERVICE_SCOPES = {
    "list:users": "who runs what now, for the admin page",
    "read:users:name": "names on the admin page and in the audit log",
    "read:users:groups": "who may use which profile, and whose quota holds",
    "read:servers": "which servers run, since when, with which options",
    "admin:server_state": "which profile and price a running server was started with",
}
_PASSED_ON = ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "PATH", "LANG", "SSL_CERT_FILE")


def configure(c: Any, settings: Settings | None = None) -> Settings:
    """Add the spawner, the hub service, its scopes and its roles to the configuration `c`.

    Args:
        c: JupyterHub's configuration object, as in `jupyterhub_config.py` (`c = get_config()`).
        settings: what the admin decides; the defaults when left out.

    Returns:
        The settings in force.
    """
    settings = settings or Settings()
    feed_token = secrets.token_urlsafe(32)
    classes = {"kubernetes": "windlass_hub.spawner.WindlassSpawner", "local": "windlass_hub.local.WindlassLocalSpawner"}
    c.JupyterHub.spawner_class = classes[settings.spawner]
    _spawner(c, settings, "WindlassSpawner" if settings.spawner == "kubernetes" else "WindlassLocalSpawner", feed_token)
    _add(c.JupyterHub, "services", [_service(settings, feed_token)])
    _add(c.JupyterHub, "load_roles", _roles(settings))
    custom = c.JupyterHub.get("custom_scopes")
    c.JupyterHub.custom_scopes = {**(custom if isinstance(custom, dict) else {}), **CUSTOM_SCOPES}
    extra = c.JupyterHub.get("extra_user_scopes")
    c.JupyterHub.extra_user_scopes = {*(extra if isinstance(extra, (set, list)) else ()), ACCESS_SERVICE}
    return settings


def _spawner(c: Any, settings: Settings, name: str, feed_token: str) -> None:
    spawner = c[name]
    spawner.profile_store = settings.profiles
    spawner.hub_service_url = settings.service_url
    spawner.feed_token = feed_token
    # JupyterHub grants a server's token only what its user holds, so this widens nothing.
    spawner.server_token_scopes = [
        "users:activity!user",
        "access:servers!server",
        ACCESS_SERVICE,
        "read:users:groups!user",
    ]
    if settings.spawner == "kubernetes":
        spawner.isolation = settings.isolation
        spawner.namespace_prefix = settings.namespace_prefix
        spawner.hub_id = settings.hub_id
        spawner.start_minutes = settings.start_minutes
        spawner.credentials_dir = settings.credentials_dir
        spawner.windlass_settings = settings.model_dump(mode="json", exclude_defaults=True)


def _service(settings: Settings, feed_token: str) -> dict[str, Any]:
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        "name": SERVICE_NAME,
        "display": True,
        "url": settings.service_url,
        "command": [sys.executable, "-m", "windlass_hub.service"],
        "environment": {
            **environment,
            ENVIRONMENT: settings.model_dump_json(exclude_defaults=True),
            FEED_TOKEN_ENVIRONMENT: feed_token,
        },
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": [*CUSTOM_SCOPES],
    }


def _roles(settings: Settings) -> list[dict[str, Any]]:
    return [
        {"name": "windlass-service", "services": [SERVICE_NAME], "scopes": [*SERVICE_SCOPES]},
        {
            "name": "windlass-admin",
            "description": "Edits Windlass profiles",
            "scopes": [PROFILES_WRITE, COSTS_READ, ACCESS_SERVICE],
            "groups": list(settings.admin_groups),
            "users": list(settings.admin_users),
        },
        {
            "name": "windlass-reader",
            "description": "Sees Windlass profiles, servers and costs",
            "scopes": [PROFILES_READ, COSTS_READ, ACCESS_SERVICE],
            "groups": list(settings.reader_groups),
        },
    ]


def _add(section: Any, name: str, items: list[dict[str, Any]]) -> None:
    """Append to a list that may hold earlier entries; one of the same name is replaced: a second call is harmless."""
    before = section.get(name)
    if isinstance(before, LazyConfigValue):  # the admin wrote `c.JupyterHub.services.append(...)` before
        before.extend(items)
        return
    names = {item["name"] for item in items}
    kept = [item for item in before if item.get("name") not in names] if isinstance(before, list) else []
    section[name] = [*kept, *items]
