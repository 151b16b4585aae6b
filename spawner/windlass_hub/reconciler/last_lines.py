"""The last lines of a rank that could not report its own end, without its reports, and with secrets covered.

What cannot be had (the pod is gone, the node does not answer) is left out: a record without it is better than none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from windlass.bundle.secret_scan import mask
from windlass.engines.kubernetes.logs import frames
from windlass.engines.kubernetes.observing.pod_status import read
from windlass.kube.client import KubeClient
from windlass.kube.errors import KubeError
from windlass.kube.resources import PODS

from .verdict import failed_first

Object = dict[str, Any]

LARGEST_BYTES = 64 * 1024
LINES = 1000
SECONDS = 15.0
_KEPT_BYTES = 4 * LARGEST_BYTES
"""Of the raw log, which has reports between its lines."""

_PRIVATE_KEY = re.compile(r"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY)(?:(?!-----END).)*", re.DOTALL)
"""The one secret that goes over several lines; one whose end is not there goes on to the end."""


async def last_lines(client: KubeClient, pods: Sequence[Object], *, namespace: str) -> str:
    """The end of the log of the pod that failed first, at most `LARGEST_BYTES` of UTF-8; empty where there is none."""
    statuses = [read(pod) for pod in pods]
    broken = failed_first(statuses) or next((pod for pod in statuses if pod.evicted), None)
    if broken is None:
        return ""
    query = {"container": broken.main.name, "tailLines": str(LINES)}
    if broken.main.ending is None and broken.main.last is not None:
        query["previous"] = "true"
    path = PODS.path(namespace=namespace, name=broken.name, subresource="log")
    kept = bytearray()
    try:
        async with aclosing(client.chunks(path, query=query, seconds=SECONDS)) as chunks:
            async for chunk in chunks:
                kept += chunk
                del kept[:-_KEPT_BYTES]
    except KubeError:
        return ""
    return readable(bytes(kept), cut=len(kept) == _KEPT_BYTES)


def readable(log: bytes, *, cut: bool = False) -> str:
    """The text of a piece of a log: no reports of ranks, secrets covered, the end where it is too long.

    Args:
        log: what a container printed.
        cut: the first line may be the end of one, and of a secret.
    """
    lines = log.split(b"\n")[1 if cut else 0 :]
    text = bytearray()
    for line in lines:
        part = frames.split(line)
        text += part.text
        if part.ended:
            text += b"\n"
    plain = _PRIVATE_KEY.sub(r"\1••••••", text.decode("utf-8", "replace"))
    masked = "\n".join(mask(line) for line in plain.splitlines()).rstrip("\n")
    kept = masked.encode()[-LARGEST_BYTES:].decode("utf-8", "ignore")
    return kept if kept == masked else kept.partition("\n")[2] or kept
