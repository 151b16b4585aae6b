"""The admission policies: what they let through and what they refuse, in words."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tests.hub.rights.admission import Asked, refusals

from windlass_hub.namespaces import Plan, contents, namespace
from windlass_hub.profiles.access import Person
from windlass_hub.profiles.model import Catalogue, load_catalogue
from windlass_hub.rights.admission import hub_fence, user_pods
from windlass_hub.settings import Settings

HUB = "system:serviceaccount:jupyterhub:hub"
SETTINGS = Settings(isolation="own", hub_namespace="jupyterhub")
CATALOGUE = load_catalogue(
    {
        "profiles": [
            {"slug": "cpu", "display_name": "CPU", "cpu": "2", "memory": "4G"},
            {
                "slug": "t4",
                "display_name": "T4",
                "cpu": "4",
                "memory": "16G",
                "gpu": {"product": "Tesla-T4"},
                "node_selector": {"gpu-type": "t4"},
                "priority_class": "interactive",
            },
            {
                "slug": "h100",
                "display_name": "H100",
                "cpu": "64",
                "memory": "512G",
                "gpu": {"product": "H100", "count": 8},
                "node_selector": {"gpu-type": "h100"},
                "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "h100", "effect": "NoSchedule"}],
                "priority_class": "urgent",
                "runtime_class": "kata",
                "groups": ["research"],
            },
        ]
    }
)
ADA = Person(name="ada")
RESEARCHER = Person(name="ada", groups=frozenset({"research"}))
T4 = {"gpu-type": "t4"}
H100 = {"gpu-type": "h100"}


def plan(person: Person = ADA, catalogue: Catalogue = CATALOGUE) -> Plan:
    return Plan(
        name="wl-ada",
        person=person,
        catalogue=catalogue,
        settings=SETTINGS,
        hub_namespace="jupyterhub",
        default_priorities=("everyday",),
    )


def pod(*, gpus: int = 0, resource: str = "nvidia.com/gpu", **spec: Any) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "main", "image": "x", "resources": {"limits": {"cpu": "1"}}}
    if gpus:
        container["resources"]["limits"][resource] = str(gpus)
    metadata = spec.pop("metadata", {})
    container |= spec.pop("container", {})
    return {"metadata": {"name": "p", **metadata}, "spec": {"containers": [container], **spec}}


def ask(body: dict[str, Any], person: Person = ADA, **changes: Any) -> list[str]:
    _, there = namespace(plan(person))
    asked = Asked(object=body, in_namespace=there, **changes)
    return refusals(user_pods(SETTINGS, hub_namespace="jupyterhub"), asked)


def affinity(kind: str, **expression: Any) -> dict[str, Any]:
    term = {"matchExpressions": [expression]}
    if kind == "required":
        return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}
    return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": term}]}}


ALLOWED: dict[str, tuple[dict[str, Any], Person]] = {
    "plain": (pod(), ADA),
    "the default account": (pod(serviceAccountName="default"), ADA),
    "the user's account": (pod(serviceAccountName="windlass-user"), ADA),
    "the launcher of an MPIJob": (
        pod(
            serviceAccountName="job-launcher",
            metadata={"labels": {"training.kubeflow.org/operator-name": "mpijob-controller"}},
        ),
        ADA,
    ),
    "the cluster's default priority": (pod(priorityClassName="everyday"), ADA),
    "a profile's priority": (pod(priorityClassName="interactive"), ADA),
    "a profile's GPU on its nodes": (pod(gpus=1, nodeSelector=T4), ADA),
    "a profile's GPU by product": (pod(gpus=1, nodeSelector={"nvidia.com/gpu.product": "Tesla-T4"}), ADA),
    "a dear GPU for who may": (
        pod(
            gpus=8,
            nodeSelector=H100,
            tolerations=[{"key": "dedicated", "operator": "Equal", "value": "h100"}],
            priorityClassName="urgent",
            runtimeClassName="kata",
        ),
        RESEARCHER,
    ),
    "tolerations that Kubernetes adds": (
        pod(tolerations=[{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}]),
        ADA,
    ),
    "the GPU's own taint": (
        pod(gpus=1, nodeSelector=T4, tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists"}]),
        ADA,
    ),
    "spot": (
        pod(
            nodeSelector={"karpenter.sh/capacity-type": "spot"},
            tolerations=[{"key": "karpenter.sh/capacity-type", "operator": "Equal", "value": "spot"}],
        ),
        ADA,
    ),
    "a zone": (pod(nodeSelector={"topology.kubernetes.io/zone": "eu-1a"}), ADA),
    "its own nodes by affinity": (
        pod(affinity=affinity("required", key="gpu-type", operator="In", values=["t4"])),
        ADA,
    ),
    "a zone by affinity": (
        pod(affinity=affinity("preferred", key="topology.kubernetes.io/zone", operator="NotIn", values=["a"])),
        ADA,
    ),
    "a network adapter": (pod(gpus=4, resource="vpc.amazonaws.com/efa"), ADA),
    "no GPU made plain": (pod(container={"env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}]}), ADA),
    "labels of one's own": (pod(metadata={"labels": {"component": "training", "job-type": "training"}}), ADA),
}

REFUSED: dict[str, tuple[dict[str, Any], Person, str]] = {
    "another account": (pod(serviceAccountName="admin"), ADA, "run as default"),
    "an account that ends like a launcher": (pod(serviceAccountName="x-launcher"), ADA, "run as default"),
    "a priority of nobody's": (pod(priorityClassName="system-node-critical"), ADA, "priority"),
    "a priority of another group's": (pod(priorityClassName="urgent"), ADA, "priority"),
    "a runtime of another group's": (pod(runtimeClassName="kata"), ADA, "runtimeClassName"),
    "a taint of another group's": (
        pod(tolerations=[{"key": "dedicated", "operator": "Equal", "value": "h100"}]),
        ADA,
        "taints",
    ),
    "all values of a taint": (pod(tolerations=[{"key": "dedicated", "operator": "Exists"}]), RESEARCHER, "taints"),
    "another value of a taint": (pod(tolerations=[{"key": "dedicated", "value": "a100"}]), RESEARCHER, "taints"),
    "every taint": (pod(tolerations=[{"operator": "Exists"}]), RESEARCHER, "taints"),
    "a GPU without choosing nodes": (pod(gpus=1), ADA, "GPUs"),
    "a GPU on nodes of another group's": (pod(gpus=1, nodeSelector=H100), ADA, "GPUs"),
    "a GPU by another product": (pod(gpus=1, nodeSelector={"nvidia.com/gpu.product": "H100"}), ADA, "GPUs"),
    "a slice that no profile has": (pod(gpus=1, resource="nvidia.com/mig-1g.5gb", nodeSelector=T4), ADA, "GPUs"),
    "a GPU in an init container": (
        pod(initContainers=[{"name": "i", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]),
        ADA,
        "GPUs",
    ),
    "a GPU in requests alone": (
        pod(container={"resources": {"requests": {"nvidia.com/gpu": "1"}}}),
        ADA,
        "GPUs",
    ),
    "dear nodes without a GPU": (pod(nodeSelector=H100), ADA, "such nodes"),
    "a machine by type": (pod(nodeSelector={"node.kubernetes.io/instance-type": "p5.48xlarge"}), ADA, "such nodes"),
    "dear nodes by affinity": (
        pod(affinity=affinity("required", key="gpu-type", operator="In", values=["t4", "h100"])),
        ADA,
        "such nodes",
    ),
    "dear nodes by preference": (
        pod(affinity=affinity("preferred", key="nvidia.com/gpu.product", operator="Exists")),
        ADA,
        "such nodes",
    ),
    "all nodes but the cheap": (
        pod(affinity=affinity("required", key="gpu-type", operator="NotIn", values=["t4"])),
        ADA,
        "such nodes",
    ),
    "a node by its name in an affinity": (
        pod(
            affinity={
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [
                            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["gpu-1"]}]}
                        ]
                    }
                }
            }
        ),
        ADA,
        "such nodes",
    ),
    "a GPU by a resource claim": (
        pod(resourceClaims=[{"name": "gpu", "resourceClaimTemplateName": "h100"}]),
        ADA,
        "resource claim",
    ),
    "a node by name": (pod(nodeName="gpu-1"), ADA, "scheduler"),
    "all GPUs by a variable": (
        pod(container={"env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]}),
        ADA,
        "NVIDIA_VISIBLE_DEVICES",
    ),
    "GPUs by a variable from elsewhere": (
        pod(container={"env": [{"name": "NVIDIA_VISIBLE_DEVICES", "valueFrom": {"fieldRef": {}}}]}),
        ADA,
        "NVIDIA_VISIBLE_DEVICES",
    ),
    "the notebooks' label": (pod(metadata={"labels": {"component": "windlass-notebook-hub"}}), ADA, "hub's own"),
    "the stock notebooks' label": (pod(metadata={"labels": {"component": "singleuser-server"}}), ADA, "hub's own"),
    "a label that opens the way to the hub": (
        pod(metadata={"labels": {"hub.jupyter.org/network-access-hub": "true"}}),
        ADA,
        "hub's own",
    ),
    "the host's network": (pod(hostNetwork=True), ADA, "of the node"),
    "a path of the host": (pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}]), ADA, "of the node"),
    "privileges": (pod(container={"securityContext": {"privileged": True}}), ADA, "of the node"),
}


@pytest.mark.parametrize("what", ALLOWED)
def test_what_a_profile_has_is_let_through(what: str) -> None:
    body, person = ALLOWED[what]
    assert ask(body, person) == []


@pytest.mark.parametrize("what", REFUSED)
def test_what_no_profile_has_is_refused_in_words(what: str) -> None:
    body, person, why = REFUSED[what]
    assert [message for message in ask(body, person) if why in message]


def test_notebooks_of_the_hub_are_not_held_to_it() -> None:
    body = pod(gpus=1, metadata={"labels": {"component": "windlass-notebook-hub"}})
    assert ask(body, user=HUB) == []
    assert ask(body, user="system:serviceaccount:wl-ada:hub") != []


def test_a_namespace_without_annotations_allows_nothing_dear() -> None:
    there = {"metadata": {"name": "wl-ada"}}
    body = pod(gpus=1, nodeSelector=T4, priorityClassName="interactive")
    asked = Asked(object=body, in_namespace=there)
    assert len(refusals(user_pods(SETTINGS, hub_namespace="jupyterhub"), asked)) == 2


def test_a_profile_that_chooses_no_node_gives_its_gpus_anywhere() -> None:
    anywhere = {"slug": "any", "display_name": "Any", "cpu": "1", "memory": "1G", "gpu": {"product": "Tesla-T4"}}
    _, there = namespace(plan(catalogue=load_catalogue({"profiles": [anywhere]})))
    asked = Asked(object=pod(gpus=1), in_namespace=there)
    assert refusals(user_pods(SETTINGS, hub_namespace="jupyterhub"), asked) == []


def fence(**asked: Any) -> list[str]:
    return refusals(hub_fence(SETTINGS, hub_namespace="jupyterhub"), Asked(**{"user": HUB, **asked}))


def ours() -> dict[str, Any]:
    return copy.deepcopy(namespace(plan())[1])


def in_ours(resource: str, body: dict[str, Any], **asked: Any) -> list[str]:
    return fence(resource=resource, object=body, in_namespace=ours(), **asked)


class TestFence:
    """What holds the hub's own account."""

    def test_it_makes_repairs_and_removes_its_users_namespaces(self) -> None:
        made = ours()
        at = {"resource": "namespaces", "namespace": "wl-ada"}
        assert fence(object=made, **at) == []
        assert fence(object=made, old=made, operation="UPDATE", **at) == []
        assert fence(old=made, operation="DELETE", **at) == []

    def test_everything_the_hub_makes_in_them_passes(self) -> None:
        for kind, body in contents(plan(), {"HF_TOKEN": "x"}):
            assert in_ours(kind.plural, body, group=kind.group) == [], body["metadata"]["name"]
            assert in_ours(kind.plural, body, group=kind.group, operation="UPDATE", old=body) == []

    @pytest.mark.parametrize("change", ["name", "label", "user", "security"])
    def test_no_other_namespace_is_made(self, change: str) -> None:
        made = ours()
        metadata = made["metadata"]
        if change == "name":
            metadata["name"] = "kube-public"
        elif change == "label":
            metadata["labels"]["windlass.io/hub"] = "other"
        elif change == "user":
            del metadata["annotations"]
        else:
            metadata["labels"]["pod-security.kubernetes.io/enforce"] = "privileged"
        assert fence(resource="namespaces", object=made) != []

    def test_a_namespace_of_others_is_neither_taken_over_nor_removed(self) -> None:
        theirs = {"metadata": {"name": "wl-prod", "labels": {"team": "x"}}}
        made = ours()
        made["metadata"]["name"] = "wl-prod"
        assert fence(resource="namespaces", object=made, old=theirs, operation="UPDATE") != []
        assert fence(resource="namespaces", old=theirs, operation="DELETE") != []

    def test_a_namespace_stays_its_users(self) -> None:
        mine, bobs = ours(), ours()
        bobs["metadata"]["annotations"]["windlass.io/username"] = "bob"
        assert fence(resource="namespaces", object=bobs, old=mine, operation="UPDATE") != []

    @pytest.mark.parametrize("labels", [None, {}, {"windlass.io/hub": "other"}])
    def test_nothing_is_written_elsewhere(self, labels: dict[str, str] | None) -> None:
        metadata: dict[str, Any] = {"name": "prod"} if labels is None else {"name": "prod", "labels": labels}
        body = {"metadata": {"name": "x"}}
        for resource in ("pods", "configmaps", "networkpolicies"):
            elsewhere = {"resource": resource, "namespace": "prod", "in_namespace": {"metadata": metadata}}
            assert fence(object=body, **elsewhere) != []
            assert fence(old=body, operation="DELETE", **elsewhere) != []

    def test_in_its_own_namespace_its_role_says_it_all(self) -> None:
        assert fence(resource="pods", namespace="jupyterhub", object=pod(), in_namespace={"metadata": {}}) == []

    def test_others_are_not_fenced(self) -> None:
        body = {"metadata": {"name": "x"}}
        assert fence(user="admin", resource="pods", namespace="prod", object=body, in_namespace={"metadata": {}}) == []

    @pytest.mark.parametrize(
        ("role", "subject"),
        [
            ("cluster-admin", {"kind": "ServiceAccount", "name": "windlass-user", "namespace": "wl-ada"}),
            ("windlass-user", {"kind": "ServiceAccount", "name": "windlass-user", "namespace": "wl-bob"}),
            ("windlass-user", {"kind": "ServiceAccount", "name": "default", "namespace": "wl-ada"}),
            ("windlass-user", {"kind": "Group", "name": "system:authenticated"}),
            ("windlass-hub-namespace", {"kind": "ServiceAccount", "name": "windlass-user", "namespace": "wl-ada"}),
            ("windlass-hub-namespace", {"kind": "ServiceAccount", "name": "hub", "namespace": "wl-ada"}),
        ],
    )
    def test_it_binds_no_other_role_and_no_other_account(self, role: str, subject: dict[str, str]) -> None:
        body = {"metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": role}, "subjects": [subject]}
        assert in_ours("rolebindings", body, group="rbac.authorization.k8s.io") != []

    def test_it_writes_no_other_secret_and_asks_for_no_other_token(self) -> None:
        assert in_ours("secrets", {"metadata": {"name": "planted"}}) != []
        request = {"metadata": {}}
        token = {"resource": "serviceaccounts", "subresource": "token", "in_namespace": ours()}
        assert fence(object=request, name="windlass-user", **token) == []
        assert fence(object=request, name="builder", **token) != []

    def test_accounts_without_a_name_are_refused_and_in_words(self) -> None:
        """A name that the server makes up, and a collection that is deleted: both come without one."""
        words = "The hub touches no account but default and windlass-user, and asks for no other account's token."
        assert in_ours("serviceaccounts", {"metadata": {"generateName": "x-"}}) == [words]
        old = {"metadata": {"name": "builder"}}
        asked = Asked(user=HUB, operation="DELETE", resource="serviceaccounts", old=old, in_namespace=ours())
        policies = hub_fence(SETTINGS, hub_namespace="jupyterhub")
        assert refusals(policies, asked) == [words]
