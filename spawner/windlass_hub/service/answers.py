"""How every handler of the service reads a request and answers it: bodies, problems, headers. It knows no identity.

Bodies are taken as they come (tornado's streaming mode), because only then is `prepare`, where the asker is checked,
run before the body is read. A refused request is passed over to its end all the same before the refusal is told:
answered earlier, tornado closes the connection, and a proxy loses the answer or fails somebody's next request.
"""

from __future__ import annotations

import json
import logging
import math
import secrets
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError
from tornado.web import HTTPError, RequestHandler, stream_request_body

from .problems import MEDIA_TYPE, InvalidRequest, TooLarge, as_service_error, invalid_fields, is_expected, problem_of
from .state import ServiceState

M = TypeVar("M", bound=BaseModel)

log = logging.getLogger("windlass_hub.service")

LARGEST_BODY_BYTES = 1024 * 1024
API_POLICY = "default-src 'none'; frame-ancestors 'none'"


@stream_request_body
class AnswerHandler(RequestHandler):
    """Base of all handlers."""

    content_policy = API_POLICY
    """The Content-Security-Policy of the answers."""
    largest_body_bytes = LARGEST_BODY_BYTES

    def initialize(self) -> None:
        """Start with no body received."""
        self._received = bytearray()
        self._refusal: Exception | None = None

    async def prepare(self) -> None:
        """Settle whether the request is carried out; a refusal is told once the request has come in whole."""
        try:
            await self.settle()
        except Exception as error:  # noqa: BLE001 - told in the place of the verb
            self._refusal = error
            self.answer_instead(self._refuse)

    def answer_instead(self, answer: Callable[..., Awaitable[None]]) -> None:
        """Have `answer` called in the place of the verb, when tornado is ready for it."""
        setattr(self, str(self.request.method).lower(), answer)

    async def settle(self) -> None:
        """Raise what the request is refused with; subclasses check who asks, here."""
        self.refuse_announced()

    def check_xsrf_cookie(self) -> None:
        """Tornado's own call comes too early to be answered well; `settle` checks where a cookie counts."""

    async def _refuse(self, *_path: str) -> None:
        if self._refusal is not None:
            raise self._refusal

    @property
    def state(self) -> ServiceState:
        """What the service is made of."""
        found: ServiceState = self.settings["windlass"]
        return found

    @cached_property
    def error_id(self) -> str:
        """Names this request in the log when it fails for a reason of ours."""
        return secrets.token_hex(6)

    @property
    def verbs(self) -> tuple[str, ...]:
        """The HTTP methods offered here."""
        own = type(self)
        base = RequestHandler
        return tuple(
            verb for verb in self.SUPPORTED_METHODS if getattr(own, verb.lower()) is not getattr(base, verb.lower())
        )

    def set_default_headers(self) -> None:
        """What a browser must not do with an answer of ours."""
        self.set_header("Content-Security-Policy", self.content_policy)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("X-Frame-Options", "DENY")
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.set_header("Cache-Control", "no-store")
        if "X-Forwarded-For" in self.request.headers:
            # A proxy keeps connections for whoever asks next, and answers 503 when we close one just then (after an
            # idle time, after a request that was refused early). One connection each: nobody meets another's end.
            self.set_header("Connection", "close")
        self.clear_header("Server")

    def data_received(self, chunk: bytes) -> None:
        """Keep a piece of the body, as far as one may be long; tornado gives no chance to answer from here."""
        if self._refusal is not None:
            return
        room = self.largest_body_bytes + 1 - len(self._received)
        self._received += chunk[:room]

    def refuse_announced(self) -> None:
        """Raise TooLarge for what the request says it will send."""
        announced = self.request.headers.get("Content-Length", "0")
        if announced.isascii() and announced.isdigit():
            self._refuse_large(int(announced))

    def _refuse_large(self, size: int) -> None:
        if size > self.largest_body_bytes:
            raise TooLarge(f"A request may have {self.largest_body_bytes // 1024} KiB at most.")

    @property
    def body_bytes(self) -> bytes:
        """The whole body. Raises TooLarge."""
        self._refuse_large(len(self._received))
        return bytes(self._received)

    def body_text(self) -> str:
        """The whole body as UTF-8. Raises InvalidRequest."""
        try:
            return self.body_bytes.decode("utf-8")
        except UnicodeDecodeError:
            raise InvalidRequest("The body must be UTF-8.") from None

    def json_body(self) -> Any:
        """The body as JSON; an empty body is an empty object. Raises InvalidRequest."""
        try:
            return json.loads(self.body_bytes.strip() or b"{}")
        except (ValueError, RecursionError):
            raise InvalidRequest("The body must be JSON.") from None

    def parse(self, model: type[M]) -> M:
        """The body as a model. Raises InvalidRequest with a sentence per field."""
        try:
            return model.model_validate(self.json_body())
        except ValidationError as error:
            raise invalid_fields(error) from None

    def query_text(self, name: str, *, most: int = 2000) -> str | None:
        """A query parameter, None when it is not there. Raises InvalidRequest where it is too long."""
        text = self.get_query_argument(name, None)
        if text is not None and len(text) > most:
            raise InvalidRequest(f"{name} is too long.", fields=[(name, f"At most {most} characters.")])
        return text or None

    def query_number(self, name: str, *, least: float, most: float) -> float | None:
        """A number of the query, None when it is not there. Raises InvalidRequest outside its bounds."""
        text = self.query_text(name, most=64)
        if text is None:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not least <= number <= most:
            message = f"{name} must be a number from {least:g} to {most:g}."
            raise InvalidRequest(message, fields=[(name, message)])
        return number

    def query_count(self, name: str, *, default: int, least: int = 1, most: int) -> int:
        """A whole number of the query. Raises InvalidRequest outside its bounds."""
        number = self.query_number(name, least=least, most=most)
        if number is not None and number != int(number):
            raise InvalidRequest(f"{name} must be a whole number.", fields=[(name, "A whole number, please.")])
        return default if number is None else int(number)

    def reply(self, answer: BaseModel | dict[str, Any] | list[Any], *, status: int = 200) -> None:
        """Answer with a model, or with what JSON can say."""
        text = answer.model_dump_json() if isinstance(answer, BaseModel) else json.dumps(answer, allow_nan=False)
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(text)

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer with the status of the problem rather than 500."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        status = problem_of(error, error_id=self.error_id).status if error else status_code
        super().send_error(status, **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write the problem."""
        error = kwargs.get("exc_info", (None, None, None))[1] or HTTPError(status_code)
        problem = problem_of(error, error_id=self.error_id)
        problem.instance = urlsplit(self.request.uri or "").path
        known = as_service_error(error)
        if known is not None and known.retry_after is not None:
            self.set_header("Retry-After", str(max(1, math.ceil(known.retry_after))))
        if problem.status == 401:
            self.set_header("WWW-Authenticate", 'Bearer realm="JupyterHub"')
        if problem.status == 405:
            self.set_header("Allow", ", ".join(self.verbs))
        self.set_header("Content-Type", MEDIA_TYPE)
        self.finish(problem.model_dump_json())

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Refusals are no faults: only what we did not foresee goes to the log with a traceback."""
        if is_expected(value):
            log.debug("%s %s refused: %s", self.request.method, self.request.path, value)
        else:
            words = "Error %s at %s %s"
            log.error(words, self.error_id, self.request.method, self.request.path, exc_info=(typ, value, tb))


class UnknownHandler(AnswerHandler):
    """Every address that is none of ours."""

    async def settle(self) -> None:
        """Say so, whatever the verb."""
        raise HTTPError(404)
