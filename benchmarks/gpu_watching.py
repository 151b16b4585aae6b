"""What watching 8 GPUs costs a server, with 1, 10 and 50 browsers: processor, and bytes a second over the sockets.

Against jupyterlab-nvdashboard's own charts of use and memory (a socket each), at its default of ten looks a second, and
set to one a second as Windlass has it. Both servers load the same C library, which answers as NVIDIA's with eight busy
cards and takes no time for it; what a real driver takes comes on top, for nvdashboard once for each browser.

The clients are plain sockets that count what comes and read none of it, in this process, whose time is not counted.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from report import report
from server_startup import answer, free_port
from tests.nvml.driver import GIB, FakeDriver, Gpu, build

ROUNDS = 3
SECONDS = 6.0
SETTLE_SECONDS = 2.0
BROWSERS = (1, 10, 50)
CARDS = 8
TOKEN = "bench"
PEERS = Path(__file__).resolve().parent.parent / ".venv-peers" / "bin" / "python"
PEER = "jupyterlab-nvdashboard"
CHARTS = ("/nvdashboard/gpu_utilization", "/nvdashboard/gpu_usage")
DEFAULT_MILLISECONDS = 100
"""nvdashboard's `updateFrequency`, as its settings have it."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to watch: sockets of one browser, and what it says on each."""

    name: str
    paths: Sequence[str]
    message: dict[str, object]
    port: int
    pid: int


@dataclass
class Cost:
    """Of one way with so many browsers, a figure for each round."""

    processor: list[float] = field(default_factory=list)
    """Per cent of a core."""
    bytes_per_second: list[float] = field(default_factory=list)


def cards() -> list[Gpu]:
    """Eight cards at work."""
    return [
        Gpu(uuid=f"GPU-{index:08}", name="NVIDIA H100 80GB HBM3", total=80 * GIB, used=60 * GIB, util=80 + index)
        for index in range(CARDS)
    ]


async def keep_busy(driver: FakeDriver) -> None:
    """Change what the cards say ten times a second, so that there is something to tell."""
    turn = 0
    while True:
        turn += 1
        for index, gpu in enumerate(driver.gpus):
            gpu.util = 40 + (turn * 7 + index * 11) % 60
            gpu.used = 60 * GIB + (turn * 13 + index) % 1000 * 2**20
            gpu.power = 500_000 + (turn * 37 + index * 101) % 200_000
        driver.write()
        await asyncio.sleep(0.1)


@contextmanager
def server(python: str, extension: str, folder: Path, variables: dict[str, str]) -> Iterator[tuple[int, int]]:
    """A Jupyter server with one extension. Yields its port and pid."""
    port = free_port()
    environment = {
        **os.environ, **variables, "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"), "JUPYTER_DATA_DIR": str(folder / "data"),
        "WINDLASS_DATA_DIR": str(folder / "windlass"), "JUPYTER_NO_CONFIG": "1",
    }  # fmt: skip
    wanted = {"windlass": False, "jupyterlab_nvdashboard": False, "jupyter_scheduler": False, "jupyterlab": False}
    options = [
        f"--ServerApp.jpserver_extensions={wanted | {extension: True}}", f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0", "--ServerApp.open_browser=False", f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={folder}", "--ServerApp.allow_root=True",
    ]  # fmt: skip
    if extension == "windlass":
        options.append("--WindlassApp.embedded_tracking=False")
    with subprocess.Popen(
        [python, "-m", "jupyter_server", *options], env=environment, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            answer(port)
            yield port, process.pid
        finally:
            process.terminate()


class Browser:
    """One socket, as a browser opens it: compression offered, what comes counted."""

    def __init__(self, way: Way, path: str) -> None:
        self._way, self._path = way, path
        self.received = 0
        self._reading: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        """Shake hands, say what is to be said, and count from then on."""
        reader, self._writer = await asyncio.open_connection("127.0.0.1", self._way.port)
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        head = (
            f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1:{self._way.port}\r\nAuthorization: token {TOKEN}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
        )
        self._writer.write(head.encode())
        answered = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in answered.split(b"\r\n", 1)[0]:
            raise RuntimeError(f"{self._way.name} refused {self._path}: {answered[:200]!r}")
        self._writer.write(frame(json.dumps(self._way.message).encode()))
        self._reading = asyncio.create_task(self._count(reader))

    async def _count(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65536):
            self.received += len(data)

    async def close(self) -> None:
        """Go away."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._writer is not None:
            self._writer.close()
            await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)


def frame(text: bytes) -> bytes:
    """A masked text frame, as clients send them; the mask is zero."""
    length = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + struct.pack("!H", len(text))
    return b"\x81" + length + b"\0\0\0\0" + text


def ran(pid: int) -> float:
    """Seconds that a process's threads have run, by the scheduler's own clock: ticks of 10 ms miss short bursts."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in tasks) / 1e9


async def watched(way: Way, browsers: int, cost: Cost) -> None:
    """Watch for some seconds with so many browsers, and note what it cost."""
    sockets = [Browser(way, path) for _ in range(browsers) for path in way.paths]
    try:
        for socket in sockets:
            await socket.open()
        await asyncio.sleep(SETTLE_SECONDS)
        before, received, began = ran(way.pid), sum(socket.received for socket in sockets), time.perf_counter()
        await asyncio.sleep(SECONDS)
        took = time.perf_counter() - began
        cost.processor.append((ran(way.pid) - before) / took * 100)
        cost.bytes_per_second.append((sum(socket.received for socket in sockets) - received) / took)
    finally:
        await asyncio.gather(*(socket.close() for socket in sockets))


async def measure(ways: Sequence[Way], driver: FakeDriver) -> dict[tuple[str, int], Cost]:
    """Alternate the ways, so that drift of the machine hits all."""
    costs = {(way.name, browsers): Cost() for way in ways for browsers in BROWSERS}
    busy = asyncio.create_task(keep_busy(driver))
    try:
        for turn in range(ROUNDS):
            for browsers in BROWSERS:
                for way in ways if turn % 2 else reversed(ways):
                    await watched(way, browsers, costs[way.name, browsers])
                    print(f"  {way.name}, {browsers}: {costs[way.name, browsers]}", file=sys.stderr)
    finally:
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)
    return costs


def main() -> None:
    """Start both servers and watch."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        base = Path(name)
        driver = FakeDriver(folder=build(base), state=base / "state", gpus=cards())
        driver.processes = [(str(index), os.getpid(), 50 * GIB) for index in range(CARDS)]
        driver.write()
        (base / "ours").mkdir()
        (base / "theirs").mkdir()
        port, pid = stack.enter_context(server(sys.executable, "windlass", base / "ours", driver.variables))
        ours = Way(
            name="Windlass", paths=["/windlass/v1/socket"], message={"type": "subscribe_gpus"}, port=port, pid=pid
        )
        theirs = server(str(PEERS), "jupyterlab_nvdashboard", base / "theirs", driver.variables)
        port, pid = stack.enter_context(theirs)
        peers = [
            Way(name=label, paths=CHARTS, message={"updateFrequency": each, "isPaused": False}, port=port, pid=pid)
            for label, each in ((PEER, DEFAULT_MILLISECONDS), (f"{PEER} at one look a second", 1000))
        ]
        costs = asyncio.run(measure([ours, *peers], driver))
    for browsers in BROWSERS:
        for peer in peers:
            tell(browsers, costs[ours.name, browsers], costs[peer.name, browsers], peer.name)


def tell(browsers: int, ours: Cost, theirs: Cost, name: str) -> None:
    """Report both figures."""
    many = f"{browsers} browser{'' if browsers == 1 else 's'}"
    what, is_default = f"watching {CARDS} GPUs, {many}", name == PEER
    less = statistics.median(ours.processor) < statistics.median(theirs.processor) if is_default else None
    report(
        name=f"{what}: processor", ours=ours.processor, baseline=theirs.processor, baseline_name=name,
        unit="% of a core", budget="≤ 1" if is_default else None, kept=less,
    )  # fmt: skip
    report(
        name=f"{what}: sent", ours=ours.bytes_per_second, baseline=theirs.bytes_per_second, baseline_name=name,
        unit="bytes/s",
    )  # fmt: skip


if __name__ == "__main__":
    main()
