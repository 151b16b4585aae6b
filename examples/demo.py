"""What `make demo` runs: JupyterLab, and the example notebook sent to it as a distributed job of two processes.

It does what a person would do, through the same REST interface as the panel and the command line, and shows it. All
that it keeps lies in `.demo/` of this checkout, so that your own settings, jobs and runs stay untouched. It stays up
until Ctrl-C; with DEMO_EXIT=1 it ends after the job, with status 0 when that succeeded. It leaves no process behind.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from urllib.parse import quote

import httpx
import psutil
from ports import free_port
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from windlass.client import ClientError, ServerRecord, discover
from windlass.connection import Connection
from windlass.contract.jobs import Job, JobRequest, JobState
from windlass.errors import WindlassError
from windlass.output import text
from windlass.output.console import is_ascii_only, make_console
from windlass.output.jobs import ending
from windlass.output.logs import LogWriter

EXAMPLES = Path(__file__).resolve().parent
FOLDER = Path(os.environ.get("WINDLASS_DEMO_DIR") or EXAMPLES.parent / ".demo").resolve()
NOTEBOOK = "digits_ddp.ipynb"
FILES = (NOTEBOOK, "digits_model.py")
PROCESSES = 2
START_SECONDS = 120.0
STOP_SECONDS = 10.0
MLFLOW_SECONDS = 60.0
USUAL_PORT = 8888


class DemoError(Exception):
    """The demo cannot go on; the sentence says why."""


def main() -> int:
    """Run the demo; its exit status."""
    console = make_console()
    signal.signal(signal.SIGTERM, _as_interrupt)
    signal.signal(signal.SIGHUP, _as_interrupt)
    try:
        with only_demo(), jupyterlab(console) as (record, address):
            succeeded = run_example(record, console=console)
            console.print(Text.assemble("\nJupyterLab: ", (address, "bold underline")), soft_wrap=True)
            if os.environ.get("DEMO_EXIT", "0") not in {"", "0"}:
                return 0 if succeeded else 1
            console.print("The panel on its left shows the job. Press Ctrl-C here to end the demo.")
            while True:
                signal.pause()
    except KeyboardInterrupt:
        console.print("\nThe demo is over.")
        return 0
    except (DemoError, ClientError, WindlassError) as error:
        console.print(Text(f"The demo failed: {error}", style="bold red"))
        return 1


def run_example(record: ServerRecord, *, console: Console) -> bool:
    """Send the example, follow it to its end and show what came of it; whether it succeeded."""
    connection = Connection(record=record, say=console.print)
    request = JobRequest(notebook=NOTEBOOK, name="digits", processes_per_worker=PROCESSES)
    preview = connection.ask(lambda client: client.preview(request))
    console.print(Rule("What is sent", align="left"))
    for file in preview.files:
        console.print(Text(f"  {text.size(file.size_bytes):>7}  {text.one_line(file.path):20}  {file.reason}"))
    job = connection.submit(request)
    console.print(Rule(f"Job {job.id}: {PROCESSES} processes on this machine", align="left"))
    colours = console.color_system is not None
    writer = LogWriter(stream=sys.stdout, with_ranks=True, colours=colours)
    for news in connection.follow(job.id, log=True):
        if isinstance(news, Job):
            job = news
        else:
            writer.write(news)
    writer.close()
    console.print(Rule("Result", align="left"))
    console.print(ending(job, ascii_only=is_ascii_only(console)), crop=False)
    show_result(connection, job=job, console=console)
    return job.state is JobState.SUCCEEDED


def show_result(connection: Connection, *, job: Job, console: Console) -> None:
    """The metrics of the job's run, and where the executed notebook can be read."""
    metrics = metrics_of(connection, run_id=job.run_id) if job.run_id else {}
    facts = {name: f"{value:.4g}" for name, value in sorted(metrics.items())}
    if job.executed_notebook is not None:
        executed = FOLDER / "notebooks" / "digits_ddp.executed.ipynb"
        executed.write_text(json.dumps(connection.ask(lambda client: client.notebook(job.id))), encoding="utf-8")
        facts["executed"] = str(executed)
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        console.print(Text(f"  {text.one_line(name):{width}}  {value}"), soft_wrap=True)


def metrics_of(connection: Connection, *, run_id: str) -> dict[str, float]:
    """The last value of each metric of a run, as MLflow tells; empty when MLflow is away."""
    tracking = connection.ask(lambda client: client.info()).tracking
    if tracking.url is None:
        return {}
    try:
        answer = httpx.get(f"{tracking.url}/api/2.0/mlflow/runs/get", params={"run_id": run_id}, timeout=MLFLOW_SECONDS)
        answer.raise_for_status()
    except httpx.HTTPError:
        return {}
    return {metric["key"]: metric["value"] for metric in answer.json()["run"]["data"].get("metrics", [])}


@contextmanager
def only_demo() -> Iterator[None]:
    """Hold the demo's folder: two demos at once would end each other's processes."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DemoError("another demo runs in this checkout. End it first, with Ctrl-C in its terminal.") from error
        yield


@contextmanager
def jupyterlab(console: Console) -> Iterator[tuple[ServerRecord, str]]:
    """A JupyterLab of the demo's own: its record for the REST interface, and its address for a browser."""
    environment = demo_environment()
    os.environ.update(environment)
    copy_example(console)
    token = secrets.token_urlsafe(24)
    port = free_port(USUAL_PORT)
    if port is None:
        raise DemoError("no port is free on this machine.")
    command = [
        sys.executable, "-m", "jupyter", "lab", "--no-browser", f"--ServerApp.root_dir={FOLDER / 'notebooks'}",
        f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1",
    ]  # fmt: skip
    if os.geteuid() == 0:
        command.append("--allow-root")
    log_path = FOLDER / "jupyter.log"
    console.print("Starting JupyterLab ...")
    with log_path.open("wb") as log:
        process = subprocess.Popen(  # not in this terminal's process group: Ctrl-C is for the demo alone
            command,
            env=dict(os.environ, JUPYTER_TOKEN=token),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        record = wait_for_server(process, log_path=log_path)
        yield record, f"{record.url.rstrip('/')}/lab/tree/{quote(NOTEBOOK)}?token={token}"
    finally:
        with ignored_interrupts():
            end_all(environment["WINDLASS_DATA_DIR"], first=process)


def demo_environment() -> dict[str, str]:
    """Where everything the demo starts keeps its things: in the demo's folder."""
    places = {
        "WINDLASS_DATA_DIR": "windlass", "JUPYTER_RUNTIME_DIR": "runtime", "JUPYTER_DATA_DIR": "data",
        "JUPYTER_CONFIG_DIR": "config", "IPYTHONDIR": "ipython",
    }  # fmt: skip
    for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID", "JUPYTER_PATH"):
        os.environ.pop(variable, None)
    for name in places.values():
        (FOLDER / name).mkdir(mode=0o700, exist_ok=True)
    return {variable: str(FOLDER / name) for variable, name in places.items()}


def copy_example(console: Console) -> None:
    """Put the example into the demo's folder; what was changed there since is kept."""
    target = FOLDER / "notebooks"
    target.mkdir(exist_ok=True)
    for name in FILES:
        source, copy = EXAMPLES / name, target / name
        if copy.exists() and copy.stat().st_mtime > source.stat().st_mtime and copy.read_bytes() != source.read_bytes():
            console.print(f"{copy} was changed and stays as it is; remove it to get the example anew.", soft_wrap=True)
        else:
            shutil.copyfile(source, copy)


def wait_for_server(process: subprocess.Popen[bytes], *, log_path: Path) -> ServerRecord:
    """The record of the server that was just started, once it answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            end = log_path.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise DemoError(f"JupyterLab ended with status {process.returncode}:\n{text.lines(end)}")
        record = next((record for record in discover() if record.pid == process.pid), None)
        if record is not None:
            return record
        time.sleep(0.2)
    raise DemoError(f"JupyterLab did not start within {START_SECONDS:.0f} s; see {log_path}.")


def end_all(data_dir: str, *, first: subprocess.Popen[bytes]) -> None:
    """End JupyterLab, and then what outlives it on purpose: jobs, their supervisors, the MLflow server."""
    first.terminate()
    try:
        first.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        first.kill()
        first.wait()
    for end in (psutil.Process.terminate, psutil.Process.kill):
        ours = [process for process in psutil.process_iter() if _belongs_to(process, data_dir)]
        for process in ours:
            with suppress(psutil.NoSuchProcess):
                end(process)
        psutil.wait_procs(ours, timeout=STOP_SECONDS)


def _belongs_to(process: psutil.Process, data_dir: str) -> bool:
    try:
        return process.pid != os.getpid() and process.environ().get("WINDLASS_DATA_DIR") == data_dir
    except (psutil.Error, OSError):
        return False


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def ignored_interrupts() -> Iterator[None]:
    """A second Ctrl-C does not keep the demo from tidying up."""
    before = [(number, signal.signal(number, signal.SIG_IGN)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main())
