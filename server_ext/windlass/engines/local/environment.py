"""The environment variables of a job: the user's own, without Jupyter's secrets and another launcher's leavings.

What a job must not inherit is decided here and nowhere else. Supervisors get the same selection: they live longer than
the server whose token they would otherwise carry. A job that waits may be started by another server, or by the
supervisor of the job before it; so what its own submitter had is kept in its folder until it starts. Secrets are not
kept: those a job finds are the ones of whoever starts it, which is the same user.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from windlass.engines.base import JobSpec
from windlass.engines.job_folder.paths import JobFolder
from windlass.engines.secret_variables import is_secret

_JUPYTERS_OWN = re.compile(r"JPY_.*|JUPYTERHUB_.*|JUPYTER_(TOKEN|PASSWORD)|CONFIGPROXY_AUTH_TOKEN")
_WINDLASS = re.compile(r"WINDLASS_(?!DATA_DIR$).*")
_ANOTHER_LAUNCHERS = re.compile(
    r"(LOCAL_|GROUP_|ROLE_)?(RANK|WORLD_SIZE)|ROLE_NAME|GROUP_WORLD_SIZE|MASTER_(ADDR|PORT)|TORCHELASTIC_.*|PET_.*"
)
_NOT_INHERITED = (_JUPYTERS_OWN, _WINDLASS, _ANOTHER_LAUNCHERS)


def inheritable(environment: Mapping[str, str]) -> dict[str, str]:
    """What a supervisor, and the job under it, may have of the environment of whoever starts them."""
    return {
        name: value
        for name, value in environment.items()
        if not any(pattern.fullmatch(name) for pattern in _NOT_INHERITED)
    }


def keepable(environment: Mapping[str, str]) -> dict[str, str]:
    """What is kept of a submitter's environment for a job that has to wait."""
    return {name: value for name, value in inheritable(environment).items() if not is_secret(name, value)}


def restored(kept: Mapping[str, Any] | None, starter: Mapping[str, str]) -> dict[str, str]:
    """The environment of a job's supervisor: as kept, with the secrets of whoever starts it.

    None kept (the job is of an older Windlass): as whoever starts it.
    """
    own = inheritable(starter)
    if kept is None:
        return own
    secrets = {name: value for name, value in own.items() if is_secret(name, value)}
    return secrets | {name: value for name, value in kept.items() if isinstance(value, str)}


def job_environment(
    *,
    inherited: Mapping[str, str],
    spec: JobSpec,
    job: JobFolder,
    attempt: int,
    cpus: int,
    gpus: Sequence[str],
    machine_has_gpus: bool,
) -> dict[str, str]:
    """All variables of the launcher and, through it, of the ranks (docs/architecture.md, "The runner").

    `cpus`: of the machine, shared out among the ranks as OMP_NUM_THREADS unless the user has set that. On a machine
    with GPUs a job sees those it was given and no others, also when it asked for none.
    """
    environment = inheritable(inherited) | spec.environment
    environment.setdefault("OMP_NUM_THREADS", str(max(1, cpus // spec.world_size)))
    environment |= {
        "PYTHONUNBUFFERED": "1",
        "WINDLASS_JOB_ID": spec.id,
        "WINDLASS_JOB_DIR": str(job.path),
        "WINDLASS_LOG_TO_FILES": "1",
        "WINDLASS_ATTEMPT": str(attempt),
    }
    if machine_has_gpus:
        environment |= {"CUDA_VISIBLE_DEVICES": ",".join(gpus), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    return environment


def world_of_one(port: int) -> dict[str, str]:
    """What torchrun would set, for a job of one process that is started without it."""
    return {
        "RANK": "0",
        "LOCAL_RANK": "0",
        "WORLD_SIZE": "1",
        "LOCAL_WORLD_SIZE": "1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
