"""What a user's notebook server has cost since it was started, what of it was idle, and when the hub stops it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import Connection, func, select

from windlass.contract.gpus import ServerCost
from windlass.costs.holding import Held
from windlass_hub.chosen import Chosen, Kept
from windlass_hub.spending.amounts import hourly_usd, whole
from windlass_hub.spending.held_text import from_text
from windlass_hub.spending.prices import book_of
from windlass_hub.spending.records import SpendingAway

from .audit_database import storable
from .problems import Missing
from .spending import Spending
from .spending_tables import SpendingDayRow, SpendingPodRow
from .state import ServiceState

_AMOUNTS = ("usd", "gpu_hours", "known_gpu_hours", "idle_gpu_hours", "idle_usd")


@dataclass(frozen=True, kw_only=True)
class _Took:
    held: Held
    amounts: Mapping[str, int | None]
    notes: list[str]
    usd_per_hour: float | None


async def server_cost(state: ServiceState, *, user: str, name: str) -> ServerCost:
    """The cost of one of a user's servers. Raises Missing where it does not run, Away where the hub does not say."""
    found = await state.hub_api.user(user)
    server = ((found or {}).get("servers") or {}).get(name)
    if not isinstance(server, Mapping):
        raise Missing("This server does not run, or is not yours.")
    chosen = Kept.from_state(server.get("state") or {}).chosen
    began = chosen.started_at if chosen else _moment(server.get("started"))
    last_activity = _moment(server.get("last_activity"))
    cull, notes = state.settings.cull_minutes, []
    took = None
    if state.spending is not None:
        try:
            took = await _took(state.spending, user=user, pod=str((server.get("state") or {}).get("pod_name") or ""))
        except SpendingAway as error:
            notes.append(f"The records of costs cannot be read now: {error}")
    if not cull:
        notes.append("Whether and when the hub stops idle servers is not known here (cull_minutes).")
    return _told(
        ServerCost(
            name=name,
            started_at=began,
            profile=chosen.display_name if chosen else None,
            usd_per_hour=chosen.usd_per_hour if chosen else None,
            usd=None,
            gpu_hours=None,
            idle_gpu_hours=None,
            idle_usd=None,
            idle_fraction=None,
            last_activity=last_activity,
            stops_at=last_activity + timedelta(minutes=cull) if last_activity and cull else None,
            notes=notes,
        ),
        took,
        chosen,
    )


def _told(cost: ServerCost, took: _Took | None, chosen: Chosen | None) -> ServerCost:
    if took is None:
        hours = _hours_since(chosen.started_at) if chosen else None
        price = cost.usd_per_hour
        usd = price * hours if price is not None and hours is not None else None
        note = "By the price at its start: the cluster's records do not have it yet, or there are none."
        cards = chosen.gpu.cards if chosen and chosen.gpu else 0.0
        gpu_hours = None if hours is None else cards * hours
        return cost.model_copy(update={"usd": usd, "gpu_hours": gpu_hours, "notes": [*cost.notes, note]})
    of = took.amounts
    nothing_held, seen = of["gpu_hours"] == 0, of["known_gpu_hours"] or 0
    idle = of["idle_gpu_hours"] or 0
    return cost.model_copy(
        update={
            "usd_per_hour": took.usd_per_hour if took.usd_per_hour is not None else cost.usd_per_hour,
            "usd": whole(of["usd"]),
            "gpu_hours": whole(of["gpu_hours"]),
            "idle_gpu_hours": 0.0 if nothing_held else whole(idle) if seen else None,
            "idle_usd": 0.0 if nothing_held else whole(of["idle_usd"]) if seen else None,
            "idle_fraction": min(1.0, idle / seen) if seen else None,
            "notes": [*cost.notes, *took.notes, *([] if seen or nothing_held else [_UNSEEN])],
        }
    )


_UNSEEN = "Whether its GPU time was used is not known: no figures of its GPUs are in the hub's Prometheus."


async def _took(spending: Spending, *, user: str, pod: str) -> _Took | None:
    """What the records have of the pod that the server runs in; None where they have not seen it."""
    row, day = SpendingPodRow, SpendingDayRow

    def read(connection: Connection) -> tuple[str, Mapping[str, int | None], list[str]] | None:
        wanted = select(row.uid, row.held).where(
            row.owner == storable(user, 255), row.pod == pod, row.kind == "server", row.closed.is_(False)
        )
        found = connection.execute(wanted.order_by(row.since.desc()).limit(1)).first()
        if found is None:
            return None
        sums = select(*(func.sum(getattr(day, name)).label(name) for name in _AMOUNTS)).where(day.uid == found[0])
        amounts: dict[str, Any] = dict(connection.execute(sums).mappings().one())
        notes = select(day.note).where(day.uid == found[0], day.note != "").distinct()
        told = [str(each[0]) for each in connection.execute(notes)]
        return found[1], {name: None if value is None else int(value) for name, value in amounts.items()}, told

    found = await spending.records.run(read, writing=False)
    if found is None:
        return None
    text, amounts, notes = found
    held = from_text(text)
    book = book_of(await spending.records.price_versions())
    per_hour = hourly_usd(held, book, at=time.time())
    if notes:
        amounts = {**amounts, "usd": None}  # A sum that lacks a day is none.
    return _Took(held=held, amounts=amounts, notes=notes, usd_per_hour=per_hour)


def _hours_since(moment: datetime) -> float:
    return max(0.0, (datetime.now(timezone.utc) - moment).total_seconds() / 3600)


def _moment(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
