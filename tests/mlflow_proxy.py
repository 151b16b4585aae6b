"""A proxy before a real MLflow that injects faults, and remembers what was asked."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "host", "date", "server"}


@dataclass(frozen=True)
class Fault:
    """What is answered instead of MLflow's words."""

    status: int = 200
    body: bytes = b""
    media_type: str = "application/json"
    hang_up: bool = False
    """Close the connection without a word."""
    missing_bytes: int = 0
    """Promise so many bytes more than the body has, and close the connection in their place."""


@dataclass
class Asked:
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class MlflowProxy:
    """The address to use, what was asked there, and what is to go wrong."""

    target: str
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    faults: list[tuple[str, Fault]] = field(default_factory=list)
    change: Callable[[str, bytes], bytes] | None = None
    """Rewrites the bodies of good answers, given the path."""

    @contextmanager
    def failing(self, path: str, fault: Fault) -> Iterator[None]:
        """Answer so whatever asks for a path that contains this."""
        entry = (path, fault)
        self.faults.append(entry)
        try:
            yield
        finally:
            self.faults.remove(entry)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Be there no more."""
        with self.failing("", Fault(hang_up=True)):
            yield

    def count(self, path: str) -> int:
        """How often a path that contains this was asked for."""
        return sum(path in asked.path for asked in self.asked)


@contextmanager
def proxying(target: str) -> Iterator[MlflowProxy]:
    """A proxy before an MLflow."""
    proxy = MlflowProxy(target=target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            proxy.asked.append(Asked(self.command, self.path, dict(self.headers.items()), body))
            fault = next((fault for path, fault in reversed(proxy.faults) if path in self.path), None)
            if fault is None:
                self._forward(body)
            elif fault.hang_up:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
            else:
                self._say(fault.status, {"Content-Type": fault.media_type}, fault.body, fault.missing_bytes)

        def _forward(self, body: bytes) -> None:
            parts = urlsplit(proxy.target)
            onward = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            try:
                onward.request(self.command, self.path, body=body or None, headers=headers)
                answer = onward.getresponse()
                said = answer.read()
            finally:
                onward.close()
            if proxy.change is not None and answer.status == 200:
                said = proxy.change(self.path, said)
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
            self._say(answer.status, kept, said)

        def _say(self, status: int, headers: dict[str, str], body: bytes, missing_bytes: int = 0) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) + missing_bytes))
            self.end_headers()
            self.wfile.write(body)
            if missing_bytes:
                self.close_connection = True

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _serve  # noqa: N815 - names that the base class calls

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hung up is no news."""

    with Quiet(("127.0.0.1", 0), Handler) as server:
        proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
