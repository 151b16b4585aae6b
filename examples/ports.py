"""A port for what an example starts: the usual one where it is free."""

from __future__ import annotations

import socket


def free_port(wanted: int) -> int | None:
    """`wanted` itself where nothing listens there on loopback, else any free port; None when there is none."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return None
