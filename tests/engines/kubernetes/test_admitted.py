"""A cluster takes what is made: with strict field validation, and under the restricted Pod Security profile."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.cluster.cluster import Cluster
from tests.engines.kubernetes.making import EVERYTHING, cluster_job
from tests.engines.kubernetes.schemas import pod_templates

from windlass.engines.kubernetes.kinds.choosing import KINDS
from windlass.engines.kubernetes.manifests.delivery import config_map
from windlass.engines.kubernetes.model import ClusterJob
from windlass.kube.errors import Forbidden
from windlass.kube.resources import CONFIG_MAPS, JOBS, PODS

pytestmark = pytest.mark.cluster

RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
OPTIONS = {
    "cpu": 0.1,
    "memory_bytes": 2**28,
    "node_class": "spot",
    "volumes": [{"claim": "data", "path": "/data", "sub_path": "a"}],
    "tolerations": [{"key": "team", "value": "a", "effect": "NoExecute"}],
}


def job(namespace: str) -> ClusterJob:
    """With as many options as one pod can have."""
    spec = {"gpus_per_worker": 1, "retries": 2, "time_limit_seconds": 60}
    return replace(cluster_job(spec=spec, options=OPTIONS, packages=("einops",)), namespace=namespace)


@pytest.mark.parametrize("kind", KINDS)
async def test_pods_of_every_kind_pass_the_restricted_profile(cluster: Cluster, kind: str) -> None:
    namespace = await cluster.namespace(labels=RESTRICTED)
    (template, *_) = [each for item in KINDS[kind].render(job(namespace), EVERYTHING) for each in pod_templates(item)]
    template["metadata"]["name"] = "one"
    made = await cluster.admin.create(PODS, template, namespace=namespace, dry_run=True)
    assert made["spec"]["automountServiceAccountToken"] is False


async def test_the_profile_is_enforced_where_this_is_looked_at(cluster: Cluster) -> None:
    cluster.needs("pod-security")
    namespace = await cluster.namespace(labels=RESTRICTED)
    free = replace(job(namespace), restricted=False)
    (template,) = pod_templates(KINDS["Job"].render(free, EVERYTHING)[0])
    template["metadata"]["name"] = "one"
    with pytest.raises(Forbidden, match="restricted"):
        await cluster.admin.create(PODS, template, namespace=namespace, dry_run=True)


async def test_a_job_and_its_config_map_are_taken_as_they_are(cluster: Cluster) -> None:
    namespace = await cluster.namespace(labels=RESTRICTED)
    wanted = job(namespace)
    carrier = await cluster.create(CONFIG_MAPS, config_map(wanted, b"\x00bundle"), namespace=namespace)
    (item,) = KINDS["Job"].render(wanted, EVERYTHING)
    made = await cluster.create(JOBS, item, namespace=namespace)
    assert carrier["metadata"]["name"] == made["metadata"]["name"]
    if "pod-failure-policy" in cluster.features:
        assert made["spec"]["podFailurePolicy"]["rules"][0]["action"] == "Ignore"
