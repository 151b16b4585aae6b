"""Volume claims: there, bound, and mountable by as many pods as the job has."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cluster.cluster import Cluster
from tests.cluster.crds import install
from tests.engines.kubernetes.preflight.looking import by_rule, look, one

from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.model import FromClaim
from windlass.kube.resources import PERSISTENT_VOLUME_CLAIMS, PODS, PYTORCH_JOBS

pytestmark = pytest.mark.emulator


async def claim(cluster: Cluster, namespace: str, name: str, *modes: str, phase: str = "Bound") -> None:
    spec = {"accessModes": list(modes), "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "none"}
    await cluster.create(PERSISTENT_VOLUME_CLAIMS, {"metadata": {"name": name}, "spec": spec}, namespace=namespace)
    status = {"status": {"phase": phase, "accessModes": list(modes) if phase == "Bound" else []}}
    await cluster.admin.patch(PERSISTENT_VOLUME_CLAIMS, name, status, namespace=namespace, subresource="status")


async def looked(cluster: Cluster, namespace: str, name: str, *, workers: int = 1, **mount: Any) -> list[Finding]:
    await install(cluster, PYTORCH_JOBS)
    volumes = [{"claim": name, "path": "/data", **mount}]
    return await look(
        cluster.admin, namespace, kind="PyTorchJob", spec={"workers": workers}, options={"volumes": volumes}
    )


async def test_a_claim_that_is_not_there_names_those_that_are(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    await claim(cluster, namespace, "imagenet", "ReadOnlyMany")
    found = one(await looked(cluster, namespace, "imagent"), "claim-missing")
    assert found.severity is Severity.ERROR
    assert found.fix == "Choose one of imagenet, or leave it out."
    assert found.apply == {"cluster": {"volumes": []}}


async def test_a_claim_of_one_node_for_many_workers(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    await claim(cluster, namespace, "disk", "ReadWriteOnce")
    found = one(await looked(cluster, namespace, "disk", workers=2), "claim-access")
    assert (found.severity, found.apply) == (Severity.WARNING, {"workers": 1})
    assert not by_rule(await looked(cluster, namespace, "disk"), "claim-access")


async def test_a_claim_of_one_pod_for_many_workers_is_an_error(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    await claim(cluster, namespace, "disk", "ReadWriteOncePod")
    found = one(await looked(cluster, namespace, "disk", workers=2), "claim-access")
    assert (found.severity, found.apply) == (Severity.ERROR, {"workers": 1})


async def test_a_claim_of_many_nodes_suits_many_workers(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    await claim(cluster, namespace, "share", "ReadWriteOnce", "ReadWriteMany")
    findings = await looked(cluster, namespace, "share", workers=4)
    assert not [finding for finding in findings if finding.rule.startswith("claim")]


async def test_a_claim_that_can_only_be_read_is_to_be_mounted_so(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    await claim(cluster, namespace, "imagenet", "ReadOnlyMany")
    found = one(await looked(cluster, namespace, "imagenet"), "claim-read-only")
    assert found.apply is not None
    assert found.apply["cluster"] == {
        "volumes": [{"claim": "imagenet", "path": "/data", "sub_path": None, "read_only": True}]
    }
    assert not by_rule(await looked(cluster, namespace, "imagenet", read_only=True), "claim-read-only")


async def test_who_holds_a_claim_now(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    await claim(cluster, namespace, "home", "ReadWriteOnce")
    spec = {
        "containers": [{"name": "c", "image": "x"}],
        "volumes": [{"name": "home", "persistentVolumeClaim": {"claimName": "home"}}],
        "nodeName": "node-7",
    }
    await cluster.create(PODS, {"metadata": {"name": "jupyter-ann"}, "spec": spec}, namespace=namespace)
    found = one(await looked(cluster, namespace, "home"), "claim-in-use")
    assert found.severity is Severity.WARNING
    assert "mounted by jupyter-ann on node-7" in found.message


async def test_a_claim_without_a_volume_yet_is_no_hindrance(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cluster.emulator is not None
    monkeypatch.setattr(cluster.emulator.api.controllers, "claims", False)
    namespace = await cluster.namespace()
    await claim(cluster, namespace, "new", "ReadWriteMany", phase="Pending")
    assert one(await looked(cluster, namespace, "new"), "claim-not-bound").severity is Severity.INFO
    await claim(cluster, namespace, "gone", "ReadWriteMany", phase="Lost")
    assert one(await looked(cluster, namespace, "gone"), "claim-lost").severity is Severity.ERROR


async def test_the_claim_that_carries_the_bundle_is_looked_at_too(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    delivery = FromClaim(claim="bundles", path=".windlass/bundles/x.tar.gz")
    found = one(await look(cluster.admin, namespace, delivery=delivery), "claim-missing")
    assert found.apply is None


async def test_a_claim_that_is_named_for_the_bundle_is_there_before_it_is_needed(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    found = one(await look(cluster.admin, namespace, options={"bundle_claim": "nowhere"}), "claim-missing")
    assert (found.severity, found.apply) == (Severity.ERROR, {"cluster": {"bundle_claim": None}})
    await claim(cluster, namespace, "nowhere", "ReadWriteOnce")
    findings = await look(cluster.admin, namespace, options={"bundle_claim": "nowhere"})
    assert not [finding for finding in findings if finding.rule.startswith("claim")]
