"""A real Prometheus with our scrape configuration and rules: what exporters tell arrives, and the dashboard shows it.

The rules' windows of half an hour are kept; they are evaluated ten times a second, so that their samples come together.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import until
from tests.hub_config.scraped import as_one_config, cluster, hub_metrics, kubernetes_meta, node_1, node_2
from tests.metrics.prometheus.replay import Replay, exporters, needs_prometheus
from tornado.testing import bind_unused_port

HUB_CONFIG = Path(__file__).parents[2] / "hub-config"
DASHBOARD = json.loads((HUB_CONFIG / "grafana" / "windlass-gpus.json").read_text())
HELD = "windlass:gpu_held_engine_active:ratio"
GRAFANAS = {"$__rate_interval": "5m", "$__range": "1h", "$namespace": ".*"}

pytestmark = needs_prometheus


@pytest.fixture(scope="module")
def monitoring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    """Three nodes, of which the third has no exporter; a hub; and pods that the configuration must pass over."""
    base = tmp_path_factory.mktemp("monitoring")
    begun = time.time()
    found = Replay()
    found.texts |= {
        "/node-1": node_1,
        "/node-2": node_2,
        "/stranger": node_1,
        "/cluster": cluster,
        "/services/windlass/metrics": lambda: hub_metrics(seconds=time.time() - begun),
    }
    rules = (HUB_CONFIG / "prometheus" / "rules.yaml").read_text()
    (base / "rules.yaml").write_text(rules.replace("interval: 1m", "interval: 100ms"))
    socket, port = bind_unused_port()
    socket.close()
    found.url = f"http://127.0.0.1:{port}"
    with exporters(found) as (at, again):
        (base / "config.yml").write_text(_config(at, again))
        (base / "token").write_text("secret")
        command = ["prometheus", "--config.file=config.yml", "--storage.tsdb.path=data", "--log.level=warn"]
        with (base / "log").open("wb") as log:
            process = subprocess.Popen(
                [*command, f"--web.listen-address=127.0.0.1:{port}"], cwd=base, stdout=log, stderr=log
            )
        try:
            until(lambda: process.poll() is not None or _ready(found), what="the rules' first half hour")
            assert process.poll() is None, (base / "log").read_text()
            yield found
        finally:
            process.kill()
            process.wait(20)


def _config(at: str, again: str) -> str:
    def target(address: str, path: str, **meta: str) -> dict[str, Any]:
        return {"targets": [address], "labels": {"__metrics_path__": path, **kubernetes_meta(**meta)}}

    return as_one_config(
        {
            "dcgm-exporter": [
                target(at, "/node-1", node="node-1"),
                target(again, "/node-2", node="node-2"),
                target(at, "/stranger", node="node-9", app="something-else"),
                target(again, "/stranger", node="node-8", port="8080"),
                target(again, "/stranger", node="node-7", phase="Succeeded"),
            ],
            "windlass-hub": [{"targets": [at]}],
        },
        head={
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "100ms"},
            "rule_files": ["rules.yaml"],
        },
        more=[
            {
                "job_name": "cluster",
                "honor_labels": True,
                "metrics_path": "/cluster",
                "static_configs": [{"targets": [at]}],
            }
        ],
    )


def _ready(found: Replay) -> bool:
    try:
        return all(found.ask(query) for query in ("windlass:gpu_idle:max30m", "windlass:cost_usd:increase1d > 0"))
    except (httpx.HTTPError, KeyError, ValueError):
        return False


def labels(found: list[dict[str, Any]], *names: str) -> list[tuple[str, ...]]:
    return sorted(tuple(series["metric"].get(name, "") for name in names) for series in found)


def test_only_the_exporters_are_scraped(monitoring: Replay) -> None:
    assert labels(monitoring.ask('up{job="dcgm-exporter"}'), "node") == [("node-1",), ("node-2",)]


def test_a_gpu_is_its_pod_s_on_its_node_under_new_and_old_names_and_as_a_slice(monitoring: Replay) -> None:
    found = monitoring.ask(HELD)
    assert labels(found, "namespace", "pod", "node", "GPU_I_PROFILE") == [
        ("wl-ann", "notebook", "node-1", ""),
        ("wl-ann", "train-0", "node-1", ""),
        ("wl-bob", "slice-0", "node-1", "2g.10gb"),
        ("wl-bob", "slice-1", "node-1", "2g.10gb"),
        ("wl-old", "old-0", "node-2", ""),
    ]
    assert all(each["metric"]["UUID"] and "exported_pod" not in each["metric"] for each in found)


def test_a_gpu_that_nobody_holds_has_no_pod_and_is_not_held_by_the_exporter(monitoring: Replay) -> None:
    free = monitoring.ask('windlass:gpu_engine_active:ratio{UUID=~"GPU-free.*"}')
    assert labels(free, "node", "namespace", "pod") == [("node-1", "", ""), ("node-1", "", "")]


def test_the_idle_one_is_told_and_no_other(monitoring: Replay) -> None:
    assert labels(monitoring.ask("windlass:gpu_idle:max30m"), "pod") == [("notebook",)]


def test_what_nobody_says_anything_of_is_unknown(monitoring: Replay) -> None:
    assert labels(monitoring.ask("windlass:gpu_unknown:count"), "pod", "node") == [("dark-0", "node-3")]
    absent = monitoring.ask('ALERTS{alertname="WindlassGpuExporterAbsent"}')
    assert labels(absent, "node", "alertstate") == [("node-3", "pending")]


def test_a_new_xid_is_an_alert_with_its_number(monitoring: Replay) -> None:
    found = monitoring.ask('ALERTS{alertname="WindlassGpuXidHardware", alertstate="firing"}')
    assert labels(found, "node", "gpu", "xid") == [("node-1", "1", "79")]


def expressions() -> list[Any]:
    return [
        pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
        for panel in DASHBOARD["panels"]
        for target in panel.get("targets", ())
    ]


@pytest.mark.parametrize("expression", expressions())
def test_each_panel_of_the_dashboard_shows_something(monitoring: Replay, expression: str) -> None:
    for name, value in GRAFANAS.items():
        expression = expression.replace(name, value)
    assert "$" not in expression
    until(lambda: bool(monitoring.ask(expression)), what=expression)


def test_the_dashboard_s_namespaces_are_those_that_hold_gpus(monitoring: Replay) -> None:
    [choice] = [each for each in DASHBOARD["templating"]["list"] if each["name"] == "namespace"]
    asked = re.fullmatch(r"label_values\((.+), (\w+)\)", choice["query"]["query"])
    assert asked is not None
    found = httpx.get(f"{monitoring.url}/api/v1/label/{asked[2]}/values", params={"match[]": asked[1]}, timeout=10)
    assert found.json()["data"] == ["wl-ann", "wl-bob", "wl-cyd", "wl-old"]


def test_the_dashboard_is_what_its_code_says(tmp_path: Path) -> None:
    for name in ("dashboard.py", "panels.py"):
        shutil.copy(HUB_CONFIG / "grafana" / name, tmp_path)
    subprocess.run([sys.executable, str(tmp_path / "dashboard.py")], check=True, capture_output=True, timeout=60)
    assert (tmp_path / "windlass-gpus.json").read_text() == (HUB_CONFIG / "grafana" / "windlass-gpus.json").read_text()


def test_the_dashboard_says_what_writes_it() -> None:
    assert "hub-config/grafana/dashboard.py" in DASHBOARD["description"]


def test_no_panel_lies_over_another_and_none_has_the_title_or_id_of_another() -> None:
    panels = DASHBOARD["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
