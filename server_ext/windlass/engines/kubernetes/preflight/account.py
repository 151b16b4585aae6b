"""Whether the service account that the pods run as is there: without it admission refuses them."""

from __future__ import annotations

from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.preflight.asking import Asking, Question
from windlass.kube.errors import Forbidden, NotFound
from windlass.kube.resources import SERVICE_ACCOUNTS


async def ask(asking: Asking) -> list[Finding]:
    """An error where there is no such account.

    Users need no right to read accounts, and every namespace makes the default one: that one not being readable means
    nothing.
    """
    named = asking.job.service_account
    try:
        await asking.client.get(SERVICE_ACCOUNTS, named or "default", namespace=asking.namespace)
    except NotFound:
        message = (
            f"There is no service account {named or 'default'} in the namespace {asking.namespace}: the job's pods "
            "would be refused."
        )
        fix = "Ask your administrators to make it, or to name another in the server's settings."
        return [Finding(rule="service-account", severity=Severity.ERROR, message=message, fix=fix)]
    except Forbidden:
        if named is not None:
            raise
    return []


QUESTION = Question(about="the pods' service account", ask=ask)
