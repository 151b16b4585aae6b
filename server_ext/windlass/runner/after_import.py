"""Do something when a module is first imported, and cost nothing when it never is.

A finder in front of sys.meta_path recognises the names asked for, lets the other finders do their work, and runs the
hooks right after the module's own code. Nothing of it stays on the module: its loader and spec are the ordinary ones.
It knows nothing of MLflow.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Hook = Callable[[ModuleType], None]


class _HookedLoader(Loader):
    """Stands in for a module's loader until its code has run, then puts the real one back."""

    def __init__(self, loader: Loader, hooks: list[Hook]) -> None:
        self._loader = loader
        self._hooks = hooks

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        for hook in self._hooks:
            hook(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class _Finder(MetaPathFinder):
    """Finds nothing itself: asks the other finders, and wraps the loader they name."""

    def __init__(self) -> None:
        self.hooks: dict[str, list[Hook]] = {}
        self._asking = threading.local()

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        hooks = self.hooks.get(fullname)
        if hooks is None or getattr(self._asking, "name", None) == fullname:
            return None
        self._asking.name = fullname
        try:
            spec = self._ask_others(fullname, path, target)
        finally:
            self._asking.name = None
        if spec is not None and spec.loader is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _HookedLoader(spec.loader, hooks)
        return spec

    def _ask_others(self, fullname: str, path: Any, target: Any) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            find_spec = getattr(finder, "find_spec", None)
            if finder is self or find_spec is None:
                continue
            spec: ModuleSpec | None = find_spec(fullname, path, target)
            if spec is not None:
                return spec
        return None


_finder = _Finder()


def after_import(name: str, hook: Hook) -> None:
    """Call `hook(module)` each time the module `name` has been executed; at once when it already is imported.

    An exception of the hook is the import's: hooks must not raise.
    """
    _finder.hooks.setdefault(name, []).append(hook)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    module = sys.modules.get(name)
    if module is not None:
        hook(module)
