"""A token that somebody else writes to a file, and writes anew before it ends: kubelets and login tools do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from windlass.kube.errors import Unavailable

READ_AGAIN_SECONDS = 60.0
"""As Kubernetes' own clients do; kubelets renew a token when a fifth of its time is left."""


class TokenFile:
    """The token as it was read less than a minute ago."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._token = ""
        self.read_at: float | None = None
        """When it was read last, by the clock; None: it will be read when it is next asked for."""

    async def token(self) -> str:
        """The token. Raises Unavailable where there is none."""
        if self.read_at is None or self._clock() - self.read_at >= READ_AGAIN_SECONDS:
            self._token = await asyncio.to_thread(self._read)
            self.read_at = self._clock()
        return self._token

    def forget(self) -> None:
        """Read it again when it is next asked for."""
        self.read_at = None

    def _read(self) -> str:
        try:
            token = self._path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise Unavailable(f"The token file {self._path} cannot be read: {why}.", reason="NoAccess") from error
        if not token or not token.isprintable():
            raise Unavailable(f"The token file {self._path} holds no token.", reason="NoAccess")
        return token
