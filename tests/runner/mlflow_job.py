"""Notebook code run as the runner runs it as far as MLflow is concerned: a process of its own, with the hook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PROGRAM = """
import sys
from windlass.runner import mlflow_hook
mlflow_hook.install(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
failed = True
try:
    exec(compile(open("notebook.py").read(), "notebook.py", "exec"), {"__name__": "__main__"})
    failed = False
finally:
    mlflow_hook.finish(failed)
"""


@dataclass
class MlflowJob:
    folder: Path
    job_id: str
    url: str
    wait_seconds: float = 60.0
    output: str = ""
    codes: list[int] = field(default_factory=list)

    def start(self, code: str, *, ranks: int = 1, **variables: str) -> list[subprocess.Popen[str]]:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "program.py").write_text(_PROGRAM)
        (self.folder / "notebook.py").write_text(code)
        context = {"windlass.job_id": self.job_id, "windlass.notebook": "dir/train.ipynb", "mlflow.user": "ada"}
        environment = os.environ | {
            "MLFLOW_TRACKING_URI": self.url,
            "MLFLOW_EXPERIMENT_NAME": f"experiment of {self.job_id}",
            "MLFLOW_RUN_CONTEXT": json.dumps(context),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "GIT_PYTHON_REFRESH": "quiet",
            "OMP_NUM_THREADS": "1",
        }
        environment |= variables
        command = [sys.executable, "program.py", str(self.folder)]
        return [
            subprocess.Popen(
                [*command, str(rank), str(self.wait_seconds)],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for rank in range(ranks)
        ]

    def run(self, code: str, *, ranks: int = 1, ok: bool = True, **variables: str) -> MlflowJob:
        processes = self.start(code, ranks=ranks, **variables)
        try:
            for process in processes:
                self.output += process.communicate(timeout=150)[0]
        finally:
            for process in processes:
                process.kill()
        self.codes = [process.returncode for process in processes]
        assert not ok or not any(self.codes), self.output
        return self

    @property
    def runs(self) -> list[dict[str, Any]]:
        """What the ranks wrote down, in order."""
        path = self.folder / "runs.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
