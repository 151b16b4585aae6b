"""The fixture `cluster`, for tests anywhere: the emulator, or what `make test-cluster` was given."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.emulator.server import Emulator
from tests.cluster.kubelet import Kubelet

from windlass.kube.credentials import StaticCredentials

EMULATED = {"ssa", "token-request", "gc", "namespace-controller", "default-service-accounts"}


def _real() -> bool:
    return os.environ.get("WINDLASS_TEST_CLUSTER") == "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that inject faults, or look into the server, run against the emulator alone."""
    if _real():
        for item in items:
            if item.get_closest_marker("emulator"):
                item.add_marker(pytest.mark.skip(reason="This test injects faults: it runs on the emulator only."))


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """The emulated API, empty for each test that uses `cluster`."""
    server = Emulator().start()
    yield server
    server.stop()


@pytest_asyncio.fixture
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """A cluster; see tests/cluster/README.md. Its clients belong to the event loop of the test."""
    server: Emulator = request.getfixturevalue("emulator")
    server.reset()
    nodes = Kubelet(StaticCredentials(server.url, server.api.tokens.kubelet)).start()
    made = Cluster(
        url=server.url, token=server.api.tokens.admin, features=set(EMULATED), emulator=server, kubelet=nodes
    )
    yield made
    await made.close()
    nodes.stop()


@pytest.fixture(name="eventually")
def fixture_eventually() -> Callable[..., Any]:
    """`await eventually(condition)`: what it gives once that is true, within a deadline."""
    return eventually
