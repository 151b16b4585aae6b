"""Domain errors. They carry meaning and a sentence for a person; they know no HTTP.

`handlers/problems.py` has the one table that maps them to a status.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class FieldError:
    """What is wrong with one field of a request (`field` is a dotted path, as `parameters.lr`)."""

    field: str
    message: str


class WindlassError(Exception):
    """Base of all: `str(error)` is a sentence that says what to do."""

    code = "error"
    title = "Something went wrong"


@dataclass(eq=False)
class InvalidRequest(WindlassError):
    """The request cannot be carried out as written."""

    message: str
    fields: list[FieldError] = field(default_factory=list)
    extra: dict[str, object] = field(default_factory=dict)
    code = "invalid-request"
    title = "The request cannot be carried out as written"

    def __str__(self) -> str:
        return self.message


class BundleRefused(InvalidRequest):
    """What would be sent is too large, unreadable, or holds secrets."""

    code = "bundle-refused"
    title = "The notebook cannot be sent as it is"


class NotFound(WindlassError):
    """The thing named does not exist, or is not the asker's."""

    code = "not-found"
    title = "Not found"


class Conflict(WindlassError):
    """The thing is in a state where this cannot be done, or the key was used for something else."""

    code = "conflict"
    title = "Not possible in this state"


class Forbidden(WindlassError):
    """The asker may not do this."""

    code = "forbidden"
    title = "Not allowed"


class Unavailable(WindlassError):
    """A part that is needed is missing or away; the sentence names it and what to do."""

    code = "unavailable"
    title = "A needed part is not available"


class Upstream(WindlassError):
    """A server that Windlass asks for the user refused, or answered what cannot be understood."""

    code = "upstream"
    title = "Another server refused, or answered nonsense"


class ArtifactTooLarge(WindlassError):
    """A file is larger than what is handed out in this way."""

    code = "artifact-too-large"
    title = "The file is too large"


class StorageFull(WindlassError):
    """There is no room to write."""

    code = "storage-full"
    title = "The disk is full"
