"""Where each handler of the broker lies, below the service's prefix."""

from __future__ import annotations

from .health import HealthHandler
from .me import MeHandler

ROUTES: tuple[tuple[str, type], ...] = (
    (r"api/health", HealthHandler),
    (r"api/me", MeHandler),
)
