"""Two admins edited the same catalogue: what both want, and where they want different things.

Pure, on documents in JSON form (`as_document`). Entries of lists are told apart by their slug; what only one of the two
touched is taken from that one. Where both touched the same value, mine stands in the result and the clash is told, so
that a person decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .model import Catalogue

Document = dict[str, Any]

_LISTS = ("profiles", "images")
_SETS = {"groups", "users"}
_WHOLE = {"gpu", "free_image"}
"""Mappings whose fields mean something only together."""
_ABSENT = object()


@dataclass(frozen=True, kw_only=True)
class Clash:
    """A value both changed. `path` names list entries by slug; None stands for "not there"."""

    path: tuple[str, ...]
    mine: Any
    theirs: Any


@dataclass(frozen=True, kw_only=True)
class Merged:
    """The common document, with mine at the clashes."""

    document: Document
    clashes: tuple[Clash, ...]


def as_document(catalogue: Catalogue) -> Document:
    """The catalogue as JSON that says only what differs from the defaults."""
    return {"version": catalogue.version, **catalogue.model_dump(mode="json", exclude_defaults=True)}


def merge(base: Catalogue, mine: Catalogue, theirs: Catalogue) -> Merged:
    """What `mine` and `theirs` both made of `base`. It may break a rule of the model: validate it."""
    clashes: list[Clash] = []
    before, left, right = (_by_slug(as_document(side)) for side in (base, mine, theirs))
    merged = _merge((), before, left, right, clashes)
    for name in _LISTS:
        order = _order([*before[name]], [*left[name]], [*right[name]], present=[*merged[name]])
        merged[name] = [merged[name][slug] for slug in order]
    return Merged(document={key: value for key, value in merged.items() if value != []}, clashes=tuple(clashes))


def _by_slug(document: Document) -> Document:
    listed = {name: {item["slug"]: item for item in document.get(name, [])} for name in _LISTS}
    return {**document, **listed}


def _merge(path: tuple[str, ...], base: Any, mine: Any, theirs: Any, clashes: list[Clash]) -> Any:
    if mine in (base, theirs):
        return theirs
    if theirs == base:
        return mine
    if isinstance(mine, Mapping) and isinstance(theirs, Mapping) and (not path or path[-1] not in _WHOLE):
        known = base if isinstance(base, Mapping) else {}
        both = {
            key: _merge(
                (*path, key), known.get(key, _ABSENT), mine.get(key, _ABSENT), theirs.get(key, _ABSENT), clashes
            )
            for key in dict.fromkeys((*theirs, *mine))
        }
        return {key: value for key, value in both.items() if value is not _ABSENT}
    if path and path[-1] in _SETS:
        old, left, right = ([] if side is _ABSENT else side for side in (base, mine, theirs))
        kept = [item for item in right if item in left or item not in old]
        return [*kept, *(item for item in left if item not in right and item not in old)] or _ABSENT
    clashes.append(Clash(path=path, mine=_or_none(mine), theirs=_or_none(theirs)))
    return mine


def _order(base: list[str], mine: list[str], theirs: list[str], *, present: list[str]) -> list[str]:
    """Theirs, unless only mine was reordered; what the leading order does not have follows its neighbour."""
    i_moved = [slug for slug in mine if slug in base] != [slug for slug in base if slug in mine]
    lead, other = (mine, theirs) if i_moved else (theirs, mine)
    order = [slug for slug in lead if slug in present]
    for index, slug in enumerate(other):
        if slug in present and slug not in order:
            after = next((earlier for earlier in reversed(other[:index]) if earlier in order), None)
            order.insert(order.index(after) + 1 if after is not None else 0, slug)
    return order


def _or_none(value: Any) -> Any:
    return None if value is _ABSENT else value
