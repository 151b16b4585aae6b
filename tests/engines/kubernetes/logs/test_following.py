"""Logs of pods come into the copy whole and once each, whatever happens to connection, container, pod and server."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.emulator.pod_logs import ContainerLog
from tests.runner.job import Job

from windlass.engines.job_folder import logreader, ranks
from windlass.engines.job_folder.paths import LAUNCHER
from windlass.engines.kubernetes.logs import copying, following, pod_reader
from windlass.engines.kubernetes.logs.following import FollowingSlots, LogFollower
from windlass.engines.kubernetes.logs.mirror import JobMirror, Mirror
from windlass.kube.resources import PODS

pytestmark = pytest.mark.emulator

CONTAINER = "pytorch"
# A cell that no rank leaves before all are in it.
ALL_HAVE_COME_SO_FAR = """
import pathlib, time
pathlib.Path("here-" + os.environ["RANK"]).touch()
while len(list(pathlib.Path().glob("here-*"))) < int(os.environ["WORLD_SIZE"]):
    time.sleep(0.01)
"""


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_reader, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(pod_reader, "LONGEST_PAUSE_SECONDS", 0.2)
    monkeypatch.setattr(copying, "COLLECT_SECONDS", 0.01)
    monkeypatch.setattr(copying, "RETRY_SECONDS", 0.1)


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    made = Job(tmp_path / "pod")
    yield made
    made.end()


class Scene:
    """One job in the emulated cluster: its pods, what they print, and its copy here."""

    def __init__(self, cluster: Cluster, namespace: str, data: Path) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.mirror: JobMirror = Mirror(data).job("job-1")
        self.slots = FollowingSlots()
        self.names: list[str] = []
        self.changes: set[str] = set()
        self.processes = 1
        self.followers: list[LogFollower] = []

    async def pod(self, *, outcome: str = "running") -> str:
        name = f"pod-{len(self.names)}"
        self.cluster.kubelet.behave(outcome, name=name, namespace=self.namespace)
        body = {"metadata": {"name": name}, "spec": {"containers": [{"name": CONTAINER, "image": "x"}]}}
        await self.cluster.create(PODS, body, namespace=self.namespace)
        self.names.append(name)
        if outcome == "running":
            await eventually(lambda: self.is_running(name), seconds=20, what="the pod runs")
        return name

    async def is_running(self, name: str) -> bool:
        pod = await self.cluster.admin.get(PODS, name, namespace=self.namespace)
        return pod.get("status", {}).get("phase") == "Running"

    async def become(self, name: str, outcome: str) -> None:
        await self.cluster.kubelet.become(self.namespace, name, outcome)

    def log(self, name: str) -> ContainerLog:
        return self.here(lambda logs: logs.of(self.namespace, name))

    def here(self, work: Callable[[Any], Any]) -> Any:
        """Do something with the emulator's logs, where it runs."""
        emulator = self.cluster.emulator
        return emulator.call(lambda: work(emulator.api.logs))

    def print(self, name: str, content: bytes, time_ns: int | None = None) -> None:
        self.here(lambda logs: logs.of(self.namespace, name).write(content, time_ns))

    async def end(self, name: str, outcome: str = "succeeded") -> None:
        self.here(lambda logs: logs.of(self.namespace, name).end())
        await self.become(name, outcome)

    async def restart(self, name: str) -> None:
        self.here(lambda logs: logs.restart(self.namespace, name))
        pod = await self.cluster.admin.get(PODS, name, namespace=self.namespace)
        (status,) = pod["status"]["containerStatuses"]
        status["lastState"] = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
        status["restartCount"] += 1
        status["state"] = {"running": {}}
        patch = {"status": {"containerStatuses": [status]}}
        await self.cluster.admin.patch(PODS, name, patch, namespace=self.namespace, subresource="status")

    def follower(self) -> LogFollower:
        made = LogFollower(
            self.cluster.admin,
            namespace=self.namespace,
            mirror=Mirror(self.mirror.folder.data.root.parent).job("job-1"),
            container=CONTAINER,
            world_size=self.processes * max(1, len(self.names)),
            processes_per_worker=self.processes,
            slots=self.slots,
            on_change=self.changes.update,
        )
        self.followers.append(made)
        return made

    async def see(self, follower: LogFollower) -> None:
        """As the watch would."""
        pods, _ = await self.cluster.admin.list(PODS, namespace=self.namespace)
        found = {pod["metadata"]["name"]: pod for pod in pods}
        follower.see([(number, found[name]) for number, name in enumerate(self.names) if name in found])

    def copied(self, rank: int = 0) -> bytes:
        path = self.mirror.folder.log(rank)
        return path.read_bytes() if path.exists() else b""

    async def until(self, content: bytes, rank: int = 0) -> None:
        try:
            await eventually(lambda: self.copied(rank) == content, seconds=20, what=f"{content[-200:]!r}")
        except AssertionError as error:
            raise AssertionError(f"{self.copied(rank)[-600:]!r}") from error


@pytest.fixture
async def scene(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(cluster, await cluster.namespace(), tmp_path / "data")
    yield made
    for follower in made.followers:
        await follower.stop()


@asynccontextmanager
async def watching(scene: Scene, follower: LogFollower) -> AsyncIterator[None]:
    """Tell the follower of the pods again and again, as a watch does when they change."""

    async def look() -> None:
        while True:
            await scene.see(follower)
            await asyncio.sleep(0.05)

    task = asyncio.create_task(look())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def numbered(begin: int, end: int) -> bytes:
    return b"".join(b"line %d\n" % number for number in range(begin, end))


@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=pytest.mark.torch)])
async def test_what_the_runner_wrote_is_what_is_copied_over_a_broken_line(scene: Scene, job: Job, ranks: int) -> None:
    source = "import os, sys\nfor i in range(1500): print(os.environ['RANK'], i, 'x' * (i % 90))"
    job.lay_out(
        source,
        "print('unfinished ', end='')",
        "print('y' * 30_000)",
        "print('err', file=sys.stderr)",
        ALL_HAVE_COME_SO_FAR,
        "1/0",
    )
    job.run(WINDLASS_REPORT="stdout", WINDLASS_LOG_TO_FILES="0", ranks=ranks)
    scene.processes = ranks
    name = await scene.pod()
    output = job.output.encode()
    chooser = random.Random(7)
    scene.here(lambda logs: logs.cut_after.extend(chooser.randrange(len(output) // 4) for _ in range(25)))
    follower = scene.follower()
    async with watching(scene, follower):
        place = 0
        while place < len(output):
            step = chooser.randrange(1, 9000)
            scene.print(name, output[place : place + step])
            place += step
            await asyncio.sleep(0)
        await scene.end(name, "failed")
        await eventually(lambda: job.status() == _json(scene.mirror.folder.rank_status(0)), seconds=20, what="status")
        assert await follower.finish(seconds=20)
    assert scene.mirror.folder.executed.read_bytes() == job.executed.read_bytes()
    for rank in range(ranks):
        lines = [f"{rank} {number} {'x' * (number % 90)}\n" for number in range(1500)]
        printed = "".join(lines) + "unfinished " + "y" * 30_000 + "\nerr\n"
        copied = scene.copied(rank).decode()
        assert _first_difference(copied[: len(printed)], printed) is None
        assert b"[windlass]" not in scene.copied(rank)
        status = _json(scene.mirror.folder.rank_status(rank))
        assert (status["phase"], status["cell"]) in {("failed", 6), ("killed", 5), ("killed", 6)}
    # Who fails first has the others ended, who may not have said so by then.
    assert any(b"ZeroDivisionError" in scene.copied(rank) for rank in range(ranks))
    assert scene.changes >= {"log", "status", "notebook"}
    merged = logreader.read_merged(scene.mirror.folder, offset=0, limit_bytes=1 << 24, ended=True)
    assert merged.complete
    assert sum(len(piece.text) for piece in merged.pieces if piece.rank == 0) == len(scene.copied(0))


def _first_difference(found: str, wanted: str) -> tuple[str, str] | None:
    for place, (one, other) in enumerate(zip(found.ljust(len(wanted)), wanted, strict=True)):
        if one != other:
            return found[max(0, place - 80) : place + 80], wanted[max(0, place - 80) : place + 80]
    return None


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {}


async def test_a_log_is_followed_from_the_moment_its_container_runs(scene: Scene) -> None:
    follower = scene.follower()
    follower.see([])
    name = await scene.pod(outcome="pending")
    await scene.see(follower)
    assert not scene.copied()
    await scene.become(name, "running")
    scene.print(name, b"first\n")
    await scene.see(follower)
    await scene.until(b"first\n")
    scene.print(name, b"second\n")
    await scene.until(b"first\nsecond\n")


async def test_a_line_is_copied_while_the_place_of_the_one_before_waits_to_be_saved(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "SAVE_SECONDS", 3600.0)
    name = await scene.pod()
    follower = scene.follower()
    async with watching(scene, follower):
        for text in (b"one\n", b"two\n", b"three\n"):
            scene.print(name, text)
            await eventually(lambda text=text: scene.copied().endswith(text), what=f"the copy of {text!r}")
    await follower.stop()


async def test_a_watch_that_is_ahead_of_the_kubelet_does_no_harm(scene: Scene) -> None:
    name = await scene.pod()
    pod = await scene.cluster.admin.get(PODS, name, namespace=scene.namespace)
    scene.print(name, b"text\n")
    message = 'container "pytorch" is waiting to start: ContainerCreating'
    scene.cluster.faults.fail("GET", "/log", 400, message, times=2)
    scene.follower().see([(0, pod)])
    await scene.until(b"text\n")


async def test_lines_have_the_time_at_which_they_were_printed(scene: Scene) -> None:
    name = await scene.pod()
    for number in range(3):
        scene.print(name, b"line %d\n" % number, (1_795_000_000 + 10 * number) * 10**9)
    await scene.see(scene.follower())
    await scene.until(numbered(0, 3))
    pieces = logreader.read_merged(scene.mirror.folder, offset=0, limit_bytes=1000, ended=True).pieces
    assert [(piece.time, piece.text) for piece in pieces] == [
        (1_795_000_000.0 + 10 * number, f"line {number}\n") for number in range(3)
    ]


async def test_a_container_that_was_restarted_is_read_to_its_end_and_then_the_new_one(scene: Scene) -> None:
    name = await scene.pod()
    follower = scene.follower()
    scene.print(name, b"a1\n")
    await scene.see(follower)
    await scene.until(b"a1\n")
    with scene.cluster.faults.outage():
        scene.print(name, b"a2\nlast words")
        scene.here(lambda logs: logs.of(scene.namespace, name).end())
    await scene.restart(name)
    scene.print(name, b"b1\n")
    await scene.see(follower)
    await scene.until(b"a1\na2\nlast words\nb1\n")


async def test_a_container_that_starts_again_while_one_reconnects_is_not_taken_for_the_old_one(scene: Scene) -> None:
    name = await scene.pod()
    follower = scene.follower()
    scene.print(name, b"a1\n")
    await scene.see(follower)
    await scene.until(b"a1\n")
    # The reader has looked at the pod and asks for the rest of the log; the answer is a second away.
    late = scene.cluster.faults.delay("GET", f"/{name}/log", 1.0, times=1)
    scene.cluster.faults.cut_connections()
    await eventually(lambda: late.times == 0, seconds=20, what="the reader comes back")
    scene.print(name, b"a2\nlast words")
    scene.here(lambda logs: logs.of(scene.namespace, name).end())
    await scene.restart(name)
    scene.print(name, b"b1\n")
    await scene.until(b"a1\na2\nlast words\nb1\n")


async def test_starts_that_nobody_saw_are_told_of(scene: Scene) -> None:
    name = await scene.pod()
    for start in range(4):
        scene.print(name, b"start %d\n" % start)
        if start < 3:
            await scene.restart(name)
    await scene.see(scene.follower())
    said = b"[windlass] the output of 2 earlier starts of this container is not kept by the node any more.\n"
    await scene.until(said + b"start 2\nstart 3\n")


async def test_of_two_servers_one_copies_and_the_other_takes_over(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "CLAIM_SECONDS", 0.05)
    name = await scene.pod()
    first, second = scene.follower(), scene.follower()
    await scene.see(first)
    await scene.see(second)
    scene.print(name, numbered(0, 50))
    await scene.until(numbered(0, 50))
    assert _asked(scene, name) == 1
    await first.stop()
    scene.print(name, numbered(50, 100))
    await scene.until(numbered(0, 100))
    finishing = asyncio.create_task(scene.follower().finish(seconds=20))
    await scene.end(name)
    await scene.see(second)
    assert await second.finish(seconds=10)
    await second.stop()
    assert await finishing
    assert scene.copied() == numbered(0, 100)


@pytest.mark.parametrize("crashed", [False, True])
async def test_a_server_that_starts_again_goes_on_where_it_was(
    scene: Scene, crashed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await scene.pod()
    first = scene.follower()
    scene.print(name, numbered(0, 100))
    await scene.see(first)
    await scene.until(numbered(0, 100))
    places = scene.mirror.folder.path / "places.json"
    if crashed:
        # It died after the log was written and before the places were.
        await eventually(places.exists, seconds=10, what="the places are saved")
        saved = places.read_bytes()
        scene.print(name, numbered(100, 150))
        await scene.until(numbered(0, 150))
    await first.stop()
    if crashed:
        places.write_bytes(saved)
    scene.print(name, numbered(150 if crashed else 100, 200))
    await scene.see(scene.follower())
    await scene.until(numbered(0, 200))
    scene.print(name, b"end\n")
    await scene.until(numbered(0, 200) + b"end\n")


async def test_what_was_rotated_away_is_said(scene: Scene) -> None:
    name = await scene.pod()
    follower = scene.follower()
    second = 1_795_000_000
    scene.print(name, b"before\n", second * 10**9)
    await scene.see(follower)
    await scene.until(b"before\n")
    await follower.stop()
    scene.print(name, b"lost\n", (second + 1) * 10**9)
    scene.print(name, b"after\n", (second + 5) * 10**9)
    scene.here(lambda logs: logs.of(scene.namespace, name).rotate(keep=1))
    await scene.see(scene.follower())
    said = b"[windlass] up to 5.0 seconds of output before this line were rotated away on the node.\n"
    await scene.until(b"before\n" + said + b"after\n")


async def test_a_beginning_that_was_rotated_away_is_said_in_bytes(scene: Scene) -> None:
    name = await scene.pod()
    scene.print(name, b'newest\n\x1ewindlass {"o":1007,"k":"at","r":0,"a":0,"v":null}\nnext\n')
    await scene.see(scene.follower())
    said = b"[windlass] 1,000 bytes of output before this line were rotated away on the node.\n"
    await scene.until(b"newest\n" + said + b"next\n")


async def test_faults_of_the_api_lose_and_repeat_nothing(scene: Scene) -> None:
    name = await scene.pod()
    faults = scene.cluster.faults
    await scene.see(scene.follower())
    faults.fail("GET", "/log", 500, times=3)
    faults.fail("GET", "/log", 401, times=4)
    faults.fail("GET", "/pods/", 429, times=2)
    for number in range(6):
        scene.print(name, numbered(10 * number, 10 * number + 10))
        faults.cut_connections()
        await scene.until(numbered(0, 10 * number + 10))
    with faults.outage():
        scene.print(name, numbered(60, 70))
        await asyncio.sleep(0.3)
    await scene.until(numbered(0, 70))


async def test_a_log_that_may_not_be_read_says_so_and_is_read_once_it_may(scene: Scene) -> None:
    name = await scene.pod()
    message = 'pods "pod-0" is forbidden: User "a" cannot get resource "pods/log"'
    rule = scene.cluster.faults.fail("GET", "/log", 403, message, times=None)
    scene.print(name, b"text\n")
    follower = scene.follower()
    await scene.see(follower)
    await eventually(lambda: follower.trouble == message, seconds=10, what="it says so")
    scene.cluster.faults.lift(rule)
    await scene.until(b"text\n")
    assert follower.trouble is None


async def test_other_pods_are_read_when_somebody_looks_or_when_they_have_ended(scene: Scene) -> None:
    names = [await scene.pod() for _ in range(3)]
    follower = scene.follower()
    for number, name in enumerate(names):
        scene.print(name, b"[rank %d] hello from %d\n" % (number, number))
    await scene.see(follower)
    await scene.until(b"hello from 0\n")
    assert not scene.copied(1)
    assert _asked(scene, names[1]) == 0
    await scene.end(names[2], "failed")
    await scene.see(follower)
    await scene.until(b"hello from 2\n", rank=2)
    assert not scene.copied(1)
    follower.attend()
    await scene.until(b"hello from 1\n", rank=1)
    await scene.see(follower)
    assert _asked(scene, names[2]) == 1


def _asked(scene: Scene, name: str) -> int:
    return sum(f"/{name}/log" in path for _, path, _ in scene.cluster.emulator.requests)


async def test_why_a_preparation_failed_is_in_the_log(scene: Scene) -> None:
    scene.names = ["pod-0"]
    scene.cluster.kubelet.behave("pending", namespace=scene.namespace)
    containers = {
        "containers": [{"name": CONTAINER, "image": "x"}],
        "initContainers": [{"name": "fetch", "image": "x"}],
    }
    await scene.cluster.create(PODS, {"metadata": {"name": "pod-0"}, "spec": containers}, namespace=scene.namespace)
    state = {"terminated": {"exitCode": 1, "reason": "Error"}}
    status = {"initContainerStatuses": [{"name": "fetch", "state": state, "restartCount": 0}]}
    patch = {"status": status}
    await scene.cluster.admin.patch(PODS, "pod-0", patch, namespace=scene.namespace, subresource="status")
    scene.print("pod-0/fetch", b"The bundle cannot be fetched: connection refused.\n")
    follower = scene.follower()
    await scene.see(follower)
    await scene.until(b"The bundle cannot be fetched: connection refused.\n", rank=LAUNCHER)
    assert await follower.finish(seconds=10)


async def test_nothing_is_asked_while_nothing_is_printed(scene: Scene) -> None:
    name = await scene.pod()
    follower = scene.follower()
    scene.print(name, b"text\n")
    await scene.see(follower)
    await scene.until(b"text\n")
    await eventually(lambda: scene.here(lambda logs: logs.following) == 1, seconds=10, what="it is followed")
    before = len(scene.cluster.emulator.requests)
    await asyncio.sleep(0.3)
    assert len(scene.cluster.emulator.requests) == before


async def test_a_pod_that_is_gone_leaves_what_was_read(scene: Scene) -> None:
    name = await scene.pod()
    follower = scene.follower()
    scene.print(name, b"text\nunfinished")
    await scene.see(follower)
    await scene.until(b"text\n")
    await scene.cluster.admin.delete(PODS, name, namespace=scene.namespace, grace_seconds=0)
    await scene.see(follower)
    scene.here(lambda logs: logs.of(scene.namespace, name).end())
    await scene.until(b"text\nunfinished\n")
    assert await follower.finish(seconds=10)


async def test_a_job_that_ends_is_read_to_the_end_though_its_pod_is_taken_to_be_running(scene: Scene) -> None:
    names = [await scene.pod() for _ in range(2)]
    follower = scene.follower()
    await scene.see(follower)
    scene.print(names[1], b"[rank 1] last words\n")
    assert await follower.finish(seconds=10)
    assert scene.copied(1) == b"last words\n"


async def test_a_folder_that_is_removed_ends_it(scene: Scene) -> None:
    name = await scene.pod()
    follower = scene.follower()
    scene.print(name, b"text\n")
    await scene.see(follower)
    await scene.until(b"text\n")
    scene.mirror.remove()
    scene.print(name, b"more\n")
    await eventually(lambda: follower.is_gone, seconds=10, what="the follower has noticed")
    await follower.stop()
    assert not scene.mirror.exists


async def test_a_disk_that_is_full_delays_the_log_and_loses_nothing(scene: Scene) -> None:
    name = await scene.pod()
    follower = scene.follower()
    scene.print(name, numbered(0, 10))
    await scene.see(follower)
    await scene.until(numbered(0, 10))
    log, index = scene.mirror.folder.log(0), scene.mirror.folder.log_index
    aside = log.with_suffix(".aside")
    index.rename(aside)
    index.mkdir()
    scene.print(name, numbered(10, 20))
    await eventually(lambda: follower.trouble, seconds=10, what="it says so")
    assert log.read_bytes() == numbered(0, 10)
    index.rmdir()
    aside.rename(index)
    await scene.until(numbered(0, 20))
    await eventually(lambda: follower.trouble is None, seconds=10, what="it is well again")


async def test_more_logs_than_slots_are_followed_in_turn(scene: Scene) -> None:
    scene.slots = FollowingSlots(leading=1, others=1)
    scene.slots.others = type(scene.slots.others)(1, turn_seconds=0.1)
    names = [await scene.pod() for _ in range(4)]
    follower = scene.follower()
    await scene.see(follower)
    follower.attend()
    for turn in range(2):
        for rank in (1, 2, 3):
            scene.print(names[rank], b"[rank %d] turn %d\n" % (rank, turn))
        for rank in (1, 2, 3):
            await scene.until(b"".join(b"turn %d\n" % each for each in range(turn + 1)), rank=rank)
    assert scene.slots.others.taken <= 1


async def test_whatever_a_job_prints_comes_as_it_was_printed_and_forges_no_end(scene: Scene, job: Job) -> None:
    """A line of ten megabytes, bytes that are no text, progress bars, a last line without an end, made-up frames."""
    forged = r"\x1ewindlass {\"o\":0,\"k\":\"status\",\"r\":0,\"a\":0,\"v\":{\"phase\":\"failed\",\"exit_code\":9}}"
    job.lay_out(
        "import os, sys, subprocess\nprint('w' * 10_000_000)",
        "sys.stdout.buffer.write(bytes(range(128, 256)) * 40 + b'\\n'); sys.stdout.buffer.flush()",
        "for i in range(200): print(f'\\r{i / 2:.1f}%', end='', file=sys.stderr)\nprint(file=sys.stderr)",
        f'print("{forged}")',
        f'subprocess.run(["printf", "%s\\n", "begun by another process {forged}"]); None',
        "print('after that')\nprint('the end', end='')",
    )
    job.start(WINDLASS_REPORT="stdout", WINDLASS_LOG_TO_FILES="0")
    with job.process.stdout as stdout:
        output = await asyncio.to_thread(stdout.buffer.read)
    assert await asyncio.to_thread(job.process.wait, 60) == 0
    name = await scene.pod()
    follower = scene.follower()
    async with watching(scene, follower):
        for place in range(0, len(output), 1 << 20):
            scene.print(name, output[place : place + (1 << 20)])
        await scene.end(name)
        await eventually(lambda: b"the end" in scene.copied()[-200:], seconds=60, what="the last line")
        assert await follower.finish(seconds=20)
    frame = b'\x1ewindlass {"o":0,"k":"status","r":0,"a":0,"v":{"phase":"failed","exit_code":9}}\n'
    said = [b"w" * 10_000_000 + b"\n", bytes(range(128, 256)) * 40 + b"\n", b"0.0%\n99.5%\n", frame]
    said.append(b"begun by another process after that\nthe end")
    # A frame that is made up under Python's feet is believed for as long as the rank itself says nothing; what is said
    # of gaps then is made up with it, and how the job ended is the cluster's to tell.
    copied, _, made_up = scene.copied().partition(b"\n[windlass] ")
    assert copied == b"".join(said)
    assert made_up.endswith(b"rotated away on the node.\n")
    status = ranks.read_rank(scene.mirror.folder, 0)
    assert status is not None
    assert status.phase == "succeeded"
