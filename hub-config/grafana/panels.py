"""The kinds of panels that the dashboard is put together from, in Grafana's JSON.

Knows how a thing is shown, not what: no query is written here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24
"""Of Grafana's grid."""

Panel = dict[str, Any]
Query = tuple[str, str]
"""PromQL, and how its series are named."""


def _panel(
    kind: str,
    title: str,
    queries: Sequence[Query],
    *,
    unit: str,
    width: int,
    height: int = 8,
    description: str = "",
    defaults: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
    instant: bool = False,
) -> Panel:
    targets = [
        {
            "datasource": SOURCE,
            "expr": expression,
            "legendFormat": name,
            "refId": chr(ord("A") + number),
            **({"instant": True, "range": False, "format": "table"} if instant else {"range": True}),
        }
        for number, (expression, name) in enumerate(queries)
    ]
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": SOURCE,
        "gridPos": {"w": width, "h": height},
        "fieldConfig": {"defaults": {"unit": unit, **(defaults or {})}, "overrides": []},
        "options": options or {},
        "targets": targets,
    }


def stat(
    title: str, expression: str, *, unit: str = "short", description: str = "", warn_at: float | None = None
) -> Panel:
    """One figure; orange from `warn_at` on."""
    steps: list[dict[str, Any]] = [{"color": "text", "value": None}]
    if warn_at is not None:
        steps.append({"color": "orange", "value": warn_at})
    return _panel(
        "stat",
        title,
        [(expression, "")],
        unit=unit,
        width=4,
        height=4,
        description=description,
        defaults={"thresholds": {"mode": "absolute", "steps": steps}, "decimals": 2 if unit == "currencyUSD" else None},
        options={"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"},
    )


def lines(title: str, *queries: Query, unit: str, width: int = 12, description: str = "", stack: bool = False) -> Panel:
    """Series over time; gaps stay gaps."""
    custom: dict[str, Any] = {
        "fillOpacity": 25 if stack else 8,
        "lineWidth": 1,
        "showPoints": "never",
        "spanNulls": False,
    }
    if stack:
        custom["stacking"] = {"mode": "normal"}
    ranged = {"min": 0, "max": 1} if unit == "percentunit" else {"min": 0}
    return _panel(
        "timeseries",
        title,
        queries,
        unit=unit,
        width=width,
        description=description,
        defaults={**ranged, "custom": custom},
        options={"legend": {"displayMode": "table", "placement": "right", "calcs": ["mean", "max"]}},
    )


def table(
    title: str, expression: str, *, unit: str, width: int = 12, description: str = "", columns: Sequence[str] = ()
) -> Panel:
    """One row for each series, the largest value first."""
    panel = _panel("table", title, [(expression, "")], unit=unit, width=width, description=description, instant=True)
    order = {name: place for place, name in enumerate([*columns, "Value"])}
    panel["transformations"] = [
        {"id": "organize", "options": {"excludeByName": {"Time": True}, "indexByName": order}},
        {"id": "sortBy", "options": {"sort": [{"field": "Value", "desc": True}]}},
    ]
    return panel


def bars(title: str, query: Query, *, orange_at: float) -> Panel:
    """A bar for each series, of parts of a limit."""
    colours = (("green", None), ("orange", orange_at), ("red", 1))
    steps = [{"color": colour, "value": value} for colour, value in colours]
    return _panel(
        "bargauge",
        title,
        [query],
        unit="percentunit",
        width=12,
        defaults={"min": 0, "max": 1, "thresholds": {"mode": "absolute", "steps": steps}},
        options={"orientation": "horizontal", "reduceOptions": {"calcs": ["lastNotNull"]}},
    )


def laid_out(rows: Sequence[tuple[str, list[Panel]]]) -> list[Panel]:
    """All panels with their places: from left to right, a new line where one is full, a heading over each row."""
    placed: list[Panel] = []
    top = 0
    for heading, panels in rows:
        placed.append(
            {"type": "row", "title": heading, "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1}, "panels": []}
        )
        top, left, tallest = top + 1, 0, 0
        for panel in panels:
            size = panel["gridPos"]
            if left + size["w"] > WIDTH:
                top, left, tallest = top + tallest, 0, 0
            placed.append({**panel, "gridPos": {"x": left, "y": top, **size}})
            left, tallest = left + size["w"], max(tallest, size["h"])
        top += tallest
    return [{"id": number, **panel} for number, panel in enumerate(placed, start=1)]
