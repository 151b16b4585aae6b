"""Run all benchmarks and print one table of ratios: `make bench`.

Each script is a claim of docs/performance.md. Absolute figures depend on the machine; ratios come from one run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SCRIPTS = (
    "frontend_bytes",
    "server_startup",
    "preview",
    "runner",
    "submit",
    "hub_spawner",
    "kubernetes_scale",
    "kubernetes_logs",
    "experiments_pages",
    "experiments_curves",
    "experiments_browser",
    "gpu_watching",
    "gpu_sampler",
    "gpu_prometheus",
    "costs_query",
)


def measure(script: str) -> list[dict[str, Any]]:
    """Run one script; its standard output is JSON lines, what it says on standard error goes through."""
    print(f"· {script}", file=sys.stderr, flush=True)
    # Some share the tests' emulated cluster and their real Jupyter server.
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    command = [sys.executable, str(HERE / f"{script}.py")]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=1800, env=environment)
    if ended.returncode != 0:
        print(f"  {script} ended with {ended.returncode}", file=sys.stderr)
        return []
    return [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]


def figure(value: float | None) -> str:
    """A figure with three significant digits."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def main() -> int:
    """Print the table; 1 when a script failed."""
    chosen = sys.argv[1:] or list(SCRIPTS)
    results = {script: measure(script) for script in chosen}
    rows = [row for found in results.values() for row in found]
    print("| what | ours | against | theirs | ratio | budget | kept |\n|---|--:|---|--:|--:|---|---|")
    for row in rows:
        kept = {True: "yes", False: "**no**", None: ""}[row.get("kept")]
        unit = row["unit"]
        print(
            f"| {row['name']} | {figure(row['ours'])} {unit} | {row['baseline_name']} "
            f"| {figure(row['baseline'])} {unit} | {figure(row['ratio'])} | {row.get('budget') or ''} | {kept} |"
        )
    return 0 if all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
