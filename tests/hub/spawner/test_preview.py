"""The pod of a profile, shown where there is no cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import asyncio, json
from windlass_hub.preview import preview_pod
from windlass_hub.profiles.model import load_catalogue
from windlass_hub.profiles.options import Choice
profile = {"slug": "t4", "display_name": "T4", "cpu": "4", "memory": "16G", "node_selector": {"gpu-type": "t4"},
           "gpu": {"product": "Tesla-T4", "count": 1}, "environment": {"A": "{x}"}}
catalogue = load_catalogue({"profiles": [profile]})
choice = Choice(profile=catalogue.profiles[0], image="ours/lab:1", image_slug=None)
print(json.dumps(asyncio.run(preview_pod(choice, catalogue, username="ann", namespace="there"))))
"""


def test_a_profile_is_shown_as_the_pod_it_would_give_without_any_cluster(tmp_path: Path) -> None:
    environment = {**os.environ, "KUBECONFIG": str(tmp_path / "none"), "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    pod = json.loads(done.stdout)
    container = pod["spec"]["containers"][0]
    env = {each["name"]: each["value"] for each in container["env"]}
    assert (pod["kind"], pod["metadata"]["namespace"]) == ("Pod", "there")
    assert container["image"] == "ours/lab:1"
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert pod["spec"]["nodeSelector"] == {"gpu-type": "t4"}
    assert env["A"] == "{x}"
    assert env["JUPYTERHUB_API_TOKEN"] == "set at the start"
