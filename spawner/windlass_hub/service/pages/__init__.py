"""The service's pages: the admins' own, what everybody else may use, and the files both load."""

from __future__ import annotations

from .costs import CostsPage
from .files import FileHandler
from .home import HomePage
from .promotions import PromotionsPage

ROUTES: tuple[tuple[str, type], ...] = (
    (r"", HomePage),
    (r"promotions", PromotionsPage),
    (r"costs", CostsPage),
    (r"static/(.*)", FileHandler),
)
"""Patterns below the service's prefix, and their handlers."""
