"""Whether the packages that the code imports will be there: in the image, or installed before the job starts.

What an image has is known only for this server's own. For any other the installer looks in the pod, and installs what
is lacking; where nothing may be installed, what may be lacking is named.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import re
from urllib.parse import urlsplit

from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.cluster.images import is_same, own_image
from windlass.engines.kubernetes.manifests.job_environment import is_reached_by_pods
from windlass.engines.kubernetes.preflight.asking import Asking, Question
from windlass.engines.kubernetes.wording import listed

_NAMED = 8


async def ask(asking: Asking) -> list[Finding]:
    """Packages that may be lacking, and an index that pods cannot reach."""
    job = asking.job
    imported = [each.strip() for each in job.spec.imports if each.strip()]
    if not imported:
        return []
    own = own_image(asking.environ)
    if own is not None and is_same(job.image, own):
        present = await asyncio.to_thread(_present)
        lacking = [each for each in imported if normal(each) not in present]
    else:
        lacking = imported
    if not lacking:
        return []
    if not job.packages:
        return [_nothing_installs(asking, lacking, certain=own is not None and is_same(job.image, own))]
    return _index(job.index_url)


def normal(requirement: str) -> str:
    """The name in a requirement, as indexes compare names."""
    return re.sub(r"[-_.]+", "-", re.split(r"[=<>!~\[; ]", requirement, maxsplit=1)[0]).lower()


def _present() -> set[str]:
    names = (each.metadata["Name"] for each in importlib.metadata.distributions())
    return {normal(name) for name in names if name}


def _nothing_installs(asking: Asking, lacking: list[str], *, certain: bool) -> Finding:
    """By the user's choice, which can be taken back here, or by the administrator's."""
    by_choice = not asking.job.options.install_packages
    named = listed(lacking[:_NAMED]) + (f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else "")
    lacks = "does not have" if certain else "may not have"
    why = "installing packages is switched off for this job" if by_choice else "jobs may install no packages here"
    return Finding(
        rule="packages-lacking",
        severity=Severity.WARNING,
        message=f"The code imports {named}, which the image {asking.job.image} {lacks}, and {why}.",
        fix="Have what is lacking installed, or choose an image that has it."
        if by_choice
        else "Choose an image that has them, or ask your administrators for one.",
        apply={"cluster": {"install_packages": True}} if by_choice else None,
    )


def _index(url: str | None) -> list[Finding]:
    if url is None or is_reached_by_pods(url):
        return []
    shown = urlsplit(url).netloc.rpartition("@")[2] or "its address"
    message = f"Pods cannot reach the package index at {shown}: what the image lacks could not be installed."
    fix = "Choose an image that has everything, or ask your administrators for an index that the cluster reaches."
    return [Finding(rule="package-index", severity=Severity.WARNING, message=message, fix=fix)]


QUESTION = Question(about="the packages", ask=ask)
