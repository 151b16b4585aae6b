"""Where a browser finds a run or an experiment: the page that an MLflow server shows for it.

Said of every run a job reports, also before its record is in MLflow. It asks nobody.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from windlass.runner.mlflow_place import without_credentials

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def run_page(tracking_uri: str, *, experiment_id: str, run_id: str) -> str | None:
    """Address of a run's page; None where there is none (a database, a folder) or a browser cannot reach it."""
    site = browser_site(tracking_uri)
    return None if site is None else run_page_of(site, experiment_id=experiment_id, run_id=run_id)


def run_page_of(site: str, *, experiment_id: str, run_id: str) -> str:
    """Address of a run's page on a site of `browser_site`."""
    return f"{experiment_page_of(site, experiment_id=experiment_id)}/runs/{run_id}"


def experiment_page_of(site: str, *, experiment_id: str) -> str:
    """Address of an experiment's page on a site of `browser_site`."""
    return f"{site}/#/experiments/{experiment_id}"


def browser_site(tracking_uri: str) -> str | None:
    """Where a browser finds the pages of an MLflow server; None where there are none, or it cannot reach them.

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
    return without_credentials(tracking_uri).rstrip("/")
