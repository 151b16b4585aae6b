"""What the REST interface offers, as data: every path and verb with the models it takes and gives.

openapi.json is generated from this table, and a test holds the handlers against it, so that what is documented, what
the front end is typed by and what is served cannot drift apart. Nothing here knows tornado or a service.
"""

from __future__ import annotations

from . import jobs, registry, server, spending, tracked
from .model import PREFIX, Operation, Parameter

OPERATIONS: tuple[Operation, ...] = (
    *server.OPERATIONS,
    *jobs.OPERATIONS,
    *tracked.OPERATIONS,
    *registry.OPERATIONS,
    *spending.OPERATIONS,
    *server.SOCKET,
)

__all__ = ["OPERATIONS", "PREFIX", "Operation", "Parameter"]
