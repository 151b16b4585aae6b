"""Which environment variables look like secrets, for every engine: none is written to a disk or a manifest."""

from __future__ import annotations

import re

_SECRET_NAME = re.compile(
    r".*(TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE|AUTH|COOKIE|DSN|CONNECTION_STRING).*"
    r"|.*_(KEY|PAT|PWD|PASS)",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"://[^/\s@]*:[^/\s@]+@|\bhttps?://[^/\s@?#]+@|[?&](sig|access_token|token|api_?key|password|X-Amz-Signature)="
    r"|-----BEGIN |\bAKIA[0-9A-Z]{16}\b|\beyJ[\w-]{10,}\."
    r"|\b(sk|hf|gh[pousr]|github_pat|glpat|dapi|xox[abprs])[-_]?[A-Za-z0-9_-]{16,}"
)


def is_secret(name: str, value: str) -> bool:
    """Whether a variable looks like one that must not lie on a disk; in doubt, yes."""
    return _SECRET_NAME.fullmatch(name) is not None or _SECRET_VALUE.search(value) is not None
