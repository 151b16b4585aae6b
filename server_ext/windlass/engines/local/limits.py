"""What is too large ever to run on this machine, and what will run but not as the user may think."""

from __future__ import annotations

from windlass.engines.base import JobSpec
from windlass.engines.local.queue import Capacity
from windlass.errors import FieldError, InvalidRequest

_MOST_PROCESSES = 64
_MOST_PROCESSES_PER_CPU = 16


def check_size(spec: JobSpec, *, capacity: Capacity) -> None:
    """Refuse more GPUs or processes than this machine can ever give.

    Raises:
        InvalidRequest: with the fields to change.
    """
    errors = []
    gpus, wanted = len(capacity.gpus), spec.gpus_per_worker * spec.workers
    if wanted > gpus:
        has = f"{gpus} GPU{'s' if gpus != 1 else ''}" if gpus else "no GPU"
        asks = f"{wanted} GPUs in all" if wanted > 1 else "1 GPU"
        message = f"The job asks for {asks} and this machine has {has}; ask for fewer."
        errors.append(FieldError(field="gpus_per_worker", message=message))
    most = max(_MOST_PROCESSES, _MOST_PROCESSES_PER_CPU * capacity.cpus)
    if spec.world_size > most:
        message = f"The job asks for {spec.world_size} processes; this machine runs at most {most} in one job."
        errors.append(FieldError(field="processes_per_worker", message=message))
    if errors:
        raise InvalidRequest(errors[0].message, fields=errors)


def size_notices(spec: JobSpec, *, capacity: Capacity) -> list[str]:
    """What the user ought to know before sending the job."""
    notices = []
    if spec.world_size > capacity.cpus:
        cpus = f"{capacity.cpus} CPU{'s' if capacity.cpus != 1 else ''}"
        notices.append(f"{spec.world_size} processes will share {cpus}.")
    if capacity.gpus and not spec.gpus_per_worker:
        notices.append("The job asks for no GPU, so it will see none of this machine's.")
    return notices
