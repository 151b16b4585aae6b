"""`windlass` against a real server and real jobs: exit status, streams, ids, interruption."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import nbformat
import pytest
from tests.desk import Desk, end, environment_of, finished, processes_of, until

ENDLESS = "import time\nprint('begun', flush=True)\nwhile True:\n    time.sleep(0.05)"


def state_of(desk: Desk, job_id: str) -> str:
    return str(desk.run("job", job_id, "--json").json["state"])


def test_a_job_that_succeeds_is_one_json_object_and_status_0(desk: Desk) -> None:
    notebook = desk.notebook("good.ipynb", "# parameters\nlr = 0.1\nwords = ''", "print('lr is', lr, repr(words))")
    words = "a=b: 'c' \"d\" $(touch pwned) `id`"
    done = desk.run("train", str(notebook), "--wait", "--json", "-p", "lr=0.5", "-p", f"words={words}")
    assert done.status == 0, done.err
    job = done.json
    assert job["state"] == "succeeded"
    assert job["parameters"] == {"lr": 0.5, "words": words}
    assert job["exit_code"] == 0
    assert f"lr is 0.5 {words!r}" in desk.run("logs", job["id"]).out
    assert not list(desk.folder.rglob("pwned"))


def test_a_job_that_fails_says_where_and_has_status_1(desk: Desk) -> None:
    notebook = desk.notebook("bad.ipynb", "x = 1", "y = 2\nraise ValueError('\\x1b[2J[bold]no[/]')")
    done = desk.run("train", str(notebook), "--wait")
    assert done.status == 1
    assert "✗ failed" in done.out
    assert "cell 2, line 2: ValueError: [bold]no[/]" in done.out
    assert "\x1b" not in done.out + done.err


def test_a_job_that_calls_sys_exit_has_status_1(desk: Desk) -> None:
    done = desk.run("train", str(desk.notebook("exit.ipynb", "import sys\nsys.exit(3)")), "--wait", "--json")
    assert done.status == 1
    assert done.json["exit_code"] == 3


def test_a_job_that_is_stopped_has_status_3(desk: Desk) -> None:
    notebook = desk.notebook("stopped.ipynb", ENDLESS)
    waiting = desk.start("train", str(notebook), "--wait", "--json", "--name", "to be stopped")
    job = until(
        lambda: desk.run("jobs", "--search", "to be stopped", "--state", "running", "--json").json["items"],
        "the job's start",
    )[0]
    stopped = desk.run("stop", job["id"], "--reason", "enough")
    assert stopped.status == 0
    done = finished(waiting)
    assert done.status == 3
    assert done.json["state"] == "stopped"
    assert not [
        each
        for each in processes_of(Path(desk.environment["WINDLASS_DATA_DIR"]))
        if environment_of(each).get("WINDLASS_JOB_ID") == job["id"]
    ]


def test_ctrl_c_leaves_the_job_running_and_says_how_to_stop_it(desk: Desk) -> None:
    notebook = desk.notebook("interrupted.ipynb", ENDLESS)
    waiting = desk.start("train", str(notebook), "--wait", "--name", "interrupted")
    job = until(
        lambda: desk.run("jobs", "--search", "interrupted", "--state", "running", "--json").json["items"],
        "the job's start",
    )[0]
    waiting.send_signal(signal.SIGINT)
    done = finished(waiting)
    assert done.status == 130
    assert f"windlass stop {job['id']}" in done.err
    assert "Traceback" not in done.err
    assert state_of(desk, job["id"]) == "running"
    assert desk.run("stop", job["id"]).status == 0
    until(lambda: state_of(desk, job["id"]) == "stopped", "the stop")


def test_waiting_outlives_the_server(desk: Desk) -> None:
    gate = desk.folder / "gate"
    wait = f"while not os.path.exists({str(gate)!r}): time.sleep(0.05)"
    notebook = desk.notebook("survives.ipynb", f"import os, time\nprint('begun', flush=True)\n{wait}\nprint('end')")
    waiting = desk.start("train", str(notebook), "--follow", "--name", "survivor")
    until(
        lambda: desk.run("jobs", "--search", "survivor", "--state", "running", "--json").json["items"],
        "the job's start",
    )
    data_dir = Path(desk.environment["WINDLASS_DATA_DIR"])
    servers = [each for each in processes_of(data_dir) if "windlass.headless" in " ".join(each.cmdline())]
    assert servers
    end(servers)
    gate.touch()
    done = finished(waiting)
    assert done.status == 0, done.err
    assert done.out.splitlines()[:2] == ["begun", "end"]


@pytest.mark.torch
def test_output_is_followed_with_the_rank_before_each_line(desk: Desk) -> None:
    notebook = desk.notebook(
        "ranks.ipynb", "import os\nfor i in range(3):\n    print('line', i, 'of', os.environ['RANK'])"
    )
    job = desk.run("train", str(notebook), "--processes", "2", "--json").json
    followed = desk.run("logs", "-f", job["id"])
    assert followed.status == 0
    lines = followed.out.splitlines()
    assert [line for line in lines if line.startswith("[0] line")] == [f"[0] line {i} of 0" for i in range(3)]
    assert [line for line in lines if line.startswith("[1] line")] == [f"[1] line {i} of 1" for i in range(3)]
    one_rank = desk.run("logs", job["id"], "--rank", "1").out
    assert one_rank.splitlines() == [f"line {i} of 1" for i in range(3)]
    pieces = [json.loads(line) for line in desk.run("logs", job["id"], "--rank", "1", "--json").out.splitlines()]
    assert "".join(piece["text"] for piece in pieces) == one_rank


def test_an_id_may_be_shortened_until_it_fits_several_jobs(desk: Desk) -> None:
    notebook = str(desk.notebook("short.ipynb", "1"))
    ids = [desk.run("train", notebook, "--json").json["id"] for _ in range(2)]
    for job_id in ids:
        assert desk.run("job", job_id[:-2], "--json").json["id"] == job_id
    ambiguous = desk.run("job", "j", "--json")
    assert ambiguous.status == 2
    assert "Write more of it" in ambiguous.err
    assert not ambiguous.out
    unknown = desk.run("logs", "zzz")
    assert unknown.status == 2
    assert "no job whose id begins with 'zzz'" in unknown.err
    assert desk.run("job", "--json").json["id"] == ids[1]


def test_hostile_names_do_not_act(desk: Desk) -> None:
    notebook = desk.notebook("[red]$(touch pwned); 'a' & b.ipynb", "print('\\x1b]0;title\\x07\\x1b[2Jx')")
    done = desk.run("train", str(notebook), "--name", "[bold]n[/] $(id) :smile: \u202e", "--wait")
    assert done.status == 0, done.err
    shown = done.out + desk.run("jobs").out + desk.run("job").out + desk.run("logs").out
    assert "\x1b" not in shown
    assert not {"\x07", "\u202e"} & set(shown)
    assert "[bold]n[/] $(id) :smile:" in done.out
    assert not list(desk.folder.rglob("pwned"))


def test_a_preview_sends_nothing(desk: Desk) -> None:
    notebook = desk.notebook("previewed.ipynb", "import previewed_part\nprint(previewed_part)")
    (desk.folder / "previewed_part.py").write_text("x = 1\n", encoding="utf-8")
    before = len(desk.run("jobs", "--limit", "500", "--json").json["items"])
    preview = desk.run("train", str(notebook), "--preview", "--json")
    assert preview.status == 0
    assert {file["path"] for file in preview.json["files"]} == {"previewed.ipynb", "previewed_part.py"}
    shown = desk.run("train", str(notebook), "--preview")
    assert "previewed_part.py" in shown.out
    assert max(len(line) for line in shown.out.splitlines()) <= 80
    assert len(desk.run("jobs", "--limit", "500", "--json").json["items"]) == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train", "missing.ipynb"], "does not exist"),
        (["train", "good.ipynb", "-p", "a-b=1"], "cannot be a parameter"),
        (["train", "good.ipynb", "--engine", "nowhere"], "nowhere"),
        (["train", "good.ipynb", "--environment", "nowhere"], "nowhere"),
        (["train", "notes.txt"], ".ipynb"),
        (["train", "invalid.ipynb"], "invalid.ipynb"),
        (["train", "secret.ipynb"], "secret"),
        (["nonsense"], "No such command"),
        (["stop"], "Missing argument"),
    ],
)
def test_a_mistake_is_a_sentence_and_status_2(desk: Desk, words: list[str], sentence: str) -> None:
    desk.notebook("good.ipynb", "1")
    desk.notebook("secret.ipynb", "key = 'AKIA" + "IOSFODNN7EXAMPLF'")
    (desk.folder / "notes.txt").write_text("no notebook", encoding="utf-8")
    (desk.folder / "invalid.ipynb").write_text("{", encoding="utf-8")
    done = desk.run(*words, "--json") if words[0] == "train" else desk.run(*words)
    assert done.status == 2, done.err
    assert sentence in done.err
    assert not done.out
    assert "Traceback" not in done.err


def test_a_job_is_run_again_with_another_parameter(desk: Desk) -> None:
    notebook = desk.notebook("again.ipynb", "# parameters\na = 1\nb = 1", "print('sum', a + b)")
    job = desk.run("train", str(notebook), "--wait", "--json", "-p", "a=2").json
    notebook.unlink()
    again = desk.run("rerun", job["id"], "-p", "b=40", "--wait", "--json")
    assert again.status == 0, again.err
    assert again.json["parameters"] == {"a": 2, "b": 40}
    assert again.json["rerun_of"] == job["id"]
    assert "sum 42" in desk.run("logs", again.json["id"]).out


def test_the_executed_notebook_can_be_had_as_a_file(desk: Desk) -> None:
    assert desk.run("train", str(desk.notebook("kept.ipynb", "print(6 * 7)")), "--wait").status == 0
    assert desk.run("job", "--save-notebook", "executed.ipynb").status == 0
    executed = nbformat.read(desk.folder / "executed.ipynb", as_version=4)
    assert executed.cells[0].outputs[0]["text"] == "42\n"


def test_a_job_that_has_ended_can_be_removed(desk: Desk) -> None:
    job = desk.run("train", str(desk.notebook("removed.ipynb", "1")), "--wait", "--json").json
    assert desk.run("remove", job["id"]).status == 0
    assert desk.run("job", job["id"]).status == 2


def test_doctor_finds_nothing_broken(desk: Desk) -> None:
    shown = desk.run("doctor")
    assert shown.status == 0, shown.out + shown.err
    assert max(len(line) for line in shown.out.splitlines()) <= 80
    checks = desk.run("doctor", "--json").json["items"]
    assert {"windlass", "front end", "token files", "versions"} <= {check["name"] for check in checks}
    assert not [check for check in checks if check["ok"] is False]


def test_doctor_points_at_a_token_that_others_can_read(desk: Desk) -> None:
    file = next(Path(desk.environment["JUPYTER_RUNTIME_DIR"]).glob("windlass-server-*.json"))
    file.chmod(0o644)
    try:
        done = desk.run("doctor")
    finally:
        file.chmod(0o600)
    assert done.status == 1
    assert "chmod 600" in done.out
