"""The Grafana dashboard as code: what each panel asks and shows; `windlass-gpus.json` is what comes out.

    python hub-config/grafana/dashboard.py

A panel that has no data stays empty, which Grafana shows as "No data": nothing here turns what is unknown into 0.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from panels import SOURCE, WIDTH, Panel, bars, laid_out, lines, stat, table

TARGET = Path(__file__).parent / "windlass-gpus.json"
HELD = 'windlass:gpu_held_engine_active:ratio{namespace=~"$namespace"}'
PER_DEVICE = "namespace, pod, node, gpu, GPU_I_ID, GPU_I_PROFILE"
DEVICE_NAME = "{{namespace}}/{{pod}} · {{node}} GPU {{gpu}} {{GPU_I_PROFILE}}"
# Which job a pod is of, by its label, for figures that know only the pod.
OF_JOB = (
    "* on (namespace, pod) group_left (label_windlass_io_job) max by (namespace, pod, label_windlass_io_job) "
    '(kube_pod_labels{label_windlass_io_job!=""})'
)

UNKNOWN = "windlass_cost_unknown_jobs_total"


def _gpus_now() -> list[Panel]:
    return [
        stat(
            "GPUs held",
            f"count({HELD})",
            description="Cards and MIG slices that a pod holds for itself and that are known.",
        ),
        stat(
            "Idle for 30 min",
            'count(windlass:gpu_idle:max30m{namespace=~"$namespace"})',
            warn_at=1,
            description="Held, and never over 5 % busy. No data: none. Shares of time-sliced cards are not judged.",
        ),
        stat(
            "Use unknown",
            'sum(windlass:gpu_unknown:count{namespace=~"$namespace"})',
            warn_at=1,
            description="Held by running pods, and no figure names them. They are not counted as idle.",
        ),
        stat("Mean use", f"avg({HELD})", unit="percentunit", description="Of those held and known."),
        stat("Spent per hour", "sum(windlass:cost_usd_per_hour:rate1h)", unit="currencyUSD"),
        stat("… of it idle", "sum(windlass:idle_cost_usd_per_hour:rate1h)", unit="currencyUSD"),
    ]


def _gpus() -> list[Panel]:
    return [
        lines("GPU by pod", (f"max by ({PER_DEVICE}) ({HELD})", DEVICE_NAME), unit="percentunit"),
        lines(
            "GPU memory by pod",
            (
                f'max by ({PER_DEVICE}) (windlass:gpu_memory_used:ratio{{namespace=~"$namespace", pod!=""}})',
                DEVICE_NAME,
            ),
            unit="percentunit",
        ),
        lines(
            "GPU by job: least, mean, most over its devices",
            (f"min by (label_windlass_io_job) ({HELD} {OF_JOB})", "{{label_windlass_io_job}} least"),
            (f"avg by (label_windlass_io_job) ({HELD} {OF_JOB})", "{{label_windlass_io_job}} mean"),
            (f"max by (label_windlass_io_job) ({HELD} {OF_JOB})", "{{label_windlass_io_job}} most"),
            unit="percentunit",
            description="A least far below the mean is a straggler. By the pods' label windlass.io/job.",
        ),
        lines(
            "Power by node",
            ("sum by (node) (max by (node, UUID) (DCGM_FI_DEV_POWER_USAGE))", "{{node}}"),
            unit="watt",
            stack=True,
            description="Of all cards, held or not.",
        ),
        table(
            "Idle now",
            'windlass:gpu_idle:max30m{namespace=~"$namespace"}',
            unit="percentunit",
            width=WIDTH,
            columns=("namespace", "pod", "node", "gpu", "modelName", "GPU_I_PROFILE"),
            description="The busiest moment of the last 30 minutes of each.",
        ),
    ]


def _money() -> list[Panel]:
    return [
        lines(
            "Cost by user",
            ("sum by (user) (windlass:cost_usd_per_hour:rate1h)", "{{user}}"),
            unit="currencyUSD",
            stack=True,
        ),
        lines(
            "Cost by group",
            ("windlass:group_cost_usd_per_hour:rate1h", "{{group}}"),
            unit="currencyUSD",
            description="Whoever is in several groups counts whole in each: the lines do not sum to the whole. "
            "Without a name: whoever is in none.",
        ),
        table(
            "Spent in the time shown, by user",
            "max by (user) (increase(windlass_cost_usd_total[$__range]))",
            unit="currencyUSD",
            width=8,
            columns=("user",),
            description="What is unknown is not in it: see the table of jobs without a cost.",
        ),
        table(
            "… of it for idle GPUs",
            "max by (user) (increase(windlass_idle_cost_usd_total[$__range]))",
            unit="currencyUSD",
            width=8,
            columns=("user",),
        ),
        table(
            "Jobs without a whole cost, in the time shown",
            # Of a user who had none before there was no series to grow: its whole value is new.
            f"(max by (user) ({UNKNOWN}) unless max by (user) ({UNKNOWN} offset $__range)) > 0 "
            f"or max by (user) (increase({UNKNOWN}[$__range])) > 0",
            unit="short",
            width=8,
            columns=("user",),
        ),
        table(
            "Spent in the time shown, by group",
            "max by (group) (increase(windlass_group_cost_usd_total[$__range]))",
            unit="currencyUSD",
            width=8,
            columns=("group",),
            description="Whoever is in several groups counts whole in each: do not sum them.",
        ),
        lines(
            "GPU hours per hour",
            ("max by (user) (rate(windlass_gpu_hours_total[1h])) * 3600", "{{user}}"),
            unit="short",
            width=16,
            stack=True,
            description="Whole cards held at once, on average over the hour before.",
        ),
        bars(
            "Budgets",
            ("max by (scope, name, period) (windlass_budget_used_ratio)", "{{scope}} {{name}}, this {{period}}"),
            orange_at=0.8,
        ),
    ]


def _jobs() -> list[Panel]:
    buckets = "sum by (le) (rate(pytorch_job_duration_seconds_bucket[$__rate_interval]))"
    by_kind = "sum by (le, kind) (rate(windlass_job_duration_seconds_bucket[$__rate_interval]))"
    return [
        lines(
            "Jobs by state",
            ("sum by (state) (max by (state, kind) (windlass_jobs))", "{{state}}"),
            unit="short",
            stack=True,
        ),
        lines(
            "How long PyTorch jobs took",
            (f"histogram_quantile(0.5, {buckets})", "half of them"),
            (f"histogram_quantile(0.95, {buckets})", "19 of 20"),
            unit="s",
            width=6,
        ),
        lines(
            "How long jobs took, by kind",
            (f"histogram_quantile(0.5, {by_kind})", "{{kind}}, half of them"),
            unit="s",
            width=6,
        ),
    ]


def _health() -> list[Panel]:
    return [
        lines(
            "New XID errors",
            ("windlass:gpu_xid:recent", "XID {{xid}} · {{node}} GPU {{gpu}}"),
            unit="short",
            description="46, 48, 62, 64, 74, 79, 95, 119 and 120 are the card's; most others are a program's.",
        ),
        lines(
            "Temperature",
            ("max by (node, gpu) (DCGM_FI_DEV_GPU_TEMP)", "{{node}} GPU {{gpu}}"),
            unit="celsius",
            width=6,
        ),
        lines(
            "Exporters that answer",
            ('max by (node) (up{job="dcgm-exporter"})', "{{node}}"),
            ('max(up{job="windlass-hub"})', "hub service"),
            unit="bool",
            width=6,
        ),
    ]


def dashboard() -> dict[str, Any]:
    """The whole of it, as Grafana imports it (schema of Grafana 10 and newer)."""
    return {
        "uid": "windlass-gpus",
        "title": "Windlass: GPUs and money",
        "description": "Written by hub-config/grafana/dashboard.py.",
        "tags": ["windlass", "gpu"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "templating": {"list": [_source_choice(), _namespace_choice()]},
        "panels": laid_out(
            [("Now", _gpus_now()), ("GPUs", _gpus()), ("Money", _money()), ("Jobs", _jobs()), ("Health", _health())]
        ),
    }


def _source_choice() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}


def _namespace_choice() -> dict[str, Any]:
    return {
        "name": "namespace",
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": "label_values(windlass:gpu_requested:count, namespace)", "refId": "namespace"},
        "label": "Namespace",
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def rendered() -> str:
    """The JSON file's text."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(rendered(), encoding="utf-8")
    sys.stdout.write(f"{TARGET.name} written\n")
