"""What `make hub` runs: a JupyterHub with Windlass on this machine, with three people to log in as.

It uses `hub-config/jupyterhub_config.py` as it stands. All that it keeps lies in `.hub/` of this checkout; it listens
on loopback only, makes a new password at each start, and ends with everything it started at Ctrl-C.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import click
import httpx
from ports import free_port

ROOT = Path(__file__).resolve().parent.parent
STATE = Path(os.environ.get("WINDLASS_HUB_STATE") or ROOT / ".hub")
CATALOGUE = ROOT / "spawner" / "windlass_hub" / "profiles" / "examples.yaml"
PEOPLE = {"ann": "a data scientist", "bob": "another", "wendy": "edits profiles, prices and quotas"}


def main() -> int:
    """Run the hub; its exit status."""
    proxy = ROOT / "node_modules" / ".bin"
    search = f"{Path(sys.executable).parent}{os.pathsep}{proxy}{os.pathsep}{os.environ.get('PATH', '')}"
    if shutil.which("configurable-http-proxy", path=search) is None:
        click.echo("JupyterHub's proxy is not there: run `make setup`.", err=True)
        return 1
    port, service, hub, proxy_api = (free_port(at) for at in (8000, 8123, 8081, 8001))
    if None in (port, service, hub, proxy_api):
        click.echo("No port is free on this machine.", err=True)
        return 1
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
    command = [
        *(sys.executable, "-m", "jupyterhub", "--config", str(ROOT / "hub-config" / "jupyterhub_config.py")),
        f"--JupyterHub.hub_bind_url=http://127.0.0.1:{hub}",
        f"--ConfigurableHTTPProxy.api_url=http://127.0.0.1:{proxy_api}",
    ]
    STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (STATE / "profiles.yaml").exists():
        shutil.copyfile(CATALOGUE, STATE / "profiles.yaml")
    log = STATE / "jupyterhub.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=STATE, env=environment, stdout=output, stderr=subprocess.STDOUT)
    _pass_on_signals(process)
    address = f"http://127.0.0.1:{port}"
    click.echo("JupyterHub is starting ...")
    if not _is_up(process, f"{address}/services/windlass/api/health"):
        click.echo(f"JupyterHub ended before it was up: {log} says why.", err=True)
        return process.wait() or 1
    click.echo(f"\n  JupyterHub   {address}   password: {password}")
    for name, what in PEOPLE.items():
        click.echo(f"    {name:<10} {what}")
    click.echo(f"  Admin page   {address}/services/windlass/   (wendy)\n  Log          {log}\n  Ctrl-C ends it.\n")
    return process.wait()


def _pass_on_signals(hub: subprocess.Popen[bytes]) -> None:
    """The hub stops servers, service and proxy itself before it ends: it is asked to, and waited for."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: hub.terminate())
    # Ctrl-C reaches the hub from the terminal.
    signal.signal(signal.SIGINT, lambda *_: None)


def _is_up(hub: subprocess.Popen[bytes], url: str) -> bool:
    while hub.poll() is None:
        with suppress(httpx.HTTPError):
            if httpx.get(url).status_code == 200:
                return True
        time.sleep(0.2)
    return False


if __name__ == "__main__":
    raise SystemExit(main())
