"""From what the panel asks to what MLflow is asked: filter, order, page.

A cursor is MLflow's page token with a digest of the question it is of: the token alone is a number of rows, which
MLflow would apply to any question.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass

from windlass.contract.runs import RunSearch
from windlass.errors import FieldError, InvalidRequest
from windlass.services.experiments.rows import COST, GPU_HOURS, PARENT_TAG, Column
from windlass.tracking import filters
from windlass.tracking.filters.quoting import order_by, quoted

LONGEST_TOKEN = 2000
NOT_NESTED = f"tags.`{PARENT_TAG}` IS NULL"
_ATTRIBUTES = {
    "attributes.start_time": "attributes.start_time",
    "attributes.end_time": "attributes.end_time",
    "attributes.status": "attributes.status",
    "attributes.run_name": "attributes.run_name",
    "attributes.user_id": "tags.mlflow.user",
    "attributes.cost": f"metrics.{COST}",
    "attributes.gpu_hours": f"metrics.{GPU_HOURS}",
}
_DURATION = "attributes.duration"


@dataclass(frozen=True, kw_only=True)
class Question:
    """A search as MLflow takes it."""

    experiment_ids: tuple[str, ...]
    filter: str
    order_by: tuple[str, ...]
    deleted: bool
    columns: tuple[Column, ...]
    whole: bool
    """Whether it is for all of the experiments' runs that are not deleted."""

    @property
    def digest(self) -> str:
        """Tells questions apart; the same rows in the same order have the same."""
        told = json.dumps([self.experiment_ids, self.filter, self.order_by, self.deleted])
        return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def question_of(search: RunSearch) -> Question:
    """What to ask MLflow. Raises InvalidRequest, with the field, and for a filter with the place of the mistake."""
    check_filter(search.filter)
    conditions = [search.filter.strip()] if search.filter.strip() else []
    if search.parent is not None:
        conditions.append(f"tags.`{PARENT_TAG}` = {_parent(search.parent)}")
    elif search.top_level:
        conditions.append(NOT_NESTED)
    return Question(
        experiment_ids=tuple(search.experiment_ids),
        filter=" AND ".join(conditions),
        order_by=(_order(search),),
        deleted=search.deleted,
        columns=tuple(Column.named(name) for name in search.columns),
        whole=not conditions and not search.deleted,
    )


def check_filter(text: str) -> None:
    """Raise InvalidRequest with the place of the first mistake, in UTF-16 code units, in `extra`."""
    if not text.strip():
        return
    mistake = filters.parse(text)
    if isinstance(mistake, filters.FilterMistake):
        where: dict[str, object] = {"start": mistake.start, "end": mistake.end}
        raise InvalidRequest(mistake.message, fields=[FieldError(field="filter", message=mistake.message)], extra=where)


def page_cursor(question: Question, token: str | None) -> str | None:
    """A cursor behind a page; None at the end."""
    if token is None:
        return None
    return base64.urlsafe_b64encode(json.dumps([question.digest, token]).encode()).decode().rstrip("=")


def token_in(cursor: str | None, question: Question) -> str | None:
    """MLflow's token in a cursor. Raises InvalidRequest for a cursor of another question, or that is none."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        digest, token = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError):
        digest, token = None, None
    if digest == question.digest and isinstance(token, str) and 0 < len(token) <= LONGEST_TOKEN:
        return token
    raise bad_cursor()


def bad_cursor() -> InvalidRequest:
    """What is said of a cursor that does not go on with what is asked."""
    message = "This cursor is of another list: leave it out to start at the top, or ask as for the page it came with."
    return InvalidRequest(message, fields=[FieldError(field="cursor", message=message)])


def _order(search: RunSearch) -> str:
    if search.sort == _DURATION:
        message = "MLflow does not sort runs by how long they took: sort by start_time or end_time instead."
        raise InvalidRequest(message, fields=[FieldError(field="sort", message=message)])
    column = _ATTRIBUTES.get(search.sort, search.sort)
    kind, _, key = column.partition(".")
    if (kind == "attributes" and search.sort not in _ATTRIBUTES) or not key.isprintable():
        message = f"Runs cannot be sorted by {search.sort!r}: name a metric, parameter or tag, or "
        message += ", ".join(name.partition(".")[2] for name in _ATTRIBUTES) + " of attributes."
        raise InvalidRequest(message, fields=[FieldError(field="sort", message=message)])
    return order_by(column, descending=search.descending)


def _parent(run_id: str) -> str:
    try:
        return quoted(run_id)
    except InvalidRequest:
        message = "This is no id of a run."
        raise InvalidRequest(message, fields=[FieldError(field="parent", message=message)]) from None
