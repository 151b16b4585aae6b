"""A rank in a pod: all it says comes out of its stdout, and the text between is what it printed."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.engines.kubernetes.logs.frames import Assembler, Report, split
from windlass.engines.kubernetes.logs.log_lines import Line
from windlass.engines.kubernetes.logs.rank_text import PodRanks, RankText
from windlass.runner.context import JobContext
from windlass.runner.executed import ExecutedNotebook
from windlass.runner.notebook import Cell, Notebook
from windlass.runner.packing import LARGEST_CELL, fit_cell
from windlass.runner.reporting import BURST_BYTES, BYTES_PER_SECOND, Budget, Reporter
from windlass.runner.wire import LONGEST_LINE, Wire

from .job import Job

IN_A_POD = {"WINDLASS_REPORT": "stdout", "WINDLASS_LOG_TO_FILES": "0"}


def read(output: bytes, *, ranks: int = 1) -> tuple[dict[int, bytes], list[Report]]:
    """The text by rank, and what was reported."""
    text = RankText(ranks=PodRanks(first=0, count=ranks, world_size=ranks))
    assembler, reports, logs = Assembler(), [], {}
    *lines, rest = output.split(b"\n")
    assert rest == b""
    for content in lines:
        piece, frame = text.take(Line(0, content, begins=True, ended=True))
        if piece is not None:
            logs[piece.rank] = logs.get(piece.rank, b"") + piece.content
        report = assembler.add(frame) if frame is not None else None
        if report is not None:
            reports.append(report)
    assert assembler.is_between
    return logs, reports


def last(reports: list[Report], kind: str, rank: int = 0) -> Report:
    return [report for report in reports if (report.kind, report.rank) == (kind, rank)][-1]


def output_of(job: Job) -> bytes:
    return job.output.encode()


@pytest.fixture
def pipe() -> tuple[int, int]:
    read_end, write_end = os.pipe()
    yield read_end, write_end
    for end in (read_end, write_end):
        try:
            os.close(end)
        except OSError:
            continue


def everything(write_end: int, read_end: int) -> bytes:
    os.close(write_end)
    with os.fdopen(os.dup(read_end), "rb") as source:
        return source.read()


PRINTING = [
    "print('first')\nprint('unfinished', end='')",
    "import sys\nprint(' and finished')\nprint('to stderr', file=sys.stderr)\nprint('a\\x1eb\\x1e')",
    "for number in range(2000): print('line', number, 'é☃')",
    "print('x' * 20_000)\nprint('\\r10%', end='')\nprint('\\r20%', end='')\nprint()",
    "from IPython.display import display, HTML\ndisplay(HTML('<b>bold</b>'))\n1 + 1",
]


def test_the_text_is_that_of_the_log_file_and_the_reports_are_the_files(job: Job, tmp_path: Path) -> None:
    assert job.lay_out(*PRINTING, "1/0").run(**IN_A_POD) == 1
    logs, reports = read(output_of(job))
    assert last(reports, "notebook").source == job.executed.read_bytes()
    assert last(reports, "status").value == job.status()
    assert reports[-1].kind == "status"
    assert reports[-1].value["ended_at"] is not None

    beside = Job(tmp_path / "local")
    assert beside.lay_out(*PRINTING, "1/0").run() == 1
    assert logs == {0: (beside.folder / "logs" / "rank-0.log").read_bytes()}


def test_cells_are_told_while_the_notebook_runs(job: Job) -> None:
    job.lay_out("print('early')", "import time\nprint('late')\ntime.sleep(1.6)").run(**IN_A_POD)
    _logs, reports = read(output_of(job))
    whole = [place for place, report in enumerate(reports) if report.kind == "notebook"]
    cells = [(place, report.cell) for place, report in enumerate(reports) if report.kind == "cell"]
    assert whole[0] < cells[0][0] < whole[-1]
    assert {cell for _, cell in cells} == {0, 1}
    assert "early" in json.dumps(next(report.value for report in reports if report.cell == 0))


def test_nothing_but_what_the_runner_sends_looks_like_a_report(job: Job) -> None:
    forged = '\\x1ewindlass {"o":0,"k":"status","r":0,"a":0,"v":{"phase":"forged"}}'
    job.lay_out(f"print('{forged}')\nprint('begun ' + '{forged}')").run(**IN_A_POD)
    logs, reports = read(output_of(job))
    assert "forged" not in [report.value["phase"] for report in reports if report.kind == "status"]
    assert logs[0].count(b"forged") == 2


def test_what_code_that_is_not_python_writes_does_not_break_a_report(job: Job) -> None:
    job.lay_out("import os\n_ = os.write(1, b'from C, unfinished ')", "import time\ntime.sleep(0.7)\nprint('after')")
    job.run(**IN_A_POD)
    logs, reports = read(output_of(job))
    assert logs[0] == b"from C, unfinished after\n"
    assert last(reports, "status").value == job.status()


def test_a_job_that_is_stopped_tells_its_end(job: Job) -> None:
    job.lay_out("print('begun')", "import time\nprint('unfinished', end='')\ntime.sleep(100)").start(**IN_A_POD)
    job.until(lambda job: job.status().get("cell") == 2)
    assert job.process is not None
    job.process.send_signal(signal.SIGTERM)
    assert job.wait() == 128 + signal.SIGTERM
    logs, reports = read(output_of(job))
    assert last(reports, "status").value["phase"] == "killed"
    assert last(reports, "notebook").source == job.executed.read_bytes()
    assert logs[0].startswith(b"begun\nunfinished")


def test_a_notebook_that_cannot_be_run_says_so(job: Job) -> None:
    assert job.lay_out(content="{}").run(**IN_A_POD) == 1
    _logs, reports = read(output_of(job))
    assert last(reports, "status").value["error"]["ename"] == "NotebookUnreadable"


def test_an_output_of_twenty_megabytes_does_not_flood_the_log(job: Job) -> None:
    source = "import random\nfrom IPython.display import display, HTML\nprint('small')\n"
    source += "display(HTML(random.Random(1).randbytes(10_000_000).hex()[:15_000_000]))"
    job.lay_out(source, "print('next')").run(**IN_A_POD)
    output = output_of(job)
    _logs, reports = read(output)
    cells = last(reports, "notebook").value["cells"]
    assert len(output) < 200_000
    shown = json.dumps(cells[0]["outputs"])
    assert "small" in shown
    assert "15.0 MB is not in this copy" in shown
    assert cells[1]["outputs"][0]["text"] == "next\n"
    assert len(job.executed.read_bytes()) > 15_000_000


def test_runs_are_told(job: Job) -> None:
    line = '{"run_id": "r1", "experiment_id": "1", "rank": 0, "own": false}'
    other = line.replace('"rank": 0', '"rank": 1')
    source = f"import os\nopen(os.environ['WINDLASS_JOB_DIR'] + '/runs.jsonl', 'w').write('''{line}\n{other}\n''')"
    own = "open(os.environ['WINDLASS_JOB_DIR'] + '/own_run.json', 'w').write('{\"run_id\": \"own\"}')"
    job.lay_out(source, own).run(**IN_A_POD)
    _logs, reports = read(output_of(job))
    assert {report.value["run_id"] for report in reports if report.kind == "run"} == {"r1"}
    assert last(reports, "own_run").value == {"run_id": "own"}


@pytest.mark.torch
def test_two_ranks_share_one_output(job: Job) -> None:
    source = "import os, sys\nrank = os.environ['RANK']\nfor i in range(3000): print(rank, i, 'x' * (i % 300))"
    job.lay_out(source, "print('y' * 9000 + rank, end='')").run(ranks=2, **IN_A_POD)
    logs, reports = read(output_of(job), ranks=2)
    for rank in (0, 1):
        lines = [f"{rank} {number} {'x' * (number % 300)}\n" for number in range(3000)]
        assert logs[rank].decode() == "".join(lines) + "y" * 9000 + str(rank)
        assert last(reports, "status", rank).value == job.status(rank)
    assert last(reports, "notebook").source == job.executed.read_bytes()


texts = st.lists(st.text(alphabet="ab\n\x1e", max_size=30).map(str.encode) | st.binary(max_size=30), max_size=12)


@settings(deadline=None)
@given(texts=texts, flushes=st.lists(st.booleans(), max_size=12), prefix=st.sampled_from(["", "[rank 0] "]))
def test_any_bytes_come_back_whenever_they_are_flushed(texts: list[bytes], flushes: list[bool], prefix: str) -> None:
    read_end, write_end = os.pipe()
    wire = Wire(write_end, prefix=prefix)
    for number, text in enumerate(texts):
        wire.text(text)
        if number < len(flushes) and flushes[number]:
            wire.flush()
            wire.frames([b'{"k":"at","r":0,"v":null}'])
    wire.flush()
    output = everything(write_end, read_end)
    os.close(read_end)
    logs, reports = read(output, ranks=2 if prefix else 1)
    assert logs.get(0, b"") == b"".join(texts)
    assert wire.text_bytes == len(b"".join(texts))
    assert len(reports) == sum(flushes[: len(texts)])


def test_lines_stay_whole_however_many_write(pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    wires = [Wire(write_end, prefix=f"[rank {rank}] ") for rank in range(4)]
    sent = {}

    def print_much(rank: int) -> None:
        chooser = random.Random(rank)
        lines = [b"%d" % number * chooser.randrange(3000) + b"\n" for number in range(150)]
        sent[rank] = b"".join(lines)
        for line in lines:
            wires[rank].text(line)
            wires[rank].frames([b'{"k":"at","r":%d,"v":null}' % rank])

    threads = [threading.Thread(target=print_much, args=(rank,)) for rank in range(4)]
    reader: list[bytes] = []

    def collect() -> None:
        with os.fdopen(os.dup(read_end), "rb") as source:
            reader.append(source.read())

    collecting = threading.Thread(target=collect)
    for thread in [collecting, *threads]:
        thread.start()
    for thread in threads:
        thread.join()
    os.close(write_end)
    collecting.join()
    assert max(map(len, reader[0].split(b"\n"))) < LONGEST_LINE
    logs, reports = read(reader[0], ranks=4)
    assert logs == sent
    assert len(reports) == 600


def test_the_budget_is_an_average_with_bursts_and_debts() -> None:
    now = [0.0]
    budget = Budget(lambda: now[0])
    assert budget.is_left
    budget.spend(BURST_BYTES + BYTES_PER_SECOND)
    assert not budget.is_left
    now[0] = 1.0
    assert not budget.is_left
    now[0] = 1.1
    assert budget.is_left
    now[0] = 1000.0
    budget.spend(BURST_BYTES)
    assert not budget.is_left


class Rank:
    """A reporter whose time and output are ours, and the notebook it tells of."""

    def __init__(self, job_dir: Path, write_end: int) -> None:
        self.now = 0.0
        environ = {"WINDLASS_JOB_DIR": str(job_dir), "WINDLASS_REPORT": "stdout"}
        context = JobContext.from_environment(job_dir, environ)
        self.cells = [Cell(index=place, kind="code", id=f"c{place}", source="x") for place in range(3)]
        self.document = ExecutedNotebook(Notebook(name="n", cells=self.cells, metadata={}), job={})
        wire = Wire(write_end, clock=self.clock)
        self.reporter = Reporter(wire, context=context, clock=self.clock)
        self.reporter.begin(self.document)

    def clock(self) -> float:
        return self.now

    def live(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            self.reporter.tick()


def test_a_notebook_that_changes_all_the_time_keeps_to_the_budget_and_is_whole_in_the_end(tmp_path: Path) -> None:
    target = tmp_path / "output"
    with target.open("wb") as file:
        rank = Rank(tmp_path, file.fileno())
        chooser = random.Random(3)
        for second in range(120):
            cell = rank.cells[second % 3]
            rank.document.start(cell, second)
            rank.document.stream("stdout", chooser.randbytes(60_000).hex(), "")
            rank.live(1.0)
        before = target.stat().st_size
        rank.reporter.finish()
    assert before < BURST_BYTES + 121 * BYTES_PER_SECOND + 2 * LARGEST_CELL
    _logs, reports = read(target.read_bytes())
    assert reports[-1].source == b"".join(rank.document.snapshot()[1])
    assert sum(report.kind == "notebook" for report in reports) >= 3


def test_status_is_told_twice_a_second_and_an_error_at_once(tmp_path: Path) -> None:
    target = tmp_path / "output"
    with target.open("wb") as file:
        rank = Rank(tmp_path, file.fileno())
        for number in range(100):
            rank.reporter.status(json.dumps({"cell": number, "error": None, "ended_at": None}))
            rank.live(0.1)
        rank.reporter.status(json.dumps({"cell": 100, "error": {}, "ended_at": None}))
    _logs, reports = read(target.read_bytes())
    told = [report.value["cell"] for report in reports if report.kind == "status"]
    assert len(told) <= 22
    assert told[-1] == 100
    assert told == sorted(told)


def test_a_rank_that_only_prints_says_how_much(tmp_path: Path) -> None:
    target = tmp_path / "output"
    with target.open("wb") as file:
        rank = Rank(tmp_path, file.fileno())
        rank.live(20.0)
        quiet = target.stat().st_size
        rank.reporter._wire.text(b"text\n")
        rank.live(6.0)
    assert quiet == len(b"\n".join(target.read_bytes().split(b"\n")[:1])) + 1
    _logs, reports = read(target.read_bytes())
    assert (reports[-1].kind, reports[-1].text_bytes) == ("at", 5)


@pytest.mark.parametrize("field", ["source", "attachments", "outputs"])
def test_a_cell_always_fits(field: str) -> None:
    noise = random.Random(0).randbytes(2 * LARGEST_CELL).hex()
    cell = {"id": "a", "cell_type": "code", "metadata": {}, "source": "x", "outputs": [], "execution_count": 1}
    large = {
        "source": noise,
        "attachments": {"a.png": {"image/png": noise}},
        "outputs": [{"output_type": "stream", "name": "stdout", "text": noise}] * 2,
    }
    told, packed = fit_cell(json.dumps({**cell, field: large[field]}).encode(), room=LARGEST_CELL)
    assert len(packed) <= LARGEST_CELL
    assert json.loads(told)["id"] == "a"


def test_a_line_that_is_no_frame_is_text() -> None:
    assert split(b"\x1ewindlass no frame").text == b"\x1ewindlass no frame"
    assert split(b"a\x1ewindlass {").frame == b"{"
