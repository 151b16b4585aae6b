"""A job in a cluster, followed: how soon a printed line is on disk and in the browser, and how fast a long log is read.

Against plain aiohttp clients of the same API (as `kubectl logs`), in the same run. Also what a preview takes with the
manifest and the preflight questions to the cluster, against the same preview for this machine.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import kubernetes_cluster
from kubernetes_scale import HERE, IMAGE, connected, first_job, peer, percentile, wait
from preview import FILES, make_project
from report import report
from tests.jupyter import Server, Tab

LINES = 120
LINE_SECONDS = 0.06
LONG_LINES = 150_000
LONG_LINE = "epoch {number:>7} loss 0.123456 accuracy 0.654321 learning rate 1.0e-03 grad norm 1.234567 step 0.0421 s"
ROUNDS = 5
BUDGET_MS = 300


class Tail:
    """Reads a file as it grows: when it first held each line."""

    def __init__(self, path: Path) -> None:
        self.heard: dict[str, float] = {}
        self._path = path
        self._done = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def close(self) -> None:
        """Read no more."""
        self._done.set()

    def _read(self) -> None:
        wait(self._path.exists, what="the copy")
        with self._path.open(encoding="utf-8") as file:
            while not self._done.is_set():
                for line in file.read().splitlines():
                    self.heard.setdefault(line, time.time())
                time.sleep(0.002)


def listen_to_tab(tab: Tab, job_id: str) -> dict[str, float]:
    """A tab that shows the job's log: when it was sent each line; grows until the tab is gone."""
    heard: dict[str, float] = {}
    tab.connection.settimeout(None)
    tab.say(type="subscribe_log", job_id=job_id)

    def listen() -> None:
        while True:
            try:
                message = json.loads(tab.connection.recv())
            except Exception:  # noqa: BLE001 - whatever ends the connection ends the listening
                return
            for segment in message.get("page", {}).get("segments", ()):
                for line in segment["text"].splitlines():
                    heard.setdefault(line, time.time())

    threading.Thread(target=listen, daemon=True).start()
    return heard


def line_latency(cluster: kubernetes_cluster.Cluster, server: Server, job_id: str, pod: str, copy: Path) -> None:
    """One line after the other, at odd moments."""
    tab, tail = server.tab(), Tail(copy)
    shown = listen_to_tab(tab, job_id)
    with peer("follow", cluster, pod) as other:
        printed = {}
        for number in range(LINES):
            line = f"line {number}"
            printed[line] = cluster.ask("print", pod=pod, text=line)
            time.sleep(random.uniform(0, 2 * LINE_SECONDS))
        wait(lambda: len(shown) >= LINES, what="the last line in the tab")
        plain = {each["line"]: each["at"] for each in other.heard if "line" in each}
    tail.close()
    tab.close()
    theirs = [1000 * (plain[line] - at) for line, at in printed.items() if line in plain]
    for what, heard in (("to the copy on disk", tail.heard), ("to the browser", shown)):
        ours = [1000 * (heard[line] - at) for line, at in printed.items() if line in heard]
        p95 = percentile(ours, 95)
        report(
            name=f"a line printed in a pod {what}, p95", unit="ms", baseline_name="plain follow",
            ours=[p95], baseline=[percentile(theirs, 95)], budget=f"< {BUDGET_MS} ms", kept=p95 < BUDGET_MS,
        )  # fmt: skip


def throughput(cluster: kubernetes_cluster.Cluster, pod: str, copy: Path, folder: Path) -> None:
    """A long log at once, into the copy; then the same log into a file."""
    before = copy.stat().st_size
    size = sum(len(LONG_LINE.format(number=number)) + 1 for number in range(LONG_LINES))
    begun = cluster.ask("print", pod=pod, text=LONG_LINE, times=LONG_LINES)
    wait(lambda: copy.stat().st_size >= before + size, what="the whole log", pause_seconds=0.005)
    ours = time.time() - begun
    cluster.ask("end", pod=pod)
    arguments = ["read", cluster.url, cluster.tokens["reader"], kubernetes_cluster.NAMESPACE, pod, str(folder / "log")]
    command = [sys.executable, str(HERE / "kubernetes_peers.py"), *arguments]
    plain = [subprocess.run(command, check=True, capture_output=True, text=True) for _ in range(3)]
    theirs = statistics.median(json.loads(done.stdout)["seconds"] for done in plain)
    for unit, amount in (("MB/s", size / 1e6), ("lines/s", LONG_LINES)):
        report(
            name="log of a pod, read and split", unit=unit, baseline_name="plain GET into a file",
            ours=[amount / ours], baseline=[amount / theirs],
        )  # fmt: skip


def previews(server: Server) -> None:
    """The same notebook for the cluster and for this machine."""
    make_project(server.root)
    base: dict[str, Any] = {"notebook": "train.ipynb", "workers": 2}
    cluster = {**base, "engine": "kubernetes", "kind": "PyTorchJob", "cluster": {"image": IMAGE}}
    with server.client() as http:

        def preview(request: dict[str, Any]) -> None:
            http.post("/jobs/preview", json=request).raise_for_status()

        found: dict[str, list[float]] = {"cluster": [], "local": []}
        for turn in range(ROUNDS + 1):
            took = {
                "cluster": 1000 * seconds(lambda: preview(cluster)),
                "local": 1000 * seconds(lambda: preview({**base, "engine": "local"})),
            }
            if turn:
                for name, each in took.items():
                    found[name].append(each)
    report(
        name=f"bundle of {FILES} files, manifest and preflight", unit="ms", baseline_name="preview for this machine",
        ours=found["cluster"], baseline=found["local"], budget="< 300 ms",
        kept=statistics.median(found["cluster"]) < 300,
    )  # fmt: skip


def seconds(work: Callable[[], None]) -> float:
    """How long it takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    """One job of one pod, while nothing else happens in the cluster."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder = Path(name)
        cluster = stack.enter_context(kubernetes_cluster.running(folder / "cluster"))
        server = stack.enter_context(connected(folder, cluster))
        job_id = first_job(server, workers=1)
        pod = f"train-{job_id}-master-0"
        copy = server.data / "kubernetes" / "jobs" / job_id / "logs" / "rank-0.log"
        line_latency(cluster, server, job_id, pod, copy)
        throughput(cluster, pod, copy, folder)
        previews(server)


if __name__ == "__main__":
    main()
