"""Where a browser finds a run: the page that an MLflow server shows for it.

Said of every run a job reports, also before its record is in MLflow. It asks nobody.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from windlass.runner.mlflow_place import without_credentials

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def run_page(tracking_uri: str, *, experiment_id: str, run_id: str) -> str | None:
    """Address of a run's page; None where there is none (a database, a folder) or a browser cannot reach it.

    On a hub the browser is on another machine than the server: a loopback address is then not the browser's.
    """
    try:
        parts = urlsplit(tracking_uri)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https"):
        return None
    if "JUPYTERHUB_SERVICE_PREFIX" in os.environ and parts.hostname in _LOOPBACK:
        return None
    return f"{without_credentials(tracking_uri).rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"
