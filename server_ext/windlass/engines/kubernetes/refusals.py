"""What the cluster answers instead of doing it, as the domain's errors: whose mistake it is, and at which field.

The API's own sentence is kept, since it names the quota, the policy or the value; what of it concerns a field of the
request is found by the path that the API gives, and by the names of what ran out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from windlass.errors import Conflict, FieldError, Forbidden, InvalidRequest, NotFound, Unavailable, WindlassError
from windlass.kube import errors as kube

_FIELDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), field)
    for pattern, field in (
        (r"nvidia\.com/|amd\.com/|\bgpus?\b", "gpus_per_worker"),
        (r"priority.?class", "cluster.priority_class"),
        (r"persistentvolumeclaim|\bclaim", "cluster.volumes"),
        (r"nodeSelector|node selector", "cluster.node_selector"),
        (r"toleration", "cluster.tolerations"),
        (r"\bimage\b|registry", "cluster.image"),
        (r"queue", "cluster.queue"),
        (r"runtimeRef|trainingruntime", "cluster.runtime"),
        (r"exceeded quota[^\n]*memory|\bmemory\b", "cluster.memory_bytes"),
        (r"exceeded quota[^\n]*cpu|\bcpu\b", "cluster.cpu"),
        (r"numNodes|replicas|exceeded quota[^\n]*pods", "workers"),
    )
)
_QUOTA = re.compile(
    r"exceeded quota: (?P<name>[^,]+), requested: (?P<asked>.+?), used: (?P<used>.+?), limited: (?P<limit>.+)"
)
_NOT_THE_ACCOUNT = re.compile(
    r"exceeded quota|admission webhook|ValidatingAdmissionPolicy|violates PodSecurity|denied the request"
)


def refusal(error: kube.KubeError, *, doing: str) -> WindlassError:
    """The domain's error for an answer of the API.

    Args:
        error: what it answered.
        doing: what was to be done, as `send the job to the cluster`.
    """
    if isinstance(error, kube.Forbidden):
        return _forbidden(error, doing=doing)
    if isinstance(error, kube.Invalid):
        return _invalid(error)
    if isinstance(error, kube.NotFound):
        return NotFound(f"The cluster could not {doing}: {_sentence(error.message)}")
    if isinstance(error, kube.Conflict):
        return Conflict(f"The cluster could not {doing}: {_sentence(error.message)}")
    if isinstance(error, kube.Unauthorized):
        return Unavailable(
            f"The cluster does not accept this server's credentials: {_sentence(error.message)} Log in to it anew."
        )
    return Unavailable(f"The cluster could not {doing}: {_sentence(error.message)} Try again.")


def _forbidden(error: kube.Forbidden, *, doing: str) -> WindlassError:
    """A quota and a policy refuse what was asked for; everything else is a right that the account lacks."""
    quota = _QUOTA.search(error.message)
    if quota is not None:
        message = (
            f"The quota {quota['name']} has no room: this asks for {quota['asked']}, {quota['used']} are used, and "
            f"{quota['limit']} is the limit. Ask for less, or wait until other jobs have ended."
        )
        return InvalidRequest(message, fields=_fields([quota["asked"]], message))
    if "being terminated" in error.message:
        return Conflict(f"The cluster could not {doing}: {_sentence(error.message)} Jobs need another namespace.")
    if _NOT_THE_ACCOUNT.search(error.message):
        message = f"The cluster's rules refuse this job: {_sentence(error.message)}"
        return InvalidRequest(message, fields=_fields([error.message], message))
    return Forbidden(f"Your account in the cluster may not {doing}: {_sentence(error.message)} Ask its administrators.")


def _invalid(error: kube.Invalid) -> InvalidRequest:
    if error.too_large:
        return InvalidRequest(
            f"This job's manifest is larger than the cluster takes: {_sentence(error.message)} Give the job fewer and "
            "shorter environment variables."
        )
    causes = [cause for cause in error.details.get("causes") or [] if isinstance(cause, Mapping)]
    message = f"The cluster refuses this job as it is: {_sentence(error.message)}"
    told = [f"{cause.get('field', '')} {cause.get('message', '')}" for cause in causes] or [error.message]
    return InvalidRequest(message, fields=_fields(told, message))


def _fields(texts: Iterable[str], message: str) -> list[FieldError]:
    found = dict.fromkeys(next((field for pattern, field in _FIELDS if pattern.search(text)), None) for text in texts)
    return [FieldError(field=field, message=message) for field in found if field is not None]


def _sentence(text: str) -> str:
    text = " ".join(text.split()).strip()
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
