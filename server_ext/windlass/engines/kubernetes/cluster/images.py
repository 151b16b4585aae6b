"""What can be told of an image by its name alone. No registry is asked: users' servers often reach none.

A name is `[registry/]repository[:tag][@digest]`. Versions in tags are a habit of publishers and prove nothing; where
there is no such habit the answer is unknown (None).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass

IMAGE_VARIABLES = ("JUPYTER_IMAGE", "JUPYTER_IMAGE_SPEC")
"""Where hubs say which image the notebook server runs in."""
OLDEST_PYTHON = (3, 9)
"""What the programs of the init containers and the runner need."""

_IN_TAG = re.compile(r"(?:^|[-_.])(?:python|py|cp)-?(?P<major>[23])\.?(?P<minor>[0-9]{1,2})(?![0-9])")
_VERSION = re.compile(r"(?P<major>[23])\.(?P<minor>[0-9]{1,2})(?![0-9])")
_MOVING = {"", "latest", "main", "master", "nightly", "edge", "dev", "stable"}


@dataclass(frozen=True, kw_only=True)
class ImageName:
    """The parts of an image's name."""

    repository: str
    """With its registry."""
    tag: str = ""
    digest: str = ""

    @property
    def moves(self) -> bool:
        """Whether the same name may be another image tomorrow."""
        return not self.digest and self.tag in _MOVING


def image_name(image: str) -> ImageName:
    """Take a name apart."""
    name, _, digest = image.partition("@")
    folder, slash, last = name.rpartition("/")
    # A colon before the last slash is a registry's port.
    last, _, tag = last.partition(":")
    return ImageName(repository=f"{folder}{slash}{last}", tag=tag, digest=digest)


def own_image(environ: Mapping[str, str] = os.environ) -> str | None:
    """The image that this server runs in, where the hub says so."""
    return next((environ[name] for name in IMAGE_VARIABLES if environ.get(name)), None)


def is_same(one: str, other: str) -> bool:
    """Whether two names are of one image: by digest where both have one."""
    first, second = image_name(one), image_name(other)
    if first.digest and second.digest:
        return first.digest == second.digest
    return (first.repository, first.tag or "latest") == (second.repository, second.tag or "latest")


def python_of(image: str, *, environ: Mapping[str, str] = os.environ) -> tuple[int, int] | None:
    """The Python in an image: this process's own for its own image, else what the tag says; None when unknown."""
    own = own_image(environ)
    if own is not None and is_same(image, own):
        return sys.version_info[0], sys.version_info[1]
    name = image_name(image)
    match = _IN_TAG.search(name.tag)
    if match is None and name.repository.rpartition("/")[2] == "python":
        match = _VERSION.match(name.tag)
    return (int(match["major"]), int(match["minor"])) if match else None
