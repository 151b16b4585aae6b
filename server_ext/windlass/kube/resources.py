"""The kinds of object Windlass speaks of, and where the API keeps them.

Names come from users and from other people's objects: a path is made only here, and only of names that the API itself
could hold, so that no name can reach another object's address.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from windlass.kube.errors import Invalid


@dataclass(frozen=True)
class Resource:
    """One kind of object: `group` is empty for the core group, `plural` is its name in paths."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        """As an object's `apiVersion` says it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, *, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The address of one object, of a namespace's objects, or of all (no `namespace`).

        Raises Invalid for a name no object can have, and where a namespace is missing or too much.
        """
        if namespace is not None and not self.namespaced:
            raise Invalid(f"{self.kind} objects are in no namespace.")
        if namespace is None and name is not None and self.namespaced:
            raise Invalid(f"A {self.kind} is named together with its namespace.")
        if subresource is not None and name is None:
            raise Invalid(f"The {subresource} of a {self.kind} needs the name of one.")
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if namespace is not None:
            parts += ["namespaces", _segment(namespace)]
        parts.append(self.plural)
        if name is not None:
            parts.append(_segment(name))
        if subresource is not None:
            parts.append(_segment(subresource))
        return "/" + "/".join(parts)


def _segment(text: str) -> str:
    """One piece of a path. The API refuses these names itself; some proxies tidy the path before it can."""
    if not text or text in {".", ".."} or "/" in text or "%" in text:
        raise Invalid(f"No Kubernetes object can be named {text!r}.")
    return quote(text, safe="")


PODS = Resource("", "v1", "pods", "Pod", namespaced=True)
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
EVENTS = Resource("", "v1", "events", "Event", namespaced=True)
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
SECRETS = Resource("", "v1", "secrets", "Secret", namespaced=True)
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount", namespaced=True)
SERVICES = Resource("", "v1", "services", "Service", namespaced=True)
PERSISTENT_VOLUME_CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", namespaced=True)
RESOURCE_QUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota", namespaced=True)
LIMIT_RANGES = Resource("", "v1", "limitranges", "LimitRange", namespaced=True)

_RBAC = "rbac.authorization.k8s.io"
ROLES = Resource(_RBAC, "v1", "roles", "Role", namespaced=True)
ROLE_BINDINGS = Resource(_RBAC, "v1", "rolebindings", "RoleBinding", namespaced=True)
CLUSTER_ROLES = Resource(_RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False)
CLUSTER_ROLE_BINDINGS = Resource(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)

NETWORK_POLICIES = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", namespaced=True)
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease", namespaced=True)

JOBS = Resource("batch", "v1", "jobs", "Job", namespaced=True)
PYTORCH_JOBS = Resource("kubeflow.org", "v1", "pytorchjobs", "PyTorchJob", namespaced=True)

_TRAINER = "trainer.kubeflow.org"
TRAIN_JOBS = Resource(_TRAINER, "v1alpha1", "trainjobs", "TrainJob", namespaced=True)
TRAINING_RUNTIMES = Resource(_TRAINER, "v1alpha1", "trainingruntimes", "TrainingRuntime", namespaced=True)
CLUSTER_TRAINING_RUNTIMES = Resource(
    _TRAINER, "v1alpha1", "clustertrainingruntimes", "ClusterTrainingRuntime", namespaced=False
)
JOB_SETS = Resource("jobset.x-k8s.io", "v1alpha2", "jobsets", "JobSet", namespaced=True)

_KUEUE = "kueue.x-k8s.io"
LOCAL_QUEUES = {
    version: Resource(_KUEUE, version, "localqueues", "LocalQueue", namespaced=True)
    for version in ("v1beta2", "v1beta1")
}
"""By version, the newest first."""
WORKLOADS = {
    version: Resource(_KUEUE, version, "workloads", "Workload", namespaced=True) for version in ("v1beta2", "v1beta1")
}

PRIORITY_CLASSES = Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False)
STORAGE_CLASSES = Resource("storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False)

NODE_CLAIMS = Resource("karpenter.sh", "v1", "nodeclaims", "NodeClaim", namespaced=False)
NODE_POOLS = Resource("karpenter.sh", "v1", "nodepools", "NodePool", namespaced=False)

CUSTOM_RESOURCE_DEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)

_ADMISSION = "admissionregistration.k8s.io"
VALIDATING_ADMISSION_POLICIES = Resource(
    _ADMISSION, "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", namespaced=False
)
VALIDATING_ADMISSION_POLICY_BINDINGS = Resource(
    _ADMISSION, "v1", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", namespaced=False
)

_AUTHORIZATION = "authorization.k8s.io"
SELF_SUBJECT_ACCESS_REVIEWS = Resource(
    _AUTHORIZATION, "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)
SELF_SUBJECT_RULES_REVIEWS = Resource(
    _AUTHORIZATION, "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", namespaced=False
)
