"""What is learned of a cluster, whichever operators and versions it has, and with parts of it out of reach."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.crds import KUEUE, OPERATORS, TRAINER, definition, install
from tests.cluster.emulator.kinds import Kind

from windlass.engines.kubernetes.cluster.discovery import discover, train_dialect
from windlass.kube.client import KubeClient
from windlass.kube.errors import Unauthorized, Unavailable
from windlass.kube.names import JOB_LABEL
from windlass.kube.resources import (
    CLUSTER_TRAINING_RUNTIMES,
    PYTORCH_JOBS,
    ROLE_BINDINGS,
    ROLES,
    TRAIN_JOBS,
    TRAINING_RUNTIMES,
)

NODE: dict[str, Any] = {"template": {"spec": {"containers": [{"name": "node", "image": "pytorch"}]}}}


def runtime(name: str, *, labels: dict[str, str] | None = None) -> dict[str, Any]:
    spec = {
        "mlPolicy": {"numNodes": 1, "torch": {}},
        "template": {"spec": {"replicatedJobs": [{"name": "node", "template": {"spec": NODE}}]}},
    }
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": spec}


@pytest.mark.cluster
async def test_a_cluster_with_every_operator(cluster: Cluster) -> None:
    await install(cluster, *OPERATORS)
    namespace = await cluster.namespace()
    name = cluster.unique("torch")
    framework = {"trainer.kubeflow.org/framework": "torch", "team": "a"}
    await cluster.create(CLUSTER_TRAINING_RUNTIMES, runtime(name, labels=framework))
    await cluster.create(TRAINING_RUNTIMES, runtime("ours"), namespace=namespace)
    await cluster.create(TRAINING_RUNTIMES, runtime("of-a-job", labels={JOB_LABEL: "j1"}), namespace=namespace)

    async def whole() -> Any:
        facts = await discover(cluster.admin, namespace=namespace)
        return facts if facts.train_dialect else None

    facts = await eventually(whole, what="the published schema")
    assert facts.problems == ()
    assert facts.version.startswith("v1.")
    assert set(facts.kinds) >= {"Job", "PyTorchJob", "TrainJob", "TrainingRuntime", "JobSet", "LocalQueue", "Workload"}
    assert facts.kinds["PyTorchJob"].resource == PYTORCH_JOBS
    assert facts.kinds["LocalQueue"].resource.version == "v1beta2"
    assert facts.train_dialect == "runtimePatches"
    assert "spec" in facts.kinds["TrainJob"].schema["properties"]
    kept = {found["metadata"]["name"]: found for found in facts.runtimes}
    assert set(kept) >= {name, "ours"}
    assert "of-a-job" not in kept
    assert kept[name]["kind"] == "ClusterTrainingRuntime"
    assert kept[name]["metadata"] == {"name": name, "labels": {"trainer.kubeflow.org/framework": "torch"}}
    assert kept[name]["spec"]["mlPolicy"]["numNodes"] == 1
    assert kept["ours"]["kind"] == "TrainingRuntime"


@pytest.mark.emulator
async def test_a_cluster_without_operators_runs_plain_jobs(cluster: Cluster) -> None:
    assert cluster.emulator is not None
    facts = await discover(cluster.admin, namespace="default")
    assert set(facts.kinds) == {"Job"}
    assert (facts.train_dialect, facts.runtimes, facts.problems) == (None, (), ())
    assert len(cluster.emulator.requests) < 12


@pytest.mark.emulator
@pytest.mark.parametrize("dialect", ["podSpecOverrides", "podTemplateOverrides", "runtimePatches"])
async def test_the_dialect_is_the_served_trainer_s(cluster: Cluster, dialect: str) -> None:
    await install(cluster, *TRAINER, dialect=dialect)
    facts = await discover(cluster.admin, namespace="default")
    assert facts.train_dialect == dialect
    assert facts.problems == ()


@pytest.mark.emulator
async def test_where_schemas_are_not_published_the_definition_says_the_dialect(cluster: Cluster) -> None:
    await install(cluster, *TRAINER, dialect="podTemplateOverrides")
    cluster.faults.fail("GET", "/openapi/v3", 404, times=None)
    facts = await discover(cluster.admin, namespace="default")
    assert facts.train_dialect == "podTemplateOverrides"


@pytest.mark.emulator
async def test_where_nobody_says_the_dialect_that_is_said(cluster: Cluster) -> None:
    await install(cluster, *TRAINER)
    cluster.faults.fail("GET", "/openapi/v3", 403, times=None)
    cluster.faults.fail("GET", "customresourcedefinitions", 403, times=None)
    facts = await discover(cluster.admin, namespace="default")
    assert facts.train_dialect is None
    assert [problem for problem in facts.problems if "its newest way is used" in problem]


@pytest.mark.emulator
async def test_an_older_kueue_is_spoken_to_in_its_version(cluster: Cluster) -> None:
    assert cluster.emulator is not None
    for plural, kind in (("localqueues", "LocalQueue"), ("workloads", "Workload")):
        cluster.emulator.register(Kind("kueue.x-k8s.io", "v1beta1", plural, kind, custom=True))
    facts = await discover(cluster.admin, namespace="default")
    assert facts.kinds["LocalQueue"].resource.version == "v1beta1"
    await install(cluster, *KUEUE)
    facts = await discover(cluster.admin, namespace="default")
    assert facts.kinds["LocalQueue"].resource.version == "v1beta2"


async def an_account(cluster: Cluster, namespace: str, *, may: list[dict[str, Any]]) -> KubeClient:
    client = await cluster.account(namespace, "ann")
    role = {"metadata": {"name": "some"}, "rules": may}
    subject = {"kind": "ServiceAccount", "name": "ann", "namespace": namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "some"}
    await cluster.create(ROLES, role, namespace=namespace)
    binding = {"metadata": {"name": "some"}, "roleRef": reference, "subjects": [subject]}
    await cluster.create(ROLE_BINDINGS, binding, namespace=namespace)
    return client


@pytest.mark.cluster
async def test_an_account_without_rights_learns_what_everybody_may_know(cluster: Cluster) -> None:
    cluster.needs("openapi-v3")
    await install(cluster, *OPERATORS)
    namespace = await cluster.namespace()
    nobody = await cluster.account(namespace, "nobody")

    async def whole() -> Any:
        facts = await discover(nobody, namespace=namespace)
        return facts if facts.train_dialect else None

    facts = await eventually(whole, what="the published schema")
    assert {"Job", "PyTorchJob", "TrainJob", "LocalQueue"} <= set(facts.kinds)
    assert "TrainingRuntime" not in facts.kinds
    assert facts.runtimes == ()
    problems = "\n".join(facts.problems)
    assert f"may not create TrainingRuntimes in {namespace}" in problems
    assert "The ClusterTrainingRuntimes of the cluster cannot be read: this account may not." in problems


@pytest.mark.cluster
async def test_an_account_that_may_make_runtimes_has_them(cluster: Cluster, eventually: Any) -> None:
    await install(cluster, *OPERATORS)
    namespace = await cluster.namespace()
    rule = {"apiGroups": ["trainer.kubeflow.org"], "resources": ["trainingruntimes"], "verbs": ["create", "list"]}
    client = await an_account(cluster, namespace, may=[rule])

    async def seen() -> bool:
        return "TrainingRuntime" in (await discover(client, namespace=namespace)).kinds

    await eventually(seen, what="the new right")


@pytest.mark.emulator
@pytest.mark.parametrize(("status", "sentence"), [(403, "this account may not"), (500, "cannot be read now: made")])
async def test_a_part_that_fails_leaves_the_others(cluster: Cluster, status: int, sentence: str) -> None:
    await install(cluster, *OPERATORS)
    cluster.faults.fail("GET", "/apis/kubeflow.org/v1$", status, times=None)
    cluster.faults.fail("GET", "/clustertrainingruntimes", status, times=None)
    facts = await discover(cluster.admin, namespace="default")
    assert "PyTorchJob" not in facts.kinds
    assert facts.train_dialect == "runtimePatches"
    about = [problem for problem in facts.problems if sentence in problem]
    assert len(about) == 2
    assert about[0].startswith("Whether the cluster serves kubeflow.org/v1 cannot be read")


@pytest.mark.emulator
async def test_a_slow_part_is_a_problem_too(cluster: Cluster) -> None:
    await install(cluster, *OPERATORS)
    cluster.faults.delay("GET", "/apis/kueue.x-k8s.io", 5, times=None)
    client = cluster.client_for(cluster.token, timeout_seconds=0.5)
    facts = await discover(client, namespace="default")
    assert "TrainJob" in facts.kinds
    assert "LocalQueue" not in facts.kinds
    assert [
        problem for problem in facts.problems if "did not answer GET /apis/kueue.x-k8s.io/v1beta2 in time" in problem
    ]


@pytest.mark.emulator
async def test_a_cluster_that_is_away_is_no_empty_one(cluster: Cluster) -> None:
    with cluster.faults.outage(), pytest.raises(Unavailable, match="cannot be reached"):
        await discover(cluster.admin, namespace="default")
    with pytest.raises(Unauthorized):
        await discover(cluster.client_for("nobody's"), namespace="default")


@pytest.mark.emulator
async def test_a_version_that_a_proxy_hides_is_not_known(cluster: Cluster) -> None:
    cluster.faults.fail("GET", "/version", 403, "hidden", times=None)
    facts = await discover(cluster.admin, namespace="default")
    assert facts.version == ""
    assert facts.problems == ("The cluster's version cannot be read: hidden",)
    assert "Job" in facts.kinds


@pytest.mark.parametrize("schema", [None, {}, {"properties": None}, {"properties": {"spec": {"properties": []}}}])
def test_a_schema_that_says_nothing_names_no_dialect(schema: Any) -> None:
    assert train_dialect(schema) is None


def test_a_trainer_that_takes_two_is_spoken_to_in_the_newer() -> None:
    fields = {"podSpecOverrides": {}, "podTemplateOverrides": {}}
    assert train_dialect({"properties": {"spec": {"properties": fields}}}) == "podTemplateOverrides"


def test_the_releases_own_definition_is_read_where_it_is_at_hand() -> None:
    schema = definition(TRAIN_JOBS)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert train_dialect(schema) == "runtimePatches"
