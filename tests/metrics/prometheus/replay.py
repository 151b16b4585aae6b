"""Exporters that replay the sample of the DCGM exporter, and a real Prometheus that scrapes them."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from tests.conftest import until
from tornado.testing import bind_unused_port

SAMPLE = (Path(__file__).parent / "sample-metrics.txt").read_text()
needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None,
    reason="There is no Prometheus on this machine (Debian: apt-get install prometheus).",
)
_OLD_NAMES = {
    "DCGM_FI_DEV_GPU_UTIL": "dcgm_gpu_utilization",
    "DCGM_FI_DEV_FB_USED": "dcgm_fb_used",
    "DCGM_FI_DEV_FB_FREE": "dcgm_fb_free",
    "DCGM_FI_DEV_POWER_USAGE": "dcgm_power_usage",
    "DCGM_FI_DEV_GPU_TEMP": "dcgm_gpu_temp",
    "DCGM_FI_DEV_SM_CLOCK": "dcgm_sm_clock",
    "DCGM_FI_DEV_XID_ERRORS": "dcgm_xid_errors",
}
_CONFIG = """
global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}
scrape_configs:
- {{job_name: honored, honor_labels: true, metrics_path: /honored, static_configs: [{{targets: ["{at}"]}}]}}
- job_name: kept
  metrics_path: /kept
  static_configs:
  - {{targets: ["{at}"], labels: {{namespace: gpu-operator, pod: dcgm-exporter-x, container: exporter}}}}
- {{job_name: twice, honor_labels: true, metrics_path: /twice, static_configs: [{{targets: ["{at}", "{again}"]}}]}}
- job_name: version1
  metrics_path: /version1
  static_configs: [{{targets: ["{at}"], labels: {{namespace: gpu-operator, pod: dcgm-exporter-x}}}}]
- {{job_name: odd, honor_labels: true, metrics_path: /odd, static_configs: [{{targets: ["{at}"]}}]}}
- {{job_name: live, honor_labels: true, metrics_path: /live, static_configs: [{{targets: ["{at}"]}}]}}
- {{job_name: cluster, honor_labels: true, metrics_path: /cluster, static_configs: [{{targets: ["{at}"]}}]}}
"""


def replayed(
    namespace: str,
    *,
    pods: tuple[str, str] = ("wl-demo-3f2a-worker-0", "wl-demo-3f2a-worker-1"),
    more: str = "",
    without: str = "",
    card: str = "",
    change: Callable[[str, float], float] | None = None,
) -> str:
    """The sample, of other pods.

    Args:
        namespace: of the pods.
        pods: of the first and the second card.
        more: labels besides.
        without: a pattern of metrics that this exporter does not have.
        card: in place of the cards' UUIDs' first letters: two exporters have no card in common.
        change: the value of a metric, by what the sample has.
    """
    lines = []
    for line in SAMPLE.splitlines():
        metric = re.match(r"(?:# (?:HELP|TYPE) )?(\w+)", line)
        if metric is None or (without and re.search(without, metric[1])):
            continue
        if line.startswith("#"):
            lines.append(line)
            continue
        labels, _, value = line.rpartition(" ")
        told = change(metric[1], float(value)) if change else float(value)
        lines.append(f"{labels} {told!r}")
    text = "\n".join(lines) + "\n"
    text = text.replace('namespace="team-a"', f'namespace="{namespace}"').replace(
        "GPU-604a", f"GPU-{card or namespace}"
    )
    for number, pod in enumerate(pods):
        text = text.replace(f'pod="wl-demo-3f2a-worker-{number}"', f'pod="{pod}"')
    return text.replace('pod_uid=""', more or 'pod_uid=""')


def as_version_1(text: str) -> str:
    """The same under the metrics' and labels' older names."""
    lines = []
    for line in text.splitlines():
        found = re.match(r"(?:# (?:HELP|TYPE) )?(\w+)", line)
        if found and found[1] in _OLD_NAMES:
            renamed = line.replace(found[1], _OLD_NAMES[found[1]])
            for new, old in {"UUID=": "uuid=", ",namespace=": ",pod_namespace=", ",pod=": ",pod_name="}.items():
                renamed = renamed.replace(new, old)
            lines.append(renamed.replace(",container=", ",container_name="))
    return "\n".join(lines) + "\n"


@dataclass
class Replay:
    """The exporters: what each path answers, and where Prometheus is that scrapes them."""

    texts: dict[str, Callable[[], str]] = field(default_factory=dict)
    begun: float = field(default_factory=time.time)
    """POSIX seconds; the past ends here."""
    url: str = ""
    live: str = "# Nothing yet.\n"
    """What one of them answers from now on: of pods that a test makes."""

    def ask(self, query: str) -> list[dict[str, object]]:
        answer = httpx.post(f"{self.url}/api/v1/query", data={"query": query}, timeout=10).json()
        return answer["data"]["result"]


@contextmanager
def exporters(replay: Replay) -> Iterator[list[str]]:
    """Two addresses that answer the same."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = replay.texts.get(self.path)
            body = (text() if text else "").encode()
            self.send_response(200 if text else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *told: object) -> None:
            """Prometheus' own log is enough."""

    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2)]
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield [f"127.0.0.1:{server.server_port}" for server in servers]
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join(10)
            server.server_close()


@contextmanager
def prometheus(base: Path, replay: Replay, *, past: str = "") -> Iterator[None]:
    """A Prometheus that scrapes the exporters each half second, and remembers a past."""
    if past:
        (base / "past").write_text(past)
        load = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "past", "data"]
        subprocess.run(load, cwd=base, check=True, capture_output=True, timeout=60)
    socket, port = bind_unused_port()
    socket.close()
    replay.url = f"http://127.0.0.1:{port}"
    with exporters(replay) as (at, again):
        (base / "config.yml").write_text(_CONFIG.format(at=at, again=again))
        command = ["prometheus", "--config.file=config.yml", "--storage.tsdb.path=data", "--log.level=warn"]
        with (base / "log").open("wb") as log:
            process = subprocess.Popen(
                [*command, f"--web.listen-address=127.0.0.1:{port}"], cwd=base, stdout=log, stderr=log
            )
        try:
            until(lambda: process.poll() is not None or _scraped(replay), what="Prometheus's second scrape")
            assert process.poll() is None, (base / "log").read_text()
            yield
        finally:
            process.kill()
            process.wait(20)


def _scraped(replay: Replay) -> bool:
    """Whether every exporter was read twice: of one scrape no rate can be told."""
    try:
        found = replay.ask("min(count_over_time(up[1m])) >= 2 and count(up) == 8 and min(up) == 1")
    except (httpx.HTTPError, KeyError, ValueError):
        return False
    return bool(found)


def openmetrics(
    series: dict[str, Callable[[int], float | None]], *, name: str, now: float, every: int = 15, seconds: int = 1800
) -> str:
    """One gauge's past until now, for `promtool`: values by labels, by the seconds before now; None: no sample."""
    lines = [f"# TYPE {name} gauge"]
    for labels, value in series.items():
        for ago in range(seconds, -1, -every):
            told = value(ago)
            if told is not None:
                lines.append(f"{name}{{{labels}}} {told!r} {now - ago:.3f}")
    return "\n".join(lines) + "\n"
