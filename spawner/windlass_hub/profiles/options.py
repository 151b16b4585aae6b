"""What a user asked for, checked against the catalogue and who they are.

`user_options` comes from a form, from the REST API as any JSON, or from the hub's database as it was months ago;
KubeSpawner's own check is skipped when `profile` is left out, and believes the rest. Here one function decides for all
ways in: whatever it does not know, it refuses. The shape stays KubeSpawner's (`profile`, `image`,
`image--unlisted-choice`): the hub's own admin page and REST clients rely on it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .access import Person, visible, why_not
from .model import Catalogue, Profile
from .patterns import image_matches, is_image_name

PROFILE = "profile"
IMAGE = "image"
FREE_IMAGE = "image--unlisted-choice"
KNOWN = (PROFILE, IMAGE, FREE_IMAGE)
LONGEST = 300

_FORM_PREFIX = "profile-option-"
_UNLISTED_MARK = "unlisted-choice"  # what KubeSpawner's own form sends as the choice when the text counts
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class OptionError(Exception):
    """An option cannot be accepted; `option` names it, `str()` says why and what can be done."""

    def __init__(self, option: str, message: str) -> None:
        self.option = option
        super().__init__(message)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What will be started.

    Attributes:
        profile: one that the person may use.
        image: the full image name; None: the image of the hub's own configuration.
        image_slug: which of the catalogue's images it is; None for a typed one or none.
    """

    profile: Profile
    image: str | None
    image_slug: str | None


def parse_form(formdata: Mapping[str, Sequence[object]]) -> dict[str, str]:
    """The options in a submitted form, in KubeSpawner's field names; nothing is judged but the form itself.

    Fields of profiles that were not chosen are ignored (a form posts them all), so are fields of other names. An empty
    field is one that was not filled in.

    Raises:
        OptionError: no profile was chosen though options were given, a field came twice, or text is no UTF-8.
    """
    slug = _single(formdata, PROFILE)
    if not slug:
        if any(key.startswith(_FORM_PREFIX) for key in formdata):
            raise OptionError(PROFILE, "Choose a profile.")
        return {}
    options = {PROFILE: slug}
    prefix = f"{_FORM_PREFIX}{slug}--"
    for key in formdata:
        if key.startswith(prefix) and (value := _single(formdata, key)):
            options[key[len(prefix) :]] = value
    if options.get(IMAGE) == _UNLISTED_MARK:
        del options[IMAGE]
    elif IMAGE in options:
        options.pop(FREE_IMAGE, None)  # text left in the box beside a listed image that was chosen
    return options


def resolve(options: Mapping[str, object], *, catalogue: Catalogue, person: Person) -> Choice:
    """What these options mean for this person, decided now: a profile may have changed since they were kept.

    A missing profile is the default one, or the first this person may use, and is checked as if it had been named. A
    missing image is the profile's first.

    Raises:
        OptionError: an option is unknown, malformed, not offered, or not for this person.
    """
    texts = _checked(options)
    profile = _profile(texts.get(PROFILE), catalogue=catalogue, person=person)
    if IMAGE in texts and FREE_IMAGE in texts:
        raise OptionError(IMAGE, "Choose an image of the list or type one, not both.")
    if FREE_IMAGE in texts:
        return Choice(profile=profile, image=_typed(profile, texts[FREE_IMAGE]), image_slug=None)
    return _listed(profile, texts.get(IMAGE), catalogue=catalogue)


def _checked(options: object) -> dict[str, str]:
    if not isinstance(options, Mapping):
        raise OptionError(PROFILE, "The options of a server are an object, as {'profile': 'cpu'}.")
    texts: dict[str, str] = {}
    for key, value in options.items():
        if key not in KNOWN:
            raise OptionError(_short(key), f"The option {shown(key)} is not known. Known are: {', '.join(KNOWN)}.")
        if not isinstance(value, str):
            raise OptionError(key, f"The option {key} must be text.")
        if not value:
            raise OptionError(key, f"The option {key} is empty: give a value or leave it out.")
        if len(value) > LONGEST:
            raise OptionError(key, f"The option {key} is longer than {LONGEST} characters.")
        if _CONTROL.search(value):
            raise OptionError(key, f"The option {key} has characters in it that cannot be typed.")
        texts[key] = value
    return texts


def _profile(slug: str | None, *, catalogue: Catalogue, person: Person) -> Profile:
    if slug is None:
        return _default(catalogue, person)
    profile = catalogue.profile(slug)
    if profile is None:
        raise OptionError(PROFILE, f"There is no profile {shown(slug)}. It may have been renamed: choose again.")
    if reason := why_not(profile, person):
        raise OptionError(PROFILE, f"{profile.display_name} is not open to you. {reason}")
    return profile


def _default(catalogue: Catalogue, person: Person) -> Profile:
    allowed = visible(catalogue, person)
    if not allowed:
        raise OptionError(PROFILE, "No profile is open to you. Ask your administrators for one.")
    return next((profile for profile in allowed if profile.default), allowed[0])


def _listed(profile: Profile, slug: str | None, *, catalogue: Catalogue) -> Choice:
    if slug is None and not profile.images:
        return Choice(profile=profile, image=None, image_slug=None)
    slug = profile.images[0] if slug is None else slug
    image = catalogue.image(slug) if slug in profile.images else None
    if image is None:
        raise OptionError(IMAGE, f"{profile.display_name} does not offer the image {shown(slug)}: choose again.")
    return Choice(profile=profile, image=image.image, image_slug=slug)


def _typed(profile: Profile, name: str) -> str:
    if profile.free_image is None:
        raise OptionError(FREE_IMAGE, f"{profile.display_name} takes no image of your own: choose one of the list.")
    if not is_image_name(name):
        raise OptionError(FREE_IMAGE, f"{shown(name)} is no image name: write it as registry/name:tag.")
    if not image_matches(profile.free_image.pattern, name):
        raise OptionError(FREE_IMAGE, f"The image {shown(name)} is not allowed here: {profile.free_image.hint}.")
    return name


def shown(value: object) -> str:
    """What somebody sent, in quotes, short and on one line. Not escaped: the page that shows it does that."""
    return f"“{_short(value)}”"


def _short(value: object) -> str:
    text = value if isinstance(value, str) else type(value).__name__
    text = _CONTROL.sub("?", text[:61]).encode("utf-8", "replace").decode()
    return text if len(text) <= 60 else f"{text[:60]}…"


def _single(formdata: Mapping[str, Sequence[object]], key: str) -> str:
    values = formdata.get(key) or [""]
    if len(values) > 1:
        raise OptionError(_short(key), f"The form has {shown(key)} more than once.")
    value = values[0]
    try:
        text = value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        raise OptionError(_short(key), f"{shown(key)} is no UTF-8 text.") from None
    return text.strip() if isinstance(text, str) else ""  # a file that was sent along is no option
