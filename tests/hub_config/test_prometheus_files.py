"""The files that Prometheus, its operator and the DCGM exporter read: checked by promtool, and against one another."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml
from tests.hub_config.scraped import as_one_config, kubernetes_meta
from tests.metrics.prometheus.replay import needs_prometheus

from windlass.metrics.prometheus.fields import GPU_FIELDS
from windlass_hub.settings import ACCESS_SERVICE, COSTS_READ

HUB_CONFIG = Path(__file__).parents[2] / "hub-config"
FOLDER = HUB_CONFIG / "prometheus"
DOCS = HUB_CONFIG.parent / "docs"
RULES = FOLDER / "rules.yaml"
needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="There is no kubectl on this machine.")


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def promtool(*arguments: str | Path, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *map(str, arguments)], input=given, capture_output=True, text=True, timeout=120)


def counters() -> dict[str, str]:
    lines = [line for line in (FOLDER / "counters.csv").read_text().splitlines() if line and not line.startswith("#")]
    rows = [[part.strip() for part in line.split(",", maxsplit=2)] for line in lines]
    assert all(len(row) == 3 and row[2] for row in rows)
    return {name: kind for name, kind, _ in rows}


@needs_prometheus
def test_promtool_takes_the_rules() -> None:
    checked = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@needs_prometheus
@pytest.mark.parametrize("name", sorted(path.name for path in (FOLDER / "tests").glob("*.yaml")))
def test_the_rules_pass_their_own_tests(name: str) -> None:
    tested = promtool("test", "rules", FOLDER / "tests" / name)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_alert_has_a_test_where_it_fires_and_one_where_it_does_not() -> None:
    cases = [
        case
        for path in (FOLDER / "tests").glob("*.yaml")
        for test in loaded(path)["tests"]
        for case in test.get("alert_rule_test", ())
    ]
    fires = {case["alertname"] for case in cases if case.get("exp_alerts")}
    stays = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    alerts = {rule["alert"] for group in loaded(RULES)["groups"] for rule in group["rules"] if "alert" in rule}
    assert fires == stays == alerts


def test_an_alert_says_what_is_the_matter_how_grave_and_what_can_be_done() -> None:
    for group in loaded(RULES)["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                assert rule["labels"]["severity"] in {"info", "warning", "critical"}
                assert rule["annotations"]["summary"]


def test_the_operator_s_object_holds_the_same_rules() -> None:
    text = (FOLDER / "rules-operator.yaml").read_text()
    found = yaml.safe_load(text)
    assert (found["apiVersion"], found["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert found["spec"] == loaded(RULES)
    script = FOLDER / "rendering.py"
    before = f"import runpy, sys; sys.stdout.write(runpy.run_path({str(script)!r})['rendered']())"
    assert subprocess.run([sys.executable, "-c", before], capture_output=True, text=True, check=True).stdout == text


@needs_prometheus
def test_promtool_takes_the_scrape_configuration(tmp_path: Path) -> None:
    """All of it but how targets are found in Kubernetes, which Debian's Prometheus is built without."""
    config = tmp_path / "config.yml"
    config.write_text(as_one_config({}))
    (tmp_path / "token").write_text("secret")
    checked = promtool("check", "config", config)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_pods_are_found_by_what_kubernetes_tells_of_them() -> None:
    """Of the part that promtool cannot check here: the role, and labels that Prometheus documents for it."""
    [exporter] = [job for job in loaded(FOLDER / "scrape.yaml") if "kubernetes_sd_configs" in job]
    assert exporter["kubernetes_sd_configs"] == [{"role": "pod"}]
    asked = {name for relabel in exporter["relabel_configs"] for name in relabel["source_labels"]}
    assert asked == set(kubernetes_meta(node="any"))


def test_the_exporter_is_told_to_export_all_that_is_asked_of_it() -> None:
    queries = RULES.read_text() + (HUB_CONFIG / "grafana" / "windlass-gpus.json").read_text()
    named = set(re.findall(r"\bDCGM_(?:FI|EXP)_[A-Z_]+", queries))
    panel = {name for field in GPU_FIELDS.values() for name in field.metrics if name.startswith("DCGM_")}
    exported = counters()
    assert len(named) > 6
    assert len(panel) > 10
    assert named | panel <= set(exported)
    assert set(exported.values()) <= {"gauge", "counter", "label"}


def test_the_exporter_reads_the_counters_that_kustomize_makes() -> None:
    values = loaded(FOLDER / "dcgm-exporter-values.yaml")
    [volume] = values["extraConfigMapVolumes"]
    [mount] = values["extraVolumeMounts"]
    [made] = loaded(FOLDER / "kustomization.yaml")["configMapGenerator"]
    assert mount["name"] == volume["name"]
    assert volume["configMap"]["name"] == made["name"]
    assert values["arguments"] == ["-f", f"{mount['mountPath']}/{made['files'][0]}"]
    operator = loaded(HUB_CONFIG / "mig" / "gpu-operator-values.yaml")["dcgmExporter"]
    assert operator["config"]["name"] == made["name"]


def test_prometheus_reads_the_secret_that_kustomize_makes_and_rules_of_its_release() -> None:
    values = loaded(FOLDER / "kube-prometheus-stack-values.yaml")
    secret = values["prometheus"]["prometheusSpec"]["additionalScrapeConfigsSecret"]
    [made] = loaded(FOLDER / "kustomization.yaml")["secretGenerator"]
    assert secret == {"enabled": True, "name": made["name"], "key": made["files"][0]}
    release = loaded(FOLDER / "rules-operator.yaml")["metadata"]["labels"]["release"]
    assert f"helm upgrade --install {release} " in (FOLDER / "kube-prometheus-stack-values.yaml").read_text()


def test_the_hub_s_namespace_lets_prometheus_in_where_it_asks() -> None:
    policy = loaded(FOLDER / "network-policy.yaml")
    kubernetes_validate.validate(policy, "1.30", strict=True)
    [hub] = [job for job in loaded(FOLDER / "scrape.yaml") if job["job_name"] == "windlass-hub"]
    [target] = hub["static_configs"][0]["targets"]
    host, _, port = target.partition(":")
    assert host.split(".")[1] == policy["metadata"]["namespace"]
    assert [each["port"] for each in policy["spec"]["ingress"][0]["ports"]] == [int(port)]
    z2jh = loaded(HUB_CONFIG / "z2jh" / "values.yaml")
    assert int(port) in [each["port"] for each in z2jh["hub"]["service"]["extraPorts"]]


def test_prometheus_asks_the_hub_with_a_token_that_may_read_costs_and_no_more() -> None:
    [hub] = [job for job in loaded(FOLDER / "scrape.yaml") if job["job_name"] == "windlass-hub"]
    [secret] = loaded(FOLDER / "kube-prometheus-stack-values.yaml")["prometheus"]["prometheusSpec"]["secrets"]
    assert hub["authorization"] == {"credentials_file": f"/etc/prometheus/secrets/{secret}/token"}
    values = loaded(FOLDER / "z2jh-values.yaml")["hub"]
    [service] = values["services"]
    [role] = values["loadRoles"].values()
    assert role["services"] == [service]
    assert set(role["scopes"]) == {COSTS_READ, ACCESS_SERVICE}


@needs_kubectl
@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_what_kustomize_makes_is_valid_to_kubernetes(name: str) -> None:
    made = subprocess.run(
        ["kubectl", "kustomize", str(HUB_CONFIG / name)], capture_output=True, text=True, timeout=60, check=True
    )
    objects = list(yaml.safe_load_all(made.stdout))
    assert objects
    for each in objects:
        kubernetes_validate.validate(each, "1.30", strict=True)
        assert each["metadata"]["namespace"] == "monitoring"
    labels = {each["metadata"]["name"]: each["metadata"].get("labels", {}) for each in objects}
    if name == "grafana":
        sidecar = loaded(FOLDER / "kube-prometheus-stack-values.yaml")["grafana"]["sidecar"]["dashboards"]
        assert labels == {"windlass-dashboard": {sidecar["label"]: sidecar["labelValue"]}}


def test_the_hub_is_told_of_the_prometheus_that_is_installed() -> None:
    """The operator makes the Service `prometheus-operated` where the release is, on the port of Prometheus itself."""
    url = urlsplit(loaded(HUB_CONFIG / "z2jh" / "values.yaml")["custom"]["windlass"]["prometheus_url"])
    values = (FOLDER / "kube-prometheus-stack-values.yaml").read_text()
    [namespace] = set(re.findall(r"--namespace (\S+)", values))
    assert namespace == loaded(FOLDER / "kustomization.yaml")["namespace"]
    assert (url.scheme, url.hostname, url.port, url.path) == ("http", f"prometheus-operated.{namespace}.svc", 9090, "")
    # What would have it listen elsewhere, by TLS or below a path.
    changed = {"portName", "listenLocal", "routePrefix", "web", "serviceName"}
    assert not changed & set(yaml.safe_load(values)["prometheus"]["prometheusSpec"])
    assert f"port-forward svc/{url.hostname.split('.')[0]} {url.port}" in (DOCS / "gpus-admin.md").read_text()
    assert f"prometheus_url: {url.geturl()}" in (DOCS / "gpus-admin.md").read_text()
