"""What MLflow's filters speak of: kinds of things, attributes, comparisons, and what fits what."""

from __future__ import annotations

import re

KINDS = {
    "metric": "metrics",
    "metrics": "metrics",
    "parameter": "params",
    "parameters": "params",
    "param": "params",
    "params": "params",
    "tag": "tags",
    "tags": "tags",
    "attribute": "attributes",
    "attributes": "attributes",
    "attr": "attributes",
    "run": "attributes",
    "dataset": "datasets",
    "datasets": "datasets",
}
"""The words before the dot, and the one of them that is used here."""

NUMBERS = ("start_time", "end_time")
TEXTS = ("run_id", "run_name", "status", "user_id", "artifact_uri")
DATASET = ("name", "digest", "context")
STATUSES = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")
ALIASES = {
    "created": "start_time",
    "Created": "start_time",
    "run name": "run_name",
    "Run name": "run_name",
    "Run Name": "run_name",
}
"""Attributes by the names that MLflow's own page gave them.

MLflow translates these words wherever they stand: a metric of such a name can be neither filtered nor sorted by.
"""

_NUMERIC = ("=", "!=", ">", ">=", "<", "<=")
_TEXTUAL = ("=", "!=", "LIKE", "ILIKE")
_PRESENCE = ("IS NULL", "IS NOT NULL")
_LISTS = ("IN", "NOT IN")
_PLAIN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_RESERVED = frozenset({"case", "in", "values", "using", "from", "as"})


def is_number(kind: str, key: str) -> bool:
    """Whether what a key names is compared as a number."""
    return kind == "metrics" or (kind == "attributes" and key in NUMBERS)


def comparisons(kind: str, key: str) -> tuple[str, ...]:
    """The comparisons that MLflow knows for a key."""
    if is_number(kind, key):
        return _NUMERIC
    if kind in ("params", "tags"):
        return _TEXTUAL + _PRESENCE
    return _TEXTUAL + _LISTS if kind == "datasets" or key == "run_id" else _TEXTUAL


def named(kind: str, key: str) -> str | None:
    """A key as a filter names it, quoted where it must be; None where MLflow finds it by none."""
    if kind == "attributes":
        return f"attributes.{key}"
    if key in ALIASES:
        return None
    if _PLAIN.fullmatch(key) and not _RESERVED & set(key.lower().split(".")):
        return f"{kind}.{key}"
    for quote in "`\"'":
        if quote not in key:
            return f"{kind}.{quote}{key}{quote}"
    return None
