"""The catalogue as the admin interface sends it: with its revision, whose it is, and what is wrong with it.

Pure but for reading the shelf. What cannot be read is told beside the last good copy, with the revision that a save
must name to mend it.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from windlass_hub.profiles.changes import Change
from windlass_hub.profiles.file_store import EXAMPLES
from windlass_hub.profiles.merging import as_document
from windlass_hub.profiles.model import Catalogue, CatalogueError, Problem, load_catalogue
from windlass_hub.profiles.prices import hourly_price
from windlass_hub.profiles.store import NOTHING, Missing, Snapshot, StoreError, Unreadable
from windlass_hub.service.state import ServiceState

Document = dict[str, Any]
MOST_VALUES = 50_000
"""As many as of YAML: 500 profiles have about 20,000."""


async def current(state: ServiceState) -> Document:
    """What an editor starts from.

    Raises:
        StoreError: it was never read, and nothing of it can be told.
    """
    with suppress(StoreError):
        snapshot = await state.shelf.read()
        if state.shelf.problem is None:
            return of_snapshot(snapshot)
    try:  # once more for the reason itself; it may have gone meanwhile
        return of_snapshot(await state.store.load())
    except Missing as error:
        return _document(NOTHING, load_catalogue({}), missing=str(error), examples=_examples())
    except Unreadable as error:
        catalogue = state.shelf.last.catalogue if state.shelf.last else load_catalogue({})
        broken = {"problems": problems(error), "text": error.text}
        return _document(error.revision, catalogue, owner=error.owner, broken=broken)
    except StoreError as error:
        if state.shelf.last is None:
            raise
        return {**of_snapshot(state.shelf.last), "stale": str(error)}


def of_snapshot(snapshot: Snapshot) -> Document:
    """A catalogue that was read."""
    return _document(snapshot.revision, snapshot.catalogue, owner=snapshot.owner)


def problems(error: CatalogueError) -> list[dict[str, str]]:
    """What is wrong where."""
    return [{"path": problem.path, "message": problem.message} for problem in error.problems]


def told(differences: Iterable[Change]) -> list[Document]:
    """Changes, with the sentence that says each."""
    return [
        {
            "section": change.section,
            "kind": change.kind,
            "name": change.name,
            "slug": change.slug,
            "details": list(change.details),
            "sentence": str(change),
        }
        for change in differences
    ]


def prices(catalogue: Catalogue) -> dict[str, float | None]:
    """USD per hour by profile; None is unknown."""
    return {profile.slug: hourly_price(profile, catalogue.prices) for profile in catalogue.profiles}


def read(document: object) -> Catalogue:
    """A catalogue that was sent as JSON. Raises CatalogueError."""
    if not isinstance(document, dict):
        raise CatalogueError([Problem(path="", message="A catalogue is an object with profiles, images and so on.")])
    if _holds_more_than(MOST_VALUES, document):
        raise CatalogueError([Problem(path="", message="This is too much for one catalogue.")])
    return load_catalogue(document)


def _holds_more_than(most: int, document: object) -> bool:
    """Whether there are more values in it: to say of each what is wrong would hold up everybody else."""
    around, values = [document], 0
    while around:
        inside = around.pop()
        found = inside.values() if isinstance(inside, dict) else inside if isinstance(inside, list) else ()
        values += len(found)
        if values > most:
            return True
        around.extend(found)
    return False


def _document(
    revision: str,
    catalogue: Catalogue,
    *,
    owner: str | None = None,
    broken: Document | None = None,
    missing: str | None = None,
    examples: Document | None = None,
) -> Document:
    return {
        "revision": revision,
        "catalogue": as_document(catalogue),
        "prices": prices(catalogue),
        "owner": owner,
        "stale": None,
        "broken": broken,
        "missing": missing,
        "examples": examples,
    }


def _examples() -> Document | None:
    """The catalogue to start from, where this installation has it."""
    try:
        return as_document(load_catalogue(EXAMPLES.read_text(encoding="utf-8")))
    except (OSError, CatalogueError):
        return None
