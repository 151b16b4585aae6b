"""The executed notebook when it cannot be written, and when the job ends."""

from __future__ import annotations

import json
import subprocess

import nbformat
import pytest

WAIT = "import os, time\nwhile not os.path.exists({!r}): time.sleep(0.01)"


def test_a_full_disk_is_told_once_and_never_fails_the_job(job):
    job.lay_out("print('one')", "print('two')")
    (job.folder / ".executed.ipynb.tmp").mkdir()
    assert job.run() == 0, job.everything()
    assert not job.executed.exists()
    notices = job.status()["notices"]
    assert len(notices) == 1
    assert "cannot be written" in notices[0]
    assert job.log().count("cannot be written") == 1


def test_when_there_is_room_again_the_notebook_is_complete(job):
    job.lay_out("print('one')", WAIT.format("go"), "print('two')")
    (job.folder / ".executed.ipynb.tmp").symlink_to("/dev/full")
    job.start()
    job.until(lambda job: "No space left on device" in job.log())
    (job.bundle / "files/dir/go").touch()
    assert job.wait() == 0
    assert job.text(2) == "two\n"
    assert "complete again" in job.status()["notices"][0]
    nbformat.validate(nbformat.read(job.executed, as_version=4))


@pytest.fixture
def tiny_disk(job):
    job.folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(job.folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("A small disk can only be mounted by root, in a container that lets it.")
    yield job.folder
    job.end()
    subprocess.run(["umount", "-l", str(job.folder)], check=True)


def test_a_job_goes_on_though_its_whole_folder_is_full(job, tiny_disk):
    fill = (
        f"f = open({str(tiny_disk / 'ballast')!r}, 'wb', buffering=0)\ntry:\n"
        f"    while f.write(bytes(1000)): pass\nexcept OSError: pass"
    )
    job.lay_out(
        fill,
        "import random\nfor i in range(20000): print(random.random())",
        f"import os\nf.close()\nos.remove({str(tiny_disk / 'ballast')!r})",
        "print('end')",
    )
    assert job.run() == 0, job.everything()
    assert job.status()["phase"] == "succeeded"
    assert job.text(3) == "end\n"


def test_the_end_is_recorded_even_on_a_disk_that_stays_full(job, tiny_disk):
    fill = (
        f"f = open({str(tiny_disk / 'ballast')!r}, 'wb', buffering=0)\ntry:\n"
        f"    while f.write(bytes(1000)): pass\nexcept OSError: pass"
    )
    job.lay_out(fill, "def deep(n):\n    return deep(n - 1) if n else 1 / 0\ndeep(90)")
    assert job.run() == 1
    status = job.status()
    assert (status["phase"], status["exit_code"]) == ("failed", 1)
    assert (status["error"]["ename"], status["error"]["line"]) == ("ZeroDivisionError", 3)


def test_a_failing_notebook_is_left_complete(job):
    job.lay_out("print('shown')", "print('last words', end='')\nraise RuntimeError('x')", "print('never')")
    assert job.run() == 1
    assert job.text(1) == "last words"
    assert job.cells()[1]["outputs"][-1]["ename"] == "RuntimeError"
    assert "shell.execute_reply" in job.cells()[1]["metadata"]["execution"]
    assert job.cells()[2]["outputs"] == []
    assert json.loads(job.executed.read_text())["metadata"]["windlass"]["state"] == "failed"


def test_outputs_are_there_while_the_cell_runs(job):
    job.lay_out("print('already there')\n" + WAIT.format("go"))
    job.start()
    job.until(lambda job: job.executed.exists() and job.text(0) == "already there\n")
    (job.bundle / "files/dir/go").touch()
    assert job.wait() == 0
