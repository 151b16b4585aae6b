"""What may be asked of a cluster: whatever passes can stand in a manifest, and what does not is told in words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from windlass.contract.cluster import ClaimMount, ClusterOptions

SHA = "a" * 64


def refusals(**options: Any) -> list[str]:
    """What is said of these options."""
    try:
        ClusterOptions.model_validate(options)
    except ValidationError as error:
        return [found["msg"] for found in error.errors()]
    return []


@pytest.mark.parametrize(
    "image",
    [
        "python",
        "python:3.12",
        "quay.io/jupyter/pytorch-notebook:2026-10-01",
        "registry:5000/a/b__c/d-e.f:T_1.x-y",
        f"ghcr.io/acme/train@sha256:{SHA}",
        f"ghcr.io/acme/train:1@sha256:{SHA}",
        "10.0.0.7:5000/x",
    ],
)
def test_names_of_images_that_kubelets_take(image: str) -> None:
    assert refusals(image=image) == []


@pytest.mark.parametrize(
    "image",
    [
        "Torch",
        "a//b",
        "a/b:",
        "a:b:c",
        "a@sha256",
        "a@sha256:12",
        "a/-b",
        "a/b/",
        "/a",
        "https://a/b",
        "a b",
        "a\n",
        "$(HOME)",
        "a/Team/b",
    ],
)
def test_what_no_kubelet_takes_for_an_image_is_refused_with_an_example(image: str) -> None:
    (said,) = refusals(image=image)
    assert "as registry.example/team/torch:2.13" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"queue": "Team A"}, "lower-case letters"),
        ({"priority_class": "a_b"}, "a name in the cluster"),
        ({"runtime": "-torch"}, "a name in the cluster"),
        ({"bundle_claim": "a/b"}, "a name in the cluster"),
        ({"volumes": [{"claim": "Data", "path": "/data"}]}, "a name in the cluster"),
        ({"volumes": [{"claim": "data", "path": "data"}]}, "an absolute path"),
        ({"volumes": [{"claim": "data", "path": "/data", "sub_path": "../x"}]}, "a path inside the volume"),
        ({"node_selector": {"a b": "c"}}, "the name of a label"),
        ({"node_selector": {"a": "b c"}}, "a label's value"),
        ({"tolerations": [{"key": "!"}]}, "the name of a label"),
        ({"gpu": {"product": "A 100"}}, "a label's value"),
        ({"gpu": {"mig_profile": "1g.5GB"}}, "as 1g.5gb"),
        ({"gpu": {"resource": "gpu"}}, "as nvidia.com/gpu"),
    ],
)
def test_a_rule_that_is_broken_is_said_in_words_and_not_as_a_pattern(options: dict[str, Any], words: str) -> None:
    (said,) = refusals(**options)
    assert words in said
    assert "^" not in said
    assert not said.startswith("Value error")


@given(st.lists(st.sampled_from(["", ".", "windlass", "data", "a b"]), min_size=1, max_size=6))
def test_a_path_has_one_way_to_be_written(parts: list[str]) -> None:
    mount = ClaimMount.model_validate({"claim": "c", "path": f"/{'/'.join(parts)}/"})
    assert mount.path == "/" + "/".join(part for part in parts if part not in ("", "."))
