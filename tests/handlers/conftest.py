"""Two servers for all tests of the REST interface: one as most people have it, one with named users."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.jupyter import Server, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server as `jupyter lab` starts it: one user, a token."""
    with running(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose identities have names, with an authorizer; short body limits do not matter here."""
    plugins = (
        "--ServerApp.identity_provider_class=tests.jupyter_plugins.HeaderIdentity",
        "--ServerApp.authorizer_class=tests.jupyter_plugins.ReadersAndOthers",
    )
    with running(tmp_path_factory.mktemp("shared"), *plugins) as server:
        yield server
