"""How much longer a Jupyter server takes to its first answer with the extension, and how much more memory it holds."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
from report import report

ROUNDS = 9


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(*, extension: bool, folder: Path) -> tuple[float, float]:
    """Seconds from the start of the process to the first answer, and resident megabytes one second later."""
    port = free_port()
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "WINDLASS_DATA_DIR": str(folder / "windlass"),
        "JUPYTER_NO_CONFIG": "1",
    }
    enabled = f"ServerApp.jpserver_extensions={{'windlass': {extension}, 'jupyterlab': True}}"
    began = time.perf_counter()
    with subprocess.Popen(
        [
            sys.executable, "-m", "jupyter_server", f"--{enabled}", f"--ServerApp.port={port}",
            "--ServerApp.port_retries=0",
            "--ServerApp.open_browser=False", "--IdentityProvider.token=bench", f"--ServerApp.root_dir={folder}",
            "--ServerApp.allow_root=True",
        ],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as server:  # fmt: skip
        try:
            first = answer(port) - began
            time.sleep(1)
            return first, psutil.Process(server.pid).memory_info().rss / 1e6
        finally:
            server.terminate()


def answer(port: int) -> float:
    """The moment at which the server answered."""
    deadline = time.perf_counter() + 60
    while time.perf_counter() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/status?token=bench", timeout=5):
                return time.perf_counter()
        except (urllib.error.URLError, OSError):
            time.sleep(0.005)
    raise TimeoutError("the server did not answer within 60 s")


def main() -> None:
    """Alternate both sides, so that drift of the machine hits both."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    memory: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(ROUNDS + 1):
            for extension in (False, True) if turn % 2 else (True, False):
                took, megabytes = start(extension=extension, folder=Path(folder))
                if turn:
                    seconds[extension].append(took)
                    memory[extension].append(megabytes)
    added = statistics.median(seconds[True]) - statistics.median(seconds[False])
    print(f"  added {added * 1000:.0f} ms (median of {ROUNDS})", file=sys.stderr)
    report(
        name="server start to first answer", ours=seconds[True], baseline=seconds[False],
        baseline_name="JupyterLab without Windlass", unit="s", budget="≤ 150 ms added", kept=added <= 0.150,
    )  # fmt: skip
    report(
        name="server memory", ours=memory[True], baseline=memory[False],
        baseline_name="JupyterLab without Windlass", unit="MB",
    )  # fmt: skip


if __name__ == "__main__":
    main()
