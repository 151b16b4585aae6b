"""The example notebook runs as it says: cell by cell as one process, and as a job of two."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import nbformat
import pytest
from tests.desk import Desk

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "digits_ddp.ipynb"


def pictures(notebook: Any) -> list[str]:
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return [output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})]


def printed(notebook: Any) -> str:
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return "".join("".join(output["text"]) for output in outputs if output["output_type"] == "stream")


def test_it_is_kept_without_outputs_and_reads_well() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    prose = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert [cell.metadata.get("tags") for cell in code].count(["parameters"]) == 1
    assert len(prose) >= 5
    assert max(len(line) for cell in prose for line in cell.source.splitlines()) <= 80


@pytest.mark.torch
def test_it_runs_cell_by_cell_as_one_process(desk: Desk, tmp_path: Path) -> None:
    for name in ("digits_ddp.ipynb", "digits_model.py"):
        (tmp_path / name).write_bytes((desk.folder / name).read_bytes())
    database = tmp_path / "mlflow.db"
    environment = {**desk.environment, "MLFLOW_TRACKING_URI": f"sqlite:///{database}"}
    command = [sys.executable, "-m", "jupyter", "execute", "--inplace", "digits_ddp.ipynb"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    executed = nbformat.read(tmp_path / "digits_ddp.ipynb", as_version=4)
    assert "process 0 of 1" in printed(executed)
    assert len(pictures(executed)) == 1
    with closing(sqlite3.connect(database)) as connection:
        (accuracy,) = connection.execute("SELECT value FROM latest_metrics WHERE key = 'test_accuracy'").fetchone()
        (runs,) = connection.execute("SELECT count(*) FROM runs WHERE status = 'FINISHED'").fetchone()
    assert accuracy > 0.9
    assert runs == 1


@pytest.mark.torch
@pytest.mark.mlflow
def test_it_runs_as_a_job_of_two_processes_with_its_run(desk: Desk) -> None:
    done = desk.run("train", "digits_ddp.ipynb", "--processes", "2", "-p", "epochs=6", "--wait", "--json")
    assert done.status == 0, done.err
    job = done.json
    assert job["world_size"] == 2
    log = desk.run("logs", job["id"]).out
    assert "[1] process 1 of 2" in log
    assert "epoch 6/6" in log
    assert job["progress"]["fraction"] == 1.0
    run = run_of(job, data_dir=Path(desk.environment["WINDLASS_DATA_DIR"]))
    metrics = {metric["key"]: metric["value"] for metric in run["data"]["metrics"]}
    assert metrics["test_accuracy"] > 0.9
    assert {"epochs": "6", "world_size": "2"}.items() <= {
        each["key"]: each["value"] for each in run["data"]["params"]
    }.items()
    assert run["outputs"]["model_outputs"]


def run_of(job: dict[str, Any], *, data_dir: Path) -> dict[str, Any]:
    """The job's run as the MLflow server itself tells it."""
    base = json.loads((data_dir / "mlflow" / "server.json").read_text())["url"]
    with urllib.request.urlopen(f"{base}/api/2.0/mlflow/runs/get?run_id={job['run_id']}", timeout=60) as answer:
        return dict(json.load(answer)["run"])
