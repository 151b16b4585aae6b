"""A real Prometheus with our scrape configuration and rules: what exporters tell arrives, and the dashboard shows it.

The hub is a real one with the hub service, whose figures Prometheus may read by the role of `z2jh-values.yaml` alone.

The rules' windows of half an hour are kept; they are evaluated ten times a second, so that their samples come together.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.conftest import until
from tests.hub import real_hub
from tests.hub.spending import costly_hub
from tests.hub.spending.costly_hub import CostlyHub
from tests.hub_config.scraped import FOLDER, as_one_config, cluster, kubernetes_meta, node_1, node_2
from tests.metrics.prometheus.replay import Replay, exporters, needs_prometheus
from tornado.testing import bind_unused_port

HUB_CONFIG = Path(__file__).parents[2] / "hub-config"
DASHBOARD = json.loads((HUB_CONFIG / "grafana" / "windlass-gpus.json").read_text())
HELD = "windlass:gpu_held_engine_active:ratio"
SCRAPED = yaml.safe_load((FOLDER / "scrape.yaml").read_text())
UNIT_TESTS = [FOLDER / "tests" / name for name in ("costs.yaml", "days.yaml")]
NO_SERIES = {"windlass_io"}
"""What only looks like one: a label of pods."""
SPENT = 'windlass_cost_usd_total{user="ann"} > 0'
GRAFANAS = {"$__rate_interval": "5m", "$__range": "1h", "$namespace": ".*"}

pytestmark = [needs_prometheus, pytest.mark.skipif(bool(real_hub.MISSING), reason=real_hub.MISSING or "")]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CostlyHub]:
    """Jobs of two users: of bob's one is on a card without a price, of ann's one has no pod that anybody saw."""
    budgets = [{"group": "training", "limit_usd": 1e6}, {"user": "ann", "period": "week", "limit_usd": 1e6}]
    with costly_hub.running(tmp_path_factory.mktemp("hub"), settings={"budgets": budgets}) as made:
        made.pod("train-j1-master-0", user="ann", job_id="j1")
        made.pod("train-j2-master-0", user="bob", job_id="j2", product="H900")
        made.pod("train-j3-master-0", user="ann", job_id="j3")
        made.ended_job(user="ann", job_id="j4", seconds=400)
        yield made


@pytest.fixture(scope="module")
def monitoring(tmp_path_factory: pytest.TempPathFactory, hub: CostlyHub) -> Iterator[Replay]:
    """Three nodes, of which the third has no exporter; the hub; and pods that the configuration must pass over."""
    base = tmp_path_factory.mktemp("monitoring")
    found = Replay()
    found.texts |= {
        "/node-1": node_1,
        "/node-2": node_2,
        "/stranger": node_1,
        "/cluster": cluster,
    }
    rules = (HUB_CONFIG / "prometheus" / "rules.yaml").read_text()
    (base / "rules.yaml").write_text(rules.replace("interval: 1m", "interval: 100ms"))
    socket, port = bind_unused_port()
    socket.close()
    found.url = f"http://127.0.0.1:{port}"
    with exporters(found) as (at, again):
        (base / "config.yml").write_text(_config(at, again, hub))
        (base / "token").write_text(hub.metrics_token)
        command = ["prometheus", "--config.file=config.yml", "--storage.tsdb.path=data", "--log.level=warn"]
        with (base / "log").open("wb") as log:
            process = subprocess.Popen(
                [*command, f"--web.listen-address=127.0.0.1:{port}"], cwd=base, stdout=log, stderr=log
            )
        try:
            hub.becomes("train-j1-master-0", "succeeded", user="ann")
            hub.becomes("train-j2-master-0", "succeeded", user="bob")
            until(lambda: process.poll() is not None or _asks(found, SPENT), what="what was spent is read")
            hub.becomes("train-j3-master-0", "succeeded", user="ann")
            until(lambda: process.poll() is not None or _ready(found), what="the rules' first half hour")
            assert process.poll() is None, (base / "log").read_text()
            yield found
        finally:
            process.kill()
            process.wait(20)


def _config(at: str, again: str, hub: CostlyHub) -> str:
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
            "windlass-hub": [_hub_target(hub)],
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


def _hub_target(hub: CostlyHub) -> dict[str, Any]:
    """As it is scraped, but that the tests' hub is below a path of its own."""
    [path] = [job["metrics_path"] for job in SCRAPED if job["job_name"] == "windlass-hub"]
    below = urlsplit(hub.hub.url).path.rstrip("/")
    return {"targets": [urlsplit(hub.hub.service_url).netloc], "labels": {"__metrics_path__": f"{below}{path}"}}


def _ready(found: Replay) -> bool:
    return all(_asks(found, query) for query in ("windlass:gpu_idle:max30m", "windlass:cost_usd:increase1d > 0"))


def _asks(found: Replay, query: str) -> bool:
    try:
        return bool(found.ask(query))
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


def test_the_hub_service_is_read_with_the_token_of_hub_config_and_by_no_other(
    monitoring: Replay, hub: CostlyHub
) -> None:
    [up] = monitoring.ask('up{job="windlass-hub"}')
    assert up["value"][1] == "1"
    url = f"{hub.hub.service_url}{_hub_target(hub)['labels']['__metrics_path__']}"
    statuses = {
        who: httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code
        for who, token in {
            "prometheus": hub.metrics_token,
            "who sees costs": hub.hub.token_of("rita"),
            "a user": hub.hub.token_of("ann"),
            "a guess": "x",
        }.items()
    }
    assert statuses == {"prometheus": 200, "who sees costs": 200, "a user": 403, "a guess": 401}
    # And it reads nothing else that is not everybody's.
    paths = {path: hub.hub.service_url + f"/hubs/services/windlass/api/{path}" for path in ("admin/audit", "token")}
    headers = {"Authorization": f"Bearer {hub.metrics_token}"}
    assert httpx.get(paths["admin/audit"], headers=headers, timeout=30).status_code == 403
    assert httpx.post(paths["token"], headers=headers, timeout=30).status_code == 403


def test_what_rules_dashboard_and_page_ask_of_the_hub_is_what_it_tells(monitoring: Replay, hub: CostlyHub) -> None:
    """Each series by its name, with the labels that it is asked by."""
    for user, what in (("bob", "what has no price"), ("ann", "the job whose pods nobody saw")):
        series = f'windlass_cost_unknown_jobs_total{{user="{user}"}}'
        until(lambda series=series: hub.figure(series) == 1, what=f"{what} is counted")
    told: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(hub.metrics()):
        for sample in family.samples:
            told.setdefault(sample.name, set()).update(set(sample.labels) - {"le"})
    page = (HUB_CONFIG.parent / "docs" / "gpus-admin.md").read_text()
    texts = [
        (FOLDER / "rules.yaml").read_text(),
        json.dumps(DASHBOARD),
        page,
        *(path.read_text() for path in UNIT_TESTS),
    ]
    named = {name for text in texts for name in re.findall(r"\b(?:windlass|pytorch)_[a-z_]+", text)} - NO_SERIES
    histograms = {name.removesuffix("_bucket") for name in told if name.endswith("_bucket")}
    assert named - histograms == {name for name in told if not name.startswith(tuple(histograms))} | {
        name for name in named if name.endswith("_bucket")
    }
    for text in (page, *texts[3:]):
        for name, asked in re.findall(r"\b((?:windlass|pytorch)_[a-z_]+)\{([^}]*)\}", text):
            kinds = set(re.findall(r"(\w+)(?==|,|$)", re.sub(r'"[^"]*"', "", asked))) - {"instance"}
            assert kinds == told.get(name, told.get(f"{name}_count")), (name, asked)


def test_a_user_of_two_groups_is_whole_in_each_and_once_in_the_sum_over_users(
    monitoring: Replay, hub: CostlyHub
) -> None:
    figures = {name: hub.figure(f"windlass_{name}") for name in (
        'cost_usd_total{user="ann"}', 'group_cost_usd_total{group="research"}', 'group_cost_usd_total{group="training"}'
    )}  # fmt: skip
    [ann, research, training] = figures.values()
    assert ann == research == training
    assert ann is not None
    assert ann > 0
    [spent] = monitoring.ask("sum(windlass_cost_usd_total)")
    assert float(spent["value"][1]) <= ann + 1e-6
    assert labels(monitoring.ask("windlass_budget_used_ratio"), "scope", "name", "period") == [
        ("group", "training", "month"), ("user", "ann", "week"),
    ]  # fmt: skip


def test_promtool_finds_nothing_wrong_with_the_hub_s_figures(hub: CostlyHub) -> None:
    """But for one, which is in the unit that prices go by."""
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=hub.metrics(), capture_output=True, text=True, timeout=60
    )
    assert [line for line in checked.stderr.splitlines() if line] == [
        f'windlass_{whose}gpu_hours_total use base unit "seconds" instead of "hours"' for whose in ("", "group_")
    ]


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
