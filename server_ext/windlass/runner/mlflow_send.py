"""Sends a pod's spool to MLflow, from a process of its own: the ranks' own MLflow clients write to that spool.

`python -m windlass_runner.mlflow_send SPOOL`, with MLflow's variables for the real server. May be cut off at any point
and run again. The answer is one JSON object on the last line of standard output: which run became which. Other pods of
the job do the same at the same time; which run is the job's own is settled among them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .mlflow_copy import Copier
from .mlflow_own import Election


def main() -> None:
    """Entry point."""
    spool, job_id = Path(sys.argv[1]), sys.argv[2]
    own: set[str] = set()

    def own_run(client: Any, make: Callable[[], Any]) -> Any:
        election = Election(client, job_id=job_id)
        run = election.find() or election.settle(make)
        own.add(run.info.run_id)
        return run

    answer = Copier(spool, own_run=own_run if job_id else None).copy()
    for run in answer["runs"].values():
        run["own"] = run["run_id"] in own
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
