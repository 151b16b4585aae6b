"""Windlass: send the notebook on screen to a cluster, and watch it.

This module stays free of imports that cost time: it is loaded by every kernel that uses a magic, by each job's
supervisor, and by the Jupyter server at start-up.
"""

from __future__ import annotations

from windlass.runner.job_api import checkpoint_dir, progress

__all__ = ["__version__", "checkpoint_dir", "progress"]
__version__ = "0.1.0"


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell JupyterLab where the prebuilt front end lies."""
    return [{"src": "labextension", "dest": "@windlass/lab-extension"}]


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    """Tell Jupyter Server which application to load (imported only when a server asks)."""
    from windlass.app import WindlassApp

    return [{"module": "windlass", "app": WindlassApp}]


def load_ipython_extension(ipython: object) -> None:
    """Register the magics: `%load_ext windlass`."""
    from windlass.magics import register

    register(ipython)
