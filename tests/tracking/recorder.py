"""A small HTTP server that answers what it is told to, and remembers what it was sent."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Recorder:
    """Answers what it is told to, in order, then `{}`; each answer is a status, a body, and maybe headers.

    A status of 0 breaks the connection off; a body is bytes, or becomes JSON.
    """

    def __init__(self) -> None:
        self.answers: list[tuple[Any, ...]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.paths: list[str] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                recorder.headers.append({key.lower(): value for key, value in self.headers.items()})
                recorder.bodies.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                recorder.paths.append(self.path)
                status, body, *more = recorder.answers.pop(0) if recorder.answers else (200, {})
                if status == 0:
                    self.close_connection = True
                    return
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                headers = {"Content-Length": str(len(data))} | (more[0] if more else {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_arguments: Any) -> None:
                """Keep quiet."""

        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.answer)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.address}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
