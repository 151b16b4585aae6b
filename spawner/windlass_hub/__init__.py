"""Windlass's hub side. What owns identity, profiles, prices and quotas will live here; today it holds its place."""

from __future__ import annotations

__version__ = "0.1.0"
