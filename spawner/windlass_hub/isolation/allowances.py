"""What a person's jobs may ask of the cluster, drawn from the profiles that person may use.

A profile on the spawn page binds notebooks only. For jobs the same limits are written into the annotations of the
user's namespace, where the admission policy (`access_admission.py`) reads them: which priorities, tolerations, nodes,
GPUs and runtimes. The user's account cannot change them. What no profile of theirs has, their jobs cannot have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from windlass_hub.profiles.access import Person, visible
from windlass_hub.profiles.model import Catalogue, Profile, Toleration
from windlass_hub.profiles.rendering import CAPACITY_TYPE, SPOT_LABELS, extended_resources, node_selector, tolerations

PRIORITIES = "windlass.io/allowed-priority-classes"
TOLERATIONS = "windlass.io/allowed-tolerations"
DEVICES = "windlass.io/allowed-devices"
NODE_LABELS = "windlass.io/allowed-node-labels"
GUARDED_LABELS = "windlass.io/guarded-node-labels"
RUNTIMES = "windlass.io/allowed-runtime-classes"

# Labels that choose a machine by what it costs, on the common providers. Prefixes.
DEAR_LABELS = (
    "beta.kubernetes.io/instance-type",
    "cloud.google.com/gke-accelerator",
    "cloud.google.com/gke-nodepool",
    "cloud.google.com/machine-family",
    "eks.amazonaws.com/nodegroup",
    "karpenter.azure.com/sku",
    "karpenter.k8s.aws/instance-",
    "karpenter.k8s.gcp/instance-",
    "karpenter.sh/nodepool",
    "kubernetes.azure.com/agentpool",
    "node.kubernetes.io/instance-type",
    "nvidia.com/gpu.product",
)
# Labels that anybody's job may ask for, whatever profiles say: where, not how dear. Spot only makes things cheaper.
FREE_LABELS = frozenset(
    {
        "kubernetes.io/arch",
        "kubernetes.io/os",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
        *SPOT_LABELS,
    }
)


def allowance_annotations(
    catalogue: Catalogue, person: Person, *, default_priorities: Collection[str] = ()
) -> dict[str, str]:
    """The annotations of the namespace of this person.

    Separators: `,` between items; a device is `resource|label=value&label=value`, `;` between devices. None of these
    can be part of a label, a resource or a class.

    Args:
        catalogue: the profiles in force.
        person: whose namespace it is.
        default_priorities: PriorityClasses that the cluster gives to pods that name none.
    """
    theirs = visible(catalogue, person)
    return {
        PRIORITIES: _list({*default_priorities, *(p.priority_class for p in theirs if p.priority_class)}),
        TOLERATIONS: _list({f"{CAPACITY_TYPE}=spot", *(_taint(t) for p in theirs for t in tolerations(p))}),
        DEVICES: ";".join(sorted({device for p in theirs for device in _devices(p)})),
        NODE_LABELS: _list(f"{key}={value}" for p in theirs for key, value in _choosing(p).items()),
        GUARDED_LABELS: _list({*DEAR_LABELS, *(key for p in catalogue.profiles for key in _choosing(p))}),
        RUNTIMES: _list(p.runtime_class for p in theirs if p.runtime_class),
    }


def _choosing(profile: Profile) -> dict[str, str]:
    """The node labels by which a profile chooses how dear its machine is, GPU product included."""
    selector = {key: value for key, value in node_selector(profile).items() if key not in FREE_LABELS}
    if profile.gpu is not None:
        selector.setdefault("nvidia.com/gpu.product", profile.gpu.product)
    return selector


def _devices(profile: Profile) -> list[str]:
    """The extended resources of a profile, each with the labels its node must be chosen by.

    By the profile's own selector, or by the product's label; a profile that chooses no node gives the device anywhere,
    as it does to notebooks.
    """
    if profile.gpu is None:
        return []
    own = {key: value for key, value in node_selector(profile).items() if key not in FREE_LABELS}
    by_product = {"nvidia.com/gpu.product": profile.gpu.product}
    return [
        f"{resource}|{'&'.join(f'{key}={value}' for key, value in sorted(chosen.items()))}"
        for resource in extended_resources(profile)
        for chosen in ((own, by_product) if own else (own,))
    ]


def _taint(toleration: Toleration) -> str:
    """`*` for a toleration of everything, a key for all its values, else key=value."""
    if toleration.key is None:
        return "*"
    return toleration.key if toleration.operator == "Exists" else f"{toleration.key}={toleration.value or ''}"


def _list(items: Iterable[str]) -> str:
    return ",".join(sorted(set(items)))
