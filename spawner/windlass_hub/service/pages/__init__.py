"""The service's pages."""

from __future__ import annotations

ROUTES: tuple[tuple[str, type], ...] = ()
"""Patterns below the service's prefix, and their handlers."""
