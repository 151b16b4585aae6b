"""One rank of a job, from the environment to the exit status."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import time
import types
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from . import live
from .background import Background
from .context import JobContext, JobUnreadable, complete_environment, enter_notebook_folder
from .executed import ExecutedNotebook, NotebookFile, timestamp
from .failure import describe
from .gpu_sampler import sampler_of
from .job_outputs import JobOutputs
from .notebook import Manifest, Notebook, load_manifest, load_notebook
from .parameters import inject
from .processes import missing_definition, prefer_fork
from .progress_bars import use_console_bars
from .rank_log import close_standard_input, join_standard_error, redirect_to_file
from .reporting import Reporter
from .run import NotebookRun, Outcome, plan
from .shell import Shell, make_main_module, refuse_input
from .signals import TerminationWatch
from .status import StatusFile
from .streams import JobStreams
from .wire import Wire


def main(bundle_dir: Path) -> int:
    """Run the bundle's notebook; the exit status of this rank."""
    try:
        context = JobContext.from_environment(bundle_dir, os.environ)
    except JobUnreadable as error:
        sys.stderr.write(f"{error}\n")
        return 1
    complete_environment(os.environ)
    context.rank_dir.mkdir(parents=True, exist_ok=True)
    context.spawn_trouble_path.unlink(missing_ok=True)
    wire = _make_wire(context)
    reporter = Reporter(wire, context=context) if wire is not None else None
    on_write = reporter.status if reporter is not None else None
    status = StatusFile(context.status_path, rank=context.rank, on_write=on_write)
    status.begin()
    if context.log_to_files:
        context.log_path.parent.mkdir(parents=True, exist_ok=True)
        redirect_to_file(str(context.log_path))
    close_standard_input()
    faulthandler.enable(file=2, all_threads=True)
    try:
        manifest = load_manifest(bundle_dir)
        notebook = load_notebook(bundle_dir / "files" / manifest.notebook)
        notebook.cells = inject(notebook.cells, manifest.parameters)
    except JobUnreadable as error:
        return _refuse(context, status, str(error))
    process = RankProcess(
        context=context, status=status, manifest=manifest, notebook=notebook, wire=wire, reporter=reporter
    )
    return process.execute()


def _make_wire(context: JobContext) -> Wire | None:
    """In a pod, the way out; from then on both of the process's outputs are one, in the order they are written."""
    if not context.report_to_stdout:
        return None
    join_standard_error()
    return Wire(1, prefix=context.log_prefix)


def _refuse(context: JobContext, status: StatusFile, sentence: str) -> int:
    """The notebook cannot be run at all."""
    error = {"rank": context.rank, "cell": None, "line": None, "ename": "NotebookUnreadable", "evalue": sentence}
    status.failing({**error, "traceback": [sentence], "at": time.time()})
    status.end(phase="failed", exit_code=1)
    sys.stderr.write(f"{sentence}\n")
    return 1


class RankProcess:
    """This process while it runs the notebook: its streams, threads and signals."""

    def __init__(
        self,
        *,
        context: JobContext,
        status: StatusFile,
        manifest: Manifest,
        notebook: Notebook,
        wire: Wire | None = None,
        reporter: Reporter | None = None,
    ) -> None:
        self._context = context
        self._status = status
        self._manifest = manifest
        self._reporter = reporter
        self._notebook = notebook
        self._document: ExecutedNotebook | None = None
        self._file: NotebookFile | None = None
        self._trouble = ""
        self._spawn_checked_at = 0.0
        self._succeeded = False
        if context.rank == 0:
            self._document = ExecutedNotebook(notebook, job=self._job_metadata())
            self._file = NotebookFile(self._document, context.executed_path, on_trouble=self._notebook_trouble)
        prefix = "" if context.log_to_files or wire is not None else context.log_prefix
        self._streams = JobStreams(reader=self._document, prefix=prefix, wire=wire)
        self._watch = TerminationWatch(self._killed)
        self._background = Background()
        self._sampler = sampler_of(context, reporter=reporter)
        self._run = NotebookRun(
            context=context,
            notebook=notebook,
            planned=plan(notebook),
            status=status,
            streams=self._streams,
            document=self._document,
            watch=self._watch,
        )

    def execute(self) -> int:
        """Run the notebook and leave everything written; the exit status."""
        self._streams.install()
        for task in (self._streams.tick, self._status.write_if_due, self._look_for_spawn_trouble):
            self._background.add(task)
        if self._file is not None:
            self._file.write()
            self._background.add(self._file.write_if_due)
        if self._reporter is not None:
            if self._document is not None:
                self._reporter.begin(self._document)
            self._background.add(self._reporter.tick)
        self._watch.start()
        self._background.start()
        if self._sampler is not None:
            self._sampler.start()
        live.connect(self._status.progress)
        outcome = self._guarded_run()
        self._end(outcome)
        return outcome.exit_code

    def _guarded_run(self) -> Outcome:
        """What the notebook raises is handled cell by cell; this is for signals, and for defects of our own."""
        try:
            return self._run_notebook()
        except (SystemExit, KeyboardInterrupt) as error:
            signum = self._watch.ending or self._watch.received
            if signum is None and isinstance(error, KeyboardInterrupt):
                signum = signal.SIGINT
            return Outcome("killed", 128 + (signum or signal.SIGTERM))
        except Exception as error:  # noqa: BLE001  (the job must end with a record whatever is wrong with the runner)
            about = describe(error, rank=self._context.rank, cell=None, cell_file="", source="", at=time.time())
            self._run.failed = True
            self._status.failing(about)
            sys.excepthook(type(error), error, error.__traceback__)
            return Outcome("failed", 1)

    def _run_notebook(self) -> Outcome:
        shell_module = _import_ipython_shell()
        self._prepare_tracking()
        files_dir = self._context.bundle_dir / "files"
        enter_notebook_folder(
            (files_dir / self._manifest.notebook).parent,
            python_path=sys.path,
            files_dir=files_dir,
            search_folders=self._manifest.search_folders,
        )
        _provide_windlass(sys.path)
        sys.argv = [self._notebook.name]
        refuse_input()
        prefer_fork()
        use_console_bars()
        namespace = make_main_module()
        shell = self._make_shell(shell_module, namespace)
        try:
            return self._run.run(shell, space=namespace.__dict__)
        finally:
            shell.close()

    def _prepare_tracking(self) -> None:
        """Let what the notebook logs to MLflow land in the job's run; without the hook it runs all the same."""
        try:
            from . import mlflow_hook

            mlflow_hook.install(
                job_dir=self._context.job_dir,
                rank=self._context.rank,
                wait_seconds=self._context.tracking_wait_seconds,
                say=self._tell,
                pod=mlflow_hook.PodOptions(
                    job_id=self._context.job_id,
                    local_rank=self._context.local_rank,
                    attempt=self._context.attempt,
                    last_wait_seconds=self._context.tracking_last_wait_seconds,
                )
                if self._context.report_to_stdout
                else None,
            )
        except ImportError:
            return
        except Exception as error:  # noqa: BLE001  (tracking must never keep a notebook from running)
            why = f"{type(error).__name__}: {error}"
            self._status.notice(f"Runs are not linked to this job: MLflow could not be prepared ({why}).")

    def _tell(self, text: str) -> None:
        """Tell the user something about the job: in its log, where it happened, and with the job."""
        self._streams.log_only(f"Windlass: {text}")
        self._status.notice(text)

    def _make_shell(self, shell_module: Any, namespace: types.ModuleType) -> Shell:
        target = JobOutputs(self._streams, self._document)
        shell: Shell
        if shell_module is None:
            from .plain_shell import PlainShell

            os.environ.setdefault("MPLBACKEND", "agg")
            self._streams.log_only("This image has no IPython: magics and rich output are not available.")
            shell = PlainShell(namespace, target)
        else:
            shell_module.use_inline_plots(os.environ)
            shell = shell_module.IPythonShell(namespace, target, rich=self._document is not None)
        return shell

    def _killed(self, signum: int) -> None:
        """SIGTERM has come; called in the watching thread, the notebook may be stuck in C code."""
        if self._run.failed or self._succeeded or self._status.ended:
            return
        self._streams.flush_all()
        if self._sampler is not None:
            self._sampler.flush()
        if self._document is not None and self._file is not None:
            sentence = "This rank was ended from outside: another rank failed, or the job was stopped."
            self._document.error("Terminated", sentence, [sentence])
            self._document.describe(state="killed", ended_at=timestamp())
            self._file.write()
        self._report_all()
        self._status.end(phase="killed", exit_code=128 + signum)

    def _end(self, outcome: Outcome) -> None:
        """Leave everything written; the status last, since the end is read from it."""
        live.disconnect()
        self._succeeded = outcome.phase == "succeeded"
        failed = not self._succeeded
        if self._sampler is not None:
            self._sampler.stop()
        tracking = sys.modules.get(f"{__package__}.mlflow_hook")
        if tracking is not None:
            # All cells have run: a signal that comes while MLflow is waited for only ends the waiting.
            with contextlib.suppress(*(() if failed else (SystemExit,))):
                tracking.finish(failed=failed, hurried=outcome.phase == "killed")
        self._streams.settle()
        self._background.stop()
        self._streams.by_line()
        if self._document is not None and self._file is not None:
            self._document.describe(state=outcome.phase, ended_at=timestamp())
            self._file.write()
        self._report_all()
        self._status.end(phase=outcome.phase, exit_code=outcome.exit_code)
        self._watch.finish()

    def _report_all(self) -> None:
        if self._reporter is not None:
            self._reporter.finish()

    def _job_metadata(self) -> dict[str, Any]:
        return {
            "job_id": self._context.job_id,
            "attempt": self._context.attempt,
            "world_size": self._context.world_size,
            "parameters": self._manifest.parameters,
            "state": "running",
            "started_at": timestamp(),
        }

    def _notebook_trouble(self, error: OSError | None) -> None:
        """The executed notebook cannot be written, or (None) can be written again."""
        before, reason = self._trouble, error.strerror or str(error) if error is not None else ""
        if error is not None:
            self._trouble = (
                f"The executed notebook cannot be written: {reason}. The job goes on, and so do the attempts."
            )
            self._streams.log_only(self._trouble)
        else:
            self._trouble = "The executed notebook could not be written for a while; it is complete again."
        self._status.notice(self._trouble, instead_of=before)

    def _look_for_spawn_trouble(self) -> None:
        """A pool that starts a failing worker again and again never ends: say why while it runs."""
        now = time.monotonic()
        if now - self._spawn_checked_at >= 1.0:
            self._spawn_checked_at = now
            hint = missing_definition(self._context.spawn_trouble_path)
            if hint is not None:
                self._status.notice(hint)


def _import_ipython_shell() -> Any:
    """The module with the IPython shell, None without IPython; imported before the notebook's folder is on the path."""
    try:
        from . import ipython_shell
    except ImportError:
        return None
    return ipython_shell


def _provide_windlass(python_path: list[str]) -> None:
    """Let `import windlass` work in an image that has none; a real one comes first."""
    spec = find_spec("windlass")
    if spec is None or spec.origin is None:  # a mere folder of that name is no package
        python_path.append(str(Path(__file__).parent / "shim"))
