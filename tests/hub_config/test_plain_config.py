"""The plain `jupyterhub_config.py`, and that every file of hub-config opens with what it is for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from jupyterhub.app import JupyterHub

HUB_CONFIG = Path(__file__).parents[2] / "hub-config"
TRACKED = [
    HUB_CONFIG.parent / line
    for line in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "hub-config"],
        cwd=HUB_CONFIG.parent,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()
]
# JSON has no comments.
FILES = [path for path in TRACKED or HUB_CONFIG.rglob("*") if path.is_file() and path.suffix not in (".pyc", ".json")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HUB_CONFIG)))
def test_each_file_opens_with_what_it_is_for(path: Path) -> None:
    first = path.read_text().lstrip().splitlines()[0]
    assert first.startswith(("# ", '"""')), f"{path.name} begins with {first!r}"
    assert len(first.strip('"# ')) > 10


def test_the_plain_configuration_loads_into_traits_that_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINDLASS_HUB_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("WINDLASS_HUB_ADMINS", "wendy")
    monkeypatch.setenv("WINDLASS_HUB_USERS", "ann,wendy")
    loaded = JupyterHub._load_config_files(
        "jupyterhub_config", path=[str(HUB_CONFIG)], log=None, raise_config_file_errors=True
    )
    [(config, _)] = loaded
    assert set(config.JupyterHub) <= set(JupyterHub.class_traits(config=True))
    assert config.Authenticator.allowed_users == {"ann", "wendy"}
    assert config.WindlassLocalSpawner.profile_store == f"file:{tmp_path}/state/profiles.yaml"
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    [admin] = [role for role in config.JupyterHub.load_roles if role["name"] == "windlass-admin"]
    assert admin["users"] == ["wendy"]
