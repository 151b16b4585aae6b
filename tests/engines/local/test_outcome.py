"""Who is blamed for a failed attempt, and in which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from windlass.engines.job_folder.ranks import RankStatus
from windlass.engines.local.launcher_report import LauncherReport, WorkerEnd, read_report
from windlass.engines.local.outcome import Outcome, Witnesses, judge

REPORT = """W1123 05:56:55.958000 10398 torch/distributed/elastic/multiprocessing/api.py:1028] Sending process 10402
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
=======================================================
s.py FAILED
-------------------------------------------------------
Failures:
[1]:
  time      : 2026-11-23_05:56:55
  host      : localhost
  rank      : 0 (local_rank: 0)
  exitcode  : -15 (pid: 10402)  (SIGTERM)
  error_file: <N/A>
  traceback : Signal 15 (SIGTERM) received by PID 10402
-------------------------------------------------------
Root Cause (first observed failure):
[0]:
  time      : 2026-11-23_05:56:55
  host      : localhost
  rank      : 1 (local_rank: 1)
  exitcode  : -9 (pid: 10403)  (SIGKILL)
  error_file: <N/A>
  traceback : Signal 9 (SIGKILL) received by PID 10403
=======================================================
"""
EMPTY = LauncherReport((), no_torch=False, port_taken=False)


def judged(*statuses: RankStatus, report: LauncherReport = EMPTY, returncode: int = 1, **more: Any) -> Outcome:
    given = {"world_size": 2, "python": "/env/bin/python", "memory_kills": 0, **more}
    return judge(Witnesses(returncode=returncode, statuses=statuses, report=report, **given))


def error(rank: int, **more: Any) -> dict[str, Any]:
    return {"rank": rank, "cell": None, "line": None, "ename": "E", "evalue": "", "traceback": [], **more}


def test_torchruns_report_names_each_rank_its_exit_code_and_the_first(tmp_path: Path) -> None:
    log = tmp_path / "launcher.log"
    log.write_text("rank      : 7 (local_rank: 7)\n" + REPORT)
    report = read_report(log, offset=len("rank      : 7 (local_rank: 7)\n"))
    assert report.ends == (WorkerEnd(0, -15, is_root_cause=False), WorkerEnd(1, -9, is_root_cause=True))
    assert read_report(tmp_path / "none", offset=0) == EMPTY


def test_the_earliest_error_is_the_jobs_and_those_killed_after_it_have_none() -> None:
    late = RankStatus(rank=0, phase="failed", exit_code=1, error=error(0, evalue="late"), error_at=20.0)
    early = RankStatus(rank=1, phase="failed", exit_code=4, error=error(1, cell=2, line=7), error_at=10.0)
    killed = RankStatus(rank=2, phase="killed", exit_code=143, error=error(2), error_at=1.0)
    outcome = judged(late, early, killed, world_size=3)
    assert (outcome.exit_code, outcome.reason) == (4, "rank 1, cell 3, line 7: E")
    assert outcome.error == early.error


def test_a_long_message_is_cut_and_kept_on_one_line() -> None:
    status = RankStatus(rank=0, phase="failed", exit_code=1, error=error(0, evalue="a\nb " + "x" * 5000), error_at=1.0)
    reason = judged(status, world_size=1).reason
    assert reason.startswith("E: a b xxx")
    assert len(reason) < 400


def test_lack_of_memory_is_only_said_when_the_kernel_counted_it() -> None:
    assert "out of memory: the kernel killed it" in judged(returncode=-9, world_size=1, memory_kills=1).reason
    assert "perhaps out of memory" in judged(returncode=-9, world_size=1, memory_kills=None).reason
    assert "counts no lack of memory" in judged(returncode=-9, world_size=1, memory_kills=0).reason


def test_a_rank_we_killed_because_it_was_late_is_not_blamed() -> None:
    report = LauncherReport(
        (WorkerEnd(0, -9, is_root_cause=False), WorkerEnd(1, 5, is_root_cause=True)), no_torch=False, port_taken=False
    )
    assert judged(report=report, ended_by_us=frozenset({0})).reason.startswith("rank 1 ended with exit code 5")


def test_without_torch_the_environment_is_named() -> None:
    report = LauncherReport((), no_torch=True, port_taken=False)
    assert "the environment of /env/bin/python has no torch" in judged(report=report).reason


def test_when_no_one_says_why_the_log_is_pointed_to() -> None:
    assert judged(returncode=2).reason == "torchrun ended with exit code 2; its log may say more"
    assert judged(returncode=2, world_size=1).exit_code == 2
    assert judged(returncode=0).succeeded


def test_a_rank_that_somebody_else_ended_is_said_to_have_been() -> None:
    killed = RankStatus(rank=1, phase="killed", exit_code=143)
    report = LauncherReport((WorkerEnd(1, 143, is_root_cause=True),), no_torch=False, port_taken=False)
    outcome = judged(killed, report=report)
    assert (outcome.exit_code, outcome.reason) == (143, "rank 1 was told to end (SIGTERM), and not by Windlass")
