"""The configuration of the tests' hub: people, profiles, and a jupyterhub_config.py as an admin would write it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

PEOPLE: Mapping[str, Sequence[str]] = {
    "ann": ("research",),
    "bob": (),
    "wendy": ("platform",),
    "rita": ("finance",),
    "root": (),
}

CATALOGUE = """
version: 1
profiles:
  - slug: cpu
    display_name: CPU only
    description: For notebooks that need no GPU.
    cpu: 2
    memory: 4G
    images: [base, torch]
    usd_per_hour: 0.12
    default: true
  - slug: small
    display_name: Small
    cpu: 500m
    memory: 1Gi
  - slug: research
    display_name: Research
    description: For the research group.
    cpu: 1
    memory: 2G
    images: [torch]
    groups: [research]
    environment: {DATASET: digits}
images:
  - {slug: base, display_name: Base, image: "registry.example/base:1"}
  - {slug: torch, display_name: PyTorch, image: "registry.example/torch:2"}
prices: {cpu_core_hour: 0.04, memory_gib_hour: 0.005}
"""

CONFIG = """
import json, os
from windlass_hub import Settings, configure

c = get_config()
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {{"root"}}
c.JupyterHub.bind_url = "http://127.0.0.1:{public}{prefix}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.JupyterHub.db_url = "sqlite:///{base}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{base}/cookie_secret"
c.JupyterHub.allow_named_servers = True
c.JupyterHub.cleanup_servers = False
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy}"
c.JupyterHub.load_groups = json.loads({groups!r})
c.JupyterHub.load_roles = [
    {{"name": "tester", "services": ["tester"], "scopes": {scopes!r}}},
]
c.JupyterHub.services = [{{"name": "tester", "api_token": {password!r}}}]
c.WindlassLocalSpawner.home_dir_template = "{base}/{{username}}"
c.WindlassLocalSpawner.notebook_dir = "{base}/{{username}}"
c.WindlassLocalSpawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.WindlassLocalSpawner.args = [
    "--allow-root",
    "--ServerApp.jpserver_extensions={{'windlass': True, 'jupyterlab': False, 'notebook': False}}",
    "--WindlassApp.embedded_tracking=False",
]
c.WindlassLocalSpawner.environment = {{"JUPYTERHUB_SINGLEUSER_APP": "jupyter-server", {mark!r}: {run_id!r}}}
c.WindlassLocalSpawner.default_url = "/windlass/v1/info"
c.WindlassLocalSpawner.start_timeout = 60
c.WindlassLocalSpawner.poll_interval = 1
c.WindlassLocalSpawner.consecutive_failure_limit = 5
configure(c, Settings.model_validate_json({settings!r}))
for service in c.JupyterHub.services:
    if service["name"] == "windlass":
        service["environment"] |= {{{mark!r}: {run_id!r}, "PYTHONPATH": os.environ["PYTHONPATH"]}}
{extra}
"""
SCOPES = [
    "admin:users",
    "admin:servers",
    "admin:groups",
    "admin:server_state",
    "tokens",
    "access:servers",
    "read:hub",
    "list:users",
    "list:services",
    "access:services",
    "read:metrics",
]


def config_text(
    *,
    base: str,
    password: str,
    settings: Mapping[str, Any],
    people: Mapping[str, Sequence[str]],
    ports: tuple[int, int, int],
    mark: tuple[str, str],
    extra: str,
) -> str:
    """The text of jupyterhub_config.py; `ports` are the proxy's, the hub's and the proxy's REST interface's."""
    groups: dict[str, dict[str, list[str]]] = {}
    for user, names in people.items():
        for name in names:
            groups.setdefault(name, {"users": []})["users"].append(user)
    public, hub_port, proxy = ports
    return CONFIG.format(
        base=base,
        password=password,
        public=public,
        prefix="/hubs/",
        hub=hub_port,
        proxy=proxy,
        python=sys.executable,
        groups=json.dumps(groups),
        scopes=SCOPES,
        settings=json.dumps(settings),
        mark=mark[0],
        run_id=mark[1],
        extra=extra,
    )
