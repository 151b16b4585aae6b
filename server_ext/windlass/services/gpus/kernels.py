"""Which processes are kernels, and of which notebook: from Jupyter's own sessions.

Knows their shape and not their classes, so that services stand without a web server.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """A running kernel of this machine."""

    pid: int
    label: str
    """`train.ipynb`, or a console's name."""
    notebook: str | None
    """Its path below the server's root; None for what is no notebook."""


class Sessions(Protocol):
    """Jupyter's session manager."""

    async def list_sessions(self) -> Sequence[Mapping[str, Any]]:
        """Sessions, each with `path`, `name`, `type` and `kernel`."""
        ...


class Kernels(Protocol):
    """Jupyter's kernel manager."""

    def get_kernel(self, kernel_id: str) -> Any:
        """The manager of one kernel. Raises KeyError."""
        ...


class KernelList:
    """The kernels of one Jupyter server."""

    def __init__(self, *, sessions: Sessions, kernels: Kernels) -> None:
        self._sessions = sessions
        self._kernels = kernels

    async def now(self) -> list[Kernel]:
        """Kernels that run on this machine; those of a gateway or another host have no process here."""
        try:
            sessions = await self._sessions.list_sessions()
        except Exception as error:  # noqa: BLE001 - a session manager that an admin put in may raise anything
            _log.debug("Jupyter's sessions cannot be listed: %s", error)
            return []
        return list(self._found(sessions))

    def _found(self, sessions: Iterable[Mapping[str, Any]]) -> Iterable[Kernel]:
        for session in sessions:
            pid = self._pid(str((session.get("kernel") or {}).get("id", "")))
            if pid is None:
                continue
            path = str(session.get("path") or "")
            is_notebook = session.get("type") == "notebook" and bool(path)
            name = path.rpartition("/")[2] if is_notebook else str(session.get("name") or path) or "a console"
            yield Kernel(pid=pid, label=name, notebook=path if is_notebook else None)

    def _pid(self, kernel_id: str) -> int | None:
        try:
            manager = self._kernels.get_kernel(kernel_id)
        except (KeyError, AttributeError):
            return None
        pid = getattr(getattr(manager, "provisioner", None), "pid", None)
        return pid if isinstance(pid, int) else None
