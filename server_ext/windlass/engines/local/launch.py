"""What a job's command line is. Lists of arguments only: no user text ever meets a shell.

On one machine all processes of all workers stand under one torchrun; a world of one needs none.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from functools import cache
from pathlib import Path

from windlass.engines.base import JobSpec
from windlass.errors import FieldError, InvalidRequest

KINDS = ("python", "torchrun")
_PROBE = "import importlib.util, sys; sys.exit(0 if importlib.util.find_spec('torch') else 3)"
_PROBE_SECONDS = 15
_NO_TORCH = 3


def choose_kind(spec: JobSpec) -> str:
    """How the job will be run: as asked, else torchrun where there is more than one process.

    Raises:
        InvalidRequest: there is no such kind, or it cannot run that many processes.
    """
    kind = spec.kind or ("torchrun" if spec.world_size > 1 else "python")
    if kind not in KINDS:
        message = f"The local engine has no kind {kind!r}; it has {' and '.join(KINDS)}."
        raise InvalidRequest(message, fields=[FieldError(field="kind", message=message)])
    if kind == "python" and spec.world_size > 1:
        message = f"The kind 'python' runs one process; use 'torchrun' for {spec.world_size}, or leave the kind out."
        raise InvalidRequest(message, fields=[FieldError(field="kind", message=message)])
    return kind


def command_line(spec: JobSpec, *, kind: str, entry_point: str, port: int | str) -> tuple[str, ...]:
    """The program and its arguments. `port`: a free one on the loopback interface, for the ranks to find each other."""
    if kind == "python":
        return (spec.python, entry_point)
    return (
        spec.python,
        "-m",
        "torch.distributed.run",
        "--nnodes=1",
        f"--nproc-per-node={spec.world_size}",
        "--max-restarts=0",
        "--rdzv-backend=static",
        "--master-addr=127.0.0.1",
        f"--master-port={port}",
        entry_point,
    )


def free_port() -> int:
    """A port of the loopback interface that nobody uses now. The job may still lose it: see `Attempt`."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def check_interpreter(spec: JobSpec, *, kind: str) -> None:
    """Refuse a job whose Python is not there, or has no torchrun.

    Raises:
        InvalidRequest: naming the field `environment`.
    """
    if shutil.which(spec.python) is None:
        message = f"There is no Python interpreter at {spec.python}; choose another environment, or install it again."
    elif kind == "torchrun" and not _has_torch(spec.python, spec.environment.get("PYTHONPATH", "")):
        message = (
            f"The environment of {spec.python} has no torch, which {spec.world_size} processes need; "
            "install PyTorch there, or choose another environment."
        )
    else:
        return
    raise InvalidRequest(message, fields=[FieldError(field="environment", message=message)])


def _has_torch(python: str, python_path: str) -> bool:
    """Whether this Python has torch; also True when it cannot be told: the job will say so itself."""
    try:
        return _known_to_have_torch(python, python_path)
    except LookupError:
        return False
    except (OSError, subprocess.SubprocessError):
        return True


@cache
def _known_to_have_torch(python: str, python_path: str) -> bool:
    """As `_has_torch`. Only a yes is kept, because torch may be installed any minute: no is a LookupError."""
    environment = {**os.environ, "PYTHONPATH": python_path} if python_path else None
    answer = subprocess.run(
        [python, "-c", _PROBE],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_PROBE_SECONDS,
        env=environment,
        cwd=Path(python).parent,
    )
    if answer.returncode == _NO_TORCH:
        raise LookupError(python)
    return True
