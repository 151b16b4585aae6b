"""What MLflow takes for an alias: a user's server and the hub service say the same of a name before either asks it."""

from __future__ import annotations

import re

_ALIAS = re.compile(r"[A-Za-z0-9_-]{1,255}")
_LIKE_A_VERSION = re.compile(r"[vV][0-9]+")


def why_no_alias(alias: str) -> str | None:
    """Why MLflow would not take this name for an alias, as a sentence; None when it would."""
    if not _ALIAS.fullmatch(alias):
        return "An alias has letters, digits, _ and - only."
    if alias.lower() == "latest" or _LIKE_A_VERSION.fullmatch(alias):
        return f"{alias} means something else to MLflow: choose another name."
    return None
