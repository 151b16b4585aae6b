"""What Kubernetes says no to, as a sentence for the person who wanted a server.

JupyterHub counts a start that ends with an unknown exception as its own failure, and after five in a row it stops. That
someone's quota is used up, that a policy says no or that no GPU came are no failures of the hub: they are a
SpawnException, with a word for the metrics. Pure: errors in, exceptions out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from jupyterhub.spawner import SpawnException
from kubernetes_asyncio.client.rest import ApiException

from windlass.kube.errors import KubeError
from windlass_hub.spawning import refusal

LONGEST = 600
_QUOTA = re.compile(
    r"exceeded quota: (?P<quota>[^,]+), requested: (?P<requested>.+), used: (?P<used>.+), limited: (?P<limited>.+)"
)
_QUOTA_MUST = re.compile(r"failed quota: (?P<quota>[^:]+): must specify (?P<what>.+)")
_LIMITS = re.compile(r"((?:maximum|minimum) .+?(?:per (?:Container|Pod|PersistentVolumeClaim)).+)", re.DOTALL)
_WEBHOOK = re.compile(r"admission webhook \"(?P<name>[^\"]+)\" denied the request(?::\s*(?P<said>.*))?", re.DOTALL)
_POLICY = re.compile(
    r"ValidatingAdmissionPolicy '(?P<name>[^']+)' with binding '[^']+' denied request(?::\s*(?P<said>.*))?", re.DOTALL
)
_SECURITY = re.compile(r"violates PodSecurity \"(?P<level>[^\":]+)[^\"]*\":\s*(?P<said>.*)", re.DOTALL)
_NO_RIGHT = re.compile(r"User \"[^\"]+\" cannot (?P<verb>\w+) resource \"(?P<what>[^\"]+)\"")


class Answer:
    """What the API answered, whichever client asked.

    Attributes:
        status: of HTTP; 0: no answer came.
        reason: the API's own word, as AlreadyExists.
        message: its sentence, on one line.
    """

    def __init__(self, *, status: int, reason: str, message: str) -> None:
        self.status = status
        self.reason = reason
        self.message = " ".join(message.split())[:LONGEST]

    @classmethod
    def of(cls, error: ApiException | KubeError) -> Answer:
        """The answer behind an error of either client."""
        if isinstance(error, KubeError):
            return cls(status=error.status or 0, reason=error.reason, message=error.message)
        said = _body(error)
        return cls(
            status=int(error.status or 0),
            reason=str(said.get("reason") or ""),
            message=str(said.get("message") or error.reason or ""),
        )

    @property
    def exists(self) -> bool:
        """An object of that name is there; without the API's own word, as behind proxies, any 409 means so."""
        return self.status == 409 and self.reason in {"", "AlreadyExists"}

    @property
    def transient(self) -> bool:
        """The same request may succeed in a moment: the server is busy, or a new namespace is not ready yet."""
        if self.status in {0, 409, 429} or self.status >= 500:
            return not self.exists
        return self.status == 403 and "error looking up service account" in self.message

    @property
    def away(self) -> bool:
        """There is no answer to speak of."""
        return self.status in {0, 429} or self.status >= 500


def refused(answer: Answer, *, what: str, namespace: str) -> SpawnException:
    """The refusal an answer means.

    Args:
        answer: to the request that failed.
        what: could not be made, as `the server's pod`.
        namespace: where it was to be.
    """
    for judge in (_by_quota, _by_limits, _by_admission, _by_rights):
        if (found := judge(answer.message)) is not None:
            sentence, reason = found
            return refusal(sentence, reason=reason, status=403)
    if answer.away:
        return refusal(
            "Kubernetes does not answer at the moment, so the server could not be started. Try again in a minute.",
            reason="kubernetes_away",
            status=503,
        )
    if "is being terminated" in answer.message or answer.reason == "NamespaceTerminating":
        return refusal(
            f"The namespace {namespace} is just being deleted. Try again when it is gone, in a minute or two.",
            reason="namespace",
        )
    if answer.status == 404 and "namespaces" in answer.message:
        return refusal(f"The namespace {namespace} does not exist. {_TELL}", reason="namespace")
    if answer.status == 422 or answer.reason == "Invalid":
        return refusal(f"The cluster cannot take {what} as it is set up: {_said(answer)} {_TELL}", reason="invalid")
    return refusal(f"The cluster refused {what}: {_said(answer)}", reason="refused", status=403)


def given_up(sentence: str, *, reason: str) -> SpawnException:
    """A start that is not waited for any longer; nothing of it is left."""
    return refusal(sentence, reason=reason, status=503)


_TELL = "Please tell your administrators."


def _by_quota(message: str) -> tuple[str, str] | None:
    if found := _QUOTA.search(message):
        requested, used, limited = (_pairs(found[name]) for name in ("requested", "used", "limited"))
        parts = [
            f"{_name(each)}: {amount} asked for, {used.get(each, 'some')} of {limited.get(each, 'all')} in use"
            for each, amount in requested.items()
        ]
        return f"Your quota does not allow this server ({'; '.join(parts)}). Stop another server or job first.", "quota"
    if found := _QUOTA_MUST.search(message):
        return f"The quota of this namespace wants {found['what']} to be set. {_TELL}", "quota"
    return None


def _by_limits(message: str) -> tuple[str, str] | None:
    if found := _LIMITS.search(message):
        return f"The limits of this namespace do not allow this server: {found[1].rstrip('. ')}.", "limit_range"
    return None


def _by_admission(message: str) -> tuple[str, str] | None:
    if found := _WEBHOOK.search(message) or _POLICY.search(message):
        said = (found["said"] or "").strip().rstrip(".")
        return f"A rule of the cluster ({found['name']}) refused the server{': ' + said if said else ''}.", "admission"
    if found := _SECURITY.search(message):
        return f"Pod Security ({found['level']}) refused the server: {found['said'].rstrip('. ')}. {_TELL}", "admission"
    return None


def _by_rights(message: str) -> tuple[str, str] | None:
    if found := _NO_RIGHT.search(message):
        return f"The hub may not {found['verb']} {found['what']} there. {_TELL}", "rights"
    return None


def _said(answer: Answer) -> str:
    return f"{answer.message.rstrip('. ')}." if answer.message else f"it answered {answer.status}."


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in text.strip().split(",") if "=" in pair)


def _name(resource: str) -> str:
    return resource.removeprefix("requests.").removeprefix("limits.")


def _body(error: ApiException) -> Mapping[str, Any]:
    try:
        body = json.loads(error.body or "{}")
    except (TypeError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}
