"""What keeps a pod that has its node from starting, in words: images that do not come, volumes that do not mount.

And what keeps pods from being made at all: quotas, Pod Security, webhooks. All of it from the words of kubelets,
registries and admission, which are long and each other's quotations.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from windlass.engines.kubernetes.model import Object
from windlass.engines.kubernetes.observing.conditions import event_time
from windlass.engines.kubernetes.observing.pod_status import PodStatus
from windlass.engines.kubernetes.observing.scheduling import is_gpu
from windlass.engines.kubernetes.wording import short
from windlass.kube.names import BUDGET_QUOTA

_IMAGE = re.compile(r'image "([^"]{1,512})"')
_PULLS = (
    ("toomanyrequests", "the registry allows no more pulls for now"),
    ("too many requests", "the registry allows no more pulls for now"),
    ("no space left", "the disk of its node is full"),
    ("x509", "the registry's certificate is not trusted"),
    ("no match for platform", "it is not built for the processor of its node"),
    ("manifest unknown", "there is no such image or tag"),
    ("not found", "there is no such image or tag"),
    ("unauthorized", "the registry wants a login (a pull secret), or there is no such image"),
    ("authentication required", "the registry wants a login (a pull secret), or there is no such image"),
    ("denied", "the registry wants a login (a pull secret), or there is no such image"),
    ("forbidden", "the registry wants a login (a pull secret), or there is no such image"),
    ("no such host", "the registry cannot be found by its name"),
    ("timeout", "the registry does not answer"),
    ("deadline exceeded", "the registry does not answer"),
    ("connection refused", "the registry does not answer"),
)
_QUOTA = re.compile(r"exceeded quota: ([^,]+), requested: (.*), used: (.*), limited: (.*)", re.DOTALL)
_NO_PODS = ("FailedCreate", "FailedCreatePod")
_MADE = ("SuccessfulCreate", "SuccessfulCreatePod")


def image_trouble(pod: PodStatus, events: Sequence[Object]) -> str:
    """Why the pod's image does not come; empty when it may."""
    waiting = next((each for each in (*pod.init, pod.main) if each.pull_trouble), None)
    if waiting is None:
        return ""
    said = [str(each.get("message")) for each in _of(pod, events) if each.get("reason") == "Failed"]
    texts = [waiting.message, *(text for text in reversed(said) if "pull" in text)]
    image = next((match.group(1) for text in texts if (match := _IMAGE.search(text))), "")
    name = f"the image {short(image, longest=200)}" if image else "the image"
    if waiting.waiting == "InvalidImageName":
        return f"{name} cannot be pulled: that is no name of an image"
    told = " ".join(texts).lower()
    why = next((words for mark, words in _PULLS if mark in told), "")
    why = why or short(_innermost(texts), longest=200)
    return f"{name} cannot be pulled" + (f": {why}" if why else "")


def mount_trouble(pod: PodStatus, events: Sequence[Object]) -> str:
    """Why the pod's volumes do not come; empty when nothing was said of that."""
    said = [each for each in _of(pod, events) if each.get("reason") in ("FailedMount", "FailedAttachVolume")]
    if not said:
        return ""
    message = str(said[-1].get("message") or "")
    if any("Multi-Attach" in str(each.get("message")) for each in said):
        return "a volume is still in use on another node, and can be mounted by one node at a time"
    if match := re.search(r'(configmap|secret) "([^"]{1,253})" not found', message):
        noun = "ConfigMap" if match.group(1) == "configmap" else "Secret"
        return f"the {noun} {short(match.group(2))} that it mounts does not exist"
    return f"a volume cannot be mounted: {short(message.partition(' : ')[2] or message, longest=200)}"


def no_pods(events: Sequence[Object]) -> str:
    """Why the operator cannot make pods, where that was the last it said of it."""
    refused = [each for each in events if each.get("reason") in _NO_PODS]
    if not refused:
        return ""
    made = [event_time(each) or 0.0 for each in events if each.get("reason") in _MADE]
    if made and max(made) > (event_time(refused[-1]) or 0.0):
        return ""
    message = str(refused[-1].get("message") or "")
    if match := _QUOTA.search(message):
        return _quota(*match.groups())
    if match := re.search(r'violates PodSecurity "([^"]{1,80})": (.*)', message, re.DOTALL):
        return f"the namespace allows no such pods (Pod Security {short(match.group(1))}): {short(match.group(2))}"
    if match := re.search(r'admission webhook "([^"]{1,253})" denied the request:? ?(.*)', message, re.DOTALL):
        return f"the cluster's rule {short(match.group(1))} refuses its pods: {short(match.group(2))}"
    return f"its pods cannot be made: {short(message.removeprefix('Error creating: '))}"


def _quota(name: str, asked: str, used: str, limited: str) -> str:
    if name == BUDGET_QUOTA:
        return "a budget is used up: its pods are made once the budget's period turns, or an administrator raises it"
    more, taken, most = (_amounts(text) for text in (asked, used, limited))
    said = [
        f"{_noun(each)}: {more[each]} more asked for, {taken.get(each, '?')} of {most.get(each, '?')} used"
        for each in list(more)[:3]
    ]
    return f"the quota {short(name, longest=100)} is used up ({'; '.join(said)})"


def _amounts(text: str) -> dict[str, str]:
    pairs = (piece.strip().partition("=") for piece in text[:1000].split(","))
    return {short(name, longest=80): short(value, longest=30) for name, _, value in pairs}


def _noun(resource: str) -> str:
    plain = resource.removeprefix("requests.").removeprefix("limits.")
    return "GPUs" if is_gpu(plain) else {"cpu": "CPU"}.get(plain, plain)


def _innermost(texts: list[str]) -> str:
    """The last of the errors that quote each other."""
    text = next((each for each in texts if "desc =" in each or "rpc error" in each), texts[0] if texts else "")
    return text.rpartition("desc = ")[2].rpartition('": ')[2]


def _of(pod: PodStatus, events: Sequence[Object]) -> list[Object]:
    return [each for each in events if (each.get("involvedObject") or {}).get("uid") == pod.uid]
