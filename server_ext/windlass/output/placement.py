"""Where a job is in its cluster: its pods as a table, and its way there as a list of moments."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from windlass.contract.cluster import JobPlacement, JobPod, TimelineStep
from windlass.output import text

_MOST_PODS = 32
_COLOURS = {"running": "cyan", "succeeded": "green", "failed": "red", "gone": "dim"}
_WORDS = {
    "node_requested": "node asked for",
    "node_ready": "node found",
    "image_pulled": "image there",
    "first_line": "first line",
}


def placement_view(placement: JobPlacement) -> RenderableType:
    """All of it."""
    named = f"{placement.object_kind} {placement.object_name} in namespace {placement.namespace}"
    parts: list[RenderableType] = [Text(text.one_line(named), style="dim")]
    if placement.pods:
        parts.append(_pods(placement.pods[:_MOST_PODS]))
        if len(placement.pods) > _MOST_PODS:
            parts.append(Text(f"  and {len(placement.pods) - _MOST_PODS} more; --json shows all", style="dim"))
    steps = [step for step in placement.timeline if step.at is not None]
    if steps:
        parts.append(_steps(steps))
    return Group(*parts)


def _pods(pods: list[JobPod]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for name in ("POD", "RANKS", "STATE", "NODE", "WHY"):
        table.add_column(name, no_wrap=name in ("RANKS", "STATE"))
    for pod in pods:
        state = pod.state + (f", started again {pod.restarts} times" if pod.restarts else "")
        table.add_row(
            Text(text.one_line(pod.name)),
            Text(_ranks(pod.ranks)),
            Text(state, style=_COLOURS.get(pod.state, "yellow")),
            Text(text.one_line(pod.node or "")),
            Text(text.one_line(pod.reason)),
        )
    return table


def _ranks(ranks: list[int]) -> str:
    """`0-7` for eight in a row."""
    if len(ranks) > 1 and ranks == list(range(ranks[0], ranks[-1] + 1)):
        return f"{ranks[0]}-{ranks[-1]}"
    return ", ".join(map(str, ranks))


def _steps(steps: list[TimelineStep]) -> Table:
    table = Table.grid(padding=(0, 2))
    for step in steps:
        at = step.at.astimezone().strftime("%H:%M:%S") if step.at is not None else ""
        took = f"after {text.seconds(step.seconds)}" if step.seconds is not None else ""
        table.add_row(
            Text(at, style="dim"), Text(_WORDS.get(step.name, step.name)), took, Text(text.one_line(step.note))
        )
    return table
