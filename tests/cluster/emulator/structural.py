"""What a CustomResourceDefinition's schema makes of an object: unknown fields go, defaults come, the rest is judged.

Without CEL: rules of `x-kubernetes-validations` are not asked.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

from tests.cluster.emulator.errors import bad_request, invalid
from tests.cluster.emulator.kinds import Kind

Object = dict[str, Any]
Causes = list[tuple[str, str]]

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}
_KEEPS = "x-kubernetes-preserve-unknown-fields"
_EITHER = "x-kubernetes-int-or-string"


def shape(kind: Kind, obj: Object, *, strict: bool) -> None:
    """Prune, fill in and judge, in place. Raises a 400 for unknown fields where `strict`, a 422 for what is wrong."""
    schema = kind.schema
    if schema is None:
        return
    causes: Causes = []
    unknown: list[str] = []
    for name, under in (schema.get("properties") or {}).items():
        if name in ("apiVersion", "kind", "metadata"):
            continue
        if name in obj:
            unknown += _pruned(obj[name], under, name)
            _fill(obj[name], under)
            causes += _judged(obj[name], under, name)
    required = [name for name in schema.get("required") or () if name not in obj]
    causes += [(name, "Required value") for name in required]
    if not schema.get(_KEEPS):
        known = {"apiVersion", "kind", "metadata", *(schema.get("properties") or {})}
        for name in [name for name in obj if name not in known]:
            unknown.append(name)
            del obj[name]
    if unknown and strict:
        fields = ", ".join(f'unknown field "{field}"' for field in unknown)
        named = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}'
        raise bad_request(f"{named}: strict decoding error: {fields}")
    if causes:
        raise invalid(kind, obj["metadata"].get("name", ""), causes)


def complaints(value: Any, schema: Object, where: str) -> list[str]:
    """What a server that is strict would say of a value, with unknown fields; the value stays as it is."""
    kept = copy.deepcopy(value)
    unknown = [f"{field} is unknown" for field in _pruned(kept, schema, where)]
    return unknown + [f"{field}: {cause}" for field, cause in _judged(kept, schema, where)]


def _pruned(value: Any, schema: Object, where: str) -> list[str]:
    """Take out what the schema does not know, and say where it was."""
    gone: list[str] = []
    if isinstance(value, list):
        for number, each in enumerate(value):
            gone += _pruned(each, schema.get("items") or {}, f"{where}[{number}]")
    elif isinstance(value, dict):
        properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
        embedded = {"apiVersion", "kind", "metadata"} if schema.get("x-kubernetes-embedded-resource") else set()
        for name in list(value):
            if name in properties:
                gone += _pruned(value[name], properties[name], f"{where}.{name}")
            elif isinstance(others, dict):
                gone += _pruned(value[name], others, f"{where}.{name}")
            elif not (schema.get(_KEEPS) or others is True or name in embedded):
                gone.append(f"{where}.{name}")
                del value[name]
    return gone


def _fill(value: Any, schema: Object) -> None:
    if isinstance(value, list):
        for each in value:
            _fill(each, schema.get("items") or {})
    elif isinstance(value, dict):
        properties = schema.get("properties") or {}
        for name, under in properties.items():
            absent = name not in value or (value[name] is None and not under.get("nullable"))
            if "default" in under and absent:
                value[name] = copy.deepcopy(under["default"])
            if name in value:
                _fill(value[name], under)
        if isinstance(others := schema.get("additionalProperties"), dict):
            for name in value.keys() - properties.keys():
                _fill(value[name], others)


def _judged(value: Any, schema: Object, where: str) -> Iterator[tuple[str, str]]:
    if schema.get(_EITHER):
        good = isinstance(value, (int, str)) and not isinstance(value, bool)
        if not good or (isinstance(value, str) and not re.search(schema.get("pattern") or "", value)):
            yield where, f'Invalid value: "{value}": {where} in body must be of type integer,string'
        return
    wanted = schema.get("type") or ""
    if value is None and (schema.get("nullable") or not wanted):
        return
    if wanted and (not isinstance(value, _TYPES[wanted]) or (isinstance(value, bool) and wanted != "boolean")):
        yield where, f'Invalid value: "{_name_of(value)}": {where} in body must be of type {wanted}'
    elif "enum" in schema and value not in schema["enum"]:
        shown = ", ".join(f'"{each}"' for each in schema["enum"])
        yield where, f'Unsupported value: "{value}": supported values: {shown}'
    elif isinstance(value, dict):
        yield from _object(value, schema, where)
    elif isinstance(value, list):
        yield from _array(value, schema, where)
    else:
        yield from _scalar(value, schema, where)


def _object(value: Object, schema: Object, where: str) -> Iterator[tuple[str, str]]:
    properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
    for name in schema.get("required") or ():
        if name not in value:
            yield f"{where}.{name}", "Required value"
    for name, each in value.items():
        under = properties.get(name, others)
        if isinstance(under, dict):
            yield from _judged(each, under, f"{where}.{name}")


def _array(value: list[Any], schema: Object, where: str) -> Iterator[tuple[str, str]]:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield where, f"Invalid value: {len(value)}: {where} in body has too many items or too few"
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    seen: set[tuple[str, ...]] = set()
    for number, each in enumerate(value):
        identity = tuple(str(each.get(key)) for key in keys) if isinstance(each, dict) else ()
        if identity and identity in seen:
            yield f"{where}[{number}]", f"Duplicate value: {dict(zip(keys, identity, strict=True))}"
        seen.add(identity)
        yield from _judged(each, schema.get("items") or {}, f"{where}[{number}]")


def _scalar(value: Any, schema: Object, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            yield where, f"Invalid value: {where} in body is too long or too short"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield where, f"Invalid value: \"{value}\": {where} in body should match '{schema['pattern']}'"
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            yield where, f"Invalid value: {value}: {where} in body is out of its range"
        if schema.get("format") == "int32" and not -(2**31) <= value < 2**31:
            yield where, f"Invalid value: {value}: {where} in body must be of type int32"


def _name_of(value: Any) -> str:
    """As error messages name a value's type."""
    if value is None:
        return "null"
    found = (name for name, types in _TYPES.items() if isinstance(value, types) and name != "number")
    return "boolean" if isinstance(value, bool) else next(found, "number")
