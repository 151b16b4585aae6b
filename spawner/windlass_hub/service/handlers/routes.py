"""Where each handler of the broker lies, below the service's prefix."""

from __future__ import annotations

from .capacity import CapacityHandler
from .catalogue import ImagesHandler, PricesHandler, ProfilesHandler
from .health import HealthHandler
from .internal import InternalCapacityHandler
from .me import MeHandler
from .metrics import MetricsHandler
from .token import TokenHandler

ROUTES: tuple[tuple[str, type], ...] = (
    (r"api/health", HealthHandler),
    (r"api/me", MeHandler),
    (r"api/token", TokenHandler),
    (r"api/prices", PricesHandler),
    (r"api/images", ImagesHandler),
    (r"api/profiles", ProfilesHandler),
    (r"api/capacity", CapacityHandler),
    (r"api/metrics", MetricsHandler),
    (r"api/internal/capacity", InternalCapacityHandler),
)
