"""A page of 100 runs out of 100,000, through Windlass and straight from MLflow.

Theirs is the very REST call that ours makes; which of the two goes first is drawn anew each round. Bytes are what
crosses to the browser. The first rows are those of an experiment that was open before.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from fill_mlflow import RUNS_EXPERIMENT
from mlflow_filled import servers
from report import report
from tests.jupyter import running

ROUNDS = 24
COLUMNS = ["metrics.loss", "metrics.accuracy", "params.lr", "params.optimizer"]
EXPERIMENTS = [str(RUNS_EXPERIMENT)]
BY_METRIC = {"experiment_ids": EXPERIMENTS, "sort": "metrics.accuracy", "columns": COLUMNS}
CHANCE = random.Random(5)
"""Who goes first is drawn: taking turns would fall in step with the server's garbage collector and its like."""
NEWEST = {"experiment_ids": EXPERIMENTS, "columns": COLUMNS}


def timed(work: Callable[[], httpx.Response]) -> tuple[float, int]:
    """Seconds until the answer is there, and its size on the wire."""
    began = time.perf_counter()
    answer = work()
    seconds = time.perf_counter() - began
    answer.raise_for_status()
    return seconds, answer.num_bytes_downloaded


def main() -> None:
    """Measure each server."""
    with servers() as found:
        for name, url in found.items():
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                measure(name, url, Path(folder))


def measure(name: str, url: str, folder: Path) -> None:
    """Pages of one server."""
    order = {"metric": "metrics.`accuracy` DESC", "start": "attributes.`start_time` DESC"}
    with (
        running(folder, f"--WindlassApp.tracking_uri={url}") as server,
        server.client() as ours,
        httpx.Client(base_url=f"{url}/api/2.0/mlflow", timeout=120) as theirs,
    ):

        def raw(by: str) -> httpx.Response:
            body = {"experiment_ids": EXPERIMENTS, "max_results": 100, "order_by": [order[by]]}
            return theirs.post("/runs/search", json=body)

        timed(lambda: ours.post("/runs/search", json=BY_METRIC))
        timed(lambda: ours.post("/runs/search", json=NEWEST))
        timed(lambda: raw("metric"))
        pages, calls, firsts, newest = [], [], [], []
        for _ in range(ROUNDS):
            both = [
                lambda: calls.append(timed(lambda: raw("metric"))),
                lambda: pages.append(timed(lambda: ours.post("/runs/search", json=BY_METRIC))),
            ]
            if CHANCE.random() < 0.5:
                both.reverse()
            for one in both:
                one()
            newest.append(timed(lambda: raw("start")))
            firsts.append(timed(lambda: ours.post("/runs/search", json={**NEWEST, "cached": True})))
            print(f"  {name}: {calls[-1][0]:.3f} s raw, {pages[-1][0]:.3f} s ours", file=sys.stderr, flush=True)
    # MLflow takes one of two times for the same question, for several calls in a row: a median is one or the other.
    mine, raw_mean = (statistics.mean(each[0] for each in some) for some in (pages, calls))
    report(
        name=f"page of 100 runs by metric, of 100,000, mean, {name}", ours=[mine], baseline=[raw_mean],
        baseline_name="MLflow's REST call behind it", unit="s", budget="≤ 1.1 ×", kept=mine / raw_mean <= 1.1,
    )  # fmt: skip
    report(
        name=f"page of 100 runs, 4 columns, {name}", ours=[page[1] for page in pages],
        baseline=[call[1] for call in calls], baseline_name="MLflow's REST call behind it", unit="bytes",
        budget="≤ 1/4", kept=max(page[1] for page in pages) * 4 <= min(call[1] for call in calls),
    )  # fmt: skip
    report(
        name=f"first rows of an experiment known, {name}", ours=[first[0] for first in firsts],
        baseline=[call[0] for call in newest], baseline_name="MLflow's REST call, newest first", unit="s",
        budget="< 0.3 s", kept=statistics.median(first[0] for first in firsts) < 0.3,
    )  # fmt: skip


if __name__ == "__main__":
    main()
