"""Output in quantity, from everywhere, and up to the last moment."""

from __future__ import annotations

import nbformat
import pytest


def test_a_million_lines_are_all_in_the_log_and_few_in_the_notebook(job):
    job.lay_out("for i in range(1_000_000): print('line', i)")
    assert job.run() == 0
    log = job.log()
    assert log.count("\n") == 1_000_000
    assert log.startswith("line 0\nline 1\n")
    assert log.endswith("line 999999\n")
    text = job.text(0)
    assert text.startswith("line 0\nline 1\n")
    assert text.endswith("line 999998\nline 999999\n")
    assert "lines (" in text
    assert "left out here; the log has all of it" in text
    assert job.executed.stat().st_size < 400_000
    nbformat.validate(nbformat.read(job.executed, as_version=4))


def test_an_output_of_50_megabytes_is_shortened_in_the_notebook(job):
    job.lay_out(
        "print('x' * 50_000_000)", "'y' * 50_000_000", "from IPython.display import HTML\nHTML('z' * 50_000_000)"
    )
    assert job.run() == 0
    assert job.log().count("x") >= 50_000_000
    assert job.executed.stat().st_size < 2_000_000
    assert "left out" in job.text(0)
    assert "left out" in job.cells()[1]["outputs"][0]["data"]["text/plain"]
    assert "text/html of 50.0 MB left out" in job.cells()[2]["outputs"][0]["data"]["text/plain"]
    nbformat.validate(nbformat.read(job.executed, as_version=4))


def test_thousands_of_outputs_are_shortened_too(job):
    job.lay_out("for i in range(5000): display(i)")
    assert job.run() == 0
    assert len(job.cells()[0]["outputs"]) < 600
    assert "outputs left out" in job.text(0, "stderr")
    assert job.log().endswith("4998\n4999\n")


def test_subprocesses_and_c_code_write_to_the_log(job):
    job.lay_out(
        "import subprocess, os, ctypes, sys\nprint('first')\nsubprocess.run(['echo', 'child'])",
        "os.write(1, b'raw\\n')",
        "libc = ctypes.CDLL(None)\nlibc.puts(b'from C')\nlibc.fflush(None)",
        "sys.__stdout__.write('dunder\\n')\nsys.stdout.buffer.write('büffer\\n'.encode())\n"
        "print('last', file=sys.stderr)",
        "subprocess.run(['sh', '-c', 'echo to stderr >&2'], stderr=sys.stderr).returncode",
    )
    assert job.run() == 0, job.everything()
    lines = job.log().splitlines()
    positions = [lines.index(word) for word in ("first", "child", "raw", "from C", "dunder", "last", "to stderr")]
    assert positions == sorted(positions)
    assert "büffer" in job.text(3)


def test_threads_and_forked_workers_print_into_the_log(job):
    job.lay_out(
        "import threading, multiprocessing, os\ncontext = multiprocessing.get_context('fork')",
        "print('parent', end='')\ndef work(n):\n    print('worker', n)\n"
        "workers = [context.Process(target=work, args=(n,)) for n in range(3)]",
        "print()\n[w.start() for w in workers]; [w.join() for w in workers];",
        "threads = [threading.Thread(target=print, args=('thread', n)) for n in range(3)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads];",
        "pid = os.fork()\nif pid == 0:\n    print('bare fork'); os._exit(0)\nos.waitpid(pid, 0)[1]",
    )
    assert job.run() == 0, job.everything()
    lines = job.log().splitlines()
    assert lines.count("parent") == 1
    assert {f"worker {n}" for n in range(3)} | {f"thread {n}" for n in range(3)} <= set(lines)
    assert "thread 1" in job.text(3)


@pytest.mark.parametrize(
    ("statement", "code"), [("os._exit(7)", 7), ("ctypes.string_at(0)", -11), ("os.kill(os.getpid(), 9)", -9)]
)
def test_what_was_printed_before_a_crash_is_in_the_log(job, statement, code):
    job.lay_out("import os, ctypes", f"print('before the crash')\n{statement}")
    assert job.run() == code
    assert "before the crash\n" in job.log()
    status = job.status()
    assert (status["phase"], status["pid"]) == ("running", job.process.pid)
    if code == -11:
        assert "Fatal Python error: Segmentation fault" in job.log()
        assert "train.ipynb In[2]" in job.log()


def test_a_log_that_cannot_be_written_does_not_fail_the_job(job):
    job.lay_out("import sys\nprint('x' * 100000)\nprint('y', file=sys.stderr)\n1 + 1")
    (job.folder / "logs").mkdir()
    (job.folder / "logs" / "rank-0.log").symlink_to("/dev/full")
    assert job.run() == 0
    assert "x" * 1000 in job.text(0)


def test_on_a_shared_stdout_every_line_has_its_rank(job):
    job.lay_out("print('a\\nb')\nimport sys\nprint('c', end='', file=sys.stderr)")
    assert job.run(WINDLASS_LOG_TO_FILES="0", WORLD_SIZE="2", RANK="1") == 0
    assert sorted(job.output.splitlines()) == ["[rank 1] a", "[rank 1] b", "[rank 1] c"]
    assert not job.executed.exists()


def test_alone_on_stdout_lines_stay_as_they_are(job):
    job.lay_out("print('a')")
    assert job.run(WINDLASS_LOG_TO_FILES="0") == 0
    assert job.output == "a\n"
    assert job.text(0) == "a\n"


def test_text_that_is_no_valid_unicode_is_no_trouble(job):
    job.lay_out("import sys\nprint('\\ud800')\nsys.stdout.buffer.write(b'\\xff\\xfe\\n')\nsys.stdout.flush()")
    assert job.run() == 0
    assert job.text(0) == "\\ud800\n\ufffd\ufffd\n"


def test_a_closed_stdout_is_the_notebook_s_affair_alone(job):
    job.lay_out("import sys\nsys.stdout.close()", "import sys\nprint('still here', file=sys.stderr)")
    assert job.run() == 0, job.everything()
    assert "still here" in job.log()
