"""Whether the image suits: its Python, and how far it is from what the notebook ran in.

Only what the image's name tells, and what this server knows of its own; the rest is unknown, and not guessed.
"""

from __future__ import annotations

import sys

from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.cluster.images import OLDEST_PYTHON, image_name, is_same, own_image, python_of
from windlass.engines.kubernetes.preflight.asking import Asking, Question


async def ask(asking: Asking) -> list[Finding]:
    """What may go wrong with the image."""
    image = asking.job.image
    return [*_python(asking, image), *_moves(image)]


def _python(asking: Asking, image: str) -> list[Finding]:
    has = python_of(image, environ=asking.environ)
    own = own_image(asking.environ)
    here = sys.version_info[0], sys.version_info[1]
    another = own is not None and not is_same(image, own)
    back = {"cluster": {"image": own}} if another else None
    use_own = f"Use this server's image, {own}." if another else None
    if has is not None and has < OLDEST_PYTHON:
        return [
            Finding(
                rule="image-python",
                severity=Severity.ERROR,
                message=f"The image {image} has Python {_said(has)}, and a job needs {_said(OLDEST_PYTHON)} or newer.",
                fix=use_own or "Choose an image with a newer Python.",
                apply=back,
            )
        ]
    if has is not None and has != here:
        message = (
            f"The image {image} has Python {_said(has)}, and this server {_said(here)}: code of the newer one, and "
            "what was pickled, may not work in it."
        )
        return [Finding(rule="image-python", severity=Severity.WARNING, message=message, fix=use_own, apply=back)]
    if another:
        python = "its Python and packages are" if has is None else "its packages are"
        message = f"The job runs in {image}, not in this server's image: {python} not known here."
        return [Finding(rule="image-other", severity=Severity.INFO, message=message, fix=use_own, apply=back)]
    return []


def _moves(image: str) -> list[Finding]:
    name = image_name(image)
    if not name.moves:
        return []
    tag = f"The tag {name.tag!r}" if name.tag else "An image without a tag"
    message = f"{tag} of {name.repository} may mean another image tomorrow: a rerun may not run in the same one."
    return [Finding(rule="image-tag", severity=Severity.INFO, message=message, fix="Name a version, or a digest.")]


def _said(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


QUESTION = Question(about="the image", ask=ask)
