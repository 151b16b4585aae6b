"""`windlass doctor`: what works, what is missing, and what to do about it.

Looks at this machine's side (packages, front end, runtime files) and then asks a server for its own checks. It starts
one when none runs: whether that works is the first thing a person with a problem wants to know.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import click
from jupyter_core.paths import jupyter_config_path, jupyter_path, jupyter_runtime_dir

from windlass import __version__
from windlass.cli.reporting import FAILED, json_option, print_json, say
from windlass.client import ClientError, discover
from windlass.connection import Connection, connect
from windlass.contract.info import Check, CheckList
from windlass.errors import WindlassError
from windlass.output.checks import checks_text
from windlass.output.console import is_ascii_only, make_console

_FRONT_END = Path("@windlass", "lab-extension", "package.json")


@click.command(short_help="Check what works and what is missing.")
@json_option
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Check what works and what is missing; exit status 1 when something is broken."""
    checks = [*_here(), *_servers()]
    if as_json:
        print_json(CheckList(items=checks))
    else:
        console = make_console()
        console.print(checks_text(checks, ascii_only=is_ascii_only(console)))
    context.exit(FAILED if any(check.ok is False for check in checks) else 0)


def _here() -> Iterator[Check]:
    yield Check(name="windlass", ok=True, message=f"{__version__} on Python {platform.python_version()}")
    yield _package("jupyterlab", without="the panel needs it; the command line and the magics do not")
    yield _package("ipywidgets", without="`%train` shows text in place of its live card")
    yield _front_end()
    yield _server_extension()
    yield from _runtime_files()


def _package(name: str, *, without: str) -> Check:
    try:
        return Check(name=name, ok=True, message=metadata.version(name))
    except metadata.PackageNotFoundError:
        return Check(
            name=name, ok=None, message=f"not installed here: {without}", fix=f"Install it with `pip install {name}`."
        )


def _front_end() -> Check:
    for folder in jupyter_path("labextensions"):
        if (Path(folder) / _FRONT_END).is_file():
            return Check(name="front end", ok=True, message=f"installed in {folder}")
    return Check(
        name="front end",
        ok=None,
        message="not found where this Python's JupyterLab looks; the panel is missing there",
        fix="Install windlass into the environment that JupyterLab is started from.",
    )


def _server_extension() -> Check:
    for folder in jupyter_config_path():
        if (Path(folder) / "jupyter_server_config.d" / "windlass.json").is_file():
            return Check(name="server extension", ok=True, message=f"enabled in {folder}")
    return Check(
        name="server extension",
        ok=None,
        message="not enabled for servers that are started from this environment",
        fix="Enable it with `jupyter server extension enable --sys-prefix windlass`.",
    )


def _runtime_files() -> Iterator[Check]:
    folder = Path(jupyter_runtime_dir())
    open_to_others = [path.name for path in folder.glob("windlass-server-*.json") if path.stat().st_mode & 0o077]
    if open_to_others:
        yield Check(
            name="token files",
            ok=False,
            message=f"others can read {', '.join(open_to_others)} in {folder}",
            fix=f"Close them with `chmod 600 {folder}/windlass-server-*.json` and restart those servers.",
        )
    else:
        yield Check(name="token files", ok=True, message=f"in {folder}, for your eyes only")
    for record in discover():
        kind = "without a browser" if record.headless else "with JupyterLab"
        yield Check(name="server", ok=True, message=f"{record.url} for {record.root_dir}, {kind}, pid {record.pid}")


def _servers() -> Iterator[Check]:
    try:
        connection = connect(near=Path.cwd(), say=say)
        yield _version(connection)
        yield from connection.ask(lambda client: client.doctor()).items
    except (ClientError, WindlassError, OSError) as error:
        yield Check(
            name="server",
            ok=False,
            message=f"could not be asked: {error}",
            fix="See the end of its log, and start JupyterLab or `windlass train` again.",
        )


def _version(connection: Connection) -> Check:
    theirs = connection.ask(lambda client: client.info()).version
    if theirs == __version__:
        return Check(name="versions", ok=True, message=f"server and command line are both {theirs}")
    return Check(
        name="versions",
        ok=None,
        message=f"the server is {theirs}, this is {__version__}",
        fix="Install the same version in both environments, and restart JupyterLab.",
    )
