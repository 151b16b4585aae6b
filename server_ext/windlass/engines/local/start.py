"""Starts a job's supervisor so that it outlives whoever starts it: own session, no inherited files, own log.

Called by the server at submit and by an ending supervisor; neither waits for it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from windlass.engines.job_folder.files import read_json
from windlass.engines.job_folder.paths import JobFolder
from windlass.engines.local.environment import restored

SUPERVISOR_MODULE = "windlass.engines.local.supervisor"


def start_supervisor(job: JobFolder) -> None:
    """Start it and return at once. Raises OSError when the system cannot start another process.

    It starts in the job's folder: `-m` puts the working folder on the path, and the user's may hold a `json.py`.
    """
    with job.supervisor_log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", SUPERVISOR_MODULE, str(job.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=job.path,
            env=restored(read_json(job.environment), os.environ),
            start_new_session=True,
        )
    threading.Thread(target=process.wait, name=f"wait for supervisor {process.pid}", daemon=True).start()
