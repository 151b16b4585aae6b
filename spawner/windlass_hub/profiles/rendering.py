"""A profile as KubeSpawner's traits: names and units exactly as KubeSpawner 7.1 reads them.

KubeSpawner's memory suffixes are powers of 1024 and know no `Gi`; Kubernetes' `G` is 10^9. So memory is handed over in
bytes, and the pod has what the admin wrote. KubeSpawner formats every string of environment, volumes and mounts
(`{username}`); any other brace is escaped, or a JSON value would end the start with a KeyError.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from windlass.kube.quantities import parse_bytes, parse_quantity

from .model import Catalogue, Profile, Toleration, Volume
from .options import Choice
from .patterns import KUBESPAWNER_FIELDS

# jupyter-vscode-proxy serves VS Code at this path of the ordinary single-user server.
VSCODE_URL = "/vscode/"
CAPACITY_TYPE = "karpenter.sh/capacity-type"
# How nodes that may be taken away are labelled and tainted, by whom they are provisioned.
SPOT_LABELS = (
    CAPACITY_TYPE,
    "eks.amazonaws.com/capacityType",
    "cloud.google.com/gke-spot",
    "cloud.google.com/gke-preemptible",
    "kubernetes.azure.com/scalesetpriority",
)
# What a stock hub replaces instead of adding to when its own is a list; `with_base` adds.
COLLECTIONS = ("tolerations", "volumes", "volume_mounts")
_BRACES = re.compile(r"\{(?:" + "|".join(KUBESPAWNER_FIELDS) + r")\}|[{}]")


def overrides(choice: Choice, catalogue: Catalogue) -> dict[str, Any]:  # noqa: ARG001  (the seam: prices and images may come to matter)
    """The traits that make a spawner start this choice.

    `tolerations`, `volumes` and `volume_mounts` are dictionaries of additions: put them on what the hub's own
    configuration has with `with_base`, or the user's home is gone from the pod.
    """
    traits = _machine(choice.profile)
    if choice.image is not None:
        traits["image"] = choice.image
    return traits


def to_kubespawner(profile: Profile, catalogue: Catalogue) -> dict[str, Any]:
    """The profile as an entry of a stock `KubeSpawner.profile_list`.

    Text is escaped: KubeSpawner's own form writes names and descriptions into the page as HTML.
    """
    entry: dict[str, Any] = {
        "slug": profile.slug,
        "display_name": html.escape(profile.display_name),
        "description": html.escape(profile.description),
        "kubespawner_override": _machine(profile),
    }
    if profile.default:
        entry["default"] = True
    if option := _image_option(profile, catalogue):
        entry["profile_options"] = {"image": option}
    return entry


def with_base(base: list[Any] | Mapping[str, Any], added: Mapping[str, Any]) -> list[Any]:
    """A list or dictionary trait of the hub's configuration with a profile's additions.

    A mount at the same path, or a volume of the same name, takes the place of the configuration's.
    """
    kept = [base[key] for key in sorted(base)] if isinstance(base, Mapping) else list(base)
    taken = {_identity(item) for item in added.values()}
    return [*(item for item in kept if _identity(item) not in taken), *added.values()]


def node_selector(profile: Profile) -> dict[str, str]:
    """The labels a node must have. A spot profile asks for spot capacity unless it says itself how that is labelled."""
    selector = dict(profile.node_selector)
    if profile.spot and not any(label in selector for label in SPOT_LABELS):
        selector[CAPACITY_TYPE] = "spot"
    return selector


def tolerations(profile: Profile) -> tuple[Toleration, ...]:
    """What the profile tolerates: its own list, the taint that keeps others off GPU nodes, and that of spot nodes."""
    found = list(profile.tolerations)
    if profile.gpu is not None:
        keys = dict.fromkeys(("nvidia.com/gpu", profile.gpu.resource_name))
        found += [Toleration(key=key, effect="NoSchedule") for key in keys]
    if profile.spot:
        selector = node_selector(profile)
        found += [
            Toleration(key=label, operator="Equal", value=selector[label], effect="NoSchedule")
            for label in SPOT_LABELS
            if label in selector
        ]
    return tuple(dict.fromkeys(found))


def extended_resources(profile: Profile) -> dict[str, str]:
    """The extended resources as Kubernetes wants them: whole numbers as text."""
    return {} if profile.gpu is None else {profile.gpu.resource_name: str(profile.gpu.count)}


def environment(profile: Profile) -> dict[str, str]:
    """The variables of the profile as they are meant, `{username}` and the like not yet put in.

    Without a GPU the container is shown none: CUDA images ask for all, and where NVIDIA's is the default runtime they
    would get them beside the scheduler.
    """
    return {**({} if profile.gpu else {"NVIDIA_VISIBLE_DEVICES": "void"}), **profile.environment}


def escape_braces(text: str) -> str:
    """Text that KubeSpawner's formatting leaves as it is, but for the fields it documents."""
    return _BRACES.sub(lambda found: found[0] if len(found[0]) > 1 else found[0] * 2, text)


def _machine(profile: Profile) -> dict[str, Any]:
    traits: dict[str, Any] = {
        "cpu_limit": float(parse_quantity(profile.cpu)),
        "cpu_guarantee": float(parse_quantity(profile.cpu_guarantee or profile.cpu)),
        "mem_limit": parse_bytes(profile.memory),
        "mem_guarantee": parse_bytes(profile.memory_guarantee or profile.memory),
        # Requests too: a limit alone is enough for the API server, but quota and page read requests.
        "extra_resource_limits": extended_resources(profile),
        "extra_resource_guarantees": extended_resources(profile),
        "node_selector": node_selector(profile),
        "tolerations": {f"windlass-{i:02}": _toleration(t) for i, t in enumerate(tolerations(profile))},
        "environment": {name: escape_braces(value) for name, value in environment(profile).items()},
        "volumes": {f"windlass-{v.name}": _volume(v) for v in profile.volumes},
        "volume_mounts": {f"windlass-{v.name}": _mount(v) for v in profile.volumes},
    }
    if profile.priority_class:
        traits["priority_class_name"] = profile.priority_class
    if profile.runtime_class:
        traits["extra_pod_config"] = {"runtimeClassName": profile.runtime_class}
    if profile.interface == "vscode":
        traits["default_url"] = VSCODE_URL
    return traits


def _toleration(toleration: Toleration) -> dict[str, Any]:
    shape = {
        "key": toleration.key,
        "operator": toleration.operator,
        "value": toleration.value,
        "effect": toleration.effect,
        "tolerationSeconds": toleration.seconds,
    }
    return {name: value for name, value in shape.items() if value is not None}


def _volume(volume: Volume) -> dict[str, Any]:
    if volume.claim is not None:
        return {
            "name": _volume_name(volume),
            "persistentVolumeClaim": {"claimName": volume.claim, "readOnly": volume.read_only},
        }
    scratch = {"sizeLimit": volume.scratch, **({"medium": "Memory"} if volume.in_memory else {})}
    return {"name": _volume_name(volume), "emptyDir": scratch}


def _volume_name(volume: Volume) -> str:
    """Of its own kind, so that a profile's `home` is not the home volume of the hub's configuration."""
    return f"windlass-{volume.name}"


def _mount(volume: Volume) -> dict[str, Any]:
    mount: dict[str, Any] = {"name": _volume_name(volume), "mountPath": escape_braces(volume.mount_path)}
    if volume.read_only:
        mount["readOnly"] = True
    return mount


def _image_option(profile: Profile, catalogue: Catalogue) -> dict[str, Any] | None:
    choices = {}
    for position, slug in enumerate(profile.images):
        image = catalogue.image(slug)
        if image is not None:
            choices[slug] = {
                "display_name": html.escape(image.display_name),
                "kubespawner_override": {"image": image.image},
                **({"default": True} if position == 0 else {}),
            }
    if not choices and profile.free_image is None:
        return None
    option: dict[str, Any] = {"display_name": "Image", "choices": choices}
    if profile.free_image is not None:
        option["unlisted_choice"] = {
            "enabled": True,
            "display_name": html.escape(profile.free_image.hint),
            # KubeSpawner only matches the beginning.
            "validation_regex": rf"(?:{profile.free_image.pattern})\Z",
            "kubespawner_override": {"image": "{value}"},
        }
    return option


def _identity(item: Any) -> object:
    """What makes two items of one list the same: a mount's path, a volume's name, a whole toleration."""
    if not isinstance(item, Mapping):  # KubeSpawner takes the client's own models too
        return id(item)
    if path := item.get("mountPath") or item.get("mount_path"):
        return str(path).rstrip("/")
    return item.get("name") or tuple(sorted(map(str, item.items())))
