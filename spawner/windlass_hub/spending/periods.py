"""Months and weeks of UTC: when the one began in which a moment lies, and when it ends. Weeks begin on Monday."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Literal

Period = Literal["month", "week"]


def bounds(period: Period, moment: float) -> tuple[float, float]:
    """Beginning and end (the first moment of the next) in POSIX seconds."""
    day = datetime.fromtimestamp(moment, tz=timezone.utc).date()
    if period == "week":
        first = day - timedelta(days=day.weekday())
        return _midnight(first), _midnight(first + timedelta(days=7))
    first = day.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return _midnight(first), _midnight(following)


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp()
