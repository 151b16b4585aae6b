"""Cluster and ranks together: whose word holds for the end of a job, and for why it failed."""

from __future__ import annotations

from typing import Any

import pytest

from windlass.engines.base import State
from windlass.engines.job_folder.ranks import RankStatus
from windlass.engines.job_folder.record import JobRecord
from windlass.engines.kubernetes.jobs.standing import stand, stopped
from windlass.engines.kubernetes.kinds.choosing import KINDS
from windlass.engines.kubernetes.model import Observed, Phase

ERROR = {"rank": 1, "cell": 3, "line": 2, "ename": "ValueError", "evalue": "too large", "traceback": []}


def rank(number: int, phase: str, **more: Any) -> RankStatus:
    return RankStatus(rank=number, phase=phase, cell=2, cells=4, fraction=0.5, **more)


def record(phase: Phase, *ranks: RankStatus) -> JobRecord:
    seen = Observed(job=None)
    return stand(kind=KINDS["PyTorchJob"], seen=seen, phase=phase, ranks=ranks, world_size=2)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("master ended with exit code 1", "rank 1, cell 4, line 2: ValueError: too large"),
        ("worker 0 was ended by SIGTERM (exit code 143)", "rank 1, cell 4, line 2: ValueError: too large"),
        (
            "master ended with exit code 1, after 3 restarts",
            "rank 1, cell 4, line 2: ValueError: too large, after 3 restarts",
        ),
        ("the time limit was reached", "the time limit was reached"),
        (
            "master ran out of memory and was killed (OOMKilled); ask for more memory per worker",
            "master ran out of memory and was killed (OOMKilled); ask for more memory per worker",
        ),
    ],
)
def test_a_rank_says_why_it_failed_unless_the_cluster_knows_better(said: str, reason: str) -> None:
    failed = rank(1, "failed", exit_code=1, error=ERROR, error_at=1.0)
    found = record(Phase(state=State.FAILED, reason=said, exit_code=1), rank(0, "killed"), failed)
    assert (found.reason, found.error) == (reason, ERROR)


def test_without_a_ranks_word_the_clusters_holds() -> None:
    found = record(Phase(state=State.FAILED, reason="master ended with exit code 7", exit_code=7))
    assert (found.reason, found.exit_code, found.error, found.progress) == (
        "master ended with exit code 7",
        7,
        None,
        None,
    )


def test_progress_is_rank_0s_and_notices_are_told_once() -> None:
    found = record(
        Phase(state=State.RUNNING), rank(1, "running", notices=("slow",)), rank(0, "running", notices=("slow",))
    )
    assert found.progress == {"fraction": 0.5, "cell": 2, "cells": 4, "message": None}
    assert found.notices == ["slow"]


def test_a_job_that_had_succeeded_before_it_was_stopped_stays_so() -> None:
    done = JobRecord(state=State.SUCCEEDED, exit_code=0, ended_at=1.0)
    assert stopped(done, reason="Enough.", at=2.0) is done
    failed = JobRecord(state=State.FAILED, error=ERROR, exit_code=143)
    assert stopped(failed, reason="Enough.", at=2.0) == JobRecord(state=State.STOPPED, reason="Enough.", ended_at=2.0)
