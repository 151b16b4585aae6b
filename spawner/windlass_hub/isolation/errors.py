"""What keeps a namespace from being ready, as sentences for the page of the person who waits for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from windlass.kube.errors import Forbidden, KubeError, Unavailable


class IsolationError(Exception):
    """The namespace cannot be used; `str()` says why and what to do, `reason` is one word for metrics."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


@asynccontextmanager
async def as_sentences(name: str) -> AsyncIterator[None]:
    """What the cluster answers, as something to show on the spawn page."""
    try:
        yield
    except Unavailable as error:
        raise IsolationError(
            f"The cluster did not answer while your namespace {name} was prepared. Try again in a minute. ({error})",
            reason="cluster-unavailable",
        ) from error
    except Forbidden as error:
        if "being terminated" in error.message:
            raise IsolationError(
                f"Your namespace {name} is being deleted. Try again in a minute.", reason="namespace-terminating"
            ) from error
        raise IsolationError(
            f"The hub may not prepare your namespace {name}. Ask your administrators to apply hub-config/rbac and "
            f"hub-config/admission of this version. ({error})",
            reason="hub-forbidden",
        ) from error
    except KubeError as error:
        raise IsolationError(
            f"Your namespace {name} could not be prepared. Try again; if it stays so, tell your administrators. "
            f"({error})",
            reason="namespace-failed",
        ) from error
