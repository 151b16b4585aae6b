"""The embedded MLflow's address on loopback: lets in its owner, and nobody else on the machine.

MLflow has no log-in of its own that is installed everywhere, and whoever reaches it can read every run and plant a
model that runs code when it is loaded. So MLflow listens on a Unix socket in a folder of mode 0700, and this doorway
on the TCP port: it asks the kernel which user the other end of a connection belongs to. It also holds connections
while MLflow starts, or starts again, so that a job sees a slow answer and not a refused one.

It moves bytes and understands no HTTP. Standard library only: it lives in the keeper process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from pathlib import Path

_CHUNK_BYTES = 1 << 18
_REQUEST_SECONDS = 2.0
_PROC_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def _hex_address(address: tuple[str, int]) -> tuple[str, str]:
    """An IPv4 address and port as /proc/net/tcp writes them, and as /proc/net/tcp6 does (mapped)."""
    host, port = address
    (word,) = struct.unpack("=I", socket.inet_aton(host))
    plain = f"{word:08X}:{port:04X}"
    (marker,) = struct.unpack("=I", b"\x00\x00\xff\xff")
    return plain, f"{'0' * 16}{marker:08X}{plain}"


def peer_uid(peer: tuple[str, int], local: tuple[str, int]) -> int | None:
    """User id that owns the other end (`peer`) of a loopback connection to `local`; None when the kernel tells none."""
    peers, locals_ = _hex_address(peer), _hex_address(local)
    for table in _PROC_TABLES:
        with contextlib.suppress(OSError):
            for line in table.read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[1] in peers and fields[2] in locals_:
                    return int(fields[7])
    return None


def can_tell_users() -> bool:
    """Whether this machine says whose a connection is (Linux does)."""
    return _PROC_TABLES[0].exists()


class Doorway:
    """Accepts on `listener`, passes on to the Unix socket at `backend`."""

    def __init__(self, *, backend: str, owner_uid: int, hold_seconds: float = 150.0) -> None:
        self._backend = backend
        self._allowed = frozenset({owner_uid, 0})
        self._hold_seconds = hold_seconds
        self._ready = asyncio.Event()
        self._trouble: str | None = None
        self._server: asyncio.Server | None = None
        self.connections = 0
        self._was_used = False

    async def start(self, listener: socket.socket) -> None:
        """Begin to accept on a listening socket."""
        self._server = await asyncio.start_server(self._serve, sock=listener, limit=_CHUNK_BYTES)

    def open(self) -> None:
        """MLflow answers: pass connections on."""
        self._trouble = None
        self._ready.set()

    def hold(self) -> None:
        """MLflow is starting: connections wait."""
        self._trouble = None
        self._ready.clear()

    def refuse(self, trouble: str) -> None:
        """MLflow cannot be started: say so to whoever asks, also to those who wait."""
        self._trouble = trouble
        self._ready.set()

    def was_used(self) -> bool:
        """Whether the owner is connected, or was since this was asked last: most requests take milliseconds."""
        used, self._was_used = self._was_used or self.connections > 0, False
        return used

    async def close(self) -> None:
        """Stop accepting."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._pass_on(reader, writer)
        except (OSError, asyncio.TimeoutError):
            pass
        finally:
            self.connections -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._is_owner(writer):
            await _answer(reader, writer, 403, "This MLflow server belongs to another user of this machine.")
            return
        self._was_used = True
        await asyncio.wait_for(self._ready.wait(), self._hold_seconds)
        if self._trouble is not None:
            await _answer(reader, writer, 503, self._trouble)
            return
        inner_reader, inner_writer = await asyncio.open_unix_connection(self._backend, limit=_CHUNK_BYTES)
        outward = asyncio.create_task(_copy(reader, inner_writer), name="doorway-request")
        try:
            await _copy(inner_reader, writer)
        finally:
            # MLflow has ended the conversation; a client that keeps its end for later has nobody to talk to.
            outward.cancel()
            await asyncio.wait({outward})
            inner_writer.close()
            with contextlib.suppress(OSError):
                await inner_writer.wait_closed()

    def _is_owner(self, writer: asyncio.StreamWriter) -> bool:
        if not can_tell_users():
            return True
        peer, local = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
        return peer is not None and peer_uid(peer[:2], local[:2]) in self._allowed


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Move bytes until the sender has no more, then pass on that it has ended."""
    try:
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    finally:
        with contextlib.suppress(OSError, RuntimeError):
            if writer.can_write_eof():
                writer.write_eof()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, status: int, sentence: str) -> None:
    # A connection closed with its request unread is reset, and the answer lost with it.
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(reader.read(_CHUNK_BYTES), _REQUEST_SECONDS)
    body = json.dumps({"error_code": "TEMPORARILY_UNAVAILABLE", "message": sentence}).encode()
    head = f"HTTP/1.1 {status} {'Forbidden' if status == 403 else 'Service Unavailable'}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
