"""The log of promotions where there is no hub: tags of the version that was promoted to.

One tag per promotion, written before anything is moved and again when it ended, so that whoever is interrupted leaves a
line that says what was meant. A tag that marks versions with lines lets MLflow find them among thousands. Each version
keeps its newest `LINES_KEPT` lines. Whoever may write tags can change the log, which the terms of promotion say.
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from datetime import datetime, timezone
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from windlass.contract.models import Promotion, PromotionState
from windlass.services.registry.rows import Row, tags_of
from windlass.services.registry.targets import Target
from windlass.tracking.model_words import LOG_PREFIX
from windlass.tracking.reads.registry import RegistryReads

LINE_PREFIX = f"{LOG_PREFIX}ion."
MARK = f"{LOG_PREFIX}ions"
LINES_KEPT = 50
INTERRUPTED_AFTER_SECONDS = 120.0
_MARKED = "true"
_PAGE = 200
_MOST_PAGES = 10
_LONGEST_MESSAGE = 500
_LONGEST_COMMENT = 2000
_LONGEST_NAME = 255


class Line(BaseModel):
    """One line, as it is kept."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field("", exclude=True)
    alias: str | None = Field(None, max_length=_LONGEST_NAME)
    stage: str | None = Field(None, max_length=20)
    from_version: str | None = Field(None, max_length=20)
    to_version: str = Field(max_length=20)
    state: Literal["moving", "done", "failed"]
    message: str | None = Field(None, max_length=_LONGEST_MESSAGE)
    by: str = Field(max_length=_LONGEST_NAME)
    comment: str = Field("", max_length=_LONGEST_COMMENT)
    at: float = Field(ge=0, le=253_402_300_799)
    """POSIX seconds."""
    ended: float | None = Field(None, ge=0, le=253_402_300_799)
    key: str | None = Field(None, max_length=64)
    """Digest of the idempotency key."""

    @property
    def target(self) -> Target:
        """What it is about."""
        if self.alias is not None:
            return Target(kind="alias", name=self.alias)
        return Target(kind="stage", name=self.stage or "")

    def ended_as(self, state: Literal["done", "failed"], *, message: str | None, at: float) -> Line:
        """The line at its end."""
        short = message[:_LONGEST_MESSAGE] if message else None
        return self.model_copy(update={"state": state, "message": short, "ended": at})


def new_line(
    target: Target, *, from_version: str | None, to_version: str, by: str, comment: str, key: str | None, now: float
) -> Line:
    """A line for what is about to be moved; control characters are left out of its comment."""
    kept = "".join(sign for sign in comment.strip() if sign == "\n" or unicodedata.category(sign) not in ("Cc", "Cs"))
    return Line(
        id=f"{int(now * 1000):013d}-{secrets.token_hex(4)}",
        alias=target.name if target.kind == "alias" else None,
        stage=target.name if target.kind == "stage" else None,
        from_version=from_version,
        to_version=to_version,
        state="moving",
        by=by[:_LONGEST_NAME],
        comment=kept[:_LONGEST_COMMENT],
        at=now,
        key=key,
    )


def key_digest(*, by: str, key: str | None) -> str | None:
    """What is kept of an idempotency key."""
    return None if key is None else hashlib.sha256(f"{by}\n{key}".encode()).hexdigest()[:32]


def lines_of(version: Row) -> list[Line]:
    """The lines among a version's tags, newest first. What is none of ours is passed over."""
    found = []
    for key, value in tags_of(version).items():
        if key.startswith(LINE_PREFIX):
            try:
                line = Line.model_validate_json(value)
            except ValidationError:
                continue
            found.append(line.model_copy(update={"id": key.removeprefix(LINE_PREFIX)}))
    return sorted(found, key=lambda line: line.id, reverse=True)


class TagLog:
    """The log in one MLflow. Methods raise as MLflow's registry does."""

    def __init__(self, registry: RegistryReads) -> None:
        self._registry = registry

    async def begin(self, name: str, line: Line, *, version: Row) -> None:
        """Write a line down before it is done; `version` is the one it promotes to, as MLflow answered it."""
        if tags_of(version).get(MARK) != _MARKED:
            await self._registry.set_tag(name, version=line.to_version, key=MARK, value=_MARKED)
        await self.write(name, line)
        for old in lines_of(version)[LINES_KEPT - 1 :]:
            await self._registry.delete_tag(name, version=line.to_version, key=LINE_PREFIX + old.id)

    async def write(self, name: str, line: Line) -> None:
        """Write a line as it is now."""
        value = line.model_dump_json(exclude_none=True)
        await self._registry.set_tag(name, version=line.to_version, key=LINE_PREFIX + line.id, value=value)

    async def lines(self, name: str) -> list[Line]:
        """All lines of a model, newest first; of its 2,000 newest versions that have any."""
        found: list[Line] = []
        token = None
        for _ in range(_MOST_PAGES):
            page = await self._registry.versions_tagged(
                name=name, key=MARK, value=_MARKED, limit=_PAGE, page_token=token
            )
            for version in page.items:
                found += lines_of(version)
            token = page.token
            if token is None:
                break
        return sorted(found, key=lambda line: line.id, reverse=True)


def shown(line: Line, *, name: str, later: list[Line], model: Row, now: float) -> Promotion:
    """A line as it is told; what came of one that was interrupted is judged by what MLflow has.

    Args:
        line: the line.
        name: the model's name.
        later: the lines after it, newest first.
        model: the model as MLflow answers it now.
        now: POSIX seconds.
    """
    state = PromotionState.WAITING
    message: str | None = "It is being done."
    if line.state != "moving":
        state, message = PromotionState(line.state), line.message
    elif abs(now - line.at) > INTERRUPTED_AFTER_SECONDS:
        state, message = _judged(line, later=later, model=model)
    return Promotion(
        id=line.id,
        model=name,
        alias=line.alias,
        stage=line.stage,
        from_version=line.from_version,
        to_version=line.to_version,
        state=state,
        message=message,
        by=line.by,
        comment=line.comment,
        asked_at=_moment(line.at),
        ended_at=_moment(line.ended) if line.ended is not None else None,
    )


def _judged(line: Line, *, later: list[Line], model: Row) -> tuple[PromotionState, str]:
    target = line.target
    following = [other for other in later if other.target == target and other.state == "done"]
    at = following[-1].from_version if following else target.at(model)
    if not target.is_held:
        return PromotionState.FAILED, "This was interrupted: whether it was done is not known; look at the version."
    if at == line.to_version:
        return PromotionState.DONE, "This was interrupted while it was done; MLflow had it afterwards."
    where = f"version {at}" if at else "no version"
    return PromotionState.FAILED, f"This was interrupted before it was done: {target} was at {where} afterwards."


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=timezone.utc)
