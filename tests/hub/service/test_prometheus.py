"""The metrics route: against a real Prometheus where the machine has one, and against one that misbehaves."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import until
from tests.hub.service.conftest import Service
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from windlass.errors import InvalidRequest
from windlass.metrics.prometheus.client import MOST_SERIES, Prometheus
from windlass.metrics.prometheus.queries import Pods
from windlass.metrics.prometheus.spans import MOST_POINTS, Span

ANN, BOB = "wl-ann", "wl-bob"
MIB = 1024 * 1024
needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None,
    reason="There is no Prometheus on this machine (Debian: apt-get install prometheus).",
)


@dataclass
class Places:
    """Whose pods are whose, in the place of hub and cluster."""

    own: dict[str, list[Pods]] = field(default_factory=dict)

    async def pods(self, name: str) -> list[Pods]:
        return self.own.get(name, [])


def samples(now: int) -> str:
    """Ten minutes of figures of three pods, as an exporter on a node tells them."""
    lines: list[str] = []

    def metric(name: str, kind: str, *series: tuple[str, Callable[[int], float]]) -> None:
        lines.append(f"# TYPE {name.removesuffix('_total') if kind == 'counter' else name} {kind}")
        for labels, value in series:
            lines.extend(f"{name}{{{labels}}} {value(at)} {at}" for at in range(now - 600, now + 1, 15))

    def of(namespace: str, pod: str, more: str = "") -> str:
        return f'namespace="{namespace}",pod="{pod}"{more}'

    gpu = ',container="main",gpu="0",UUID="GPU-{}",modelName="Tesla T4",Hostname="node-1",instance="10.0.0.7:9400"'
    kept = (
        'namespace="gpu-operator",pod="dcgm-x",exported_namespace="{}",exported_pod="{}",exported_container="main",'
        'gpu="1",UUID="GPU-kept"'
    )
    metric(
        "DCGM_FI_DEV_GPU_UTIL",
        "gauge",
        (of(ANN, "train-0", gpu.format("a")), lambda _: 87),
        (of(BOB, "train-0", gpu.format("b")), lambda _: 13),
        (kept.format(ANN, "train-1"), lambda _: 50),
        (kept.format(BOB, "train-9"), lambda _: 51),
    )
    metric("DCGM_FI_DEV_FB_USED", "gauge", (of(ANN, "train-0", gpu.format("a")), lambda _: 1024))
    cpu = ',container="main",cpu="total"'
    metric(
        "container_cpu_usage_seconds_total",
        "counter",
        (of(ANN, "train-0", cpu), lambda at: 2.0 * (at - now + 600)),
        (of(ANN, "train-0", ',container="POD",cpu="total"'), lambda at: 99.0 * (at - now + 600)),
        (of("hub", "jupyter-ann", cpu), lambda at: 0.5 * (at - now + 600)),
        (of("hub", "jupyter-ann2", cpu), lambda at: 7.0 * (at - now + 600)),
        (of("hub", "hub", cpu), lambda at: 3.0 * (at - now + 600)),
        (of(BOB, "train-0", cpu), lambda at: 4.0 * (at - now + 600)),
    )
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def prometheus_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus that holds `samples`: loaded, not scraped, so that nothing has to be waited for."""
    base = tmp_path_factory.mktemp("prometheus")
    (base / "samples").write_text(samples(int(time.time())))
    (base / "config.yml").write_text("global: {scrape_interval: 1h}\n")
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", "samples", "data"],
        cwd=base,
        check=True,
        capture_output=True,
        timeout=60,
    )
    with running(base) as url:
        yield url


@contextmanager
def running(base: Path) -> Iterator[str]:
    socket, port = bind_unused_port()
    socket.close()
    command = ["prometheus", "--config.file=config.yml", "--storage.tsdb.path=data", "--log.level=warn"]
    with (base / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], cwd=base, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: process.poll() is not None or ready(url), what="Prometheus's start")
        assert process.poll() is None, (base / "log").read_text()
        yield url
    finally:
        process.kill()
        process.wait(20)


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", timeout=5).is_success
    except httpx.HTTPError:
        return False


@dataclass
class PrometheusDouble:
    """Answers as it is told."""

    status: int = 200
    body: bytes = b'{"status":"success","data":{"resultType":"vector","result":[]}}'
    asked: list[str] = field(default_factory=list)
    broken_for: str = ""
    hangs: asyncio.Event | None = None
    url: str = ""

    def series(self, *items: dict[str, Any], **more: Any) -> None:
        self.body = json.dumps(
            {"status": "success", "data": {"resultType": "vector", "result": items}, **more}
        ).encode()


@pytest.fixture
async def double() -> AsyncIterator[PrometheusDouble]:
    found = PrometheusDouble()

    class Handler(RequestHandler):
        async def post(self) -> None:
            query = self.get_body_argument("query")
            found.asked.append(query)
            if found.hangs is not None:
                await found.hangs.wait()
            broken = found.broken_for and found.broken_for in query
            self.set_status(503 if broken else found.status)
            self.write(b"" if broken else found.body)

    socket, port = bind_unused_port()
    server = HTTPServer(Application([(r"/prometheus/api/v1/.*", Handler)]))
    server.add_sockets([socket])
    found.url = f"http://127.0.0.1:{port}/prometheus"
    yield found
    if found.hangs is not None:
        found.hangs.set()
    server.stop()
    await server.close_all_connections()


def own(service: Service, url: str) -> None:
    """Let the service ask the Prometheus at `url`, for ann's and bob's pods."""
    service.state.prometheus = Prometheus(url)
    pods = {"ann": [Pods(namespace=ANN), Pods(namespace="hub", pod="jupyter-ann")], "bob": [Pods(namespace=BOB)]}
    service.state.places = Places(own=pods)  # type: ignore[assignment]


async def metrics(service: Service, who: str, names: str, **query: Any) -> httpx.Response:
    async with service.client(who) as http:
        return await http.get("api/metrics", params={"names": names, **query})


def by_pod(metric: dict[str, Any]) -> dict[str, list[float]]:
    return {line["labels"]["pod"]: [value for _at, value in line["points"]] for line in metric["series"]}


@needs_prometheus
async def test_a_real_prometheus_tells_users_of_their_own_pods_alone(service: Service, prometheus_url: str) -> None:
    own(service, prometheus_url)
    answer = (await metrics(service, "ann", "gpu_utilization,gpu_memory_used,cpu_cores,gpu_power")).json()
    found = {item["name"]: item for item in answer["items"]}
    assert by_pod(found["gpu_utilization"]) == {"train-0": [0.87], "train-1": [0.5]}
    assert by_pod(found["gpu_memory_used"]) == {"train-0": [1024 * MIB]}
    cores = by_pod(found["cpu_cores"])
    assert {pod: [round(value, 3) for value in values] for pod, values in cores.items()} == {
        "train-0": [2.0],
        "jupyter-ann": [0.5],
    }
    assert (found["gpu_power"]["series"], found["gpu_power"]["problem"]) == ([], None)
    assert all(item["complete"] for item in found.values())
    assert answer["step_seconds"] is None
    told = {name for item in found.values() for line in item["series"] for name in line["labels"]}
    assert "instance" not in told
    bob = (await metrics(service, "bob", "gpu_utilization")).json()["items"][0]
    assert by_pod(bob) == {"train-0": [0.13], "train-9": [0.51]}


@needs_prometheus
async def test_a_real_prometheus_tells_the_past_in_steps(service: Service, prometheus_url: str) -> None:
    own(service, prometheus_url)
    now = time.time()
    answer = (await metrics(service, "ann", "cpu_cores", start=now - 300, end=now, step=60, pod="train-0")).json()
    (line,) = answer["items"][0]["series"]
    assert len(line["points"]) == 6
    assert all(abs(value - 2.0) < 0.01 for _at, value in line["points"])
    assert answer["step_seconds"] == 60


@needs_prometheus
@pytest.mark.parametrize("pod", ["hub", "jupyter-ann2", "train-9"])
async def test_another_users_pod_gives_nothing(service: Service, prometheus_url: str, pod: str) -> None:
    own(service, prometheus_url)
    answer = await metrics(service, "ann", "cpu_cores,gpu_utilization", pod=pod)
    assert answer.status_code == 200
    assert [item["series"] for item in answer.json()["items"]] == [[], []]


async def test_another_users_namespace_is_refused_and_written_down(service: Service, double: PrometheusDouble) -> None:
    own(service, double.url)
    answer = await metrics(service, "ann", "cpu_cores", namespace=BOB)
    assert answer.status_code == 403
    assert await service.state.audit.settled()
    (entry,) = await service.state.audit.latest(who="ann")
    assert (entry.action, entry.target, entry.decision) == ("metrics", BOB, "refused")
    assert not double.asked


@pytest.mark.parametrize(
    "query",
    [
        {"names": ""},
        {"names": "up"},
        {"names": "cpu_cores,nothing"},
        {"names": "cpu_cores", "pod": 'x"} or up{a="'},
        {"names": "cpu_cores", "pod": "../x"},
        {"names": "cpu_cores", "pod": ".*"},
        {"names": "cpu_cores", "namespace": "a\nb"},
        {"names": "cpu_cores", "start": "nan"},
        {"names": "cpu_cores", "start": "-1"},
        {"names": "cpu_cores", "start": "1e300"},
        {"names": "cpu_cores", "start": "0", "end": "100000000"},
        {"names": "cpu_cores", "start": "1000000", "end": "1086400", "step": "1"},
        {"names": "cpu_cores", "start": "2000", "end": "1000"},
        {"names": "cpu_cores", "step": "now"},
    ],
)
async def test_bad_queries_are_refused_at_the_field(
    service: Service, double: PrometheusDouble, query: dict[str, str]
) -> None:
    own(service, double.url)
    answer = await metrics(service, "ann", **query)
    assert answer.status_code == 400, answer.text
    assert answer.json()["fields"][0]["field"] in query
    assert not double.asked


async def test_what_prometheus_says_of_others_goes_no_further(service: Service, double: PrometheusDouble) -> None:
    own(service, double.url)
    mine = {"metric": {"namespace": ANN, "pod": "train-0"}, "value": [1, "1.5"]}
    double.series(
        mine, {"metric": {"namespace": BOB, "pod": "x"}, "value": [1, "2"]}, {"metric": {}, "value": [1, "3"]}
    )
    (item,) = (await metrics(service, "ann", "cpu_cores")).json()["items"]
    assert by_pod(item) == {"train-0": [1.5]}
    assert item["complete"] is False


async def test_what_is_no_number_is_null(service: Service, double: PrometheusDouble) -> None:
    own(service, double.url)
    double.series({"metric": {"namespace": ANN, "pod": "a"}, "value": [1, "NaN"]})
    (item,) = (await metrics(service, "ann", "cpu_cores")).json()["items"]
    assert by_pod(item) == {"a": [None]}


async def test_warnings_of_prometheus_are_passed_on(service: Service, double: PrometheusDouble) -> None:
    own(service, double.url)
    double.series(warnings=["store gateway 3 is away"])
    (item,) = (await metrics(service, "ann", "cpu_cores")).json()["items"]
    assert (item["problem"], item["complete"]) == ("store gateway 3 is away", False)


async def test_too_many_series_are_cut_and_said_to_be(service: Service, double: PrometheusDouble) -> None:
    own(service, double.url)
    double.series(*({"metric": {"namespace": ANN, "pod": f"p{n}"}, "value": [1, "1"]} for n in range(MOST_SERIES + 1)))
    (item,) = (await metrics(service, "ann", "cpu_cores")).json()["items"]
    assert len(item["series"]) == MOST_SERIES
    assert f"{MOST_SERIES + 1} series" in item["problem"]


async def test_one_metric_that_fails_leaves_the_others(service: Service, double: PrometheusDouble) -> None:
    own(service, double.url)
    double.broken_for = "container_cpu"
    answer = await metrics(service, "ann", "cpu_cores,gpu_power")
    assert answer.status_code == 200
    cpu, power = answer.json()["items"]
    assert (cpu["series"], cpu["complete"]) == ([], False)
    assert "Prometheus" in cpu["problem"]
    assert power["complete"] is True


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, b'{"status":"error","errorType":"bad_data","error":"secret inside"}', 502),
        (200, b"<html>login</html>", 502),
        (200, b'{"status":"success","data":{"result":[{"metric":{"namespace":"wl-ann","pod":"a"},"value":[1]}]}}', 502),
        (302, b"", 502),
        (422, b'{"status":"error","errorType":"timeout"}', 503),
        (503, b"", 503),
    ],
)
async def test_what_prometheus_does_wrong_is_said_in_a_sentence(
    service: Service, double: PrometheusDouble, status: int, body: bytes, expected: int
) -> None:
    own(service, double.url)
    double.status, double.body = status, body
    answer = await metrics(service, "ann", "cpu_cores")
    assert answer.status_code == expected, answer.text
    assert "Prometheus" in answer.json()["detail"]
    assert "secret inside" not in answer.text


async def test_a_prometheus_that_is_away_or_hangs_is_said_to(
    service: Service, double: PrometheusDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket, port = bind_unused_port()
    socket.close()
    own(service, f"http://127.0.0.1:{port}")
    assert (await metrics(service, "ann", "cpu_cores")).status_code == 503
    monkeypatch.setattr("windlass.metrics.prometheus.client.TIMEOUT_SECONDS", 0.2)
    own(service, double.url)
    double.hangs = asyncio.Event()
    answer = await metrics(service, "ann", "cpu_cores")
    assert (answer.status_code, "in time" in answer.json()["detail"]) == (503, True)


async def test_who_has_no_pods_is_told_of_none_and_prometheus_is_not_asked(
    service: Service, double: PrometheusDouble
) -> None:
    own(service, double.url)
    (item,) = (await metrics(service, "plain", "cpu_cores")).json()["items"]
    assert (item["series"], item["complete"], double.asked) == ([], True, [])


async def test_a_service_has_no_pods_to_ask_for(service: Service, double: PrometheusDouble) -> None:
    own(service, double.url)
    assert (await metrics(service, "robot", "cpu_cores")).status_code == 403


async def test_who_asks_too_often_waits(service: Service, double: PrometheusDouble) -> None:
    own(service, double.url)
    async with service.client("ann") as http:
        answers = [await http.get("api/metrics", params={"names": "cpu_cores"}) for _ in range(70)]
    assert answers[0].status_code == 200
    limited = next(answer for answer in answers if answer.status_code == 429)
    assert int(limited.headers["Retry-After"]) >= 1
    assert (await metrics(service, "bob", "cpu_cores")).status_code == 200


def test_a_span_has_never_more_points_than_prometheus_gives() -> None:
    span = Span.of(start=0, end=31 * 86_400, step=None, now=1e9)
    assert span.step is not None
    assert (span.end - span.start) / span.step <= MOST_POINTS
    with pytest.raises(InvalidRequest):
        Span.of(start=0, end=31 * 86_400 + 1, step=None, now=1e9)
