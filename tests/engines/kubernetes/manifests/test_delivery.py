"""The ConfigMap: programs, requirements and a bundle that fits."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from tests.engines.kubernetes.making import cluster_job

import windlass.runner
from windlass.engines.kubernetes.manifests.delivery import (
    LARGEST_CONFIG_MAP,
    config_map,
    fetch_environment,
    room_for_bundle,
)
from windlass.engines.kubernetes.model import FromArtifacts, FromClaim
from windlass.errors import InvalidRequest


def test_the_programs_are_the_runners_own_and_the_bundle_is_as_it_was() -> None:
    made = config_map(cluster_job(), b"\x00bundle")
    runner = Path(windlass.runner.__path__[0])
    assert made["data"] == {name: (runner / name).read_text() for name in made["data"]}
    assert {"fetch.py", "unpack.py"} <= set(made["data"])
    assert base64.b64decode(made["binaryData"]["bundle.tar.gz"]) == b"\x00bundle"
    assert made["immutable"] is True


@pytest.mark.parametrize("packages", [(), tuple(f"{'p' * 96}{number}==1" for number in range(300))])
def test_the_largest_bundle_that_is_taken_makes_no_object_that_is_too_large(packages: tuple[str, ...]) -> None:
    job = cluster_job(packages=packages, spec={"owner": "ö" * 200})
    most = room_for_bundle(requirement_count=len(packages))
    made = config_map(job, b"\x00" * most)
    raw = sum(len(text.encode()) + len(name) for name, text in made["data"].items()) + most
    assert raw + len(json.dumps(made["metadata"])) <= LARGEST_CONFIG_MAP
    with pytest.raises(InvalidRequest):
        config_map(job, b"\x00" * (most + 1))
    assert room_for_bundle() > 800 * 1024


def test_a_bundle_that_travels_another_way_is_not_in_the_config_map() -> None:
    claim = cluster_job(delivery=FromClaim(claim="c", path="p"))
    assert "binaryData" not in config_map(claim)
    with pytest.raises(ValueError, match="exactly"):
        config_map(claim, b"x")
    with pytest.raises(ValueError, match="exactly"):
        config_map(cluster_job())


@pytest.mark.parametrize("credentials", ["ada:s3cret", "s3cret"])
def test_an_address_of_mlflow_with_credentials_is_refused_without_showing_them(credentials: str) -> None:
    delivery = FromArtifacts(tracking_uri=f"https://{credentials}@mlflow", run_id="r", path="p")
    with pytest.raises(InvalidRequest) as refused:
        fetch_environment(cluster_job(delivery=delivery))
    assert "s3cret" not in str(refused.value)
    assert "MLFLOW_TRACKING_PASSWORD" in str(refused.value)
