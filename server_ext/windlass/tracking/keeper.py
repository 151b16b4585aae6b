"""`python -m windlass.tracking.keeper`: the small process that keeps one user's embedded MLflow server.

It owns the address for as long as anyone counts on it, starts MLflow behind it, starts it again when it dies, and ends
both when no Jupyter server and no job needs them. It outlives the Jupyter server that started it, because jobs do.
Standard library and psutil only, so that it costs little beside what it keeps.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from windlass.tracking.backend import Backend
from windlass.tracking.doorway import Doorway
from windlass.tracking.server_file import ServerHome, ServerState
from windlass.tracking.upkeep import Upkeep

log = logging.getLogger("windlass.keeper")
_FAILURES_UNTIL_DOWN = 3
_LONGEST_PAUSE_SECONDS = 60.0


class Keeper:
    """Keeps one MLflow server behind one address."""

    def __init__(
        self,
        *,
        home: ServerHome,
        backend: Backend,
        state: ServerState,
        idle_seconds: float,
        check_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._home = home
        self._backend = backend
        self._state = state
        self._idle_seconds = idle_seconds
        self._check_seconds = check_seconds
        self._clock = clock
        self._used_at = clock()
        self._upkeep = Upkeep(home.path / "mlflow.db")
        self._doorway = Doorway(backend=backend.socket_name, owner_uid=os.getuid())
        self._ended = asyncio.Event()
        self._lock = contextlib.ExitStack()

    def end(self) -> None:
        """Stop MLflow and let go of the address."""
        self._ended.set()

    async def run(self, listener: socket.socket) -> None:
        """Serve on `listener` until unused or told to end."""
        await self._doorway.start(listener)
        keeping = asyncio.create_task(self._keep_backend(), name="keep-mlflow")
        ending = asyncio.create_task(self._wait_for_end(), name="wait-for-end")
        try:
            done, _ = await asyncio.wait({keeping, ending}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            keeping.cancel()
            await asyncio.wait({keeping})
            ending.cancel()
            await self._doorway.close()
            await self._backend.stop()
            with contextlib.suppress(OSError):
                # The folder may be gone: then there is nobody to tell.
                self._publish(state="stopped", pid=None, server_pid=None, message=None)
            self._lock.close()

    async def _wait_for_end(self) -> None:
        """Returns when it is time to end, with the lock taken: until the end is done nobody starts another keeper."""
        while True:
            told = await self._told_to_end()
            if not told:
                if await asyncio.to_thread(self._upkeep.refresh):
                    log.info("refreshed the statistics of the database")
                if not self.is_unused():
                    continue
            self._lock.enter_context(self._home.lock())
            # Whoever wants the server registers under this lock: nobody is turned away between look and end.
            if told or self.is_unused():
                log.info("told to end" if told else "nobody needs MLflow; ending")
                return
            self._lock.close()

    async def _told_to_end(self) -> bool:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._ended.wait(), self._check_seconds)
        return self._ended.is_set()

    async def _keep_backend(self) -> None:
        failures = 0
        while True:
            if failures < _FAILURES_UNTIL_DOWN:
                self._doorway.hold()
            await self._backend.start()
            self._publish(
                server_pid=self._backend.pid,
                server_create_time=self._backend.create_time,
                **({"state": "starting", "message": None} if failures < _FAILURES_UNTIL_DOWN else {}),
            )
            if await self._backend.wait_until_ready():
                failures = 0
                self._doorway.open()
                self._publish(state="up", message=None)
                log.info("MLflow answers at %s", self._state.url)
                code = await self._backend.wait()
                log.warning("MLflow ended with status %s and is started again", code)
                continue
            failures += 1
            trouble = await self._backend.explain_failure()
            log.warning("MLflow did not start (attempt %d): %s", failures, trouble)
            if failures >= _FAILURES_UNTIL_DOWN:
                self._doorway.refuse(trouble)
                self._publish(state="down", message=trouble)
            await asyncio.sleep(min(0.5 * 2**failures, _LONGEST_PAUSE_SECONDS))

    def is_unused(self) -> bool:
        """Whether no Jupyter server, no job and no connection has needed MLflow for `idle_seconds`."""
        now = self._clock()
        if self._home.users(now=now) or self._doorway.was_used():
            self._used_at = now
        return now - self._used_at >= self._idle_seconds

    def _publish(self, **changes: Any) -> None:
        state = dataclasses.replace(self._state, **changes)
        if state != self._state:
            self._state = state
            self._home.write(state)


async def _serve(arguments: argparse.Namespace) -> None:
    home = ServerHome(Path(arguments.data_dir))
    with home.lock():
        state = home.read()
    if state is None or state.pid != os.getpid():
        raise SystemExit("This process is started by Windlass itself, which leaves it its address in server.json.")
    listener = socket.socket(fileno=arguments.fd)
    listener.setblocking(False)
    backend = Backend(home=home.path, python=arguments.python, port=state.port)
    backend.kill_leftover(state.server_pid, state.server_create_time)
    keeper = Keeper(
        home=home,
        backend=backend,
        state=state,
        idle_seconds=arguments.idle_seconds,
        check_seconds=arguments.check_seconds,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, keeper.end)
    await keeper.run(listener)


def main(run: Callable[[Coroutine[Any, Any, None]], None] = asyncio.run) -> None:
    """Entry point: keep the server whose address is the listening socket `--fd`."""
    parser = argparse.ArgumentParser(prog="windlass.tracking.keeper", description=__doc__)
    parser.add_argument("data_dir")
    parser.add_argument("--python", required=True, help="interpreter that has MLflow")
    parser.add_argument("--fd", type=int, required=True, help="listening socket that was left open for this process")
    parser.add_argument("--idle-seconds", type=float, default=300.0)
    parser.add_argument("--check-seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    os.chdir(Path(arguments.data_dir) / "mlflow")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with contextlib.suppress(KeyboardInterrupt):
        run(_serve(arguments))


if __name__ == "__main__":
    main()
