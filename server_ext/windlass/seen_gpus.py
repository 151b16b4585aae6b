"""What the command line and the magics ask about GPUs: the same option, the same question to a server of the user."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from windlass.connection import Connection
from windlass.contract.gpus import GpuSnapshot

Command = TypeVar("Command", bound=Callable[..., Any])

LOOK_SECONDS = 1.0


def gpu_options(command: Command) -> Command:
    """Options of `windlass gpus` and `%gpus`."""
    watch = click.option("-w", "--watch", is_flag=True, help="Look each second, until Ctrl-C (in a notebook: Stop).")
    return watch(command)


def snapshot(connection: Connection) -> GpuSnapshot:
    """GPUs now. Raises ClientError, and Unavailable where no server can be reached."""
    return connection.ask(lambda client: client.get(GpuSnapshot, "gpus"))


def snapshots(
    connection: Connection, *, wait: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic
) -> Iterator[GpuSnapshot]:
    """GPUs each second, for ever. Raises as `snapshot`."""
    due = clock()
    while True:
        yield snapshot(connection)
        due = max(due + LOOK_SECONDS, clock())
        wait(due - clock())
