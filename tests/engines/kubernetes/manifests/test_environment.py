"""Variables of the ranks: the user's as they are, the protocols' whatever the user says, secrets by reference."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engines.kubernetes.making import cluster_job, texts

from windlass.engines.kubernetes.manifests.environment import escaped, rank_environment


def values(**changes: Any) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in rank_environment(cluster_job(**changes)) if "value" in entry}


def kubelet_expands(text: str, variables: dict[str, str]) -> str:
    """Kubernetes' own expansion: `$$` is `$`, `$(NAME)` a value where NAME is known, everything else itself."""
    out, position = "", 0
    while position < len(text):
        rest = text[position:]
        if rest.startswith("$$"):
            out, position = f"{out}$", position + 2
        elif rest.startswith("$(") and ")" in rest:
            name = rest[2 : rest.index(")")]
            out, position = out + variables.get(name, f"$({name})"), position + len(name) + 3
        else:
            out, position = out + rest[0], position + 1
    return out


@given(text=st.one_of(texts, st.text("$()A", max_size=12)))
def test_a_value_arrives_as_it_was_written(text: str) -> None:
    assert kubelet_expands(escaped(text), {"A": "secret", "AWS_SECRET_ACCESS_KEY": "secret"}) == text


@pytest.mark.parametrize(
    "name",
    ["RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "PET_NNODES", "TORCHELASTIC_RUN_ID", "NVIDIA_VISIBLE_DEVICES"],
)
@pytest.mark.parametrize("gpus", [0, 1])
def test_a_launchers_names_are_not_the_users_to_set(name: str, gpus: int) -> None:
    given_by_user = values(environment={name: "mine"}, spec={"gpus_per_worker": gpus})
    assert given_by_user.get(name) != "mine"


def test_windlass_own_names_hold_against_the_users() -> None:
    found = values(environment={"WINDLASS_JOB_DIR": "/mine", "WINDLASS_REPORT": "x", "WINDLASS_TRACKING_WAIT": "30"})
    assert found["WINDLASS_JOB_DIR"] == "/windlass/job"
    assert found["WINDLASS_REPORT"] == "stdout"
    assert found["WINDLASS_TRACKING_WAIT"] == "30"


def test_defaults_are_the_users_to_change() -> None:
    assert values()["HOME"] == "/windlass/home"
    assert values(environment={"HOME": "/data/home"})["HOME"] == "/data/home"


@pytest.mark.parametrize(("cpu", "processes", "threads"), [(8, 2, "4"), (8, 3, "2"), (0.5, 1, "1"), (1, 8, "1")])
def test_the_cores_are_shared_out_among_the_processes(cpu: float, processes: int, threads: str) -> None:
    found = values(options={"cpu": cpu}, spec={"processes_per_worker": processes})
    assert found["OMP_NUM_THREADS"] == threads


def test_without_a_known_number_of_cores_nothing_is_made_up() -> None:
    assert "OMP_NUM_THREADS" not in values()


def test_a_job_without_gpus_is_shown_none_and_one_with_gpus_is_shown_its_own() -> None:
    assert values()["NVIDIA_VISIBLE_DEVICES"] == "void"
    assert "NVIDIA_VISIBLE_DEVICES" not in values(spec={"gpus_per_worker": 1})


def test_installed_packages_come_behind_the_users_own_folders() -> None:
    found = values(environment={"PYTHONPATH": "/data/lib"}, packages=("einops",))
    assert found["PYTHONPATH"] == "/data/lib:/windlass/packages"
    assert "PYTHONPATH" not in values()


def test_a_literal_takes_the_place_of_a_reference_to_the_secret() -> None:
    entries = [
        e
        for e in rank_environment(cluster_job(environment={"HF_ENDPOINT": "https://hf"}))
        if e["name"] == "HF_ENDPOINT"
    ]
    assert entries == [{"name": "HF_ENDPOINT", "value": "https://hf"}]


@pytest.mark.parametrize("name", ["", "a b", "a=b", "ä", "1a", "a\n"])
def test_names_that_no_container_can_have_are_left_out(name: str) -> None:
    assert name not in values(environment={name: "x"})
