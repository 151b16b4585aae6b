"""The catalogue: what is accepted comes back as it was, what is not is explained at its field."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass_hub.profiles.model import (
    Catalogue,
    CatalogueError,
    Gpu,
    Profile,
    dump_catalogue,
    load_catalogue,
)
from windlass_hub.profiles.prices import hourly_price

GOOD: dict[str, Any] = {"slug": "p", "display_name": "P", "cpu": 1, "memory": "1G"}


def _problems(document: Any) -> dict[str, str]:
    with pytest.raises(CatalogueError) as refusal:
        load_catalogue(document)
    return {problem.path: problem.message for problem in refusal.value.problems}


def _of_profile(**fields: Any) -> dict[str, str]:
    found = _problems({"profiles": [{**GOOD, **fields}]})
    return {path.removeprefix("profiles.0."): message for path, message in found.items()}


@pytest.mark.parametrize(
    ("fields", "path", "says"),
    [
        ({"slug": "GPU"}, "slug", "Lower-case letters, digits and single dashes"),
        ({"slug": "a--image"}, "slug", "single dashes"),
        ({"slug": "x" * 51}, "slug", "at most 50 characters"),
        ({"display_name": ""}, "display_name", "must not be empty"),
        ({"display_name": "  "}, "display_name", "must not be empty"),
        ({"display_name": "a\nb"}, "display_name", "One line of text"),
        ({"display_name": "free\u202eUPC"}, "display_name", "hidden characters"),
        ({"display_name": 5}, "display_name", "put quotes around it"),
        ({"description": "bell\x07"}, "description", "hidden characters"),
        ({"cpu": "four"}, "cpu", "is no quantity"),
        ({"cpu": 0}, "cpu", "at least 1m"),
        ({"cpu": True}, "cpu", "put quotes"),
        ({"cpu": "1e30"}, "cpu", "at most 10000"),
        ({"cpu": 10**5000}, "cpu", "too big"),
        ({"cpu": float("inf")}, "cpu", "is no quantity"),
        ({"memory": 16}, "memory", "give the unit, as 16G"),
        ({"memory": "1E"}, "memory", "at most 1Pi"),
        ({"cpu_guarantee": 2}, "cpu_guarantee", "must not be more than cpu"),
        ({"memory_guarantee": "1Gi"}, "memory_guarantee", "must not be more than memory"),
        ({"gpu": {"product": "T4", "mode": "mig"}}, "gpu.mig_profile", "needs this"),
        ({"gpu": {"product": "T4", "mode": "mig", "mig_profile": "1g"}}, "gpu.mig_profile", "A MIG profile"),
        ({"gpu": {"product": "T4", "mig_profile": "1g.5gb"}}, "gpu.mig_profile", "mode: mig only"),
        ({"gpu": {"product": "T4", "mode": "shared"}}, "gpu.replicas", "how many shares"),
        ({"gpu": {"product": "T4", "mode": "sliced"}}, "gpu.mode", "'dedicated', 'mig' or 'shared'"),
        ({"gpu": {"product": "T4", "count": 65}}, "gpu.count", "at most 64"),
        ({"gpu": {"product": "T4", "count": True}}, "gpu.count", "number"),
        ({"gpu": {"product": "T4", "count": 10**5000}}, "gpu.count", "at most"),
        ({"gpu": {"product": "T4", "resource": "cpu"}}, "gpu.resource", "with its domain"),
        ({"gpu": {"product": "T4", "resource": "requests.kubernetes.io/x"}}, "gpu.resource", "device plugin"),
        ({"gpu": "T4"}, "gpu", "named values"),
        ({"node_selector": {"gpu": True}}, "node_selector.gpu", "put quotes"),
        ({"node_selector": {"version": 1.10}}, "node_selector.version", "put quotes"),
        ({"node_selector": {"a b": "x"}}, "node_selector.a b", "A label's key"),
        ({"node_selector": {"a": "x y"}}, "node_selector.a", "A label's value"),
        ({"tolerations": [{"operator": "Equal", "value": "x"}]}, "tolerations.0.key", "needs a key"),
        ({"tolerations": [{"key": "a", "value": "x"}]}, "tolerations.0.value", "takes no value"),
        ({"tolerations": [{"key": "a", "seconds": 5}]}, "tolerations.0.seconds", "NoExecute only"),
        ({"images": ["gone"]}, "images.0", "There is no image gone"),
        ({"free_image": {"pattern": "("}}, "free_image.pattern", "no regular expression"),
        ({"free_image": {"pattern": "(?=a)b"}}, "free_image.pattern", "cannot be used"),
        ({"volumes": [{"name": "a", "mount_path": "/a"}]}, "volumes.0.claim", "either claim or scratch"),
        (
            {"volumes": [{"name": "a", "mount_path": "/a", "claim": "c", "scratch": "1G"}]},
            "volumes.0.scratch",
            "not both",
        ),
        ({"volumes": [{"name": "a", "mount_path": "/a/../b", "claim": "c"}]}, "volumes.0.mount_path", "plain path"),
        ({"volumes": [{"name": "a", "mount_path": "/{nobody}", "claim": "c"}]}, "volumes.0.mount_path", "in braces"),
        ({"volumes": [{"name": "a", "mount_path": "/", "claim": "c"}]}, "volumes.0.mount_path", "A path from the root"),
        (
            {"volumes": [{"name": n, "mount_path": "/a", "claim": "c"} for n in "ab"]},
            "volumes.1.mount_path",
            "Something else",
        ),
        (
            {"environment": {"JUPYTERHUB_API_TOKEN": "x"}},
            "environment.JUPYTERHUB_API_TOKEN",
            "sets this variable itself",
        ),
        ({"environment": {"windlass_x": "x"}}, "environment.windlass_x", "sets this variable itself"),
        ({"environment": {"A-B": "x"}}, "environment.A-B", "Letters, digits and underscores"),
        ({"environment": {"A": 1}}, "environment.A", "put quotes"),
        ({"usd_per_hour": float("nan")}, "usd_per_hour", "at least 0"),
        ({"usd_per_hour": float("inf")}, "usd_per_hour", "at most 100000"),
        ({"usd_per_hour": -1}, "usd_per_hour", "at least 0"),
        ({"usd_per_hour": "cheap"}, "usd_per_hour", "must be a number"),
        ({"max_servers": 1.5}, "max_servers", "whole number"),
        ({"max_servers": 0}, "max_servers", "at least 1"),
        ({"groups": "everyone"}, "groups", "must be a list"),
        ({"groups": [False]}, "groups.0", "put quotes"),
        ({"spot": "perhaps"}, "spot", "true or false"),
        ({"idle": {"gpu_minutes": 1}}, "idle.gpu_minutes", "at least 5"),
        ({"colour": "red"}, "colour", "not known"),
    ],
)
def test_each_mistake_is_explained_at_its_field(fields: dict[str, Any], path: str, says: str) -> None:
    found = _of_profile(**fields)
    assert list(found) == [path]
    assert says.casefold() in found[path].casefold()
    assert found[path].endswith(".")


@pytest.mark.parametrize(
    ("document", "path", "says"),
    [
        ({"profiles": [GOOD, GOOD]}, "profiles.1.slug", "there twice"),
        (
            {"profiles": [{**GOOD, "default": True}, {**GOOD, "slug": "q", "default": True}]},
            "profiles.1.default",
            "already",
        ),
        ({"profiles": [{**GOOD, 7: "x"}]}, "profiles.0.7", "Keys must be text"),
        ({"images": [{"slug": "i", "display_name": "I", "image": "a b"}]}, "images.0.image", "without spaces"),
        ({"prices": {"gpu_hour": {"T4": True}}}, "prices.gpu_hour.T4", "number"),
        ({"prices": {"spot_factor": 0}}, "prices.spot_factor", "more than 0"),
        ({"quotas": {"default": {"gpus": {"gpu": 1}}}}, "quotas.default.gpus.gpu", "with its domain"),
        ({"quotas": {"groups": {"a": {"pods": 10**400}}}}, "quotas.groups.a.pods", "at most 100000"),
        ({"version": 2}, "version", "must be 1"),
        ({"profiles": {"p": GOOD}}, "profiles", "must be a list"),
        ("- a list", "", "A catalogue is a mapping"),
        ("false", "", "A catalogue is a mapping"),
        ("a: &x 1\nb: *x", "", "Line 2: aliases"),
    ],
)
def test_mistakes_of_the_whole_document_are_explained_too(document: Any, path: str, says: str) -> None:
    found = _problems(document)
    assert list(found) == [path]
    assert says in found[path]


def test_every_problem_is_listed_but_a_flood_is_not() -> None:
    assert set(_of_profile(cpu="x", memory="y", colour="red")) == {"cpu", "memory", "colour"}
    assert len(_problems({"profiles": [{"slug": "X"}] * 400})) == 50


def test_an_image_that_cannot_open_the_interface_is_refused_at_the_profile() -> None:
    document = {
        "profiles": [{**GOOD, "interface": "vscode", "images": ["lab"]}],
        "images": [{"slug": "lab", "display_name": "Lab", "image": "r/lab"}],
    }
    assert _problems(document) == {"profiles.0.images.0": "The image lab cannot open vscode."}


@pytest.mark.parametrize("mark", ["\x00", "\x85", "\u2028", "\ufeff", "\x1b[31m", "\ud800"])
def test_what_yaml_would_change_on_the_way_is_refused_in_variables(mark: str) -> None:
    assert list(_of_profile(environment={"A": f"a{mark}b"})) == ["environment.A"]


@pytest.mark.parametrize("text", ["", "# nothing yet", "version: 1"])
def test_an_empty_document_is_an_empty_catalogue(text: str) -> None:
    assert load_catalogue(text) == Catalogue()


def test_values_of_variables_are_kept_to_the_last_space() -> None:
    value = "  -----BEGIN\n\tx: {y}\n "
    catalogue = load_catalogue({"profiles": [{**GOOD, "environment": {"A": value}}]})
    assert load_catalogue(dump_catalogue(catalogue)).profiles[0].environment == {"A": value}


@pytest.mark.parametrize(
    ("gpu", "resource", "cards"),
    [
        ({"product": "T4"}, "nvidia.com/gpu", 1.0),
        ({"product": "T4", "count": 8}, "nvidia.com/gpu", 8.0),
        ({"product": "A100", "mode": "mig", "mig_profile": "3g.20gb", "count": 2}, "nvidia.com/mig-3g.20gb", 6 / 7),
        ({"product": "T4", "mode": "shared", "replicas": 4}, "nvidia.com/gpu.shared", 0.25),
        ({"product": "T4", "mode": "shared", "replicas": 4, "resource": "nvidia.com/gpu"}, "nvidia.com/gpu", 0.25),
    ],
)
def test_gpus_know_their_resource_and_how_much_of_a_card_they_are(
    gpu: dict[str, Any], resource: str, cards: float
) -> None:
    found = Gpu.model_validate(gpu)
    assert (found.resource_name, found.cards) == (resource, pytest.approx(cards))


EXAMPLES = load_catalogue(files("windlass_hub.profiles").joinpath("examples.yaml").read_text("utf-8"))


def test_the_shipped_examples_cover_the_fleet() -> None:
    cpu, t4 = EXAMPLES.profiles[:2]
    assert (cpu.cpu, cpu.memory, cpu.gpu) == ("2", "4G", None)
    assert t4.gpu is not None
    assert (t4.cpu, t4.memory, t4.gpu.resource_name, t4.gpu.count) == ("4", "16G", "nvidia.com/gpu", 1)
    assert t4.node_selector == {"gpu-type": "t4"}
    gpus = [profile.gpu for profile in EXAMPLES.profiles if profile.gpu]
    assert {gpu.mode for gpu in gpus} == {"dedicated", "mig", "shared"}
    assert {gpu.mig_profile for gpu in gpus} >= {"1g.5gb"}
    assert max(gpu.count for gpu in gpus) == 8
    assert any(profile.spot for profile in EXAMPLES.profiles)
    assert {profile.interface for profile in EXAMPLES.profiles} == {"jupyterlab", "vscode"}
    assert all(hourly_price(profile, EXAMPLES.prices) for profile in EXAMPLES.profiles)


def test_the_examples_survive_being_written() -> None:
    assert load_catalogue(dump_catalogue(EXAMPLES)) == EXAMPLES


texts = st.text(max_size=40)
hostile = texts | st.text("'\"<>&{}[]:#-!*|%@`\\ \t\n\x85\u2028\ufeff\U0001f600yesno019.", max_size=30)
lines = hostile.filter(lambda text: text.strip() != "")
profiles = st.fixed_dictionaries(
    {
        "slug": st.from_regex(r"\A[a-z0-9]{1,8}(-[a-z0-9]{1,8})?\Z"),
        "display_name": lines,
        "cpu": st.integers(1, 100) | st.floats(0.1, 64) | st.sampled_from(["500m", "1e1"]),
        "memory": st.sampled_from(["1G", "1.5Gi", "512M", 10**9]),
    },
    optional={
        "description": hostile,
        "environment": st.dictionaries(st.from_regex(r"\A[A-I][A-Z_]{0,8}\Z"), hostile, max_size=3),
        "groups": st.lists(lines, max_size=3),
        "users": st.lists(lines, max_size=3),
        "usd_per_hour": st.floats(0, 1000) | st.integers(0, 1000),
        "node_selector": st.dictionaries(st.sampled_from(["a", "x.y/z"]), st.sampled_from(["", "yes", "1", "T4"])),
        "spot": st.booleans(),
        "max_servers": st.none() | st.integers(1, 10**5),
        "gpu": st.fixed_dictionaries({"product": lines, "count": st.integers(1, 64)}),
        "idle": st.fixed_dictionaries({}, optional={"time_to_live_hours": st.floats(0.1, 100)}),
        "tolerations": st.lists(st.just({"key": "a", "effect": "NoSchedule"}), max_size=2),
    },
)


@given(document=st.fixed_dictionaries({"profiles": st.lists(profiles, max_size=3, unique_by=lambda p: p["slug"])}))
def test_what_is_accepted_is_written_and_read_the_same(document: dict[str, Any]) -> None:
    try:
        catalogue = load_catalogue(document)
    except CatalogueError as error:
        problems = error.problems
        assert all(problem.path and problem.message for problem in problems)
        return
    assert load_catalogue(dump_catalogue(catalogue)) == catalogue


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | hostile | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile, inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from([*Catalogue.model_fields, *Profile.model_fields, "gpu_hour", "default"])


@given(document=st.dictionaries(keys | texts, json | st.lists(st.dictionaries(keys, json, max_size=5), max_size=2)))
def test_any_document_is_a_catalogue_or_explained(document: dict[str, Any]) -> None:
    try:
        load_catalogue(document)
    except CatalogueError as error:
        problems = error.problems
        assert all(problem.message for problem in problems)
