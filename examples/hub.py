"""What `make hub` runs: a JupyterHub with Windlass on this machine, with three people to log in as.

It uses `hub-config/jupyterhub_config.py` as it stands. All that it keeps lies in `.hub/` of this checkout; it listens
on loopback only, makes a new password at each start, and ends with everything it started at Ctrl-C.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
STATE = Path(os.environ.get("WINDLASS_HUB_STATE") or ROOT / ".hub")
PEOPLE = {"ann": "a data scientist", "bob": "another", "wendy": "edits profiles, prices and quotas"}


def main() -> int:
    """Run the hub; its exit status."""
    proxy = ROOT / "node_modules" / ".bin"
    search = f"{Path(sys.executable).parent}{os.pathsep}{proxy}{os.pathsep}{os.environ.get('PATH', '')}"
    if shutil.which("configurable-http-proxy", path=search) is None:
        click.echo("JupyterHub's proxy is not there: run `make setup`.", err=True)
        return 1
    port, service, hub, proxy_api = (_free(at) for at in (8000, 8123, 8081, 8001))
    password = secrets.token_urlsafe(6)
    environment = {
        **os.environ,
        "PATH": search,
        "WINDLASS_HUB_STATE": str(STATE),
        "WINDLASS_HUB_BIND": f"http://127.0.0.1:{port}",
        "WINDLASS_HUB_SERVICE_URL": f"http://127.0.0.1:{service}",
        "WINDLASS_HUB_DUMMY_PASSWORD": password,
        "WINDLASS_HUB_USERS": ",".join(PEOPLE),
        "WINDLASS_HUB_ADMINS": "wendy",
        "CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(32),
    }
    click.echo(f"\nJupyterHub: http://127.0.0.1:{port}   password: {password}")
    for name, what in PEOPLE.items():
        click.echo(f"  {name:<6} {what}")
    click.echo(f"Admin page: http://127.0.0.1:{port}/services/windlass/   Ctrl-C ends it.\n")
    command = [
        *(sys.executable, "-m", "jupyterhub", "--config", str(ROOT / "hub-config" / "jupyterhub_config.py")),
        f"--JupyterHub.hub_bind_url=http://127.0.0.1:{hub}",
        f"--ConfigurableHTTPProxy.api_url=http://127.0.0.1:{proxy_api}",
    ]
    STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
    process = subprocess.Popen(command, cwd=STATE, env=environment)
    try:
        return process.wait()
    except KeyboardInterrupt:
        # The terminal has told the hub as well; it stops servers, service and proxy before it ends.
        return process.wait()


def _free(wanted: int) -> int:
    """The port itself where it is free, else any free one."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SystemExit("No port is free on this machine.")


if __name__ == "__main__":
    raise SystemExit(main())
