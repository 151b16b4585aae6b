"""What there is to run jobs on, as `nvidia-smi -L` and the kernel say it."""

from __future__ import annotations

import os

from windlass.engines.local.machine import GpuName, cpu_count, parse_gpu_list, parse_gpu_names
from windlass.engines.local.memory import out_of_memory_kills

TWO_GPUS = """GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-aaaa1111-0000-0000-0000-000000000000)
GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-bbbb2222-0000-0000-0000-000000000000)
"""
CUT_UP = """GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-aaaa1111-0000-0000-0000-000000000000)
  MIG 3g.20gb     Device  0: (UUID: MIG-c7384736-a75d-5afc-978f-d2f1294409fd)
  MIG 1g.5gb      Device  1: (UUID: MIG-a28ad590-3fda-56dd-84fc-0a0b96edc58d)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-bbbb2222-0000-0000-0000-000000000000)
"""


def test_gpus_are_named_by_index() -> None:
    assert parse_gpu_list(TWO_GPUS, visible=None) == ("0", "1")


def test_a_gpu_cut_into_devices_is_handed_out_in_those() -> None:
    assert parse_gpu_list(CUT_UP, visible=None) == (
        "MIG-c7384736-a75d-5afc-978f-d2f1294409fd",
        "MIG-a28ad590-3fda-56dd-84fc-0a0b96edc58d",
        "1",
    )


def test_devices_are_known_by_what_they_are() -> None:
    whole, part = GpuName(product="NVIDIA A100-SXM4-40GB"), GpuName(product="NVIDIA A100-SXM4-40GB", mig="3g.20gb")
    found = parse_gpu_names(CUT_UP)
    assert found["0"] == found["1"] == found["GPU-bbbb2222-0000-0000-0000-000000000000"] == whole
    assert found["MIG-c7384736-a75d-5afc-978f-d2f1294409fd"] == part
    assert parse_gpu_names("NVIDIA-SMI has failed") == {}


def test_gpus_hidden_from_the_server_are_not_handed_out() -> None:
    assert parse_gpu_list(TWO_GPUS, visible="1") == ("1",)
    assert parse_gpu_list(TWO_GPUS, visible="GPU-bbbb2222") == ("1",)
    assert parse_gpu_list(TWO_GPUS, visible="") == ()
    assert parse_gpu_list(TWO_GPUS, visible="-1") == ()


def test_what_is_no_list_of_gpus_has_none() -> None:
    assert parse_gpu_list("NVIDIA-SMI has failed because it couldn't communicate with the driver.", visible=None) == ()


def test_jobs_get_no_more_cpus_than_this_process_may_use() -> None:
    assert 1 <= cpu_count() <= len(os.sched_getaffinity(0))


def test_the_kernels_count_of_memory_kills_never_falls() -> None:
    first = out_of_memory_kills()
    second = out_of_memory_kills()
    assert first is None or (second is not None and second >= first >= 0)
