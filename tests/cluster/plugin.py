"""The fixture `cluster`, for tests anywhere: the emulator, or what `make test-cluster` was given."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.cluster import processes_kubelet
from tests.cluster.cluster import FEATURES, Cluster, eventually
from tests.cluster.emulator.server import Emulator
from tests.cluster.given import IMAGE, Given, Mistake, given
from tests.cluster.kubelet import Kubelet
from tests.cluster.servers import Server, emulated, from_assets, from_kubeconfig

_FEATURES = pytest.StashKey[set[str]]()
_GIVEN = pytest.StashKey[Given]()
_LEFT_OUT = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """What is wrong with the variables is said before any test is looked for."""
    try:
        config.stash[_GIVEN] = given()
    except Mistake as mistake:
        raise pytest.UsageError(str(mistake)) from None
    # It is the tests' way in, and not that of what they test.
    os.environ.pop("KUBECONFIG", None)
    if config.stash[_GIVEN].real:
        # asyncio forgets a connection whose handshake is cancelled; the emulator has no TLS to shake hands over.
        for what in ("<socket.socket", "_SelectorTransport.__del__", "_SSLProtocolTransport.__del__"):
            line = f"ignore:.*{what}:pytest.PytestUnraisableExceptionWarning"
            config.addinivalue_line("filterwarnings", line)
    if config.stash[_GIVEN].kubeconfig is not None:
        # Somebody's cluster is cleaned up as after Ctrl-C.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that inject faults, or look into the server, run against the emulator alone: others do not count them."""
    if config.stash[_GIVEN].real:
        injecting = [item for item in items if item.get_closest_marker("emulator")]
        config.hook.pytest_deselected(items=injecting)
        config.stash[_LEFT_OUT] = len(injecting)
        items[:] = [item for item in items if not item.get_closest_marker("emulator")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """At the end of `make test-cluster`: what was not tested because this server has not got it."""
    features = config.stash.get(_FEATURES, None)
    if features is None:
        return
    lacking = [words for feature, words in FEATURES.items() if feature not in features]
    terminalreporter.section("the cluster")
    for words in lacking:
        terminalreporter.line(f"This server has not got {words}: what rests on it was not tested.")
    if left_out := config.stash.get(_LEFT_OUT, 0):
        terminalreporter.line(f"{left_out} tests inject faults or look into the server: the emulator is for them.")
    if not lacking:
        terminalreporter.line("This server has everything the tests ask for.")


@pytest.fixture(scope="session")
def cluster_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests."""
    wanted = request.config.stash[_GIVEN]
    try:
        if wanted.kubeconfig is not None:
            server = from_kubeconfig(wanted.kubeconfig, tmp_path_factory.mktemp("cluster"), context=wanted.context)
        elif wanted.assets is not None:
            server = from_assets(wanted.assets, tmp_path_factory.mktemp("control-plane"))
        else:
            server = emulated()
    except Mistake as mistake:
        pytest.exit(str(mistake), returncode=pytest.ExitCode.USAGE_ERROR)
    if wanted.real and wanted.image is not None and server.fake_nodes:
        server.stop()
        words = f"{IMAGE} is set, but this server has no nodes to run it. Unset it, or take a cluster with nodes."
        pytest.exit(words, returncode=pytest.ExitCode.USAGE_ERROR)
    if wanted.real:
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
    if cluster_server.occupancy is not None:
        await cluster_server.occupancy.renew(made.admin)
    yield made
    await made.close()
    if kubelet is not None:
        kubelet.stop()


@pytest.fixture
def running_image(cluster: Cluster, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """From now on pods really run; the image for them."""
    if cluster.emulator is not None:
        if not processes_kubelet.available():
            pytest.skip("This machine does not let us make namespaces for mounts and processes.")
        cluster.kubelet.run_processes(tmp_path / "pods", emulator=cluster.emulator)
        return "example.invalid/this-machine:1"
    if cluster.kubelet is not None:
        pytest.skip("This server has no nodes: jobs really run on the emulator, and on clusters that have some.")
    image = request.config.stash[_GIVEN].image
    if image is None:
        pytest.skip(f"{IMAGE} names no image with Python and PyTorch: no job really ran on this cluster's nodes.")
    return image


@pytest.fixture(name="eventually")
def fixture_eventually() -> Callable[..., Any]:
    """`await eventually(condition)`: what it gives once that is true, within a deadline."""
    return eventually
