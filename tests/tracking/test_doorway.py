"""The doorway in front of the embedded MLflow, with a plain Unix-socket server behind it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from windlass.tracking.doorway import Doorway, can_tell_users, peer_uid

REQUEST = b"GET / HTTP/1.0\r\n\r\n"
ASK = "import os, socket, sys; os.setuid(65534); c = socket.socket(); c.connect(('127.0.0.1', int(sys.argv[1]))); "
ASK += "c.sendall(b'hello'); c.shutdown(1); print(c.makefile('rb').read().decode())"


class Bench:
    """A doorway, and behind it a server that answers with what it was sent, in capitals."""

    def __init__(self, folder: Path, owner_uid: int) -> None:
        self.backend = str(folder / "b.sock")
        self.doorway = Doorway(backend=self.backend, owner_uid=owner_uid, hold_seconds=30)
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._shout, self.backend)
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        self.port = listener.getsockname()[1]
        await self.doorway.start(listener)

    async def _shout(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data.upper())
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def close(self) -> None:
        await self.doorway.close()
        self._server.close()

    async def until_connected(self, count: int) -> None:
        deadline = time.monotonic() + 10
        while self.doorway.connections != count:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)

    async def ask(self, data: bytes = b"hello") -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path, os.getuid())
    await made.start()
    yield made
    await made.close()


async def test_bytes_pass_both_ways_however_many(bench: Bench) -> None:
    bench.doorway.open()
    data = os.urandom(1 << 20).hex().encode() * 4
    assert await bench.ask(data) == data.upper()


async def test_connections_wait_while_mlflow_starts(bench: Bench) -> None:
    asking = asyncio.create_task(bench.ask())
    await bench.until_connected(1)
    assert not asking.done()
    bench.doorway.open()
    assert await asking == b"HELLO"


async def test_trouble_is_told_also_to_those_who_wait(bench: Bench) -> None:
    asking = asyncio.create_task(bench.ask())
    await bench.until_connected(1)
    bench.doorway.refuse("It is broken.")
    answer = await asking
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"It is broken." in answer


async def test_no_connection_is_left_when_either_side_goes(bench: Bench) -> None:
    bench.doorway.open()
    await asyncio.gather(*(bench.ask() for _ in range(20)))
    _reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
    writer.transport.abort()
    await bench.until_connected(0)


async def test_who_came_and_went_between_two_looks_has_used_it(bench: Bench) -> None:
    bench.doorway.open()
    assert not bench.doorway.was_used()
    await bench.ask()
    await bench.until_connected(0)
    assert bench.doorway.was_used()
    assert not bench.doorway.was_used()


@pytest.mark.skipif(not can_tell_users(), reason="This system does not tell whose a connection is.")
async def test_owner_is_known_by_the_kernel(bench: Bench) -> None:
    bench.doorway.hold()
    _reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
    mine, theirs = writer.get_extra_info("sockname"), writer.get_extra_info("peername")
    assert peer_uid(mine, theirs) == os.getuid()
    assert peer_uid(("127.0.0.1", 1), theirs) is None
    writer.close()
    await writer.wait_closed()


@pytest.mark.skipif(os.getuid() != 0 or not can_tell_users(), reason="Only root can ask as another user.")
async def test_other_users_of_the_machine_are_turned_away(bench: Bench) -> None:
    bench.doorway.open()
    command = [sys.executable, "-S", "-c", ASK, str(bench.port)]
    other = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    assert "403 Forbidden" in other.stdout
    assert "belongs to another user" in other.stdout
