"""What the user's account must never be able to do: not rows of the table, but what no row may ever add up to.

Tests ask a real authorizer for each of them, and `windlass doctor` names those that something else has granted.
"""

from __future__ import annotations

from .model import MANAGE, Never


def _never(group: str, resources: str, verbs: tuple[str, ...], why: str) -> Never:
    return Never(group=group, resources=tuple(resources.split()), verbs=verbs, why=why)


_POD = "A pod of one's own making can mount any Secret and any account of the namespace."
NEVER: tuple[Never, ...] = (
    _never(
        "",
        "secrets",
        (*MANAGE, "update", "deletecollection"),
        "Credentials are used by reference; nobody reads them back.",
    ),
    _never("", "pods", ("create", "patch", "update"), _POD),
    _never(
        "",
        "pods/exec pods/attach pods/portforward pods/proxy",
        ("create", "get"),
        "A shell in a pod that holds another token or a sidecar's secrets.",
    ),
    _never(
        "",
        "pods/ephemeralcontainers",
        ("patch", "update"),
        "A container put into a running pod sees what the pod sees.",
    ),
    _never("", "replicationcontrollers podtemplates", ("create", "patch", "update"), _POD),
    _never("apps", "deployments daemonsets statefulsets replicasets", ("create", "patch", "update"), _POD),
    _never("batch", "cronjobs", ("create", "patch", "update"), "Work that starts itself, with nobody to see its cost."),
    _never(
        "",
        "services services/proxy",
        ("create", "patch", "update"),
        "A service can open a port of a node or a load balancer to the world.",
    ),
    _never(
        "",
        "serviceaccounts",
        ("create", "delete", "impersonate", "patch", "update"),
        "Another account may hold other rights.",
    ),
    _never("", "serviceaccounts/token", ("create",), "Tokens come from the broker, which writes down who got one."),
    _never("", "users groups", ("impersonate",), "Being somebody else."),
    _never(
        "rbac.authorization.k8s.io",
        "roles rolebindings clusterroles clusterrolebindings",
        ("bind", "create", "delete", "escalate", "patch", "update"),
        "Giving oneself rights.",
    ),
    _never(
        "networking.k8s.io", "networkpolicies", ("create", "delete", "patch", "update"), "The namespace stays closed."
    ),
    _never(
        "", "resourcequotas limitranges", ("create", "delete", "patch", "update"), "The quota is the administrator's."
    ),
    _never(
        "",
        "namespaces",
        ("create", "delete", "patch", "update"),
        "Pod Security and what admission allows stand in the namespace's labels and annotations.",
    ),
    _never(
        "", "events", ("create", "patch", "update"), "Events are shown as the cluster's words on other people's pages."
    ),
    _never("events.k8s.io", "events", ("create", "patch", "update"), "The same."),
    _never(
        "",
        "nodes nodes/proxy persistentvolumes",
        ("create", "get", "list", "patch", "update"),
        "Capacity comes through the broker; the kubelet's own API does more than it shows.",
    ),
    _never(
        "kueue.x-k8s.io",
        "clusterqueues localqueues workloads",
        ("create", "delete", "patch", "update"),
        "A place in the queue is not the user's to give.",
    ),
    _never("scheduling.k8s.io", "priorityclasses", ("create", "delete", "patch", "update"), "Nobody ranks themselves."),
    _never(
        "admissionregistration.k8s.io",
        "validatingadmissionpolicies validatingadmissionpolicybindings "
        "validatingwebhookconfigurations mutatingwebhookconfigurations",
        ("create", "delete", "patch", "update"),
        "The limits stay.",
    ),
)
