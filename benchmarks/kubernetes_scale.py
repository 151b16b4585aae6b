"""A thousand live jobs and five thousand pods: what a server costs while nothing happens, and how soon a tab knows.

Side by side in one run: a real Jupyter server with its Kubernetes engine, a process that lists jobs and pods every
five seconds, and one with the Kubernetes library's own watches. The emulated cluster is a process of its own. The
peers only keep what they see; Windlass also follows the log of each running job, keeps the ledger, and tells the tab.
"""

from __future__ import annotations

import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kubernetes_cluster
import psutil
from report import report
from tests.jupyter import Server, Tab
from tests.jupyter import running as jupyter

JOBS = 1000
WAITING = 200
WORKERS = 5
"""So a job has five pods."""
WINDOW_SECONDS = 25.0
EVENTS = 150
EVENT_SECONDS = 0.05
POLL_PAUSE_SECONDS = 3.0
IMAGE = "example.invalid/torch:1"
TITLES = {"poll": "lists every 5 s", "watch": "the library's watches"}
HERE = Path(__file__).parent


@dataclass
class Peer:
    """A process that watches the cluster in its own way, and what it has said."""

    process: subprocess.Popen[str]
    heard: list[dict[str, Any]] = field(default_factory=list)

    def listen(self) -> None:
        """Note what it says until it ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.heard.append(json.loads(line))

    @property
    def is_ready(self) -> bool:
        """It has seen what there is."""
        return any("ready" in each for each in self.heard)


@contextmanager
def peer(way: str, cluster: kubernetes_cluster.Cluster, *more: str) -> Iterator[Peer]:
    """Start one, and wait until it has seen what there is."""
    account = way if way in cluster.tokens else "reader"
    arguments = [cluster.url, cluster.tokens[account], kubernetes_cluster.NAMESPACE, *more]
    with subprocess.Popen(
        [sys.executable, str(HERE / "kubernetes_peers.py"), way, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        made = Peer(process)
        threading.Thread(target=made.listen, daemon=True).start()
        try:
            wait(lambda: made.is_ready or process.poll() is not None, what=f"the peer {way}")
            yield made
        finally:
            process.kill()


def wait(condition: Callable[[], Any], *, what: str, seconds: float = 180.0, pause_seconds: float = 0.1) -> None:
    """Until it is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {seconds:g} s")
        time.sleep(pause_seconds)


@contextmanager
def connected(folder: Path, cluster: kubernetes_cluster.Cluster) -> Iterator[Server]:
    """A Jupyter server whose kubeconfig leads to the cluster."""
    with jupyter(folder, kubeconfig=cluster.kubeconfig) as server:
        yield server


def first_job(server: Server, *, workers: int) -> str:
    """Send one for real, and wait until its pods run."""
    server.notebook("train.ipynb", "print('hello')")
    asked = {"engine": "kubernetes", "kind": "PyTorchJob", "workers": workers, "cluster": {"image": IMAGE}}
    job_id = str(server.send("train.ipynb", **asked)["id"])
    server.reaches(job_id, "running")
    return job_id


def states(server: Server) -> dict[str, int]:
    """How many jobs are in which state, as the list shows them."""
    counts: dict[str, int] = {}
    with server.client() as http:
        query: dict[str, Any] = {"limit": 200}
        while True:
            page = http.get("/jobs", params=query).raise_for_status().json()
            for job in page["items"]:
                counts[job["state"]] = counts.get(job["state"], 0) + 1
            if not page.get("next_cursor"):
                return counts
            query["cursor"] = page["next_cursor"]


def settle(process: psutil.Process, *, seconds: float = 30.0) -> None:
    """Wait until a process has done what it had to do: less than a tenth of a core for three seconds."""
    deadline = time.monotonic() + seconds
    calm = 0
    while calm < 3 and time.monotonic() < deadline:
        calm = calm + 1 if process.cpu_percent(1.0) < 10 else 0


def memory(process: psutil.Process) -> float:
    """Resident, in MB."""
    return float(process.memory_info().rss) / 1e6


def cpu(processes: dict[str, psutil.Process]) -> dict[str, float]:
    """Seconds of processor time so far."""
    return {name: sum(each.cpu_times()[:2]) for name, each in processes.items()}


class Ear:
    """A browser tab: when it first heard each number."""

    def __init__(self, tab: Tab) -> None:
        self.heard: dict[int, float] = {}
        self._tab = tab
        tab.say(type="subscribe_jobs")
        tab.hear("jobs")
        tab.connection.settimeout(None)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                message = json.loads(self._tab.connection.recv())
            except Exception:  # noqa: BLE001 - whatever ends the connection ends the listening
                return
            now = time.time()
            for job in message.get("jobs", ()):
                words = (job.get("reason") or "").partition("(of ")[2].split(" ")[0]
                if words.isdigit():
                    self.heard.setdefault(int(words), now)


def idle(cluster: kubernetes_cluster.Cluster, processes: dict[str, psutil.Process]) -> None:
    """What each costs while nothing happens."""
    cluster.ask("requests")
    before, begun = cpu(processes), time.monotonic()
    time.sleep(WINDOW_SECONDS)
    after, seconds = cpu(processes), time.monotonic() - begun
    asked = cluster.ask("requests")
    print(f"  asked: {json.dumps(asked)}", file=sys.stderr)
    for name, title in TITLES.items():
        share = {each: 100 * (after[each] - before[each]) / seconds for each in ("windlass", name)}
        report(
            name=f"{JOBS:,} live jobs, idle: processor", unit="% of a core", baseline_name=title,
            ours=[share["windlass"]], baseline=[share[name]], budget="< 2 %", kept=share["windlass"] < 2,
        )  # fmt: skip
        rate = {each: 60 * sum(asked[each].values()) / seconds for each in ("windlass", name)}
        report(
            name=f"{JOBS:,} live jobs, idle: requests to the API", unit="a minute", baseline_name=title,
            ours=[rate["windlass"]], baseline=[rate[name]], budget="O(1)", kept=rate["windlass"] < 60,
        )  # fmt: skip


def latency(cluster: kubernetes_cluster.Cluster, ear: Ear, peers: dict[str, Peer], waiting: list[str]) -> None:
    """From a change of a pod's condition to the message in the tab; the peers' until they have it in hand."""
    # A list of all pods holds the emulator up for seconds, and with it everybody's watch: each has a time of its own.
    peers["poll"].process.send_signal(signal.SIGSTOP)
    time.sleep(POLL_PAUSE_SECONDS)
    told = let_happen(cluster, waiting[:EVENTS], first=1000, every_seconds=EVENT_SECONDS)
    time.sleep(2)
    peers["poll"].process.send_signal(signal.SIGCONT)
    told_poll = let_happen(cluster, waiting[EVENTS:], first=5000, every_seconds=10 / (WAITING - EVENTS))
    time.sleep(POLL_PAUSE_SECONDS * 3)
    ours = [1000 * (ear.heard[number] - at) for number, at in told.items() if number in ear.heard]
    missed = len(told) - len(ours)
    if missed:
        print(f"  the tab has not heard of {missed} of {len(told)} changes", file=sys.stderr)
    for name, title in TITLES.items():
        heard = {each["number"]: each["at"] for each in peers[name].heard if "number" in each}
        asked = told_poll if name == "poll" else told
        theirs = [1000 * (heard[number] - at) for number, at in asked.items() if number in heard]
        for word, share in (("median", 50), ("p95", 95)):
            report(
                name=f"a pod's change to the browser, {word}", unit="ms", baseline_name=title,
                ours=[percentile(ours, share)], baseline=[percentile(theirs, share)],
                kept=False if missed else None,
            )  # fmt: skip


def let_happen(
    cluster: kubernetes_cluster.Cluster, job_ids: list[str], *, first: int, every_seconds: float
) -> dict[int, float]:
    """Change why a pod waits, of one job after the other; when, by number."""
    told: dict[int, float] = {}
    for number, job_id in enumerate(job_ids, start=first):
        told[number] = cluster.ask("change", job_id=job_id, number=number)
        # Not in step with anybody's clock.
        time.sleep(random.uniform(0, 2 * every_seconds))
    return told


def percentile(found: list[float], share: int) -> float:
    """The value below which so many percent lie."""
    return statistics.quantiles(found, n=100)[share - 1]


def main() -> None:
    """Grow a cluster around a server, look at both while they are idle, and then let things happen."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder = Path(name)
        cluster = stack.enter_context(kubernetes_cluster.running(folder / "cluster"))
        server = stack.enter_context(connected(folder, cluster))
        assert server.process is not None
        ours = psutil.Process(server.process.pid)
        job_id = first_job(server, workers=WORKERS)
        cluster.ask("rest")
        settle(ours)
        empty = memory(ours)
        begun = time.monotonic()
        made = cluster.ask("grow", job_id=job_id, jobs=JOBS, waiting=WAITING)
        wait(lambda: states(server).get("running") == JOBS - WAITING, what="all jobs", pause_seconds=2)
        print(f"  {states(server)} after {time.monotonic() - begun:.1f} s", file=sys.stderr)
        peers = {way: stack.enter_context(peer(way, cluster)) for way in ("watch", "poll")}
        settle(ours)
        print(f"  calm after {time.monotonic() - begun:.1f} s", file=sys.stderr)
        ear = Ear(server.tab())
        processes = {"windlass": ours, **{way: psutil.Process(each.process.pid) for way, each in peers.items()}}
        idle(cluster, processes)
        added = memory(ours) - empty
        for way, title in TITLES.items():
            report(
                name=f"{JOBS:,} live jobs: memory added", unit="MB", baseline_name=f"{title}, the process",
                ours=[added], baseline=[memory(processes[way])], budget="< 150 MB", kept=added < 150,
            )  # fmt: skip
        latency(cluster, ear, peers, made["waiting"])


if __name__ == "__main__":
    main()
