"""What is shown fits 80 columns, tells what is known, and lets nothing act that came from outside."""

from __future__ import annotations

import io
from datetime import datetime, timezone
from typing import Any

import pytest

from windlass.contract.info import Check
from windlass.contract.jobs import Job, JobError, JobProgress, JobRun, JobState, LogSegment
from windlass.contract.preview import BundleFile, EnvironmentSummary, Finding, JobPreview, ParameterField, Severity
from windlass.output.checks import checks_text
from windlass.output.console import make_console, rendered
from windlass.output.jobs import ending, job_detail, jobs_table, short_ids
from windlass.output.listing import JobListing
from windlass.output.logs import LogWriter
from windlass.output.preview import preview_text
from windlass.output.progress import ProgressDisplay

HOSTILE = "[bold red]x[/] \x1b]0;t\x07\x1b[2J <script>alert(1)</script> \u202e:smile: " + "long " * 30
MOMENT = datetime(2026, 11, 23, 5, 31, tzinfo=timezone.utc)


def make_job(**changes: Any) -> Job:
    values: dict[str, Any] = {
        "id": "j1kxq8zr3abcde", "name": "digits", "owner": "ada", "notebook": "digits.ipynb", "created_at": MOMENT,
        "state": JobState.RUNNING, "reason": "", "engine": "local", "kind": "torchrun", "parameters": {},
        "workers": 1, "processes_per_worker": 2, "gpus_per_worker": 0, "world_size": 2, "retries": 0, "restarts": 0,
        "progress": JobProgress(),
    }  # fmt: skip
    return Job(**{**values, **changes})


def failed_job(**changes: Any) -> Job:
    error = JobError(rank=1, cell=3, line=2, ename="ValueError", evalue="no", traceback=["Traceback", "ValueError: no"])
    return make_job(**{"state": JobState.FAILED, "error": error, "duration_seconds": 3.2, "exit_code": 1, **changes})


def hostile_job() -> Job:
    error = JobError(ename=HOSTILE, evalue=HOSTILE, traceback=[HOSTILE])
    run = JobRun(run_id=HOSTILE, name=HOSTILE, experiment_name=HOSTILE, url=HOSTILE)
    return make_job(
        name=HOSTILE, notebook=HOSTILE, reason=HOSTILE, kind=HOSTILE, parameters={"p": HOSTILE}, notices=[HOSTILE],
        error=error, runs=[run], record=HOSTILE, environment_name=HOSTILE, state=JobState.FAILED,
    )  # fmt: skip


def make_preview() -> JobPreview:
    return JobPreview(
        notebook=HOSTILE, engine="local", kind="torchrun", world_size=2,
        files=[BundleFile(path=HOSTILE, size_bytes=1_234, reason=HOSTILE)], left_out=[], data=[],
        parameters=[ParameterField(name="lr", type="float", default=0.1, default_source="0.1", value=0.2)],
        environment=EnvironmentSummary(name="python3"),
        findings=[Finding(rule="secret", severity=Severity.ERROR, message=HOSTILE, cell=2, line=1, fix=HOSTILE)],
        total_bytes=1_234, cells=3, command=["python", HOSTILE], can_submit=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "renderable",
    [
        jobs_table([hostile_job(), make_job(id="j1kxq8zr3abcdf")]),
        job_detail(hostile_job()),
        ending(hostile_job()),
        preview_text(make_preview()),
        checks_text([Check(name="x", ok=False, message=HOSTILE, fix=HOSTILE)]),
    ],
    ids=["jobs", "job", "ending", "preview", "checks"],
)
def test_hostile_text_is_shown_as_it_is_within_80_columns(renderable: object) -> None:
    shown = rendered(renderable)
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert not any(character in shown for character in "\x1b\x07\u202e")
    assert "[bold red]x" in " ".join(shown.split())
    assert "\N{SMILING FACE WITH OPEN MOUTH AND SMILING EYES}" not in shown


def test_html_of_the_listing_is_escaped() -> None:
    shown = JobListing([hostile_job()])._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_a_failure_names_rank_cell_and_line_counted_from_one() -> None:
    shown = rendered(ending(failed_job()))
    assert "rank 1, cell 4, line 2: ValueError: no" in shown


def test_the_address_of_a_run_stays_whole() -> None:
    address = "http://127.0.0.1:43567/#/experiments/2/runs/69949a44f69f413baf7c785105a09651" + "x" * 40
    job = make_job(runs=[JobRun(run_id="r", name="n", url=address), JobRun(run_id="r2", url="http://a\x1b[2J")])
    for shown in (rendered(job_detail(job)), rendered(ending(job))):
        assert address in shown.splitlines()
        assert "\x1b" not in shown


def test_what_is_not_known_is_not_shown_as_nought() -> None:
    shown = rendered(job_detail(make_job()))
    assert "cost" not in shown
    assert "0 %" not in shown


def test_a_long_name_shortens_no_other_column() -> None:
    long = make_job(name="n" * 200, state=JobState.RESTARTING, duration_seconds=7_500, world_size=1_024)
    row = rendered(jobs_table([long, make_job(id="j1kxq8zr3abcdf")])).splitlines()[1]
    assert {"j1kxq8zr3abcde", "restarting", "1024"} <= set(row.split())
    assert "2 h 05 min" in row
    assert "nnn…" in row


def test_ids_are_as_short_as_they_can_be_told_apart() -> None:
    ids = ("j1kxq8zr3abcde", "j1kxq8zr3abcdf", "j2")
    assert set(short_ids([make_job(id=each) for each in ids]).values()) == {"j1kxq8zr3abcde", "j1kxq8zr3abcdf", "j2"}
    assert short_ids([make_job()]) == {"j1kxq8zr3abcde": "j1kxq8zr"}


def test_no_colour_reaches_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream = io.StringIO()
    make_console(stream).print(ending(failed_job()))
    assert "\x1b" not in stream.getvalue()


def test_progress_outside_a_terminal_is_a_line_per_change() -> None:
    stream = io.StringIO()
    with ProgressDisplay(console=make_console(stream)) as display:
        for fraction in (0.0, 0.01, 0.02, 0.5, 0.51):
            display.show(make_job(progress=JobProgress(fraction=fraction, message=HOSTILE)))
        display.show(make_job(state=JobState.SUCCEEDED))
    shown = stream.getvalue()
    assert [line.split()[1] for line in shown.splitlines()] == ["0", "50"]
    assert "\x1b" not in shown


def segment(rank: int | None, words: str) -> LogSegment:
    return LogSegment(rank=rank, time=MOMENT, text=words)


def test_lines_of_several_ranks_do_not_mix() -> None:
    stream = io.StringIO()
    writer = LogWriter(stream=stream, with_ranks=True, colours=False)
    for each in (
        segment(0, "one "),
        segment(1, "two\nthr"),
        segment(0, "line\n"),
        segment(None, "W\n"),
        segment(1, "ee"),
    ):
        writer.write(each)
    writer.close()
    assert stream.getvalue() == "[1] two\n[0] one line\n[launcher] W\n[1] three\n"


def test_one_process_prints_its_own_lines() -> None:
    stream = io.StringIO()
    writer = LogWriter(stream=stream, with_ranks=False, colours=False)
    writer.write(segment(0, "50%\r100%\n\x1b[31mred\x1b[0m\x1b[2J\n"))
    writer.close()
    assert stream.getvalue() == "100%\nred\n"


def test_a_line_without_end_is_not_kept_for_ever() -> None:
    stream = io.StringIO()
    writer = LogWriter(stream=stream, with_ranks=False, colours=False)
    writer.write(segment(0, "x" * 200_000))
    assert len(stream.getvalue()) >= 200_000
