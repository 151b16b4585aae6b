"""A Jupyter server with Windlass alone and no browser: what `windlass train` starts when no server runs.

It owns queue and ledger as any other server does, listens on the loopback address only, and ends by itself when it has
been idle and no job of this machine lives. Jobs would outlive it anyhow; it stays for their records.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from jupyter_server.serverapp import ServerApp

IDLE_MINUTES = 20


class HeadlessServer(ServerApp):
    """A server that is nobody's page: it does not show up in `jupyter server list`."""

    name = "jupyter-server"

    def write_server_info_file(self) -> None:
        """Leave no file: Windlass writes its own."""

    def write_browser_open_files(self) -> None:
        """Leave no file: there is no page to open."""


def main(arguments: list[str] | None = None) -> None:
    """Serve until idle."""
    parser = argparse.ArgumentParser(prog="python -m windlass.headless", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the server's root folder")
    parser.add_argument("--idle-minutes", type=float, default=IDLE_MINUTES, help="end when idle for so long")
    options = parser.parse_args(arguments)
    server = HeadlessServer.instance()
    server.initialize(argv=_arguments(options.root.resolve(), options.idle_minutes), find_extensions=False)
    server.extension_manager.extension_apps["windlass"].copy().pop().headless = True
    server.start()


def _arguments(root: Path, idle_minutes: float) -> list[str]:
    """What must hold whatever the user's configuration files say: those are read for everything else."""
    return [
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port=0",
        "--ServerApp.base_url=/",
        "--ServerApp.certfile=",
        "--ServerApp.keyfile=",
        "--ServerApp.sock=",
        "--ServerApp.open_browser=False",
        "--ServerApp.allow_root=True",
        "--ServerApp.jpserver_extensions={'windlass': True}",
        f"--ServerApp.root_dir={root}",
        f"--ServerApp.shutdown_no_activity_timeout={max(1, int(idle_minutes * 60))}",
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
