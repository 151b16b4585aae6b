"""Bytes of somebody else's, handed to a browser: as they come, under names of any kind, and where they can do nothing.

Files of a run may hold anything. They are answered from Jupyter's own origin, so whatever a browser may show of them is
put into a sandbox that runs nothing and fetches nothing.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from urllib.parse import quote

from tornado.iostream import StreamClosedError

from windlass.errors import WindlassError
from windlass.handlers.base import WindlassHandler

SANDBOX = (
    "sandbox",
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    "img-src data:",
    "font-src data:",
    "base-uri 'none'",
    "form-action 'none'",
)
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069/\\\\]")
"""What a file's name may not hold: controls, separators, and what turns the direction of writing."""
_LONGEST_NAME = 180


class StreamingHandler(WindlassHandler):
    """A handler of files."""

    def set_sandbox(self) -> None:
        """Let nothing in the answer run, load or be embedded elsewhere; who may frame it is as Jupyter has it."""
        jupyters = [part.strip() for part in self.content_security_policy.split(";")]
        framing = next((part for part in jupyters if part.startswith("frame-ancestors")), "frame-ancestors 'self'")
        self.set_header("Content-Security-Policy", "; ".join((*SANDBOX, framing)))
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Accept-Ranges", "none")
        self.set_header("Cache-Control", "private, no-cache")

    async def stream(self, chunks: AsyncIterator[bytes], *, media_type: str, size_bytes: int | None) -> None:
        """Answer with what comes, each part sent before the next is asked for.

        What breaks in the middle ends the connection: nobody may take half a file for all of it.
        """
        self.set_header("Content-Type", media_type)
        if size_bytes is not None:
            self.set_header("Content-Length", str(size_bytes))
        try:
            async for chunk in chunks:
                self.write(chunk)
                await self.flush()
        except StreamClosedError:
            return
        except WindlassError as error:
            if not self._headers_written:
                raise
            self.log.info("%s broke off: %s", self.request.path, error)
            self.detach().close()
            return
        await self.finish(set_content_type=media_type)


def disposition(*, inline: bool, name: str) -> str:
    """Content-Disposition for a file of any name: ASCII for old browsers, and the name itself (RFC 6266, RFC 8187)."""
    clean = _shortened(_UNSEEN.sub("_", name)) or "file"
    plain = "".join(character if character.isascii() and character not in '"%' else "_" for character in clean)
    encoded = quote(clean, safe="!#$&+^`|~")
    return f"{'inline' if inline else 'attachment'}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


def _shortened(name: str) -> str:
    if len(name) <= _LONGEST_NAME:
        return name
    stem, dot, suffix = name.rpartition(".")
    return f"{stem[: _LONGEST_NAME - 20]}{dot}{suffix[:19]}" if dot else name[:_LONGEST_NAME]
