"""A process that was written down is recognised, and a stranger with its pid is not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from windlass.engines.job_folder.files import claim_json, read_json, write_json
from windlass.engines.job_folder.paths import JobFolder
from windlass.engines.local.identity import ProcessIdentity, process_start, supervisor_is_alive


def test_this_process_lives_and_others_with_its_pid_do_not() -> None:
    me = ProcessIdentity.of_this_process()
    assert me.is_alive()
    assert ProcessIdentity.from_json(me.to_json()) == me
    assert not replace(me, create_time=me.create_time - 1).is_alive()
    assert not replace(me, boot_id="an earlier boot").is_alive()
    assert not replace(me, host="another").is_alive()
    assert ProcessIdentity.from_json({"pid": "x"}) is None


def test_a_process_that_ended_and_was_not_waited_for_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process_start(child.pid) is None
    child.wait()
    assert process_start(child.pid) is None


def test_a_supervisor_on_another_machine_lives_as_long_as_it_touches_its_file(tmp_path: Path) -> None:
    job = JobFolder(tmp_path)
    assert supervisor_is_alive(job) is None
    write_json(job.supervisor, replace(ProcessIdentity.of_this_process(), host="another").to_json())
    assert supervisor_is_alive(job) is True
    long_ago = time.time() - 3600
    os.utime(job.supervisor, (long_ago, long_ago))
    assert supervisor_is_alive(job) is False


def test_only_one_can_claim_a_file(tmp_path: Path) -> None:
    path = tmp_path / "claim.json"
    assert claim_json(path, {"who": 1})
    assert not claim_json(path, {"who": 2})
    assert read_json(path) == {"who": 1}


def test_a_document_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    for content in (b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000):
        (tmp_path / "x.json").write_bytes(content)
        assert read_json(tmp_path / "x.json") is None
    assert read_json(tmp_path / "none" / "x.json") is None
