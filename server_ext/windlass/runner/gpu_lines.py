"""The lines of `gpus.jsonl`: what one of them holds, how several become one, and how a long job's stay few.

A line stands for the `seconds` before its `at`. Put together, means are weighted by the time that is known and peaks
stay peaks, so that whatever is computed of a job's whole life is the same before and after. The runner, the copy of a
cluster's job and whoever reads the file use this module; the file was written in the user's process and is not trusted.
Pure.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

MOST_LINES = 4000
MOST_DEVICES = 64
LONGEST_LINE = 64 * 1024
_LARGEST = 2**53
_LONGEST_TEXT = 300
_GAP_SECONDS = 600.0
"""Lines further apart are put together only where there are too many gaps."""

_WHOLE = ("memory", "memory_peak", "memory_total", "host_memory", "host_memory_peak", "host_memory_limit", "pcie")
_DIGITS = 6
_MEANS = ("engine", "memory", "power", "temp", "clock", "pcie")
_PEAKS = {"engine_peak": "engine", "memory_peak": "memory"}
_HOST_MEANS = ("cpu_cores", "host_memory")
_HOST_PEAKS = {"cpu_cores_peak": "cpu_cores", "host_memory_peak": "host_memory"}
_KEPT = ("index", "name", "mig", "parent", "gi", "rank", "memory_total", "problem")


def clean(value: Any) -> dict[str, Any] | None:
    """The line's known fields of the right type; None for what can be no line."""
    if not isinstance(value, dict) or _number(value.get("at")) is None:
        return None
    line: dict[str, Any] = {"at": _number(value["at"]), "seconds": max(0.0, _number(value.get("seconds")) or 0.0)}
    for name in ("rank", "attempt"):
        line[name] = _whole(value.get(name)) or 0
    for name in (*_HOST_MEANS, *_HOST_PEAKS, "host_memory_limit"):
        line[name] = _natural(value.get(name))
    line["problem"] = _text(value.get("problem"))
    devices = value.get("devices")
    cleaned = [_device(device) for device in devices[:MOST_DEVICES]] if isinstance(devices, list) else []
    by_uuid = {device["uuid"]: device for device in cleaned if device is not None}
    line["devices"] = list(by_uuid.values())
    return line


def parse(content: bytes) -> list[dict[str, Any]]:
    """The lines of a file, by time; whatever is none is left out, as is an end that is half written."""
    found = []
    for text in content.split(b"\n"):
        if text and len(text) <= LONGEST_LINE:
            try:
                line = clean(json.loads(text))
            except (ValueError, RecursionError):
                continue
            if line is not None:
                found.append(line)
    return sorted(found, key=lambda line: float(line["at"]))


def together(lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One line for several of one rank, in the order of time; at least one."""
    last = lines[-1]
    devices: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        for device in line["devices"]:
            devices.setdefault(device["uuid"], []).append(device)
    merged: dict[str, Any] = {
        "at": last["at"],
        "seconds": sum(line["seconds"] for line in lines),
        "rank": last["rank"],
        "attempt": last["attempt"],
        "devices": [_one_device(parts) for parts in devices.values()],
        "host_memory_limit": next((x["host_memory_limit"] for x in lines if x["host_memory_limit"] is not None), None),
        "problem": next((line["problem"] for line in reversed(lines) if line["problem"]), None),
    }
    weights = [line["seconds"] for line in lines]
    for name in _HOST_MEANS:
        merged[name] = _mean([line[name] for line in lines], weights)
    for name, of in _HOST_PEAKS.items():
        merged[name] = _peak(lines, name, of)
    return merged


def halved(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """About half as many lines, each pair put together; not across attempts and gaps, while that is enough."""
    for across_gaps in (False, True):
        found: list[dict[str, Any]] = []
        place = 0
        while place < len(lines):
            pair = lines[place : place + 2]
            if len(pair) == 2 and not across_gaps and _apart(*pair):
                pair = pair[:1]
            found.append(together(pair))
            place += len(pair)
        if len(found) <= max(1, len(lines) * 3 // 4):
            break
    return found


def encode(lines: Iterable[dict[str, Any]]) -> bytes:
    """As they stand in the file: what is not known is left out."""
    return b"".join(encode_line(line) + b"\n" for line in lines)


def encode_line(line: dict[str, Any]) -> bytes:
    """One of them, without its end."""
    return json.dumps(_short(line), separators=(",", ":")).encode("ascii")


def _short(values: dict[str, Any]) -> dict[str, Any]:
    """In as many digits as mean something."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name == "devices":
            found[name] = [_short(device) for device in value]
        elif value is not None:
            digits = None if name in _WHOLE else _DIGITS
            found[name] = round(value, digits) if isinstance(value, float) else value
    return found


def _apart(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(one["attempt"] != other["attempt"] or other["at"] - other["seconds"] - one["at"] > _GAP_SECONDS)


def _one_device(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    weights = [part["seconds"] for part in parts]
    merged = {"uuid": parts[-1]["uuid"], "seconds": sum(weights), **{name: parts[-1][name] for name in _KEPT}}
    merged["memory_total"] = next((p["memory_total"] for p in reversed(parts) if p["memory_total"] is not None), None)
    for name in _MEANS:
        merged[name] = _mean([part[name] for part in parts], weights)
    for name, of in _PEAKS.items():
        merged[name] = _peak(parts, name, of)
    return merged


def _mean(values: Sequence[float | None], weights: Sequence[float]) -> float | None:
    """The mean of what is known, by the time it was known for."""
    # What was read in no time at all, as the last reading of a job may be, still is better than nothing.
    known = [(value, weight) for value, weight in zip(values, weights) if value is not None]  # noqa: B905 - Python 3.9
    total = sum(weight for _value, weight in known)
    if not known:
        return None
    if total <= 0:
        return sum(value for value, _weight in known) / len(known)
    return sum(value * (weight / total) for value, weight in known)


def _peak(parts: Sequence[dict[str, Any]], name: str, of: str) -> float | None:
    values = [value for part in parts for value in (part[name], part[of]) if value is not None]
    return max(values, default=None)


def _device(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict) or not isinstance(value.get("uuid"), str) or not value["uuid"]:
        return None
    device: dict[str, Any] = {"uuid": value["uuid"][:_LONGEST_TEXT], "seconds": _natural(value.get("seconds")) or 0.0}
    for name in ("name", "mig", "parent", "problem"):
        device[name] = _text(value.get(name))
    for name in ("index", "gi", "rank"):
        device[name] = _whole(value.get(name))
    for name in (*_MEANS, *_PEAKS, "memory_total"):
        device[name] = _natural(value.get(name))
    for name in ("engine", "engine_peak"):
        if device[name] is not None and device[name] > 1:
            device[name] = None
    return device


def _number(value: Any) -> float | None:
    # Not by isfinite first, to which a whole number of four hundred digits is an error.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -_LARGEST < value < _LARGEST:
        return None
    return float(value) if math.isfinite(value) else None


def _natural(value: Any) -> float | None:
    number = _number(value)
    return number if number is not None and number >= 0 else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST else None


def _text(value: Any) -> str | None:
    return value[:_LONGEST_TEXT] if isinstance(value, str) and value else None
