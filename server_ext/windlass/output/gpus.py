"""GPUs as a table with bars, and below it what should be known: jobs, alarms, what is not known and why.

A figure that is not known is the word "unknown": a bar without anything in it would say 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from windlass.contract.gpus import GpuDevice, GpuSnapshot, JobGpuGroup, Spread
from windlass.output import text

UNKNOWN = "unknown"
_USE_CELLS, _MEMORY_CELLS = 8, 5
_NOTHING = 0.0005
_VENDOR = re.compile(r"^(NVIDIA|Tesla|AMD)\s+", re.IGNORECASE)
_GIB = 1024**3


def gpus_view(snapshot: GpuSnapshot, *, ascii_only: bool = False) -> RenderableType:
    """All of it."""
    parts: list[RenderableType] = []
    if snapshot.devices:
        parts.append(gpus_table(snapshot, ascii_only=ascii_only))
    parts += [_said(line, style) for line, style in remarks(snapshot)]
    return Group(*parts)


def gpus_table(snapshot: GpuSnapshot, *, ascii_only: bool = False) -> Table:
    """A row for each device, slices below their card."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    table.add_column("GPU", no_wrap=True, overflow="ellipsis", min_width=12, max_width=22)
    table.add_column("USE", no_wrap=True)
    table.add_column("MEMORY", no_wrap=True)
    table.add_column("POWER", justify="right", no_wrap=True)
    table.add_column("USED BY", no_wrap=True, overflow="ellipsis", min_width=10)
    for device in snapshot.devices:
        table.add_row(*(cell for cell in row(device, snapshot, ascii_only=ascii_only)))
    return table


def row(device: GpuDevice, snapshot: GpuSnapshot, *, ascii_only: bool = False) -> tuple[Text, ...]:
    """One device's cells."""
    cut = any(other.parent_uuid == device.uuid for other in snapshot.devices)
    now = device.now
    engine = now.engine if now else None
    in_slices = cut and engine is None
    return (
        Text(_title(device, ascii_only=ascii_only)),
        Text("in slices", "dim") if in_slices else _bar(engine, _percent(engine), _USE_CELLS, ascii_only),
        _memory(device, ascii_only=ascii_only),
        _power(device),
        _users(device, {group.job_id: group.name for group in snapshot.groups}, cut=cut),
    )


def remarks(snapshot: GpuSnapshot) -> Iterator[tuple[str, str]]:
    """Sentences below the table, each with its style."""
    for alarm in snapshot.alarms:
        costs = "" if alarm.usd_per_hour is None else f" ({text.usd(alarm.usd_per_hour)} an hour)"
        yield f"alarm: {alarm.message}{costs}", "yellow"
    for group in snapshot.groups:
        yield _group(group), ""
    yield total(snapshot), "bold"
    problems: dict[str, list[str]] = {}
    for device in snapshot.devices:
        if device.problem:
            problems.setdefault(device.problem, []).append(_short(device))
    for problem, devices in problems.items():
        yield f"note: {', '.join(devices)}: {problem}", "dim"
    for condition in snapshot.conditions:
        yield f"note: {condition.message}", "dim"


def total(snapshot: GpuSnapshot) -> str:
    """How busy all are, and what all costs."""
    price = snapshot.usd_per_hour
    costs = f"cost per hour {UNKNOWN}" if price is None else f"{text.usd(price)} an hour"
    why = f" ({snapshot.usd_note})" if snapshot.usd_note else ""
    if not snapshot.devices:
        return f"No GPUs are seen; {costs}{why}"
    return f"{text.count(len(snapshot.devices), 'device')}, use {_percent(snapshot.engine)}; {costs}{why}"


def _title(device: GpuDevice, *, ascii_only: bool) -> str:
    name = text.one_line(_VENDOR.sub("", device.name))
    place = "" if device.node is None else f"{text.one_line(device.node)} "
    index = "" if device.index is None else f"{device.index} "
    if device.kind == "slice":
        return f"{'`-' if ascii_only else '└'} {text.one_line(device.mig_profile or 'slice')}"
    return f"{place}{index}{name}{' (shared)' if device.kind == 'share' else ''}"


def _short(device: GpuDevice) -> str:
    if device.kind == "slice":
        return f"slice {device.mig_profile or device.uuid[:12]}"
    return f"GPU {device.index}" if device.index is not None else device.uuid[:12]


def _bar(fraction: float | None, words: str, cells: int, ascii_only: bool) -> Text:
    if fraction is None:
        return Text(UNKNOWN, "dim")
    full, empty = ("#", ".") if ascii_only else ("█", "░")
    filled = min(cells, max(0, round(fraction * cells)))
    if fraction > _NOTHING:
        filled = max(1, filled)  # a little is not nothing
    return Text.assemble((full * filled, "green"), (empty * (cells - filled), "dim"), f" {words}")


def _memory(device: GpuDevice, *, ascii_only: bool) -> Text:
    used, total_bytes = device.now.memory_bytes if device.now else None, device.memory_total_bytes
    if used is None:
        return Text(UNKNOWN, "dim")
    gibibytes = f"{used / _GIB:.1f}"
    if not total_bytes:
        return Text(f"{gibibytes} GiB")
    return _bar(used / total_bytes, f"{gibibytes}/{total_bytes / _GIB:.0f} GiB", _MEMORY_CELLS, ascii_only)


def _power(device: GpuDevice) -> Text:
    watts = device.now.power_watts if device.now else None
    if device.kind != "card":
        return Text("")
    return Text(UNKNOWN, "dim") if watts is None else Text(f"{watts:.0f} W")


def _users(device: GpuDevice, holders: Mapping[str, str], *, cut: bool) -> Text:
    labels = ", ".join(dict.fromkeys(text.one_line(owner.label) for owner in device.owners))
    if not labels and device.job_id is not None:
        labels = f"held by {text.one_line(holders.get(device.job_id) or device.job_id)}"
    if device.idle_since is not None:
        return Text.assemble(("idle ", "yellow"), labels)
    if labels or cut:
        return Text(labels)
    return Text("nobody" if device.owners_known else UNKNOWN, "dim")


def _group(group: JobGpuGroup) -> str:
    name = text.one_line(group.name or group.job_id)
    parts = [f"{name}: {text.count(group.devices, 'GPU')}, use {_range(group.engine)}"]
    if group.engine.known < group.devices:
        parts.append(f"{group.devices - group.engine.known} not known")
    if group.straggler_rank is not None:
        parts.append(f"rank {group.straggler_rank} stands out")
    if group.usd_per_hour is not None:
        parts.append(f"{text.usd(group.usd_per_hour)} an hour")
    if group.usd is not None:
        parts.append(f"{text.usd(group.usd)} so far")
    return ", ".join(parts)


def _range(spread: Spread) -> str:
    if spread.known <= 1:
        return _percent(spread.mean)
    return f"{_percent(spread.least)} to {_percent(spread.most)}, {_percent(spread.mean)} on average"


def _percent(fraction: float | None) -> str:
    if fraction is None:
        return UNKNOWN
    return "<1 %" if _NOTHING < fraction < 0.005 else f"{round(fraction * 100)} %"


def _said(line: str, style: str) -> Text:
    return Text(text.one_line(line), style=style)


def plain_rows(snapshot: GpuSnapshot) -> Iterator[Sequence[str]]:
    """The rows as words, for a table that is not drawn by a terminal."""
    yield from ([cell.plain for cell in row(device, snapshot)] for device in snapshot.devices)


HEADINGS: Iterable[str] = ("GPU", "Use", "Memory", "Power", "Used by")
