"""Packages that the image may lack: as lines of a file, never as arguments.

What is installed is found out in the pod, where the image is (`runner/install_packages.py`). A line of a requirements
file can also be an option of pip (`--index-url …`) or an address; only names and exact versions get into ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from windlass.engines.kubernetes.manifests.environment import literal_entries, transfer_environment
from windlass.engines.kubernetes.model import PACKAGES_FOLDER, ClusterJob, Object
from windlass.errors import FieldError, InvalidRequest
from windlass.kube import user_secret

REQUIREMENTS = "requirements.txt"
_INDEX_VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX")
_REQUIREMENT = re.compile(
    r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?(==[A-Za-z0-9]([A-Za-z0-9.!+_-]{0,98}[A-Za-z0-9])?)?"
)


def installable(imports: Iterable[str]) -> tuple[str, ...]:
    """Of what the code imports, what an index can be asked for: versions that nobody publishes are left out.

    Whoever wrote the code can do nothing about how a package of theirs calls itself.
    """
    pinned = (line if _REQUIREMENT.fullmatch(line) else line.partition("==")[0] for line in map(str.strip, imports))
    return tuple(line for line in pinned if _REQUIREMENT.fullmatch(line))


def requirements(job: ClusterJob) -> str:
    """The requirements file: of builds as `2.13.0+cu130` the public version, since that is what indexes have.

    Raises:
        InvalidRequest: something is no `name` or `name==version`.
    """
    for line in job.packages:
        if not _REQUIREMENT.fullmatch(line):
            message = f"{line!r} is not the name of a package, with or without ==version."
            raise InvalidRequest(message, [FieldError(field="cluster.install_packages", message=message)])
    return "".join(f"{line}\n" for line in dict.fromkeys(line.partition("+")[0] for line in job.packages))


def environment(job: ClusterJob, *, folder: str) -> list[Object]:
    """Variables of the installer; `folder` is where the requirements file is mounted.

    The index is the administrator's where one is set, else the user's Secret's, else the image's own.

    Raises:
        InvalidRequest: the index's address holds credentials, which would be readable in the manifest.
    """
    variables = {
        **transfer_environment(job),
        "WINDLASS_REQUIREMENTS": f"{folder}/{REQUIREMENTS}",
        "WINDLASS_PACKAGES": PACKAGES_FOLDER,
    }
    if job.index_url is None:
        return [*literal_entries(variables), *user_secret.environment(*_INDEX_VARIABLES)]
    if "@" in urlsplit(job.index_url).netloc:
        # A user's name alone is how many indexes take a token.
        raise InvalidRequest(
            "The address of the package index holds credentials: put it into the Secret windlass-credentials as "
            "PIP_INDEX_URL instead."
        )
    return literal_entries({**variables, "PIP_INDEX_URL": job.index_url, "UV_DEFAULT_INDEX": job.index_url})
