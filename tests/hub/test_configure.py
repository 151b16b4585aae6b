"""`configure` as JupyterHub reads it: through its own loader, into its own traits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jupyterhub import scopes
from jupyterhub.app import JupyterHub
from traitlets.config import Config

from windlass_hub.configure import CUSTOM_SCOPES, SERVICE_SCOPES
from windlass_hub.settings import ACCESS_SERVICE, ENVIRONMENT, PROFILES_READ, PROFILES_WRITE, Settings


def load(directory: Path, text: str) -> Config:
    """The configuration of a `jupyterhub_config.py` with that text."""
    path = directory / "jupyterhub_config.py"
    path.write_text(text)
    loaded = JupyterHub._load_config_files(path.stem, path=[str(directory)], log=None, raise_config_file_errors=True)
    [(config, _)] = loaded
    return config


START = "from windlass_hub import Settings, configure\nc = get_config()\n"


@pytest.mark.parametrize("spawner", ["kubernetes", "local"])
def test_every_setting_lands_on_a_trait_that_exists(tmp_path: Path, spawner: str) -> None:
    config = load(tmp_path, f"{START}configure(c, Settings(spawner={spawner!r}))")
    cls = _import(config.JupyterHub.spawner_class)
    assert set(config[cls.__name__]) <= set(cls.class_traits(config=True))
    assert set(config.JupyterHub) <= set(JupyterHub.class_traits(config=True))


def test_what_the_admin_had_before_stays(tmp_path: Path) -> None:
    before = """
c.JupyterHub.services = [{"name": "announcer", "command": ["true"]}]
c.JupyterHub.load_roles = [{"name": "teachers", "scopes": ["list:users"]}]
c.JupyterHub.custom_scopes = {"custom:grades:read": {"description": "Read grades"}}
c.JupyterHub.extra_user_scopes = {"access:services!service=announcer"}
"""
    config = load(tmp_path, f"{START}{before}configure(c)\nconfigure(c)")
    assert [s["name"] for s in config.JupyterHub.services] == ["announcer", "windlass"]
    names = [r["name"] for r in config.JupyterHub.load_roles]
    assert names == ["teachers", "windlass-service", "windlass-admin", "windlass-reader"]
    assert config.JupyterHub.custom_scopes.keys() == {"custom:grades:read", *CUSTOM_SCOPES}
    assert config.JupyterHub.extra_user_scopes == {"access:services!service=announcer", ACCESS_SERVICE}


def test_a_service_appended_lazily_stays(tmp_path: Path) -> None:
    appended = 'c.JupyterHub.services.append({"name": "announcer", "command": ["true"]})\nconfigure(c)'
    config = load(tmp_path, START + appended)
    services = config.JupyterHub.services.get_value([])
    assert {s["name"] for s in services} == {"announcer", "windlass"}


def test_the_service_reads_back_what_the_hub_was_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(profiles="configmap:hub/profiles", admin_groups=("platform",), token_seconds=900)
    config = load(tmp_path, f"{START}configure(c, Settings.model_validate({settings.model_dump()!r}))")
    [service] = config.JupyterHub.services
    monkeypatch.setenv(ENVIRONMENT, service["environment"][ENVIRONMENT])
    assert Settings.from_environment() == settings


def test_no_secret_of_the_hub_reaches_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFIGPROXY_AUTH_TOKEN", "do-not-pass-me-on")
    monkeypatch.setenv("JUPYTERHUB_CRYPT_KEY", "nor-me")
    config = load(tmp_path, f"{START}configure(c)")
    told = json.dumps(config.JupyterHub.services)
    assert "do-not-pass-me-on" not in told
    assert "nor-me" not in told


def test_each_hub_start_has_a_token_of_its_own_for_its_service(tmp_path: Path) -> None:
    first = load(tmp_path, f"{START}configure(c)").WindlassSpawner.feed_token
    second = load(tmp_path, f"{START}configure(c)").WindlassSpawner.feed_token
    assert len(first) >= 32
    assert first != second


def test_every_scope_asked_for_is_one_the_hub_knows(tmp_path: Path) -> None:
    config = load(tmp_path, f"{START}configure(c)")
    scopes.define_custom_scopes(CUSTOM_SCOPES)
    asked = [
        *SERVICE_SCOPES,
        *config.WindlassSpawner.server_token_scopes,
        *(scope for role in config.JupyterHub.load_roles for scope in role["scopes"]),
    ]
    scopes._check_scopes_exist(asked, who_for="Windlass")


def test_who_may_write_may_also_read() -> None:
    scopes.define_custom_scopes(CUSTOM_SCOPES)
    assert PROFILES_READ in scopes._expand_scope(PROFILES_WRITE)
    assert PROFILES_WRITE not in scopes._expand_scope(PROFILES_READ)


def _import(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(__import__(module, fromlist=[attribute]), attribute)
