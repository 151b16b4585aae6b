"""What a job holds of this machine, for whoever counts what that costs: CPU slots, and GPUs by product.

A machine is nobody's list price: it is known to the price book by its host name, or, where it is a cloud's, by the
instance type that its firmware tells.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

import psutil

from windlass.costs.book import Shape
from windlass.costs.holding import Held, Holding
from windlass.costs.products import mig_profile
from windlass.engines.base import JobSpec
from windlass.engines.job_folder.record import JobRecord
from windlass.engines.local.identity import host_name
from windlass.engines.local.machine import GpuName

FIRMWARE = Path("/sys/devices/virtual/dmi/id")
TITLE = "this machine"
_EC2_TYPE = re.compile(r"[a-z][a-z0-9-]*\.[a-z0-9-]+")
_NO_TIME = "It is not known when the job ended."


@cache
def instance_type(firmware: Path = FIRMWARE) -> str | None:
    """The cloud's name for this kind of machine, where its firmware tells it (Amazon EC2 on Nitro); else None."""
    try:
        vendor = (firmware / "sys_vendor").read_text(encoding="ascii", errors="replace").strip()
        product = (firmware / "product_name").read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
    return product if vendor == "Amazon EC2" and _EC2_TYPE.fullmatch(product) else None


def shape(*, gpus: int) -> Shape:
    """What this machine has in all; `gpus`: its cards."""
    return Shape(
        gpus=gpus, cores=Fraction(os.cpu_count() or 1), memory_gib=Fraction(psutil.virtual_memory().total, 2**30)
    )


def holding_of(record: JobRecord, spec: JobSpec, *, cpus: int, names: Mapping[str, GpuName]) -> Holding:
    """What a job of this machine held since it was started: what waits in the queue holds nothing.

    Args:
        record: how the job stands.
        spec: the job.
        cpus: how many slots jobs may hold here in all; a job takes one for each process, and never more than these.
        names: of the machine's GPUs, by the id that jobs are given.
    """
    if record.started_at is None:
        return Holding()
    ended = record.state.is_final
    missing = _NO_TIME if ended and record.ended_at is None else ""
    held = _held(spec, record.gpus, cpus=cpus, names=names, since=record.started_at, until=record.ended_at, ended=ended)
    return Holding(held=tuple(held), missing=missing)


def would_hold(spec: JobSpec, *, cpus: int, gpus: Sequence[str], names: Mapping[str, GpuName]) -> list[Held]:
    """What a job would hold: the first GPUs of the machine stand for those that it is given."""
    wanted = spec.gpus_per_worker * spec.workers
    return _held(spec, gpus[:wanted], cpus=cpus, names=names, since=0.0, until=None, ended=False)


def _held(
    spec: JobSpec,
    gpus: Sequence[str],
    *,
    cpus: int,
    names: Mapping[str, GpuName],
    since: float,
    until: float | None,
    ended: bool,
) -> list[Held]:
    """One for each kind of GPU; the cores are with the first."""
    kinds = Counter(_kind(names.get(gpu)) for gpu in gpus)
    cloud = instance_type()
    cards = sum(1 for gpu, name in names.items() if gpu.isdecimal() and name.mig is None)
    return [
        Held(
            title=TITLE,
            since=since,
            until=until,
            ended=ended,
            node=host_name(),
            instance_type=cloud,
            capacity=None if cloud else "on-demand",
            gpus=count,
            product=product,
            mig_profile=profile,
            cores=float(min(spec.world_size, cpus)) if number == 0 else 0.0,
            own_machine=True,
            shape=shape(gpus=cards),
        )
        for number, ((product, profile), count) in enumerate(kinds.items() or [((None, None), 0)])
    ]


def _kind(name: GpuName | None) -> tuple[str | None, str | None]:
    if name is None:
        return None, None
    profile = mig_profile(name.mig) if name.mig else None
    return name.product, profile.name if profile else name.mig
