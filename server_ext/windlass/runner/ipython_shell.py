"""One IPython shell in this process: magics, `!cmd`, top-level await and rich output, without a kernel.

IPython is imported here and nowhere else in the runner, so that the fallback works where it is missing.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import sys
import tempfile
import time
import warnings
from importlib.util import find_spec
from types import ModuleType
from typing import Any, NoReturn, cast

from IPython.core.autocall import ExitAutocall
from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import default
from traitlets.config import Config

from .shell import CellResult, OutputTarget


class CellCompiler(CachingCompiler):
    """Compiles each cell under a name that tracebacks can show: `train.ipynb In[3]`."""

    def __init__(self) -> None:
        super().__init__()
        self.next_name: str | None = None

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        """The name given for the cell about to run; IPython's own for code that runs inside it."""
        name, self.next_name = self.next_name, None
        return name or str(super().get_code_name(raw_code, transformed_code, number))

    def format_code_name(self, name: str) -> tuple[str, str] | None:
        """How a traceback calls it."""
        if " In[" in name:
            return "Cell", name[name.rindex("In[") :]
        formatted: tuple[str, str] | None = super().format_code_name(name)
        return formatted


class NotebookPublisher(DisplayPublisher):
    """Sends what `display()` shows to the executed notebook."""

    shell: Any

    def publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        source: object = None,  # noqa: ARG002  (part of the method as IPython calls it)
        *,
        transient: dict[str, Any] | None = None,
        update: bool = False,
        **_more: object,
    ) -> None:
        """Show, or change what is shown under a display id."""
        target: OutputTarget = self.shell.target
        display_id = (transient or {}).get("display_id")
        if update and display_id is not None:
            target.update_display(data, metadata or {}, display_id=display_id)
        elif not update:
            target.display(data, metadata or {}, display_id=display_id)

    def clear_output(self, wait: bool = False) -> None:
        """Forget what the cell has shown."""
        self.shell.target.clear_output(wait=wait)


class ResultHook(DisplayHook):
    """Sends the value of a cell's last expression to the executed notebook; keeps `_`, `__`, `Out`."""

    shell: Any

    def write_output_prompt(self) -> None:
        """No prompt: the notebook has its own."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        """The value in all its formats."""
        self.shell.target.result(format_dict, md_dict or {})

    def log_output(self, format_dict: dict[str, Any]) -> None:
        """Keep no second copy."""

    def finish_displayhook(self) -> None:
        """Nothing to end."""


class JobExit(ExitAutocall):
    """`exit` and `quit` end the notebook, with a status if one is given."""

    def __call__(self, code: object = None) -> NoReturn:
        """End, with this status."""
        raise SystemExit(code)


class JobShell(InteractiveShell):
    """The shell of a job."""

    displayhook_class = ResultHook
    display_pub_class = NotebookPublisher
    compiler_class = CellCompiler
    target: OutputTarget

    @default("exiter")
    def _make_exiter(self) -> JobExit:
        return JobExit(self)

    def __init__(self, **options: Any) -> None:
        self.failed_at: float | None = None
        self.rendered: list[str] | None = None
        super().__init__(**options)

    def transform_cell(self, raw_cell: str) -> str:
        """As IPython, but blank lines at the top stay, so that line numbers are those of the editor."""
        blank = len(raw_cell) - len(raw_cell.lstrip())
        return "\n" * raw_cell.count("\n", 0, blank) + str(super().transform_cell(raw_cell))

    def showtraceback(self, *arguments: Any, **options: Any) -> None:
        """Note when it happened before rendering, which may take a while; sys.exit is no error to show."""
        self.note_failure()
        if isinstance(sys.exc_info()[1], SystemExit):
            return
        # Rendering calls the exception's own __str__; what that raises must not take the exception's place.
        with contextlib.suppress(Exception):
            super().showtraceback(*arguments, **options)

    def showsyntaxerror(self, *arguments: Any, **options: Any) -> None:
        """Likewise."""
        self.note_failure()
        super().showsyntaxerror(*arguments, **options)

    def enable_gui(self, _gui: str | None = None) -> None:
        """There is no event loop of a window system to join; `%matplotlib inline` asks for none either."""

    def _format_exception_for_storage(self, *_arguments: Any, **_options: Any) -> list[str]:
        """Keep no second rendering of a traceback in the history."""
        return []

    def note_failure(self) -> None:
        """Keep the time of the first failure of a cell."""
        if self.failed_at is None:
            self.failed_at = time.time()

    def _showtraceback(self, _etype: type, _evalue: BaseException, stb: list[str]) -> None:
        self.rendered = [str(part) for part in stb]


class IPythonShell:
    """The runner's view of the shell."""

    def __init__(self, main: ModuleType, target: OutputTarget, *, rich: bool) -> None:
        self._folder = tempfile.mkdtemp(prefix="windlass-ipython-")
        atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
        self._owner = os.getpid()
        config = Config()
        config.HistoryManager.enabled = False
        config.HistoryManager.hist_file = ":memory:"
        config.InteractiveShell.cache_size = 1000
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            JobShell.target = target
            self.shell = cast("Any", JobShell.instance(config=config, user_module=main, ipython_dir=self._folder))
        warnings.filterwarnings("ignore", message="To exit: use 'exit', 'quit', or Ctrl-D")
        if not rich:
            self.shell.display_formatter.active_types = ["text/plain"]

    def run(self, source: str, *, file: str, number: int) -> CellResult:
        """Run one cell; whatever it raises is in the result."""
        shell = self.shell
        shell.failed_at = shell.rendered = None
        shell.execution_count = number
        shell.compile.next_name = file
        outcome = shell.run_cell(source, store_history=True)
        shell.compile.next_name = None
        error = outcome.error_before_exec or outcome.error_in_exec
        if error is None:
            return CellResult()
        return CellResult(error=error, at=shell.failed_at or time.time(), rendered=shell.rendered)

    def transform(self, source: str) -> str:
        """Plain Python of a cell's source."""
        return str(self.shell.transform_cell(source))

    def close(self) -> None:
        """Nothing is kept that would have to be saved."""
        if os.getpid() == self._owner:
            shutil.rmtree(self._folder, ignore_errors=True)


def use_inline_plots(environ: dict[str, str] | os._Environ[str]) -> None:
    """Let matplotlib draw into the notebook, unless the job's environment says otherwise."""
    if "MPLBACKEND" not in environ and find_spec("matplotlib_inline") is not None:
        environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
