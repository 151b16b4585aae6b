"""What the tests of the hub side share: one real hub, and one PostgreSQL server, for the whole run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.hub import postgresql, real_hub


@pytest.fixture(scope="session")
def shared_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[real_hub.Hub]:
    """The hub that all tests share; it takes seconds to start."""
    if real_hub.MISSING:
        pytest.skip(real_hub.MISSING)
    with real_hub.running(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture
def hub(shared_hub: real_hub.Hub) -> Iterator[real_hub.Hub]:
    """A real hub with the usual profiles; afterwards no server runs and the profiles are as before."""
    yield shared_hub
    shared_hub.tidy()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.Server]:
    """A real PostgreSQL server, where one is installed; it takes seconds to start."""
    if why := postgresql.missing():
        pytest.skip(why)
    with postgresql.running() as server:
        yield server
