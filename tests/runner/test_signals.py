"""Ended from outside: by torchrun after another rank failed, or because the job was stopped."""

from __future__ import annotations

import signal

import nbformat
import pytest

STUCK = {
    "in Python": "import time\nprint('waiting')\nopen('ready', 'w').close()\nwhile True: time.sleep(0.01)",
    "swallowing": (
        "import time\nprint('waiting')\nopen('ready', 'w').close()\n"
        "try:\n    while True: time.sleep(0.01)\nexcept BaseException: print('swallowed')"
    ),
    "in C": (
        "import ctypes\nprint('waiting')\nopen('ready', 'w').close()\n"
        "libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)\n"
        "libc.pthread_mutex_lock(mutex)\nlibc.pthread_mutex_lock(mutex)"
    ),
}


@pytest.mark.parametrize("way", STUCK)
def test_sigterm_leaves_a_killed_rank_with_its_notebook(job, way):
    job.lay_out("print('done')", STUCK[way], "print('never')")
    job.start()
    job.until(lambda job: (job.bundle / "files/dir/ready").exists())
    job.process.send_signal(signal.SIGTERM)
    assert job.wait() == 128 + signal.SIGTERM, job.everything()
    status = job.status()
    assert (status["phase"], status["exit_code"], status["error"]) == ("killed", 143, None)
    assert job.text(0) == "done\n"
    assert job.text(1).startswith("waiting\n")
    assert "Terminated" in [output.get("ename") for output in job.cells()[1]["outputs"]]
    assert "never" not in job.log()
    nbformat.validate(nbformat.read(job.executed, as_version=4))


def test_the_notebook_s_own_handler_has_its_turn(job):
    job.lay_out(
        "import signal, time\nstop = []\nsignal.signal(signal.SIGTERM, lambda *_: stop.append(1))",
        "open('ready', 'w').close()\nwhile not stop: time.sleep(0.01)\nprint('saved')",
    )
    job.start()
    job.until(lambda job: (job.bundle / "files/dir/ready").exists())
    job.process.send_signal(signal.SIGTERM)
    assert job.wait() == 0, job.everything()
    assert job.text(1) == "saved\n"
    assert job.status()["phase"] == "succeeded"


def test_an_interrupt_from_outside_is_an_end_from_outside(job):
    job.lay_out(STUCK["in Python"])
    job.start()
    job.until(lambda job: (job.bundle / "files/dir/ready").exists())
    job.process.send_signal(signal.SIGINT)
    assert job.wait() == 130, job.everything()
    assert job.status()["phase"] == "killed"


def test_a_worker_that_is_terminated_does_not_end_its_parent(job):
    job.lay_out(
        "import multiprocessing, time\n"
        "worker = multiprocessing.get_context('fork').Process(target=time.sleep, args=(60,))",
        "worker.start()\nworker.terminate()\nworker.join()\nprint(worker.exitcode)",
        "time.sleep(0.3)\nprint('alive')",
    )
    assert job.run() == 0, job.everything()
    assert job.text(1) == "-15\n"
    assert job.status()["phase"] == "succeeded"


def test_a_worker_that_is_terminated_while_it_is_made_does_not_end_its_parent(job):
    job.lay_out(
        "import os, signal",
        "pids = []\n"
        "for _ in range(300):\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        signal.pause()\n"
        "    os.kill(pid, signal.SIGTERM)\n"
        "    pids.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
        "print(set(pids))",
    )
    assert job.run() == 0, job.everything()
    assert job.text(1) == "{-15}\n"


def test_what_failed_before_the_signal_stays_the_rank_s_own_failure(job):
    job.lay_out(
        "import atexit, time\natexit.register(lambda: (open('ready', 'w').close(), time.sleep(60)))\n1/0",
    )
    job.start()
    job.until(lambda job: (job.bundle / "files/dir/ready").exists())
    job.process.send_signal(signal.SIGTERM)
    job.wait()
    assert job.status()["phase"] == "failed"
    assert job.status()["error"]["ename"] == "ZeroDivisionError"
