"""The environment variables of a job's containers.

A user's variables can neither take the place of what the parts of Windlass and the launchers say to each other, nor
refer to other variables: the kubelet expands `$(NAME)` in values, and NAME may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from windlass.engines.kubernetes.model import JOB_FOLDER, PACKAGES_FOLDER, ClusterJob, Object
from windlass.kube import user_secret

HOME_FOLDER = "/windlass/home"
NO_GPUS = {"NVIDIA_VISIBLE_DEVICES": "void"}
"""CUDA images ask for all GPUs; where NVIDIA's runtime is the node's default they would get them unasked."""

_PROTOCOL = re.compile(
    r"WINDLASS_(?!TRACKING_(LAST_)?WAIT$).*|(LOCAL_|GROUP_|ROLE_)?(RANK|WORLD_SIZE)|ROLE_NAME|MASTER_(ADDR|PORT)|TORCHELASTIC_.*|PET_.*"
    r"|NVIDIA_VISIBLE_DEVICES|KUBERNETES_.*|JPY_.*|JUPYTERHUB_.*|JUPYTER_(TOKEN|PASSWORD)|LD_PRELOAD"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_FOR_TRANSFERS = (
    *(name for variable in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY") for name in (variable, variable.lower())),
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "MLFLOW_TRACKING_INSECURE_TLS",
    "MLFLOW_TRACKING_SERVER_CERT_PATH",
    "MLFLOW_WORKSPACE",
)


def rank_environment(job: ClusterJob) -> list[Object]:
    """The container of the ranks. RANK and the like come from the operator and torchrun, and are not set here.

    A literal holds against the reference to the user's Secret of the same name: a list has each name once.
    """
    literals = {**_defaults(job), **_own(job.environment)}
    if job.packages:
        # Behind the user's own folders; whatever the image has is not in it.
        literals["PYTHONPATH"] = ":".join(filter(None, (literals.get("PYTHONPATH"), PACKAGES_FOLDER)))
    secrets = [entry for entry in user_secret.environment() if entry["name"] not in literals]
    return [*literal_entries({**literals, **_protocol(job)}), *secrets]


def transfer_environment(job: ClusterJob) -> dict[str, str]:
    """What an init container needs of the user's variables to get through proxies and certificates."""
    return {name: value for name, value in _own(job.environment).items() if name in _FOR_TRANSFERS}


def literal_entries(variables: Mapping[str, str]) -> list[Object]:
    """Entries for `env` whose values arrive in the process exactly as they are here."""
    return [{"name": name, "value": escaped(value)} for name, value in sorted(variables.items())]


def escaped(text: str) -> str:
    """Text that the kubelet's expansion of `$(NAME)` gives back unchanged: to it, `$$` is one `$`."""
    return text.replace("$", "$$") if "$(" in text or "$$" in text else text


def _own(environment: Mapping[str, str]) -> dict[str, str]:
    """The user's variables that a container can have, without the names of protocols."""
    return {
        name: value
        for name, value in environment.items()
        if _NAME.fullmatch(name) and not _PROTOCOL.fullmatch(name) and "\0" not in value
    }


def _defaults(job: ClusterJob) -> dict[str, str]:
    """What a user may set otherwise. Without USER nothing can name a user that the image does not know."""
    found = {"HOME": HOME_FOLDER, "USER": "windlass", "LOGNAME": "windlass"}
    if job.options.cpu is not None:
        found["OMP_NUM_THREADS"] = str(max(1, int(job.options.cpu / job.spec.processes_per_worker)))
    return found


def _protocol(job: ClusterJob) -> dict[str, str]:
    found = {
        "PYTHONUNBUFFERED": "1",
        "WINDLASS_JOB_ID": job.spec.id,
        "WINDLASS_JOB_DIR": JOB_FOLDER,
        "WINDLASS_REPORT": "stdout",
    }
    return found if job.spec.gpus_per_worker else {**found, **NO_GPUS}
