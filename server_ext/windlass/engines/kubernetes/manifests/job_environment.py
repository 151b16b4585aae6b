"""Which of a job's environment variables go into its manifest, and which stay behind.

A manifest can be read by whoever may read the namespace: nothing that looks like a secret goes into it. A pod has
another file system and another network than this server: paths of this machine and addresses of its loopback
interface mean nothing there.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from windlass.engines.secret_variables import is_secret

TRACKING_URI = "MLFLOW_TRACKING_URI"
_OF_THIS_MACHINE = re.compile(
    r"PATH|HOME|SHELL|USER|LOGNAME|PWD|OLDPWD|TMPDIR|TEMP|TMP|VIRTUAL_ENV|CONDA_.*|MAMBA_.*|PYTHON(HOME|PATH|STARTUP)"
    r"|LD_.*|DYLD_.*|JUPYTER.*|JPY_.*|IPYTHONDIR|XDG_.*|WINDLASS_(?!TRACKING_(LAST_)?WAIT$).*|KUBECONFIG|SSH_.*|DISPLAY|MLFLOW_TRACKING_(USERNAME|PASSWORD|TOKEN)"
)


@dataclass(frozen=True, kw_only=True)
class PodEnvironment:
    """The variables that go, and what the user is to know of the others."""

    variables: Mapping[str, str]
    tracking_uri: str | None
    """MLflow as the pods reach it; None where they cannot."""
    notices: tuple[str, ...] = field(default=())


def for_pods(environment: Mapping[str, str], *, tracking_uri: str | None) -> PodEnvironment:
    """Choose. `tracking_uri`: MLflow's address for pods, where a setting names one."""
    kept = {name: value for name, value in environment.items() if not _OF_THIS_MACHINE.fullmatch(name)}
    secret = sorted(name for name, value in kept.items() if is_secret(name, value) and name != TRACKING_URI)
    kept = {name: value for name, value in kept.items() if name not in secret}
    notices = []
    if secret:
        notices.append(
            f"{', '.join(secret)} looks like a secret and does not go into the cluster's manifest: a job's secrets "
            "come from the Secret windlass-credentials of its namespace."
        )
    known = tracking_uri or kept.get(TRACKING_URI)
    reached = known if known is not None and is_reached_by_pods(known) else None
    if reached is not None:
        kept[TRACKING_URI] = reached = _without_credentials(reached)
    else:
        for name in (TRACKING_URI, "WINDLASS_TRACKING_WAIT"):
            kept.pop(name, None)
        if known is not None:
            notices.append(
                "Pods cannot reach the MLflow server of this machine: what the notebook logs to MLflow while it runs "
                "stays in the pod. The executed notebook and the log are put into MLflow from here after the end. Set "
                "MLFLOW_TRACKING_URI to a server that the cluster reaches to have all of it."
            )
    return PodEnvironment(variables=kept, tracking_uri=reached, notices=tuple(notices))


def is_reached_by_pods(uri: str) -> bool:
    """Whether an address can mean the same to a pod: an HTTP server that is not on a loopback interface."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return True
    return not (address.is_loopback or address.is_unspecified)


def _without_credentials(uri: str) -> str:
    """User and password come from the user's Secret, and stand in no manifest."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
