"""`tqdm.notebook` in a job: the console bar, because no browser is there to draw the widget.

The module is replaced when the notebook imports it, and only then; tqdm itself is left as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_NAME = "tqdm.notebook"


class _ConsoleBarFinder(MetaPathFinder):
    """Finds one module."""

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(_NAME, _ConsoleBarLoader()) if fullname == _NAME else None


class _ConsoleBarLoader(Loader):
    """Fills it with the console bar under the widget's names."""

    def create_module(self, _spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        from tqdm.std import tqdm

        class ConsoleBar(tqdm):  # type: ignore[misc]  # tqdm is untyped for us
            """The console bar; takes, and ignores, what only the widget understands."""

            def __init__(self, *arguments: Any, **options: Any) -> None:
                options.pop("display", None)
                super().__init__(*arguments, **options)

        def trange(*arguments: int, **options: Any) -> ConsoleBar:
            return ConsoleBar(range(*arguments), **options)

        module.__dict__.update(
            tqdm=ConsoleBar, tqdm_notebook=ConsoleBar, trange=trange, tnrange=trange, __all__=["tqdm", "trange"]
        )


def use_console_bars() -> None:
    """Let `from tqdm.notebook import tqdm` give the console bar."""
    sys.meta_path.insert(0, _ConsoleBarFinder())
