"""Models and versions as MLflow answers them, made into those of the wire. It asks nobody.

A version's `model_id` is in its source where MLflow does not say it; who registered it is known where MLflow knows its
users, or where Windlass registered it and left a tag.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from windlass.contract.models import ModelVersion, RegisteredModel
from windlass.contract.runs import TextValue
from windlass.services.experiments.rows import moment
from windlass.services.registry.sources import SourceRun
from windlass.tracking.model_words import LOG_PREFIX, USER_TAG

_LOGGED_MODEL = "models:/"

Row = Mapping[str, Any]


def version_of(found: Row, *, run: SourceRun | None, site: str | None) -> ModelVersion:
    """A version; `run` is the one it came from, where that is known."""
    tags = tags_of(found)
    name, number = str(found.get("name")), str(found.get("version"))
    return ModelVersion(
        name=name,
        version=number,
        aliases=sorted(map(str, found.get("aliases") or ())),
        stage=_text(found.get("current_stage")),
        status=str(found.get("status") or "READY"),
        message=_text(found.get("status_message")),
        created_at=moment(_milliseconds(found.get("creation_timestamp"))),
        updated_at=moment(_milliseconds(found.get("last_updated_timestamp"))),
        user=_text(found.get("user_id")) or tags.get(USER_TAG),
        description=_text(found.get("description")),
        tags=_shown(tags),
        source=_text(found.get("source")),
        run_id=_text(found.get("run_id")),
        run_name=run.name if run else None,
        experiment_id=run.experiment_id if run else None,
        model_id=model_id_of(found),
        job_id=run.job_id if run else None,
        metrics=list(run.metrics) if run else [],
        url=f"{_page(site, name)}/versions/{number}" if site is not None else None,
    )


def model_of(found: Row, *, site: str | None) -> RegisteredModel:
    """A model."""
    name = str(found.get("name"))
    return RegisteredModel(
        name=name,
        description=_text(found.get("description")),
        created_at=moment(_milliseconds(found.get("creation_timestamp"))),
        updated_at=moment(_milliseconds(found.get("last_updated_timestamp"))),
        tags=_shown(tags_of(found)),
        aliases=aliases_of(found),
        latest_version=_latest(found),
        url=_page(site, name) if site is not None else None,
    )


def aliases_of(model: Row) -> dict[str, str]:
    """Version by alias."""
    return {str(pair.get("alias")): str(pair.get("version")) for pair in model.get("aliases") or ()}


def stages_of(model: Row) -> dict[str, str]:
    """The newest version in each stage."""
    versions = model.get("latest_versions") or ()
    return {str(each["current_stage"]): str(each.get("version")) for each in versions if each.get("current_stage")}


def tags_of(found: Row) -> dict[str, str]:
    """All tags, by key."""
    return {str(tag.get("key")): str(tag.get("value", "")) for tag in found.get("tags") or ()}


def model_id_of(version: Row) -> str | None:
    """The LoggedModel that a version is of; None for one that was made from a run's files, or copied."""
    told = _text(version.get("model_id"))
    source = str(version.get("source") or "")
    model_id = source.removeprefix(_LOGGED_MODEL)
    if told is not None or model_id == source or not model_id or any(sign in model_id for sign in "/@"):
        return told
    return model_id


def _shown(tags: Mapping[str, str]) -> list[TextValue]:
    return [TextValue(key=key, value=tags[key]) for key in sorted(tags) if not key.startswith(LOG_PREFIX)]


def _latest(model: Row) -> str | None:
    numbers = [int(number) for number in map(_number, model.get("latest_versions") or ()) if number.isdecimal()]
    return str(max(numbers)) if numbers else None


def _number(version: Row) -> str:
    return str(version.get("version", ""))


def _page(site: str | None, name: str) -> str:
    return f"{site}/#/models/{quote(name, safe='')}"


def _text(value: object) -> str | None:
    return str(value) if value else None


def _milliseconds(value: object) -> int | None:
    return int(value) if isinstance(value, (int, str)) and str(value).isdecimal() else None
