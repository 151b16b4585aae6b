"""What local jobs hold of this machine, and what it is called where prices are looked up."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass.engines.base import JobSpec, State
from windlass.engines.job_folder.record import JobRecord
from windlass.engines.local.identity import host_name
from windlass.engines.local.machine import GpuName
from windlass.engines.local.own_machine import holding_of, instance_type, would_hold

NAMES = {
    "0": GpuName(product="NVIDIA A100-SXM4-40GB"),
    "1": GpuName(product="NVIDIA A100-SXM4-40GB"),
    "MIG-a": GpuName(product="NVIDIA A100-SXM4-40GB", mig="1g.10gb+me"),
}


def spec(*, processes: int = 1, gpus: int = 0) -> JobSpec:
    return JobSpec(
        id="job",
        name="job",
        owner="me",
        notebook="a.ipynb",
        bundle_path=Path("none"),
        bundle_sha256="",
        python="",
        processes_per_worker=processes,
        gpus_per_worker=gpus,
    )


def test_what_waits_in_the_queue_holds_nothing() -> None:
    assert holding_of(JobRecord(state=State.QUEUED), spec(), cpus=4, names=NAMES).held == ()


def test_a_job_holds_a_slot_for_each_process_and_never_more_than_there_are() -> None:
    record = JobRecord(state=State.SUCCEEDED, started_at=10.0, ended_at=70.0)
    (held,) = holding_of(record, spec(processes=8), cpus=4, names=NAMES).held
    assert (held.cores, held.gpus, held.since, held.until, held.own_machine) == (4, 0, 10, 70, True)
    assert held.node == host_name()
    assert held.shape is not None
    assert held.shape.gpus == 2


def test_gpus_are_held_by_kind_and_the_cores_with_the_first() -> None:
    record = JobRecord(state=State.RUNNING, started_at=10.0, gpus=["0", "1", "MIG-a", "9"])
    held = holding_of(record, spec(), cpus=4, names=NAMES).held
    assert [(each.gpus, each.product, each.mig_profile, each.cores) for each in held] == [
        (2, "NVIDIA A100-SXM4-40GB", None, 1),
        (1, "NVIDIA A100-SXM4-40GB", "1g.10gb", 0),
        (1, None, None, 0),
    ]


def test_an_end_that_nobody_saw_is_said() -> None:
    found = holding_of(JobRecord(state=State.LOST, started_at=10.0), spec(), cpus=4, names={})
    assert found.missing == "It is not known when the job ended."


def test_a_job_that_is_not_sent_yet_would_hold_the_first_gpus() -> None:
    (held,) = would_hold(spec(gpus=2), cpus=4, gpus=("0", "1"), names=NAMES)
    assert (held.gpus, held.product) == (2, "NVIDIA A100-SXM4-40GB")


@pytest.mark.parametrize(
    ("vendor", "product", "found"),
    [("Amazon EC2", "g5.xlarge", "g5.xlarge"), ("Amazon EC2", "HVM domU", None), ("LENOVO", "20XW", None)],
)
def test_a_clouds_machine_tells_its_type_by_its_firmware(
    tmp_path: Path, vendor: str, product: str, found: str | None
) -> None:
    (tmp_path / "sys_vendor").write_text(vendor + "\n")
    (tmp_path / "product_name").write_text(product + "\n")
    assert instance_type(tmp_path) == found
    assert instance_type(tmp_path / "none") is None
