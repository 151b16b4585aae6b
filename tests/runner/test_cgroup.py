"""CPU and memory of a job: of a container by its control group, of processes on this machine by adding them up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from windlass.runner.cgroup import cores, machine_memory, meter

GIB = 1024**3


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def version_2(folder: Path, *, most: str = str(4 * GIB)) -> Path:
    return write(
        folder,
        cpu_DOT_stat="usage_usec 2500000\nuser_usec 2000000\n",
        memory_DOT_current=f"{3 * GIB}\n",
        memory_DOT_stat=f"anon 1\ninactive_file {GIB}\nactive_file 2\n",
        memory_DOT_max=f"{most}\n",
        cpu_DOT_max="150000 100000\n",
    )


def version_1(folder: Path, *, limit: int) -> Path:
    return write(
        folder,
        cpuacct__cpuacct_DOT_usage="2500000000\n",
        memory__memory_DOT_usage_in_bytes=f"{3 * GIB}\n",
        memory__memory_DOT_limit_in_bytes=f"{limit}\n",
        memory__memory_DOT_stat=f"cache 5\ntotal_inactive_file {GIB}\n",
        cpu__cpu_DOT_cfs_quota_us="50000\n",
        cpu__cpu_DOT_cfs_period_us="100000\n",
    )


def test_a_container_counts_what_the_kernel_would_not_give_back(tmp_path: Path) -> None:
    use = meter(in_container=True, root_pid=1, cgroup=version_2(tmp_path), proc=tmp_path / "proc")()
    assert use == (2.5, 2 * GIB, 4 * GIB)


def test_without_a_limit_there_is_none(tmp_path: Path) -> None:
    assert meter(in_container=True, root_pid=1, cgroup=version_2(tmp_path, most="max"))().memory_limit is None
    other = version_1(tmp_path / "1", limit=9223372036854771712)
    assert meter(in_container=True, root_pid=1, cgroup=other, proc=tmp_path)() == (2.5, 2 * GIB, None)


def test_the_older_control_groups_say_the_same(tmp_path: Path) -> None:
    folder = version_1(tmp_path, limit=4 * GIB)
    assert meter(in_container=True, root_pid=1, cgroup=folder, proc=tmp_path)() == (2.5, 2 * GIB, 4 * GIB)


def test_a_container_that_sees_the_machines_groups_finds_its_own(tmp_path: Path) -> None:
    version_2(tmp_path / "kubepods" / "pod1")
    proc = write(tmp_path / "proc", self__cgroup="0::/kubepods/pod1\n")
    assert meter(in_container=True, root_pid=1, cgroup=tmp_path, proc=proc)().memory == 2 * GIB


def test_cores_are_those_that_a_container_was_given(tmp_path: Path) -> None:
    available = len(os.sched_getaffinity(0))
    assert cores(cgroup=version_2(tmp_path / "2")) == min(1.5, available)
    assert cores(cgroup=version_1(tmp_path / "1", limit=GIB)) == min(0.5, available)
    assert cores(cgroup=write(tmp_path / "3", cpu_DOT_max="max 100000\n")) == available


def test_on_one_machine_the_jobs_processes_are_added_up_and_no_others() -> None:
    program = "x = bytearray(64 * 1024 * 1024); import sys; print('ready', flush=True); sys.stdin.read()"
    alone = meter(in_container=False, root_pid=os.getpid())()
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        of_child = meter(in_container=False, root_pid=child.pid)()
        both = meter(in_container=False, root_pid=os.getpid())()
        assert child.stdin is not None
        child.stdin.close()
    assert of_child.memory is not None
    assert of_child.cpu_seconds is not None
    assert alone.memory is not None
    assert both.memory is not None
    assert 64 * 1024**2 < of_child.memory < 200 * 1024**2
    assert both.memory > alone.memory + 60 * 1024**2
    assert both.memory_limit is None


def test_a_system_that_tells_nothing_is_unknown(tmp_path: Path) -> None:
    assert meter(in_container=True, root_pid=1, cgroup=tmp_path / "no", proc=tmp_path / "no")() == (None, None, None)
    assert machine_memory(proc=tmp_path) is None


@pytest.mark.parametrize("name", ["plain", "with ) and (", "x) 1 2 3"])
def test_a_programs_name_may_be_anything(tmp_path: Path, name: str) -> None:
    fields = ["S", "1"] + ["0"] * 9 + ["100", "50", "10", "5"] + ["0"] * 30
    write(tmp_path, **{"77__stat": f"77 ({name}) {' '.join(fields)}\n", "77__statm": "900 500 100 1 0 1 0\n"})
    use = meter(in_container=False, root_pid=77, proc=tmp_path)()
    assert use.cpu_seconds == 165 / os.sysconf("SC_CLK_TCK")
    assert use.memory == 500 * os.sysconf("SC_PAGE_SIZE")
