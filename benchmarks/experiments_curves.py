"""Long metric histories compared and drawn, through Windlass and straight from MLflow's own sampling.

A comparison is what the page asks for: the runs side by side and a first look at their curves, beside one another. The
even sample that replaces the first look is timed too; each round asks for another number of points, so that none of it
is answered from what is kept.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from fill_mlflow import CURVE_METRIC, curve_run_ids
from mlflow_filled import servers
from report import report
from tests.jupyter import running

ROUNDS = 5
POINTS = 320


def main() -> None:
    """Measure each server."""
    with servers() as found:
        for name, url in found.items():
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                measure(name, url, Path(folder))


def measure(name: str, url: str, folder: Path) -> None:
    """Curves of one server."""
    runs, longest = curve_run_ids()[:-1], curve_run_ids()[-1:]
    compared: list[float] = []
    drawn: list[float] = []
    whole: list[float] = []
    sampled: list[float] = []
    sampled_longest: list[float] = []
    with (
        running(folder, f"--WindlassApp.tracking_uri={url}") as server,
        server.client() as ours,
        httpx.Client(base_url=f"{url}/api/2.0/mlflow", timeout=300) as theirs,
    ):
        ours.post("/runs/compare", json={"run_ids": runs}).raise_for_status()
        for turn in range(ROUNDS):
            compared.append(comparison(ours, runs))
            drawn.append(curves(ours, longest, quick=True, points=POINTS))
            whole.append(curves(ours, runs, quick=False, points=POINTS + 1 + turn))
            sampled.append(raw(theirs, runs))
            sampled_longest.append(raw(theirs, longest))
            told = f"{compared[-1]:.2f} s compared, {drawn[-1]:.2f} s drawn, {whole[-1]:.2f} s whole"
            print(f"  {name}: {told}, {sampled[-1]:.2f} s raw", file=sys.stderr, flush=True)
    sampling = "MLflow's bulk-interval"
    report(
        name=f"20 runs × 100,000 points compared, {name}", ours=compared, baseline=sampled, baseline_name=sampling,
        unit="s", budget="< 1.5 s", kept=statistics.median(compared) < 1.5,
    )  # fmt: skip
    report(
        name=f"1,000,000 points drawn, {name}", ours=drawn, baseline=sampled_longest, baseline_name=sampling, unit="s",
        budget="< 1 s", kept=statistics.median(drawn) < 1,
    )  # fmt: skip
    report(
        name=f"20 runs × 100,000 points, even sample, {name}", ours=whole, baseline=sampled, baseline_name=sampling,
        unit="s",
    )  # fmt: skip


def comparison(ours: httpx.Client, runs: Sequence[str]) -> float:
    """Seconds until the runs are side by side and their curves can be drawn."""
    began = time.perf_counter()
    with ThreadPoolExecutor(1) as beside:
        drawing = beside.submit(curves, ours, runs, quick=True, points=POINTS)
        ours.post("/runs/compare", json={"run_ids": list(runs)}).raise_for_status()
        drawing.result()
    return time.perf_counter() - began


def curves(ours: httpx.Client, runs: Sequence[str], *, quick: bool, points: int) -> float:
    """Seconds until curves can be drawn."""
    body = {"run_ids": list(runs), "metrics": [CURVE_METRIC], "points": points, "quick": quick}
    began = time.perf_counter()
    answer = ours.post("/runs/curves", json=body, timeout=300).raise_for_status().json()
    seconds = time.perf_counter() - began
    assert len(answer["curves"]) == len(runs)
    return seconds


def raw(theirs: httpx.Client, runs: Sequence[str]) -> float:
    """Seconds for MLflow's own sampling of the same."""
    query = {"run_ids": list(runs), "metric_key": CURVE_METRIC, "max_results": POINTS}
    began = time.perf_counter()
    theirs.get("/metrics/get-history-bulk-interval", params=query).raise_for_status()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
