"""What ends together with a server, as the system tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass.services.lifetime import ends_with_server

ON_HUB = {"JUPYTERHUB_SERVICE_PREFIX": "/user/ann/"}
HUB_ELSEWHERE = {**ON_HUB, "JUPYTERHUB_API_URL": "http://hub:8081/hub/api"}
HUB_HERE = {**ON_HUB, "JUPYTERHUB_API_URL": "http://127.0.0.1:8081/hub/api"}


@pytest.mark.parametrize(
    ("environment", "file", "content", "ends"),
    [
        ({}, ".dockerenv", "", None),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, None, "", None),
        (HUB_ELSEWHERE, None, "", None),
        (HUB_ELSEWHERE, ".dockerenv", "", "container"),
        (HUB_ELSEWHERE, "run/.containerenv", "", "container"),
        ({**HUB_ELSEWHERE, "KUBERNETES_SERVICE_HOST": "10.0.0.1"}, None, "", "container"),
        (ON_HUB, ".dockerenv", "", "container"),
        (HUB_HERE, ".dockerenv", "", None),
        ({**ON_HUB, "JUPYTERHUB_API_URL": "http://localhost:8081/hub/api"}, ".dockerenv", "", None),
        ({**HUB_ELSEWHERE, "SLURM_JOB_ID": "7"}, None, "", "batch allocation"),
        (HUB_HERE, "proc/self/cgroup", "0::/system.slice/jupyter-ann-singleuser.service\n", "systemd unit"),
        (HUB_HERE, "proc/self/cgroup", "0::/system.slice/jupyterhub.service\n", None),
    ],
)
def test_what_ends_with_the_server(
    tmp_path: Path, environment: dict[str, str], file: str | None, content: str, ends: str | None
) -> None:
    if file is not None:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(content)
    assert ends_with_server(environment=environment, system=tmp_path) == ends
