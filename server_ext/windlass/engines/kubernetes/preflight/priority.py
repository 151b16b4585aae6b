"""Whether the priority class that is asked for exists: pods with another name are refused after the job was taken."""

from __future__ import annotations

from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.preflight.asking import Asking, Question
from windlass.engines.kubernetes.wording import listed
from windlass.kube.errors import NotFound
from windlass.kube.resources import PRIORITY_CLASSES


async def ask(asking: Asking) -> list[Finding]:
    """An error where there is no such class."""
    name = asking.job.options.priority_class
    if name is None:
        return []
    try:
        await asking.client.get(PRIORITY_CLASSES, name)
    except NotFound:
        others = asking.offers.priority_classes if asking.offers is not None else []
        there_are = f" Choose {listed(others)}, or leave it out." if others else " Leave it out."
        return [
            Finding(
                rule="priority-class",
                severity=Severity.ERROR,
                message=f"The cluster has no priority class {name}: the job's pods would be refused.",
                fix=there_are.strip(),
                apply={"cluster": {"priority_class": None}},
            )
        ]
    return []


QUESTION = Question(about="the priority class", ask=ask)
