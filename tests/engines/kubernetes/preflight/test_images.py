"""What an image's name tells, and what follows from it for a job."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cluster.cluster import Cluster
from tests.engines.kubernetes.preflight.looking import by_rule, look, one

from windlass.contract.preview import Severity
from windlass.engines.kubernetes.cluster.images import image_name, is_same, python_of

HERE = sys.version_info[0], sys.version_info[1]
OWN = "quay.io/jupyter/pytorch-notebook:2026-10-01"
ENVIRON = {"JUPYTER_IMAGE": OWN}
DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("quay.io/jupyter/pytorch-notebook:cuda12-python-3.13.7", (3, 13)),
        ("python:3.8-slim", (3, 8)),
        ("docker.io/library/python:3.12.4", (3, 12)),
        ("registry.example:5000/team/base:py310-torch2", (3, 10)),
        ("nvcr.io/nvidia/pytorch:25.09-py3", None),
        ("pytorch/pytorch:2.13.0-cuda13.0-cudnn9-runtime", None),
        ("registry.example:5000/python", None),
        (f"quay.io/x/y@{DIGEST}", None),
        (OWN, HERE),
    ],
)
def test_the_python_of_an_image_by_its_name(image: str, expected: tuple[int, int] | None) -> None:
    assert python_of(image, environ=ENVIRON) == expected


def test_a_registry_s_port_is_no_tag() -> None:
    name = image_name(f"registry.example:5000/team/base:1@{DIGEST}")
    assert (name.repository, name.tag, name.digest) == ("registry.example:5000/team/base", "1", DIGEST)


@pytest.mark.parametrize(
    ("one_name", "other", "expected"),
    [
        ("a/b", "a/b:latest", True),
        ("a/b:1", "a/b:2", False),
        (f"a/b:1@{DIGEST}", f"mirror/b@{DIGEST}", True),
        ("a/b:1", "c/b:1", False),
    ],
)
def test_two_names_of_one_image(one_name: str, other: str, expected: bool) -> None:
    assert is_same(one_name, other) is expected


@given(st.text(alphabet="abc:/@.-_0123456789", max_size=40))
def test_any_name_can_be_taken_apart(image: str) -> None:
    name = image_name(image)
    assert "@" not in name.tag
    assert python_of(image, environ={}) is None or name.tag


@pytest.mark.emulator
async def test_an_image_with_too_old_a_python_keeps_the_job_from_being_sent(cluster: Cluster) -> None:
    found = one(await look(cluster.admin, "default", image="python:3.8-slim", environ=ENVIRON), "image-python")
    assert found.severity is Severity.ERROR
    assert found.apply == {"cluster": {"image": OWN}}


@pytest.mark.emulator
async def test_another_python_than_the_server_s_is_a_warning(cluster: Cluster) -> None:
    other = f"3.{HERE[1] + 1}"
    found = one(await look(cluster.admin, "default", image=f"python:{other}-slim"), "image-python")
    assert found.severity is Severity.WARNING
    assert found.apply is None


@pytest.mark.emulator
async def test_the_server_s_own_image_needs_no_word(cluster: Cluster) -> None:
    findings = await look(cluster.admin, "default", image=OWN, environ=ENVIRON)
    assert not [finding for finding in findings if finding.rule.startswith("image")]


@pytest.mark.emulator
async def test_an_image_that_may_be_another_tomorrow_is_told(cluster: Cluster) -> None:
    found = one(await look(cluster.admin, "default", image="pytorch/pytorch"), "image-tag")
    assert found.severity is Severity.INFO
    assert not by_rule(await look(cluster.admin, "default", image=f"pytorch/pytorch@{DIGEST}"), "image-tag")


@pytest.mark.emulator
async def test_packages_that_nothing_installs_are_named(cluster: Cluster) -> None:
    spec = {"imports": ("einops==0.8.1", "torch")}
    by_user = one(
        await look(cluster.admin, "default", spec=spec, options={"install_packages": False}), "packages-lacking"
    )
    assert "imports einops==0.8.1 and torch" in by_user.message
    assert by_user.apply == {"cluster": {"install_packages": True}}
    by_admin = one(await look(cluster.admin, "default", spec=spec), "packages-lacking")
    assert by_admin.apply is None
    installed = await look(cluster.admin, "default", spec=spec, packages=("einops==0.8.1", "torch"))
    assert not by_rule(installed, "packages-lacking")


@pytest.mark.emulator
async def test_in_the_server_s_own_image_what_is_here_is_there(cluster: Cluster) -> None:
    spec = {"imports": ("pytest", "Pydantic==2.0", "no-such-package")}
    found = one(await look(cluster.admin, "default", spec=spec, image=OWN, environ=ENVIRON), "packages-lacking")
    assert "imports no-such-package, which the image" in found.message
    assert "does not have" in found.message


@pytest.mark.emulator
async def test_a_package_index_on_this_machine_alone_is_told_without_its_password(cluster: Cluster) -> None:
    more = {
        "packages": ("einops",),
        "index_url": "http://me:secret@localhost:3141/simple",
        "spec": {"imports": ("einops",)},
    }
    with pytest.raises(Exception, match="holds credentials"):
        await look(cluster.admin, "default", **more)  # type: ignore[arg-type]
    more["index_url"] = "http://localhost:3141/simple"
    found = one(await look(cluster.admin, "default", **more), "package-index")  # type: ignore[arg-type]
    assert "localhost:3141" in found.message
