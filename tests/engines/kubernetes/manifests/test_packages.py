"""Requirements are names and versions; nothing else gets into the file that pip reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from tests.engines.kubernetes.making import cluster_job

from windlass.engines.kubernetes.manifests.packages import environment, installable, requirements
from windlass.errors import InvalidRequest


@pytest.mark.parametrize(
    "line",
    [
        "--index-url=http://evil",
        "-r /etc/passwd",
        "einops @ https://evil/x.whl",
        "einops>=1",
        "einops==1\n--pre",
        "./here",
        "git+https://evil",
        "einops==1.0 ; os_name",
        "",
        "#",
    ],
)
def test_options_addresses_and_ranges_are_refused(line: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        requirements(cluster_job(packages=(line,)))
    assert refused.value.fields[0].field == "cluster.install_packages"


@given(line=st.one_of(st.text(max_size=20), st.from_regex(r"[a-z-]{1,5}==[0-9.a-z+!]{1,6}", fullmatch=True)))
def test_whatever_passes_is_one_requirement_of_one_name(line: str) -> None:
    try:
        text = requirements(cluster_job(packages=(line,)))
    except InvalidRequest:
        return
    assert text == f"{line.partition('+')[0]}\n"
    name, _, version = line.partition("==")
    assert Requirement(name).name == name
    assert Requirement(name).url is None
    assert not version.startswith("-")


def test_a_build_for_one_machine_is_asked_for_by_its_public_version() -> None:
    assert requirements(cluster_job(packages=("torch==2.13.0+cu130",))) == "torch==2.13.0\n"


def test_each_package_is_asked_for_once() -> None:
    assert requirements(cluster_job(packages=("b==1", "a", "b==1"))) == "b==1\na\n"


def test_the_index_is_the_administrators_else_the_users_secrets() -> None:
    own = {entry["name"]: entry for entry in environment(cluster_job(), folder="/f")}
    assert own["PIP_INDEX_URL"]["valueFrom"]["secretKeyRef"]["optional"] is True
    set_by_admin = {
        e["name"]: e.get("value") for e in environment(cluster_job(index_url="https://pypi.corp/simple"), folder="/f")
    }
    assert set_by_admin["PIP_INDEX_URL"] == set_by_admin["UV_DEFAULT_INDEX"] == "https://pypi.corp/simple"


def test_an_index_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(InvalidRequest) as refused:
        environment(cluster_job(index_url="https://ada:s3cret@pypi.corp/simple"), folder="/f")
    assert "s3cret" not in str(refused.value)


def test_proxies_and_certificates_reach_the_installer_and_other_variables_do_not() -> None:
    job = cluster_job(environment={"HTTPS_PROXY": "http://proxy", "no_proxy": "svc", "OTHER": "x"})
    names = {entry["name"] for entry in environment(job, folder="/f")}
    assert {"HTTPS_PROXY", "no_proxy"} <= names
    assert "OTHER" not in names


@pytest.mark.parametrize("credentials", ["ada:secret", "a-token", ":secret", "@"])
def test_an_index_with_credentials_is_refused_without_saying_them(credentials: str) -> None:
    with pytest.raises(InvalidRequest, match="windlass-credentials") as refused:
        environment(
            cluster_job(packages=("einops",), index_url=f"https://{credentials}@index.example/simple"), folder="/x"
        )
    assert credentials == "@" or credentials not in str(refused.value)


def test_what_no_index_can_be_asked_for_is_left_out_and_does_not_keep_the_job_from_running() -> None:
    found = installable(["einops==0.8", " timm ", "_own", "mine==0.1 dev", "na\u00efve", "a==1; rm -rf", "--pre"])
    assert found == ("einops==0.8", "timm", "mine", "a")
    requirements(cluster_job(packages=found))
