"""What every handler shares: who asks, what is asked, and how it is answered.

Browsers come with Jupyter's own identity (cookie or token, XSRF and origin checked by Jupyter). Kernels and the command
line come with `Authorization: windlass <token>`, the token of this server's runtime file: it works where the server has
a password, or where identities are a hub's. Either way Jupyter's authorizer has the last word.
"""

from __future__ import annotations

import gzip
import hmac
import json
import secrets
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.base.handlers import APIHandler
from pydantic import ValidationError
from tornado.web import HTTPError

from windlass.contract.base import WireModel
from windlass.errors import FieldError, InvalidRequest
from windlass.handlers.problems import MEDIA_TYPE, TooLarge, invalid_fields, is_expected, problem_of

if TYPE_CHECKING:
    from windlass.services.assembly import Services

M = TypeVar("M", bound=WireModel)

AUTH_RESOURCE = "windlass"
LARGEST_BODY_BYTES = 1024 * 1024
COMPRESSED_FROM_BYTES = 1024
SCHEME = "windlass "


class Extension(Protocol):
    """What the handlers need of the extension that they are part of."""

    token: str
    sockets: set[Any]

    @property
    def services(self) -> Services:
        """The use cases."""
        ...

    @property
    def token_identity(self) -> TokenIdentity:
        """Who comes with our token."""
        ...

    def owner_of(self, provider: IdentityProvider, user: Any, *, token: bool) -> str:
        """Whose jobs a request is about."""
        ...


class TokenIdentity(IdentityProvider):
    """The identity of whoever can read this server's runtime file: the person it belongs to."""

    owner: str = ""

    def get_user(self, _handler: object) -> User:
        """The owner; only asked when the token was right."""
        return User(username=self.owner)

    def is_token_authenticated(self, _handler: object) -> bool:
        """No browser sends this token by itself: neither XSRF nor the origin needs a check."""
        return True


class WindlassIdentity:
    """Who asks; for the REST handlers and the socket alike."""

    settings: dict[str, Any]
    request: Any
    current_user: Any
    auth_resource = AUTH_RESOURCE

    @property
    def windlass(self) -> Extension:
        """The extension."""
        app: Extension = self.settings["windlass"]
        return app

    @property
    def services(self) -> Services:
        """The use cases."""
        return self.windlass.services

    @cached_property
    def _bears_token(self) -> bool:
        header: str = self.request.headers.get("Authorization", "")
        if not header.lower().startswith(SCHEME):
            return False
        given = header[len(SCHEME) :].strip().encode("utf-8", "replace")
        return hmac.compare_digest(given, self.windlass.token.encode())

    @property
    def identity_provider(self) -> IdentityProvider:
        """Jupyter's, or ours for a request with our token."""
        return self.windlass.token_identity if self._bears_token else self.settings["identity_provider"]

    def check_xsrf_cookie(self) -> None:
        """As Jupyter does, but not for our token: also where a hub replaces Jupyter's own check."""
        if not self._bears_token:
            super().check_xsrf_cookie()  # type: ignore[misc]  # of the handler this is mixed into

    @property
    def owner(self) -> str:
        """Whose jobs the asker may see."""
        return self.windlass.owner_of(self.settings["identity_provider"], self.current_user, token=self._bears_token)


class WindlassHandler(WindlassIdentity, APIHandler):
    """Base of the REST handlers."""

    @cached_property
    def _error_id(self) -> str:
        return secrets.token_hex(6)

    async def prepare(self, **options: Any) -> None:
        """Check who asks and how much they send, before any verb."""
        await super().prepare(**options)
        if len(self.request.body) > LARGEST_BODY_BYTES:
            raise TooLarge(f"A request may have {LARGEST_BODY_BYTES // 1024} KiB at most; send files by `include`.")

    def parse(self, model: type[M]) -> M:
        """The body as a model; an empty body is an empty object. Raises InvalidRequest with a sentence per field."""
        try:
            return model.model_validate_json(self.request.body.strip() or b"{}")
        except ValidationError as error:
            raise invalid_fields(error) from None

    def query_text(self, name: str) -> str | None:
        """A query parameter."""
        return self.get_query_argument(name, None) or None

    def query_flag(self, name: str) -> bool:
        """`true` or `false` in the query; false when left out. Raises InvalidRequest for anything else."""
        text = self.query_text(name) or "false"
        if text in ("true", "false"):
            return text == "true"
        message = f"{name} must be true or false."
        raise InvalidRequest(message, fields=[FieldError(field=name, message=message)])

    def query_number(self, name: str, *, default: int, least: int, most: int = 2**62) -> int:
        """A whole number in the query. Raises InvalidRequest outside its bounds."""
        number = self.query_number_or_none(name, least=least, most=most)
        return default if number is None else number

    def query_number_or_none(self, name: str, *, least: int, most: int = 2**62) -> int | None:
        """A whole number in the query, if given. Raises InvalidRequest outside its bounds."""
        text = self.query_text(name)
        if text is None:
            return None
        digits = text.removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(digits) < 20 and least <= int(text) <= most:
            return int(text)
        message = f"{name} must be a whole number from {least} to {most}."
        raise InvalidRequest(message, fields=[FieldError(field=name, message=message)])

    async def reply(self, model: WireModel, *, status: int = 200) -> None:
        """Answer with a model."""
        self.set_status(status)
        await self.reply_bytes(model.model_dump_json().encode(), media_type="application/json")

    async def reply_bytes(self, body: bytes, *, media_type: str) -> None:
        """Answer with text of some kind, compressed when that is worth it and wanted."""
        self.set_header("Cache-Control", "no-cache")
        self.set_header("Vary", "Accept-Encoding")
        wanted = "gzip" in self.request.headers.get("Accept-Encoding", "")
        if wanted and len(body) >= COMPRESSED_FROM_BYTES and not self.settings.get("compress_response"):
            body = await self.services.in_thread(gzip.compress, body, 4)
            self.set_header("Content-Encoding", "gzip")
        await self.finish(body, set_content_type=media_type)

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer with the status of the problem rather than 500."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        status = problem_of(error, error_id=self._error_id).status if error else status_code
        super().send_error(status, **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write the problem."""
        error = kwargs.get("exc_info", (None, None, None))[1] or HTTPError(status_code)
        problem = problem_of(error, error_id=self._error_id)
        problem.instance = urlsplit(self.request.uri).path
        if problem.status == 405:
            self.set_header("Allow", ", ".join(self.allowed_methods()))
        self.finish(json.dumps(problem.model_dump(mode="json")), set_content_type=MEDIA_TYPE)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Refusals are no faults: only what we did not foresee goes to the log with a traceback."""
        if is_expected(value):
            self.log.debug("%s %s refused: %s", self.request.method, self.request.path, value)
        else:
            words = "Windlass error %s at %s %s"
            self.log.error(words, self._error_id, self.request.method, self.request.path, exc_info=(typ, value, tb))

    @classmethod
    def allowed_methods(cls) -> list[str]:
        """The verbs that are implemented here."""
        return [verb for verb in cls.SUPPORTED_METHODS if getattr(cls, verb.lower()).__module__ == cls.__module__]
