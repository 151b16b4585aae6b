"""Where a browser finds a run."""

from __future__ import annotations

import pytest

from windlass.tracking.pages import run_page

LOCAL = "http://127.0.0.1:5000"


@pytest.mark.parametrize(
    ("tracking_uri", "page"),
    [
        (LOCAL, f"{LOCAL}/#/experiments/3/runs/r"),
        ("https://ada:s3cret@mlflow.example/prefix/", "https://mlflow.example/prefix/#/experiments/3/runs/r"),
        ("sqlite:///m.db", None),
        ("/some/folder", None),
        ("databricks", None),
        ("http://[half", None),
        ("", None),
    ],
)
def test_a_servers_run_has_a_page_and_no_credentials_are_in_it(tracking_uri: str, page: str | None) -> None:
    assert run_page(tracking_uri, experiment_id="3", run_id="r") == page


@pytest.mark.parametrize(("tracking_uri", "reachable"), [(LOCAL, False), ("http://mlflow.example", True)])
def test_on_a_hub_loopback_is_not_the_browsers(
    tracking_uri: str, reachable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
    assert (run_page(tracking_uri, experiment_id="3", run_id="r") is not None) is reachable
