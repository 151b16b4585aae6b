"""The GPUs of 2,000 pods by one PromQL query, against one query for each pod and against all the exporter's fields.

A real Prometheus holds five minutes of figures of 2,000 pods, each with one GPU, in the exporter's shape. Windlass asks
once, whatever the number of pods, and makes devices of the answer. Against it: what a panel does that asks pod by pod
(all fields of a pod in one query, ten queries at a time), and the plain selector of the same fields with all labels.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from report import report
from tornado.testing import bind_unused_port

from windlass.metrics.prometheus.client import Prometheus
from windlass.metrics.prometheus.devices import devices
from windlass.metrics.prometheus.fields import GPU_FIELDS, SAMPLED_AT
from windlass.metrics.prometheus.queries import Pods, gpu_expression
from windlass.metrics.prometheus.source import NOW
from windlass.metrics.prometheus.spans import Span

PODS = 2000
AT_ONCE = 10
ROUNDS = 5
NAMESPACE = "team-a"
FIELDS = [GPU_FIELDS[name].metrics[0] for name in NOW if name != SAMPLED_AT]
MEMBERS = "{" + f'__name__=~"{"|".join(FIELDS)}", namespace="{NAMESPACE}"'


def figures(now: int) -> Iterator[str]:
    """Five minutes, scraped each half minute."""
    for field in FIELDS:
        yield f"# TYPE {field} gauge\n"
        value = 0.9 if "PROF" in field else 60
        for pod in range(PODS):
            labels = (
                f'gpu="{pod % 8}",UUID="GPU-604ac76c-d9cf-fef3-62e9-{pod:012x}",pci_bus_id="00000000:18:00.0",'
                f'device="nvidia{pod % 8}",modelName="NVIDIA H100 80GB HBM3",hostname="node-{pod // 8}",'
                f'DCGM_FI_DRIVER_VERSION="580.95.05",container="pytorch",namespace="{NAMESPACE}",'
                f'pod="wl-demo-3f2a-worker-{pod}",pod_uid="",instance="10.0.{pod // 2048}.{pod // 8 % 256}:9400",'
                'job="gpu-metrics",endpoint="metrics",service="nvidia-dcgm-exporter"'
            )
            for at in range(now - 300, now + 1, 30):
                yield f"{field}{{{labels}}} {value} {at}\n"
    yield "# EOF\n"


@contextmanager
def prometheus(base: Path, now: int) -> Iterator[str]:
    """A Prometheus that holds the figures."""
    with (base / "figures").open("w") as text:
        text.writelines(figures(now))
    load = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "figures", "data"]
    subprocess.run(load, cwd=base, check=True, stdout=subprocess.DEVNULL)
    (base / "config.yml").write_text("global: {scrape_interval: 1h}\n")
    socket, port = bind_unused_port()
    socket.close()
    command = ["prometheus", "--config.file=config.yml", "--storage.tsdb.path=data", "--log.level=error"]
    process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], cwd=base)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while not ready(url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("Prometheus did not start")
            time.sleep(0.1)
        yield url
    finally:
        process.kill()
        process.wait()


def ready(url: str) -> bool:
    """Whether it answers."""
    try:
        return httpx.get(f"{url}/-/ready", timeout=5).is_success
    except httpx.HTTPError:
        return False


async def rounds(act: Callable[[], Awaitable[int]]) -> tuple[list[float], int]:
    """How long each round took, and the bytes of the last; the first round warms both sides."""
    await act()
    seconds, size = [], 0
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        size = await act()
        seconds.append(time.perf_counter() - begun)
    return seconds, size


class Asking:
    """The same moment, asked for in several ways."""

    def __init__(self, http: httpx.AsyncClient, now: int) -> None:
        self._http = http
        self._now = now
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def bytes_of(self, query: str) -> int:
        """The size of an answer that was read as JSON."""
        async with self._slots:
            answer = await self._http.post("api/v1/query", data={"query": query, "time": str(self._now)})
        read: dict[str, Any] = answer.json()
        if not read["data"]["result"]:
            raise RuntimeError(f"nothing was found by {query[:200]}")
        return len(answer.content)

    async def one_by_one(self) -> int:
        """A query for each pod."""
        queries = (f'{MEMBERS}, pod="wl-demo-3f2a-worker-{pod}"}}' for pod in range(PODS))
        return sum(await asyncio.gather(*(self.bytes_of(query) for query in queries)))

    async def all_labels(self) -> int:
        """One query, with whatever labels there are."""
        return await self.bytes_of(MEMBERS + "}")

    async def ours(self) -> int:
        """The expression that Windlass asks with, for its size."""
        return await self.bytes_of(gpu_expression(NOW, [Pods(namespace=NAMESPACE)]))


async def measure(url: str, now: int) -> None:
    """Print the comparisons."""
    client = Prometheus(url)
    pods, span = [Pods(namespace=NAMESPACE)], Span(start=now, end=now, step=None)

    async def made() -> int:
        found = devices(await client.metrics(NOW, pods=pods, span=span))
        if len(found) != PODS or any(device.reading is None or device.problem for device in found):
            raise RuntimeError(f"{len(found)} devices of {PODS} are known")
        return len(found)

    async with httpx.AsyncClient(base_url=url, timeout=120, trust_env=False) as http:
        asking = Asking(http, now)
        ours, _ = await rounds(made)
        answer, size = await rounds(asking.ours)
        plain, plain_size = await rounds(asking.all_labels)
        each, each_size = await rounds(asking.one_by_one)
    await client.close()
    print(f"  queries: 1 against {PODS}", file=sys.stderr)
    name = f"GPUs of {PODS:,} pods, {len(FIELDS)} fields"
    one_by_one = f"one query a pod, {AT_ONCE} at a time"
    report(
        name=f"{name}: asked, read, made into devices",
        ours=ours,
        baseline=each,
        baseline_name=f"{one_by_one}: asked and read",
        unit="s",
        budget="< 3 s",
        kept=statistics.median(ours) < 3,
    )
    report(
        name=f"{name}: asked and read", ours=answer, baseline=plain, baseline_name="the same with all labels", unit="s"
    )
    report(name=f"{name}: bytes", ours=[size / 1e6], baseline=[each_size / 1e6], baseline_name=one_by_one, unit="MB")
    report(
        name=f"{name}: bytes",
        ours=[size / 1e6],
        baseline=[plain_size / 1e6],
        baseline_name="the same with all labels",
        unit="MB",
    )


def main() -> int:
    """Nothing is measured where there is no Prometheus."""
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        print("  There is no Prometheus on this machine (Debian: apt-get install prometheus).", file=sys.stderr)
        return 1
    now = int(time.time())
    with tempfile.TemporaryDirectory() as folder, prometheus(Path(folder), now) as url:
        asyncio.run(measure(url, now))
    return 0


if __name__ == "__main__":
    sys.exit(main())
