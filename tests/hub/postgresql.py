"""A real PostgreSQL server for the tests, where its programs are installed: started once, a database for each test."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import until
from tests.hub.real_hub import free_ports

PASSWORD = "of-the-tests"
_USER = "windlass"


def programs() -> Path | None:
    """Where `initdb` and `postgres` are; Debian keeps them out of PATH."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    # A higher number is a newer version.
    known = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    return known[-1].parent if known else None


def missing() -> str:
    """Why there is no server for the tests; empty where there is one."""
    folder = programs()
    if folder is None:
        return "There is no PostgreSQL server here: install one (Debian: postgresql) to run these tests."
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "There is no psycopg here: pip install 'windlass[postgresql]' to run these tests."
    return ""


@dataclass
class Server:
    """A server, listening at the loopback alone."""

    folder: Path
    programs: Path
    port: int
    user: str | None
    """Whose processes it runs in; None: ours. It refuses to run as root."""
    process: subprocess.Popen[bytes] | None = None
    made: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = ("-p", str(self.port), "-h", "127.0.0.1", "-k", "", "-F")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.folder / "data", *options],
                user=self.user,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        until(self._answers, what="PostgreSQL")

    def stop(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)  # At once, as in a crash.
            self.process.wait()
            self.process = None

    def new_database(self) -> str:
        """The URL of a new, empty database, without its password."""
        name = f"test_{len(self.made)}"
        self.made.append(name)
        self.execute(f"CREATE DATABASE {name}", database="postgres")
        return f"postgresql+psycopg://{_USER}@127.0.0.1:{self.port}/{name}"

    def execute(self, statement: str, *, database: str) -> None:
        """Run a statement as the administrator of the server."""
        import psycopg

        with psycopg.connect(self._address(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _address(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user={_USER} password={PASSWORD} dbname={database} connect_timeout=5"

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self._address("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running() -> Iterator[Server]:
    """A server in a folder of its own, gone afterwards."""
    where = programs()
    assert where is not None
    folder = Path(tempfile.mkdtemp(prefix="windlass-postgresql-"))
    user = _other_user() if os.geteuid() == 0 else None
    try:
        (folder / "password").write_text(PASSWORD)
        if user is not None:
            for path in (folder, folder / "password"):
                shutil.chown(path, user)
        subprocess.run(
            [
                *(where / "initdb", "-D", folder / "data", "-U", _USER, "-A", "scram-sha-256", "--no-sync"),
                *("--pwfile", folder / "password", "-E", "UTF8", "--locale", "C"),
            ],
            user=user,
            cwd=folder,
            check=True,
            capture_output=True,
        )
        server = Server(folder=folder, programs=where, port=free_ports(1)[0], user=user)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _other_user() -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)
