"""Whether the pods can reach MLflow: this server's own address of it may mean nothing in the cluster.

Only the address is looked at; the namespace's NetworkPolicies are a question of their own (`network`).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

import psutil

from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.manifests.job_environment import TRACKING_URI, is_reached_by_pods
from windlass.engines.kubernetes.model import FromArtifacts
from windlass.engines.kubernetes.preflight.asking import Asking, Question

_CERTIFICATE = "MLFLOW_TRACKING_SERVER_CERT_PATH"
_INSECURE = "MLFLOW_TRACKING_INSECURE_TLS"
_SET = (
    "Have MLflow run where the cluster reaches it, and set MLFLOW_TRACKING_URI (or, where pods know it by another "
    "address, the server's setting for it) to that address."
)


async def ask(asking: Asking) -> list[Finding]:
    """What is wrong with MLflow's address, seen from a pod."""
    job = asking.job
    uri = job.environment.get(TRACKING_URI) or ""
    if not uri:
        known = job.spec.environment.get(TRACKING_URI)
        return [_unreachable(asking, known)] if known else []
    if not is_reached_by_pods(uri) or await _is_this_host(urlsplit(uri).hostname or "", asking.environ):
        return [_unreachable(asking, uri)]
    return [*_short_name(asking, uri), *_certificates(job.spec.environment, uri), *_plain_text(uri)]


def _unreachable(asking: Asking, uri: str) -> Finding:
    needed = isinstance(asking.job.delivery, FromArtifacts)
    outcome = (
        "The bundle is to be fetched from it, so the job could not start."
        if needed
        else "What the notebook logs while it runs stays in the pod; log and executed notebook are recorded from here."
    )
    return Finding(
        rule="tracking-unreachable",
        severity=Severity.ERROR if needed else Severity.WARNING,
        message=f"Pods cannot reach MLflow at {_shown(uri)}: that address is good on this machine alone. {outcome}",
        fix=_SET,
    )


async def _is_this_host(host: str, environ: Mapping[str, str]) -> bool:
    """Whether a name or address is that of the machine this runs on, which pods reach by other ways, if at all.

    In a pod an address of its own is one that other pods reach.
    """
    if environ.get("KUBERNETES_SERVICE_HOST"):
        return False
    if host.lower() in {socket.gethostname().lower(), "host.docker.internal"}:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if address.is_link_local:
        return True
    # Laptops' and bridges' addresses: a private one of this machine itself. A public one may be known to pods.
    return address.is_private and str(address) in await asyncio.to_thread(_own_addresses)


def _own_addresses() -> set[str]:
    return {each.address.partition("%")[0] for addresses in psutil.net_if_addrs().values() for each in addresses}


def _short_name(asking: Asking, uri: str) -> list[Finding]:
    """`http://mlflow:5000`: a Service, looked for in the namespace of whoever asks."""
    host = urlsplit(uri).hostname or ""
    if "." in host or ":" in host:
        return []
    return [
        Finding(
            rule="tracking-short-name",
            severity=Severity.WARNING,
            message=(
                f"Pods look for MLflow's address {_shown(uri)} in their own namespace {asking.namespace}: the name "
                f"{host} has no domain."
            ),
            fix=f"Write the whole name, as {host}.<its namespace>.svc.",
        )
    ]


def _certificates(environment: Mapping[str, str], uri: str) -> list[Finding]:
    if urlsplit(uri).scheme != "https":
        return []
    if environment.get(_INSECURE, "").lower() in ("1", "true"):
        message = f"MLflow's certificate is not checked ({_INSECURE}): whoever is between can read its credentials."
        return [_certificate(Severity.INFO, message, "Have its authority's certificate in the image.")]
    if environment.get(_CERTIFICATE):
        message = (
            f"MLflow's certificate is checked with the file {environment[_CERTIFICATE]} ({_CERTIFICATE}), which is on "
            "this machine: the job finds it only where the image, or a volume, has it at the same path."
        )
        return [_certificate(Severity.WARNING, message, "Have that file in the image, or on a volume that is mounted.")]
    return []


def _certificate(severity: Severity, message: str, fix: str) -> Finding:
    return Finding(rule="tracking-certificate", severity=severity, message=message, fix=fix)


def _plain_text(uri: str) -> list[Finding]:
    """A server outside of the cluster without TLS."""
    parts = urlsplit(uri)
    host = parts.hostname or ""
    inside = "." not in host or host.endswith((".svc", ".cluster.local", ".local", ".internal"))
    try:
        inside = inside or ipaddress.ip_address(host).is_private
    except ValueError:
        inside = inside or ".svc." in host
    if parts.scheme != "http" or inside:
        return []
    message = f"MLflow at {_shown(uri)} is spoken to without TLS: its credentials can be read on the way."
    return [Finding(rule="tracking-plain-text", severity=Severity.INFO, message=message, fix="Use an https address.")]


def _shown(uri: str) -> str:
    """The address without user, password and query."""
    try:
        parts = urlsplit(uri)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else parts.scheme or "its address"
    except ValueError:
        return "its address"


QUESTION = Question(about="MLflow's address", ask=ask)
