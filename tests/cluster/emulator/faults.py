"""What can go wrong with an API server, switched on by tests; all of it may be called from any thread."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.cluster.emulator.errors import ApiError

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


@dataclass
class Rule:
    """One fault; `times` is how often it still happens, None for until it is lifted."""

    method: str
    path: re.Pattern[str]
    times: int | None
    error: ApiError | None = None
    seconds: float = 0.0
    drop: bool = False
    happened: int = 0


@dataclass
class Faults:
    """The faults of one emulator. The fake kubelet is spared by all but an outage."""

    stop_listening: Callable[[], None]
    listen_again: Callable[[], None]
    forget_history: Callable[[], None]
    cut: Callable[[], None]
    clock_seconds: float = 0.0
    """How far ahead the server's clock is: tokens expire by it."""
    _rules: list[Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(
        self,
        method: str,
        path: str,
        status: int,
        message: str = "made to fail",
        times: int | None = 1,
        *,
        reason: str = "",
        retry_after: int | None = None,
    ) -> Rule:
        """Answer requests of `method` (or "*") whose path, query included, matches the expression with a failure.

        A watch is `"GET"` with `watch=true` in its query.
        """
        error = ApiError(status, reason or _REASONS.get(status, ""), message, retry_after=retry_after)
        return self._add(Rule(method, re.compile(path), times, error=error))

    def delay(self, method: str, path: str, seconds: float, times: int | None = 1) -> Rule:
        """Answer later."""
        return self._add(Rule(method, re.compile(path), times, seconds=seconds))

    def drop(self, method: str, path: str, times: int | None = 1) -> Rule:
        """Close the connection without an answer, after the request was carried out."""
        return self._add(Rule(method, re.compile(path), times, drop=True))

    def lift(self, rule: Rule) -> None:
        with self._lock:
            if rule in self._rules:
                self._rules.remove(rule)

    def expire_history(self) -> None:
        """Forget what happened: every watch ends, and resuming one (or a list's next page) gives 410."""
        self.forget_history()

    def cut_connections(self) -> None:
        """Break every open connection, watches included; new ones are accepted."""
        self.cut()

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Nobody answers: connections are reset, new ones refused."""
        self.stop_listening()
        try:
            yield
        finally:
            self.listen_again()

    def advance_clock(self, seconds: float) -> None:
        """Let the server's time pass, for tokens that expire."""
        self.clock_seconds += seconds

    def reset(self) -> None:
        with self._lock:
            self._rules.clear()
        self.clock_seconds = 0.0

    def meet(self, method: str, path: str) -> Rule | None:
        """The fault that this request meets, counted down."""
        with self._lock:
            for rule in self._rules:
                if rule.method in {"*", method} and rule.path.search(path) and rule.times != 0:
                    rule.times = None if rule.times is None else rule.times - 1
                    rule.happened += 1
                    return rule
        return None

    def _add(self, rule: Rule) -> Rule:
        with self._lock:
            self._rules.append(rule)
        return rule
