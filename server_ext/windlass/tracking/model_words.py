"""What MLflow's registry takes for the names and tags of models, and the tags of them that are Windlass's own.

Both a user's server and the hub service register versions, and must refuse the same things with the same words. It
asks nobody.
"""

from __future__ import annotations

USER_TAG = "windlass.user"
"""Who registered a version, where MLflow does not know its users."""
LOG_PREFIX = "windlass.promot"
"""Begins the keys of all tags that promotions write; they are shown as the log, and written by it alone."""
LONGEST_KEY = 250
_LONGEST_VALUE = 5000
_LOGGED_MODEL = "models:/"


def why_no_name(name: str) -> str | None:
    """Why no model can be called so, as a sentence; None when one can."""
    if not name.strip():
        return "Give the model a name."
    if "/" in name or ":" in name or not name.isprintable():
        return "A model's name has no / and no : in it, and no line breaks."
    return None


def why_no_tag(key: str, value: str | None) -> str | None:
    """Why a version cannot be given this tag, as a sentence; None when it can."""
    if not key.strip() or len(key) > LONGEST_KEY or not key.isprintable():
        return f"A tag's name has 1 to {LONGEST_KEY} characters, and no line breaks."
    if key.startswith(LOG_PREFIX):
        return "The log of promotions is kept in tags of this name: choose another."
    if value is not None and (len(value) > _LONGEST_VALUE or "\0" in value):
        return f"A tag's value has {_LONGEST_VALUE} characters at most, and no NUL."
    return None


def source_of(model_id: str) -> str:
    """What a version that is made of a LoggedModel has for its source."""
    return _LOGGED_MODEL + model_id


def source_in(artifact_uri: str, path: str | None) -> str:
    """What a version that is made of a folder among a run's artifacts has for its source."""
    return "/".join(filter(None, [artifact_uri.rstrip("/"), path]))
