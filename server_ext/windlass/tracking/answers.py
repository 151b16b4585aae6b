"""What an MLflow server's answer means: an object, a refusal, or something that MLflow never says.

Between here and MLflow stand proxies, log-in pages and half-started servers; each becomes a sentence that names what
to do. It sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic_core import from_json

from windlass.errors import Unavailable, Upstream
from windlass.tracking.credentials import HOW_TO_LOG_IN

if TYPE_CHECKING:
    import httpx

_SAID_CHARACTERS = 300
_MISSING = "RESOURCE_DOES_NOT_EXIST"


class MlflowRefused(Upstream):
    """MLflow answers, but will not do it."""

    code = "mlflow-refused"
    title = "MLflow refuses this"

    def __init__(self, message: str, *, error_code: str, status: int) -> None:
        super().__init__(message)
        self.error_code = error_code
        self.status = status

    @property
    def is_missing(self) -> bool:
        """Whether the thing asked for does not exist."""
        return self.error_code == _MISSING or self.status == 404

    @property
    def is_invalid(self) -> bool:
        """Whether MLflow found the request itself wrong, as a filter it does not take."""
        return self.status == 400 and not self.is_missing


def object_of(response: httpx.Response, *, url: str) -> dict[str, Any]:
    """The JSON object of a good answer. Raises Upstream when there is none.

    Numbers that JSON does not have (NaN, Infinity) are taken, bare or as MLflow writes them: as strings.
    """
    try:
        answer = from_json(response.content)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        return answer
    what = "a web page" if _is_page(response) else "no JSON object"
    message = f"MLflow at {url} answered what cannot be understood ({what})."
    if _is_page(response):
        message += f" A log-in proxy may stand before it: {HOW_TO_LOG_IN}; or the address may lack a path."
    raise Upstream(message)


def refusal(response: httpx.Response, *, url: str, clean: Callable[[str], str]) -> Exception:
    """The error that an answer of status 300 or more stands for; `clean` takes the secrets out of what was said."""
    status = response.status_code
    if status < 400:
        return _redirect(response, url=url)
    code, said = _said(response, clean)
    if status == 401:
        sentence = f"it does not accept these credentials; {HOW_TO_LOG_IN}"
    elif status == 403:
        sentence = f"{said.rstrip('.')}; " if said else "it does not allow this; "
        sentence += f"if these are not your credentials, {HOW_TO_LOG_IN}"
    else:
        sentence = said.rstrip(".") or f"status {status}"
    return MlflowRefused(f"MLflow refused: {sentence}.", error_code=code, status=status)


def exhausted(status: int | None, *, url: str) -> Unavailable:
    """What is said when every attempt failed, the last one with this status, or without an answer (None)."""
    if status == 429:
        return Unavailable(f"MLflow at {url} is asked too much at the moment (429): try again in a minute.")
    if status is not None:
        return Unavailable(f"MLflow at {url} does not answer: what stands before it says {status}. Try again later.")
    return Unavailable(f"MLflow at {url} does not answer.")


def _redirect(response: httpx.Response, *, url: str) -> Upstream:
    host = _host(response.headers.get("location", ""))
    where = f"to {host}" if host else "elsewhere"
    return Upstream(
        f"MLflow at {url} sends requests on {where}, and credentials are not taken there. If that is a log-in page, "
        f"{HOW_TO_LOG_IN}; if MLflow has moved, name its new address."
    )


def _host(location: str) -> str:
    try:
        return urlsplit(location).hostname or ""
    except ValueError:
        return ""


def _is_page(response: httpx.Response) -> bool:
    kind = str(response.headers.get("content-type", "")).lower()
    return "html" in kind or response.content[:200].lstrip().lower().startswith((b"<!doctype", b"<html"))


def _said(response: httpx.Response, clean: Callable[[str], str]) -> tuple[str, str]:
    """MLflow's code of the error and its sentence; of a web page, or a text, only the latter when it is short.

    Secrets are taken out before anything is cut: half of one is a secret, too.
    """
    try:
        answer = from_json(response.content)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        said = answer.get("message") or answer.get("detail") or ""
        # A database's own words end with the whole statement.
        said = clean(str(said)).partition("[SQL:")[0]
        return str(answer.get("error_code", "")), " ".join(said.split())[:_SAID_CHARACTERS]
    kind = str(response.headers.get("content-type", ""))
    if kind.startswith("text/plain") and not _is_page(response) and len(response.content) <= _SAID_CHARACTERS:
        return "", " ".join(clean(response.content.decode("utf-8", "replace")).split())
    return "", ""
