"""Whether jobs of this machine go on when this server ends, and if not, what takes them along.

A supervisor outlives its server as a process. It does not outlive what the system ends as a whole: a container, a
batch allocation, a systemd unit. On a hub the end of a user's server is the end of that; elsewhere it is not.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit


def ends_with_server(*, environment: Mapping[str, str] | None = None, system: Path = Path("/")) -> str | None:
    """What ends local jobs together with this server, as "container"; None when they outlive it.

    `environment` and `system` (the root of the file system) are those of this process unless given.
    """
    variables = os.environ if environment is None else environment
    if "JUPYTERHUB_SERVICE_PREFIX" not in variables:
        return None
    if "SLURM_JOB_ID" in variables or "PBS_JOBID" in variables or "LSB_JOBID" in variables:
        return "batch allocation"
    if _has_own_unit(system):
        return "systemd unit"
    if _in_container(variables, system) and not _hub_is_beside(variables):
        return "container"
    return None


def _in_container(variables: Mapping[str, str], system: Path) -> bool:
    marks = (system / ".dockerenv", system / "run" / ".containerenv")
    return "KUBERNETES_SERVICE_HOST" in variables or any(mark.exists() for mark in marks)


def _hub_is_beside(variables: Mapping[str, str]) -> bool:
    """Whether the hub lives in the same container: then that does not end with one user's server."""
    host = urlsplit(variables.get("JUPYTERHUB_API_URL", "")).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _has_own_unit(system: Path) -> bool:
    """Whether SystemdSpawner (The Littlest JupyterHub) gave this server a unit, which is ended with all in it."""
    try:
        lines = (system / "proc" / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return any(line.rpartition("/")[2].endswith("-singleuser.service") for line in lines)
