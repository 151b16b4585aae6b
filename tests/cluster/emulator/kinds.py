"""The kinds of object the emulated cluster serves: the core ones, and what CustomResourceDefinitions add."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Kind:
    """One served kind. `status` says whether writes to the object itself leave its status alone."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    status: bool = False
    short_names: tuple[str, ...] = ()
    custom: bool = False
    subresources: tuple[str, ...] = field(default=())
    schema: dict[str, Any] | None = field(default=None, compare=False, repr=False)
    """What objects of a custom kind look like."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_resource(self) -> str:
        """As error messages name it: `roles.rbac.authorization.k8s.io`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
CRDS = Kind(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    namespaced=False,
    status=True,
    short_names=("crd", "crds"),
)
NAMESPACES = Kind(
    "", "v1", "namespaces", "Namespace", namespaced=False, status=True, short_names=("ns",), subresources=("finalize",)
)
PODS = Kind("", "v1", "pods", "Pod", status=True, short_names=("po",), subresources=("binding", "eviction", "log"))
NODES = Kind("", "v1", "nodes", "Node", namespaced=False, status=True, short_names=("no",))
EVENTS = Kind("", "v1", "events", "Event", short_names=("ev",))
CONFIG_MAPS = Kind("", "v1", "configmaps", "ConfigMap", short_names=("cm",))
SECRETS = Kind("", "v1", "secrets", "Secret")
SERVICE_ACCOUNTS = Kind("", "v1", "serviceaccounts", "ServiceAccount", short_names=("sa",), subresources=("token",))
CLAIMS = Kind("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", status=True, short_names=("pvc",))
QUOTAS = Kind("", "v1", "resourcequotas", "ResourceQuota", status=True, short_names=("quota",))
LIMIT_RANGES = Kind("", "v1", "limitranges", "LimitRange", short_names=("limits",))
ROLES = Kind(_RBAC, "v1", "roles", "Role")
ROLE_BINDINGS = Kind(_RBAC, "v1", "rolebindings", "RoleBinding")
CLUSTER_ROLES = Kind(_RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False)
CLUSTER_ROLE_BINDINGS = Kind(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)
ACCESS_REVIEWS = Kind(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)
RULES_REVIEWS = Kind(
    "authorization.k8s.io", "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", namespaced=False
)

BUILT_IN = (
    NAMESPACES,
    PODS,
    NODES,
    EVENTS,
    CONFIG_MAPS,
    SECRETS,
    SERVICE_ACCOUNTS,
    CLAIMS,
    QUOTAS,
    LIMIT_RANGES,
    Kind("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False, status=True, short_names=("pv",)),
    Kind("", "v1", "services", "Service", status=True, short_names=("svc",)),
    Kind("", "v1", "endpoints", "Endpoints", short_names=("ep",)),
    ROLES,
    ROLE_BINDINGS,
    CLUSTER_ROLES,
    CLUSTER_ROLE_BINDINGS,
    Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", short_names=("netpol",)),
    Kind("coordination.k8s.io", "v1", "leases", "Lease"),
    Kind("batch", "v1", "jobs", "Job", status=True),
    Kind("apps", "v1", "deployments", "Deployment", status=True, short_names=("deploy",)),
    Kind("storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False, short_names=("sc",)),
    Kind("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False, short_names=("pc",)),
    Kind(_ADMISSION, "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", namespaced=False, status=True),
    Kind(
        _ADMISSION,
        "v1",
        "validatingadmissionpolicybindings",
        "ValidatingAdmissionPolicyBinding",
        namespaced=False,
    ),
    ACCESS_REVIEWS,
    RULES_REVIEWS,
    CRDS,
    Kind("karpenter.sh", "v1", "nodeclaims", "NodeClaim", namespaced=False, status=True, custom=True),
    Kind("karpenter.sh", "v1", "nodepools", "NodePool", namespaced=False, status=True, custom=True),
)


class Kinds:
    """What is served now."""

    def __init__(self) -> None:
        self._served: dict[tuple[str, str, str], Kind] = {}
        self.reset()

    def reset(self) -> None:
        """Serve what every cluster of the tests does."""
        self._served = {(kind.group, kind.version, kind.plural): kind for kind in BUILT_IN}

    def __iter__(self) -> Any:
        return iter(list(self._served.values()))

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        return self._served.get((group, version, plural))

    def named(self, api_version: str, kind: str) -> Kind | None:
        """The kind an owner reference or an object means."""
        return next((k for k in self._served.values() if k.api_version == api_version and k.kind == kind), None)

    def plural(self, group: str, plural: str) -> Kind | None:
        """The kind of any version, as `count/jobs.batch` means it."""
        return next((k for k in self._served.values() if k.group == group and k.plural == plural), None)

    def register(self, kind: Kind) -> None:
        self._served[kind.group, kind.version, kind.plural] = kind

    def learn(self, definition: dict[str, Any]) -> None:
        """Serve what a CustomResourceDefinition defines."""
        spec = definition["spec"]
        names = spec["names"]
        for version in spec["versions"]:
            if version.get("served", True):
                self.register(
                    Kind(
                        spec["group"],
                        version["name"],
                        names["plural"],
                        names["kind"],
                        namespaced=spec.get("scope") == "Namespaced",
                        status="status" in version.get("subresources", {}),
                        short_names=tuple(names.get("shortNames", ())),
                        custom=True,
                        schema=version.get("schema", {}).get("openAPIV3Schema"),
                    )
                )

    def forget(self, definition: dict[str, Any]) -> None:
        spec = definition["spec"]
        for version in spec["versions"]:
            self._served.pop((spec["group"], version["name"], spec["names"]["plural"]), None)
