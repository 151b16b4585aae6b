"""The options on JupyterHub's spawn page: one card per profile, as HTML that needs no script to work.

Pure: it gets what it shows and gives text. Everything an admin wrote is escaped by the template engine; style and
script are files of ours, put into the page as they are, since a spawner has no place to serve files from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from windlass.kube.quantities import format_bytes, parse_bytes, parse_quantity

from .profiles.access import Person, closed, visible, why_not
from .profiles.availability import Availability, CapacitySnapshot, room_for
from .profiles.model import Catalogue, Gpu, Profile
from .profiles.options import FREE_IMAGE, IMAGE, PROFILE
from .profiles.prices import hourly_price

_TEMPLATES = Path(__file__).parent / "templates"
# Fewer fit on a screen or two and are found faster by looking.
_FILTER_FROM = 9


@dataclass(frozen=True, kw_only=True)
class ImageChoice:
    """One entry of a card's list of images."""

    slug: str
    name: str
    description: str
    selected: bool


@dataclass(frozen=True, kw_only=True)
class FreeText:
    """A card's field for an image of one's own."""

    pattern: str
    hint: str
    text: str
    selected: bool


@dataclass(frozen=True, kw_only=True)
class Card:
    """One profile as it is shown to one person now.

    Attributes:
        facts: the machine in words, one thing each.
        price: in words; says so when it is not known.
        room: availability in words, and `tone` how good that is: good, wait, bad or unknown.
        why_not: why it cannot be chosen now; None: it can.
        checked: the one that is chosen when nothing is changed.
    """

    slug: str
    name: str
    description: str
    facts: tuple[str, ...]
    price: str
    room: str
    tone: str
    why_not: str | None
    images: tuple[ImageChoice, ...]
    free: FreeText | None
    checked: bool


def cards_for(
    catalogue: Catalogue,
    person: Person,
    snapshot: CapacitySnapshot | None,
    remembered: Mapping[str, Any],
    *,
    taken: Mapping[str, str] | None = None,
) -> list[Card]:
    """The cards of the profiles: first those this person may use, then those of groups, which say whom they are for.

    Args:
        catalogue: what is in force.
        person: who looks.
        snapshot: what there is room for; None: unknown.
        remembered: the options of the last start, as they were kept; what is not offered any more is passed over.
        taken: by profile, why no more servers of it may run at once.
    """
    mine, others = visible(catalogue, person), closed(catalogue, person)
    rooms = {profile.slug: room_for(profile, snapshot) for profile in [*mine, *others]}
    off = {profile.slug: why_not(profile, person) for profile in others}
    off |= {profile.slug: (taken or {}).get(profile.slug) or rooms[profile.slug].impossible for profile in mine}
    first = _first([profile for profile in mine if not off[profile.slug]], remembered.get(PROFILE))
    return [
        _card(profile, catalogue, rooms[profile.slug], remembered, why_not=off[profile.slug], first=first)
        for profile in [*mine, *others]
    ]


def render_page(*, cards: Sequence[Card], note: str | None = None, problem: str | None = None) -> str:
    """The HTML inside the form of JupyterHub's spawn page.

    Args:
        cards: from `cards_for`.
        note: why the last server ended.
        problem: why nothing can be started at all; shown instead of cards.
    """
    return _template().render(
        cards=cards,
        note=note,
        problem=problem,
        can_start=any(card.checked for card in cards),
        filtered=len(cards) >= _FILTER_FROM,
    )


def render_profile_list(
    profile_list: Sequence[Mapping[str, Any]],
    user_options: Mapping[str, Any],
    *,
    template: str = "",
    template_paths: Sequence[str] = (),
) -> str:
    """KubeSpawner's own form for its own `profile_list`, with names and descriptions escaped, which it does not do.

    Args:
        profile_list: initialized, as `KubeSpawner._get_initialized_profile_list` gives it.
        user_options: of the last start, checked.
        template: `profile_form_template`; a form of one's own as text.
        template_paths: `additional_profile_form_template_paths`.
    """
    loader = ChoiceLoader([FileSystemLoader(list(template_paths)), PackageLoader("kubespawner", "templates")])
    environment = Environment(loader=loader, autoescape=True)
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}
    form = environment.from_string(template) if template else environment.get_template("form.html")
    return form.render(profile_list=profile_list, user_options=user_options)


def price_in_words(usd_per_hour: float | None) -> str:
    """`$0.53 per hour`; a price below a cent keeps its digits, an unknown one is said to be so."""
    if usd_per_hour is None:
        return "price not set"
    if 0 < usd_per_hour < 0.01:
        return f"${f'{usd_per_hour:.6f}'.rstrip('0')} per hour"
    return f"${usd_per_hour:,.2f} per hour"


def machine_in_words(profile: Profile) -> tuple[str, ...]:
    """Cores, memory, GPUs and what else tells this machine from another."""
    cores = f"{parse_quantity(profile.cpu).normalize():f}"
    facts = [f"{cores} CPU core{'' if cores == '1' else 's'}", f"{_memory(profile.memory)} memory"]
    facts.append(gpu_in_words(profile.gpu) if profile.gpu else "no GPU")
    if profile.interface == "vscode":
        facts.append("VS Code")
    if profile.spot:
        facts.append("spot: may be taken away at any time")
    return tuple(facts)


def gpu_in_words(gpu: Gpu) -> str:
    """Whole cards, slices of a card, or shares of one."""
    product = gpu.product.replace("-", " ")  # a node label, which holds no spaces
    many = "" if gpu.count == 1 else "s"
    if gpu.mode == "mig":
        return f"{gpu.count} slice{many} {gpu.mig_profile} of {product}"
    if gpu.mode == "shared":
        return f"{gpu.count} of {gpu.replicas} shares of a {product} GPU"
    return f"{product} GPU" if gpu.count == 1 else f"{gpu.count} × {product} GPUs"


def _card(
    profile: Profile,
    catalogue: Catalogue,
    room: Availability,
    remembered: Mapping[str, Any],
    *,
    why_not: str | None,
    first: str | None,
) -> Card:
    # Options of another profile say nothing about this one.
    last = remembered if remembered.get(PROFILE) == profile.slug else {}
    typed = last.get(FREE_IMAGE) if profile.free_image else None
    text = typed if isinstance(typed, str) else ""
    images = [image for slug in profile.images if (image := catalogue.image(slug))]
    wanted = last.get(IMAGE)
    selected = wanted if wanted in profile.images else next(iter(profile.images), None)
    free = profile.free_image
    return Card(
        slug=profile.slug,
        name=profile.display_name,
        description=profile.description,
        facts=machine_in_words(profile),
        price=price_in_words(hourly_price(profile, catalogue.prices)),
        room=room.sentence,
        tone=_tone(room),
        why_not=why_not,
        images=tuple(
            ImageChoice(
                slug=image.slug,
                name=image.display_name,
                description=image.description,
                selected=image.slug == selected and not text,
            )
            for image in images
        ),
        free=FreeText(pattern=free.pattern, hint=free.hint, text=text, selected=bool(text)) if free else None,
        checked=profile.slug == first,
    )


def _first(open_ones: Sequence[Profile], remembered: object) -> str | None:
    """Which card is chosen at first: the last choice, else what a start without options would take."""
    if not open_ones:
        return None
    slugs = [profile.slug for profile in open_ones]
    if isinstance(remembered, str) and remembered in slugs:
        return remembered
    return next((profile.slug for profile in open_ones if profile.default), slugs[0])


def _tone(room: Availability) -> str:
    if room.free is None:
        return "unknown"
    if room.free:
        return "good"
    return "wait" if room.starts_node else "bad"


def _memory(written: str) -> str:
    text = format_bytes(parse_bytes(written))
    number = text.rstrip("GTMi")
    return f"{number} {text[len(number) :]}B"


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    # Ours, and without a closing tag in them: they stand in <style> and <script> as they are.
    environment.globals |= {
        "style": Markup((_TEMPLATES / "spawn.css").read_text(encoding="utf-8")),  # noqa: S704  (our own file)
        "script": Markup((_TEMPLATES / "spawn.js").read_text(encoding="utf-8")),  # noqa: S704  (our own file)
    }
    return environment.get_template("spawn.html")
