"""The fixture `cluster`, for tests anywhere: the emulator, or what `make test-cluster` was given."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.cluster.cluster import FEATURES, Cluster, eventually
from tests.cluster.emulator.server import Emulator
from tests.cluster.kubelet import Kubelet
from tests.cluster.servers import Server, emulated, from_assets, from_kubeconfig

_FEATURES = pytest.StashKey[set[str]]()


def _real() -> bool:
    return os.environ.get("WINDLASS_TEST_CLUSTER") == "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that inject faults, or look into the server, run against the emulator alone."""
    if _real():
        for item in items:
            if item.get_closest_marker("emulator"):
                item.add_marker(pytest.mark.skip(reason="This test injects faults: it runs on the emulator only."))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """At the end of `make test-cluster`: what was not tested because this server has not got it."""
    features = config.stash.get(_FEATURES, None)
    if features is None:
        return
    lacking = [words for feature, words in FEATURES.items() if feature not in features]
    terminalreporter.section("the cluster")
    for words in lacking:
        terminalreporter.line(f"This server has not got {words}: what rests on it was not tested.")
    if not lacking:
        terminalreporter.line("This server has everything the tests ask for.")


@pytest.fixture(scope="session")
def cluster_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests."""
    if not _real():
        server = emulated()
    elif os.environ.get("KUBECONFIG"):
        server = from_kubeconfig(Path(os.environ["KUBECONFIG"]), tmp_path_factory.mktemp("cluster"))
    else:
        server = from_assets(Path(os.environ["KUBEBUILDER_ASSETS"]), tmp_path_factory.mktemp("control-plane"))
    if _real():
        request.config.stash[_FEATURES] = server.features
    yield server
    server.stop()


@pytest.fixture
def emulator(cluster_server: Server) -> Emulator:
    """The emulated API itself; not emptied by this."""
    if cluster_server.emulator is None:
        pytest.skip("This test looks into the emulator.")
    return cluster_server.emulator


@pytest_asyncio.fixture
async def cluster(cluster_server: Server) -> AsyncIterator[Cluster]:
    """A cluster, see tests/cluster/README.md. Its clients belong to the event loop of the test."""
    if cluster_server.emulator is not None:
        cluster_server.emulator.reset()
    kubelet = None
    if cluster_server.fake_nodes:
        spared = cluster_server.emulator.api.tokens.kubelet if cluster_server.emulator else None
        kubelet = Kubelet(cluster_server.credentials(spared)).start()
    made = Cluster(server=cluster_server, kubelet=kubelet)
    yield made
    await made.close()
    if kubelet is not None:
        kubelet.stop()


@pytest.fixture(name="eventually")
def fixture_eventually() -> Callable[..., Any]:
    """`await eventually(condition)`: what it gives once that is true, within a deadline."""
    return eventually
