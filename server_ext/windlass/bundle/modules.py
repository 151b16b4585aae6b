"""From a module's name to local files, the way Python's own import system would find them.

Order matters as it does there: the notebook's folder first, folders put on `sys.path`, then places that only a
convention suggests. Regular packages beat namespace packages wherever they lie. Nothing is imported.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from windlass.bundle.environment import PythonEnvironment
from windlass.bundle.paths import Workspace

_EXTENSION_SUFFIXES = (".so", ".pyd")


@dataclass(frozen=True, kw_only=True)
class Located:
    """Where a module was found."""

    files: tuple[str, ...]
    """Files to send, the packages' `__init__.py` on the way first."""
    search_folder: str
    """The folder that must be on `sys.path` for it."""
    folders: tuple[str, ...] = ()
    """Where submodules lie: one folder for a regular package, several for a namespace package."""
    complete: bool = True
    """False when only a part of the dotted name was found."""


@dataclass
class ModuleFinder:
    """Finds modules below the root, from a growing list of folders."""

    workspace: Workspace
    notebook_folder: str
    environment: PythonEnvironment | None
    standard_library: frozenset[str]
    _certain: list[str] = field(default_factory=list)
    _likely: list[str] = field(default_factory=list)
    _listings: dict[str, dict[str, bool]] = field(default_factory=dict)
    _elsewhere: dict[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._certain = [self.notebook_folder]
        parents = _self_and_parents(self.notebook_folder)
        self._likely = list(dict.fromkeys([*self._paths_of_environment(), "", *parents]))
        self._likely += [_join(folder, "src") for folder in parents]

    def add_folder(self, folder: str) -> None:
        """A folder that the code itself puts on `sys.path`."""
        if folder not in self._certain:
            self._certain.append(folder)

    def find(self, parts: tuple[str, ...]) -> Located | None:
        """The files behind an absolute import; None when the module is not local."""
        if not parts:
            return None
        top = parts[0]
        namespaces: list[tuple[str, str]] = []
        for folder in self._search_folders(top):
            found = self._in_folder(folder, top)
            if found is None:
                continue
            if found.files:
                return self._descend(found, parts[1:])
            namespaces.append((folder, _join(folder, top)))
        if not namespaces or self._is_elsewhere(top):
            return None
        portions = tuple(portion for _, portion in namespaces)
        return self._descend(Located(files=(), search_folder=namespaces[0][0], folders=portions), parts[1:])

    def find_in(self, folder: str, parts: tuple[str, ...]) -> Located:
        """The files behind a relative import that starts in `folder`."""
        package = self._package_files(folder)
        return self._descend(Located(files=package, search_folder=folder, folders=(folder,)), parts)

    def find_all(self, located: Located) -> Iterable[str]:
        """Names of the modules directly inside a package."""
        for folder in located.folders:
            for name in sorted(self._listing(folder)):
                stem, dot, suffix = name.partition(".")
                if dot and suffix == "py" and stem.isidentifier() and stem != "__init__":
                    yield stem

    def _search_folders(self, top: str) -> list[str]:
        if self.environment is not None and top in self.environment.builtin:
            return []
        taken = self._is_elsewhere(top)
        return self._certain if taken else list(dict.fromkeys([*self._certain, *self._likely]))

    def _is_elsewhere(self, top: str) -> bool:
        """Whether Python has the module without us: then only folders certain to come first may offer another one."""
        if top not in self._elsewhere:
            self._elsewhere[top] = top in self.standard_library or any(
                self.environment is not None and self.environment.has_module_in(folder, top)
                for folder in self._foreign_folders()
            )
        return self._elsewhere[top]

    def _foreign_folders(self) -> list[str]:
        """Folders of the environment's path that are not the user's own work."""
        if self.environment is None:
            return []
        sites = self.environment.site_folders
        return [
            folder for folder in self.environment.folders if folder in sites or self.workspace.relative(folder) is None
        ]

    def _paths_of_environment(self) -> list[str]:
        """Folders of the root that an editable installation or PYTHONPATH puts on the path."""
        if self.environment is None:
            return []
        inside = []
        for folder in self.environment.folders:
            relative = self.workspace.relative(os.path.realpath(folder))
            belongs_to_python = folder in self.environment.site_folders or "/lib/python" in folder
            if relative is not None and not belongs_to_python and not folder.startswith(self.environment.prefix + "/"):
                inside.append(relative)
        return inside

    def _in_folder(self, folder: str, name: str) -> Located | None:
        listing = self._listing(folder)
        if listing.get(name):
            package = _join(folder, name)
            files = self._package_files(package)
            if files:
                return Located(files=files, search_folder=folder, folders=(package,))
        if listing.get(name + ".py") is False:
            return Located(files=(_join(folder, name + ".py"),), search_folder=folder)
        extension = next(
            (
                entry
                for entry in sorted(listing)
                if entry.startswith(name + ".") and entry.endswith(_EXTENSION_SUFFIXES)
            ),
            None,
        )
        if extension is not None:
            return Located(files=(_join(folder, extension),), search_folder=folder)
        if listing.get(name):
            return Located(files=(), search_folder=folder, folders=(_join(folder, name),))
        return None

    def _package_files(self, folder: str) -> tuple[str, ...]:
        return (_join(folder, "__init__.py"),) if self._listing(folder).get("__init__.py") is False else ()

    def _descend(self, located: Located, parts: tuple[str, ...]) -> Located:
        files = list(located.files)
        here = located
        for part in parts:
            step = next((found for folder in here.folders if (found := self._in_folder(folder, part))), None)
            if step is None:
                return Located(
                    files=tuple(files), search_folder=located.search_folder, folders=here.folders, complete=False
                )
            files.extend(step.files)
            here = step
        return Located(files=tuple(files), search_folder=located.search_folder, folders=here.folders)

    def _listing(self, folder: str) -> dict[str, bool]:
        """Names in a folder, with whether each is a folder; empty for what cannot be read or lies outside."""
        if folder not in self._listings:
            self._listings[folder] = self._read_listing(folder)
        return self._listings[folder]

    def _read_listing(self, folder: str) -> dict[str, bool]:
        path = self.workspace.absolute(folder)
        try:
            if not self.workspace.holds(path):
                return {}
            with os.scandir(path) as entries:
                return {entry.name: entry.is_dir() for entry in entries}
        except OSError:
            return {}


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _self_and_parents(folder: str) -> list[str]:
    parts = folder.split("/") if folder else []
    return ["/".join(parts[:depth]) for depth in range(len(parts), -1, -1)]
