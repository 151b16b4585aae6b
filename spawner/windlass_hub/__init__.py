"""Windlass's hub side: what owns identity, profiles, prices and quotas, and what users must not be able to change.

In `jupyterhub_config.py`: `from windlass_hub import Settings, configure; configure(c, Settings(...))`.
"""

from __future__ import annotations

from .configure import configure
from .settings import Settings

__version__ = "0.1.0"
__all__ = ["Settings", "configure"]
