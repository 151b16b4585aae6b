"""What the scheduler says about pods without a node, in words.

It says `0/4 nodes are available: 1 Insufficient nvidia.com/gpu, 3 node(s) had untolerated taint {…}. preemption: …`.
Its sentences have grown for ten years, and each piece may be new: what is not known is passed on as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from windlass.engines.kubernetes.wording import listed, short

_HEAD = re.compile(r"0/(\d{1,6}) nodes are available:? ?")
_PIECE = re.compile(r"(\d{1,6}) (.*)", re.DOTALL)
_COMMA = re.compile(r",\s+(?![^{]*\})")
_TAINT = re.compile(r"taint\(?s?\)? \{([^:{}\s]+)")
_NOT_READY = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable", "node.kubernetes.io/unschedulable")
_MOST_PIECES = 4

_KNOWN = (
    ("Too many pods", "no room for another pod"),
    ("didn't match Pod's node affinity", "none of the labels asked for"),
    ("didn't match node selector", "none of the labels asked for"),
    ("were unschedulable", "been closed for new pods"),
    ("volume node affinity conflict", "no way to the volume, which lies in another zone"),
    ("exceed max volume count", "no room for another volume"),
    ("pod anti-affinity", "a pod that this one must not be beside"),
    ("pod affinity", "no pod that this one must be beside"),
    ("topology spread", "too many pods of the same kind"),
)


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Why no node takes a pod."""

    wanted: str
    """What is waited for: `a GPU node`."""
    details: str = ""
    """What the nodes lack: `of 4 nodes 1 has too few GPUs free, 3 have a taint (…)`."""
    hopeless: str = ""
    """What somebody has to change first; no new node would help."""


def placement(message: str) -> Placement:
    """Read the scheduler's sentence."""
    text = message[:4000]
    if hopeless := _volumes(text):
        return Placement(wanted="its volumes", hopeless=hopeless)
    head = _HEAD.search(text)
    if head is None:
        return Placement(wanted="a node", details=short(text, longest=200))
    body = text[head.end() :].partition(" preemption:")[0].strip().rstrip(".")
    total = int(head.group(1))
    if total == 0:
        return Placement(wanted="a node", details="the cluster has none now")
    found = [_piece(piece) for piece in _COMMA.split(body) if piece]
    said = [f"{count} {'has' if count == 1 else 'have'} {words}" for count, words in found[:_MOST_PIECES] if count]
    said += [words for count, words in found[:_MOST_PIECES] if not count]
    details = f"of {total} nodes {listed(said)}" if said and total > 1 else _of_one(found)
    return Placement(wanted=_wanted(body), details=details)


def is_gpu(resource: str) -> bool:
    """Whether a resource of pods is GPUs, or a part of one."""
    return "gpu" in resource or "/mig-" in resource


def _of_one(found: list[tuple[int, str]]) -> str:
    return f"the only node has {found[0][1]}" if found and found[0][0] else listed([words for _, words in found])


def _piece(text: str) -> tuple[int, str]:
    """How many nodes, 0 where it is not said, and what they have."""
    match = _PIECE.fullmatch(text.strip())
    count, rest = (int(match.group(1)), match.group(2)) if match else (0, text)
    if rest.startswith("Insufficient "):
        return count, _insufficient(rest.removeprefix("Insufficient ").strip())
    if taint := _TAINT.search(rest):
        key = taint.group(1)
        return count, "not come up" if key in _NOT_READY else f"a taint the job does not tolerate ({short(key)})"
    known = next((words for mark, words in _KNOWN if mark in rest), None)
    return count, known or short(rest.replace("node(s) ", ""), longest=120)


def _insufficient(resource: str) -> str:
    if is_gpu(resource):
        return "too few GPUs free"
    names = {
        "cpu": "too little CPU free",
        "memory": "too little memory free",
        "ephemeral-storage": "too little disk free",
    }
    return names.get(resource, f"too little {short(resource, longest=80)} free")


def _wanted(body: str) -> str:
    lacking = re.findall(r"Insufficient ([^\s,]+)", body)
    if any(is_gpu(each) for each in lacking):
        return "a GPU node"
    for resource, name in (("memory", "memory"), ("cpu", "CPU")):
        if resource in lacking:
            return f"a node with enough {name}"
    if "node affinity" in body or "node selector" in body:
        return "a node with the labels asked for"
    return "a node"


def _volumes(text: str) -> str:
    if match := re.search(r'persistentvolumeclaim "([^"]{1,253})" not found', text):
        return f"the volume claim {short(match.group(1))} does not exist"
    if match := re.search(r'persistentvolumeclaim "([^"]{1,253})" is being deleted', text):
        return f"the volume claim {short(match.group(1))} is being deleted"
    if "unbound immediate PersistentVolumeClaims" in text:
        return "a volume claim of it has no volume yet"
    return ""
