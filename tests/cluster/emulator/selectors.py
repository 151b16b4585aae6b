"""Label and field selectors, as the query string says them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.cluster.emulator.errors import bad_request

Test = Callable[[dict[str, Any]], bool]

_SET = re.compile(r"^(?P<key>[^\s!=(),]+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)$")
_EQUAL = re.compile(r"^(?P<key>[^\s!=(),]+)\s*(?P<operator>==|=|!=)\s*(?P<value>[^\s!=(),]*)$")
_EXISTS = re.compile(r"^(?P<no>!?)\s*(?P<key>[^\s!=(),]+)$")

COMMON_FIELDS = {"metadata.name", "metadata.namespace"}
FIELDS = {
    "Pod": {"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase"},
    "Event": {
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.fieldPath",
        "reason",
        "type",
        "reportingComponent",
        "source",
    },
    "Secret": {"type"},
    "Namespace": {"status.phase"},
    "Node": {"spec.unschedulable"},
    "Job": {"status.successful"},
}


def labels_test(text: str) -> Test:
    """Whether an object's labels meet the selector. Raises a 400 for one that is none."""
    tests = [_label_term(term.strip()) for term in _terms(text) if term.strip()]
    return lambda obj: all(test(obj.get("metadata", {}).get("labels") or {}) for test in tests)


def _terms(text: str) -> list[str]:
    """Split at commas that are not within parentheses."""
    return re.split(r",(?![^()]*\))", text)


def _label_term(term: str) -> Callable[[dict[str, str]], bool]:
    if found := _SET.match(term):
        key, values = found["key"], {value.strip() for value in found["values"].split(",")}
        if found["operator"] == "in":
            return lambda labels: key in labels and labels[key] in values
        return lambda labels: labels.get(key) not in values
    if found := _EQUAL.match(term):
        key, value = found["key"], found["value"]
        if found["operator"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := _EXISTS.match(term):
        key, absent = found["key"], bool(found["no"])
        return lambda labels: (key in labels) is not absent
    raise bad_request(f'unable to parse requirement: found {term!r}, expected: identifier, "!", in, notin, = or ==')


def fields_test(text: str, kind: str) -> Test:
    """Whether an object's fields meet the selector. Raises a 400 for a field the real server knows no selector for."""
    tests = []
    for term in filter(None, (piece.strip() for piece in text.split(","))):
        found = re.match(r"^([^=!]+)(==|=|!=)(.*)$", term)
        if not found:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        path, operator, value = found.groups()
        if path not in COMMON_FIELDS | FIELDS.get(kind, set()):
            raise bad_request(f'field label not supported: "{path}"')
        tests.append((path.split("."), operator != "!=", value))

    def test(obj: dict[str, Any]) -> bool:
        return all((_at(obj, path) == value) is wanted for path, wanted, value in tests)

    return test


def _at(obj: Any, path: list[str]) -> str:
    for name in path:
        obj = obj.get(name) if isinstance(obj, dict) else None
    if isinstance(obj, bool):
        return str(obj).lower()
    return "" if obj is None else str(obj)
