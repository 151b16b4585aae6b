"""A profile becomes the pod that the admin meant, in KubeSpawner's own hands."""

from __future__ import annotations

import asyncio
import html
import re
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes_asyncio.client import ApiClient, Configuration
from kubespawner import KubeSpawner
from traitlets.config import Config

from windlass.kube.quantities import parse_quantity
from windlass_hub.profiles.model import Catalogue, load_catalogue
from windlass_hub.profiles.options import Choice
from windlass_hub.profiles.rendering import (
    COLLECTIONS,
    environment,
    escape_braces,
    overrides,
    to_kubespawner,
    with_base,
)

HOME = {
    "volumes": [{"name": "home", "persistentVolumeClaim": {"claimName": "claim-{username}"}}],
    "volume_mounts": [{"name": "home", "mountPath": "/home/jovyan"}],
    "tolerations": [{"key": "hub.jupyter.org/dedicated", "operator": "Equal", "value": "user"}],
}


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest needs no API server, but KubeSpawner looks for its address as soon as it is made."""
    monkeypatch.setattr("kubespawner.spawner.load_config", lambda **_: None)


def _spawner(**traits: Any) -> KubeSpawner:
    ann = SimpleNamespace(name="ann", id=1, url="/user/ann/", escaped_name="ann")
    return KubeSpawner(_mock=True, user=ann, **traits)


def _catalogue(**profile: Any) -> Catalogue:
    whole = {"slug": "p", "display_name": "P", "cpu": 4, "memory": "16G", **profile}
    return load_catalogue({"profiles": [whole], "images": [{"slug": "lab", "display_name": "Lab", "image": "r/lab:1"}]})


def _pod(catalogue: Catalogue, *, base: dict[str, Any] | None = None, image: str | None = None) -> dict[str, Any]:
    """The manifest as it would go to the API server."""
    return asyncio.run(_manifest(catalogue, base or HOME, image))


async def _manifest(catalogue: Catalogue, base: dict[str, Any], image: str | None) -> dict[str, Any]:
    spawner = _spawner(config=Config({"KubeSpawner": base}))
    traits = overrides(Choice(profile=catalogue.profiles[0], image=image, image_slug=None), catalogue)
    for name, value in traits.items():
        if name in COLLECTIONS:
            setattr(spawner, name, with_base(getattr(spawner, name), value))
        elif isinstance(value, dict):
            setattr(spawner, name, {**getattr(spawner, name), **value})
        else:
            setattr(spawner, name, value)
    pod = await spawner.get_pod_manifest()
    async with ApiClient(Configuration()) as client:
        found: dict[str, Any] = client.sanitize_for_serialization(pod)
    return found


def _notebook(pod: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = pod["spec"]["containers"][0]
    return found


def _environment(pod: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item.get("value", "") for item in _notebook(pod)["env"]}


@pytest.mark.parametrize("written", ["16G", "16Gi", "1.5Gi", "512M", "4000000000", "0.5T"])
def test_the_pod_has_the_memory_that_was_written(written: str) -> None:
    resources = _notebook(_pod(_catalogue(memory=written)))["resources"]
    assert parse_quantity(resources["limits"]["memory"]) == parse_quantity(written)
    assert parse_quantity(resources["requests"]["memory"]) == parse_quantity(written)


def test_guarantees_may_be_less_than_limits() -> None:
    resources = _notebook(_pod(_catalogue(cpu="4", cpu_guarantee="500m", memory_guarantee="12G")))["resources"]
    assert (resources["limits"]["cpu"], resources["requests"]["cpu"]) == (4, 0.5)
    assert (resources["limits"]["memory"], resources["requests"]["memory"]) == (16 * 10**9, 12 * 10**9)


@pytest.mark.parametrize(
    ("gpu", "resource", "count"),
    [
        ({"product": "Tesla-T4"}, "nvidia.com/gpu", "1"),
        ({"product": "H100", "count": 8}, "nvidia.com/gpu", "8"),
        ({"product": "A100", "mode": "mig", "mig_profile": "1g.5gb"}, "nvidia.com/mig-1g.5gb", "1"),
        ({"product": "H100", "mode": "mig", "mig_profile": "1g.10gb.me", "count": 2}, "nvidia.com/mig-1g.10gb.me", "2"),
        ({"product": "Tesla-T4", "mode": "shared", "replicas": 4}, "nvidia.com/gpu.shared", "1"),
        ({"product": "MI300X", "resource": "amd.com/gpu"}, "amd.com/gpu", "1"),
    ],
)
def test_gpus_are_limits_and_requests_and_their_nodes_are_borne(gpu: dict[str, Any], resource: str, count: str) -> None:
    pod = _pod(_catalogue(gpu=gpu))
    assert _notebook(pod)["resources"]["limits"][resource] == count
    assert _notebook(pod)["resources"]["requests"][resource] == count
    assert {"key": resource, "operator": "Exists", "effect": "NoSchedule"} in pod["spec"]["tolerations"]
    assert "NVIDIA_VISIBLE_DEVICES" not in _environment(pod)


def test_without_a_gpu_the_container_is_shown_none() -> None:
    assert _environment(_pod(_catalogue()))["NVIDIA_VISIBLE_DEVICES"] == "void"
    meant = _environment(_pod(_catalogue(environment={"NVIDIA_VISIBLE_DEVICES": "none"})))
    assert meant["NVIDIA_VISIBLE_DEVICES"] == "none"


@pytest.mark.parametrize("base", [HOME, {name: {"00-base": items[0]} for name, items in HOME.items()}])
def test_what_the_hub_mounts_and_tolerates_stays(base: dict[str, Any]) -> None:
    volumes = [
        {"name": "home", "mount_path": "/data/{username}", "claim": "shared.data", "read_only": True},
        {"name": "shm", "mount_path": "/dev/shm", "scratch": "2Gi", "in_memory": True},
        {"name": "scratch", "mount_path": "/scratch", "scratch": "10G"},
    ]
    tolerations = [{"key": "team", "operator": "Equal", "value": "nlp", "effect": "NoExecute", "seconds": 60}]
    pod = _pod(_catalogue(volumes=volumes, tolerations=tolerations), base=base)
    assert pod["spec"]["volumes"] == [
        {"name": "home", "persistentVolumeClaim": {"claimName": "claim-ann"}},
        {"name": "windlass-home", "persistentVolumeClaim": {"claimName": "shared.data", "readOnly": True}},
        {"name": "windlass-shm", "emptyDir": {"sizeLimit": "2Gi", "medium": "Memory"}},
        {"name": "windlass-scratch", "emptyDir": {"sizeLimit": "10G"}},
    ]
    assert _notebook(pod)["volumeMounts"] == [
        {"name": "home", "mountPath": "/home/jovyan"},
        {"name": "windlass-home", "mountPath": "/data/ann", "readOnly": True},
        {"name": "windlass-shm", "mountPath": "/dev/shm"},
        {"name": "windlass-scratch", "mountPath": "/scratch"},
    ]
    assert [item["key"] for item in pod["spec"]["tolerations"]] == ["hub.jupyter.org/dedicated", "team"]
    assert pod["spec"]["tolerations"][1]["tolerationSeconds"] == 60


def test_a_mount_at_the_same_place_takes_it() -> None:
    base = {**HOME, "volume_mounts": [{"name": "home", "mountPath": "/scratch/"}]}
    pod = _pod(_catalogue(volumes=[{"name": "s", "mount_path": "/scratch", "scratch": "1G"}]), base=base)
    assert [mount["name"] for mount in _notebook(pod)["volumeMounts"]] == ["windlass-s"]


@pytest.mark.parametrize(
    ("profile", "selector", "toleration"),
    [
        ({"node_selector": {"gpu-type": "t4"}}, {"gpu-type": "t4", "karpenter.sh/capacity-type": "spot"}, "spot"),
        ({"node_selector": {"cloud.google.com/gke-spot": "true"}}, {"cloud.google.com/gke-spot": "true"}, "true"),
        ({"node_selector": {"karpenter.sh/capacity-type": "reserved"}}, None, "reserved"),
    ],
)
def test_spot_asks_for_spot_nodes_and_bears_their_taint(
    profile: dict[str, Any], selector: dict[str, str] | None, toleration: str
) -> None:
    pod = _pod(_catalogue(spot=True, **profile))
    assert pod["spec"]["nodeSelector"] == (selector or profile["node_selector"])
    assert pod["spec"]["tolerations"][-1]["value"] == toleration


def test_image_priority_runtime_and_interface_arrive() -> None:
    catalogue = _catalogue(priority_class="gold.tier", runtime_class="nvidia", interface="vscode")
    pod = _pod(catalogue, image="r/lab:2")
    assert _notebook(pod)["image"] == "r/lab:2"
    assert pod["spec"]["priorityClassName"] == "gold.tier"
    assert pod["spec"]["runtimeClassName"] == "nvidia"
    assert _environment(pod)["JUPYTERHUB_DEFAULT_URL"] == "/vscode/"
    assert "args" not in _notebook(pod), "the single-user server of the image is what serves VS Code"


def test_braces_stay_but_for_the_fields_that_are_documented() -> None:
    values = {
        "JSON": '{"a": {"b": [1]}}',
        "WHO": "s3://homes/{username}/x",
        "NO_FIELD": "{nobody} {0} {} }{ {{username}}",
        "ATTRIBUTE": "{username.__class__}",
    }
    found = _environment(_pod(_catalogue(environment=values)))
    assert found["JSON"] == values["JSON"]
    assert found["WHO"] == "s3://homes/ann/x"
    assert found["NO_FIELD"] == "{nobody} {0} {} }{ {ann}"
    assert found["ATTRIBUTE"] == "{username.__class__}"


@given(text=st.text(st.sampled_from("{}ab \n$%")))
def test_text_without_fields_comes_out_of_formatting_as_it_went_in(text: str) -> None:
    assert escape_braces(text).format() == text


def test_a_spawner_that_formats_nothing_gets_the_variables_as_they_are_meant() -> None:
    profile = _catalogue(environment={"WHO": "{username}", "JSON": "{}"}).profiles[0]
    assert environment(profile) == {"NVIDIA_VISIBLE_DEVICES": "void", "WHO": "{username}", "JSON": "{}"}


def test_a_stock_entry_works_in_stock_kubespawner_and_its_form() -> None:
    catalogue = load_catalogue(
        {
            "profiles": [
                {
                    "slug": "p",
                    "display_name": "<script>alert(1)</script>",
                    "description": "<img src=x onerror=alert(1)>",
                    "cpu": 2,
                    "memory": "4G",
                    "images": ["lab"],
                    "free_image": {"pattern": "ours/[a-z]+|team/x", "hint": "</option><b>"},
                }
            ],
            "images": [{"slug": "lab", "display_name": "<b>Lab", "image": "r/lab:1"}],
        }
    )
    entry = to_kubespawner(catalogue.profiles[0], catalogue)

    async def started(options: dict[str, str]) -> KubeSpawner:
        spawner = _spawner(profile_list=[entry])
        spawner.user_options = options
        await spawner.load_user_options()
        return spawner

    spawner = asyncio.run(started({"profile": "p"}))
    assert (spawner.image, spawner.mem_limit, spawner.cpu_limit) == ("r/lab:1", 4 * 10**9, 2.0)
    assert asyncio.run(started({"profile": "p", "image--unlisted-choice": "ours/me"})).image == "ours/me"
    for evil in ("ours/me:tag", "ours/me\n", "team/xx"):
        with pytest.raises(ValueError, match="regex"):
            asyncio.run(started({"profile": "p", "image--unlisted-choice": evil}))
    page = asyncio.run(_form(entry))
    assert not re.search(r"<(script>alert|img src=x|b>)", page)
    assert html.escape("<script>alert(1)</script>") in page


async def _form(entry: dict[str, Any]) -> str:
    return str(_spawner(profile_list=[entry]).options_form)
