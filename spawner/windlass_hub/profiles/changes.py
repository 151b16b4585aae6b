"""What differs between two catalogues, in words: for the history, the conflict and the question before a save.

Pure. Values of environment variables are never said: the words go into the audit log, and admins put tokens there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from .model import Catalogue, Gpu, Image, Profile, Toleration, Volume

Section = Literal["profiles", "images", "prices", "quotas"]
Kind = Literal["added", "removed", "changed", "moved"]

_LABELS = {
    "usd_per_hour": "price",
    "display_name": "name",
    "gpu": "GPU",
    "cpu": "CPU",
    "cpu_guarantee": "CPU guarantee",
    "cpu_core_hour": "price of a core",
    "memory_gib_hour": "price of a GiB of memory",
    "gpu_hour": "price of",
    "spot_factor": "spot factor",
    "mig_profile": "MIG profile",
    "gpus": "limit of",
    "default": "default profile",
    "interactive_minutes": "idle minutes",
    "gpu_minutes": "GPU idle minutes",
    "time_to_live_hours": "hours to live",
}
_ONE_OF = {"groups": "group", "users": "user", "images": "image", "tolerations": "toleration", "volumes": "volume"}
_MONEY = {"usd_per_hour", "cpu_core_hour", "memory_gib_hour", "gpu_hour"}
_UNSAID = {"environment", "description"}
_LONGEST_VALUE = 80


@dataclass(frozen=True, kw_only=True)
class Change:
    """One profile, image, price list or quota that differs. `name` is as shown, `slug` as kept."""

    section: Section
    kind: Kind
    name: str
    slug: str = ""
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.kind == "changed":
            return f"{self.name}: {'; '.join(self.details)}"
        what = {"profiles": "profile ", "images": "image "}.get(self.section, "")
        return f"{what}{self.name} {'moved' if self.kind == 'moved' else self.kind}"


def changes(before: Catalogue, after: Catalogue) -> list[Change]:
    """What was added, removed, changed and moved from `before` to `after`; empty when they mean the same."""
    quotas = [("everyone", before.quotas.default, after.quotas.default)]
    nothing = type(before.quotas.default)()
    for group in dict.fromkeys((*before.quotas.groups, *after.quotas.groups)):
        old, new = before.quotas.groups.get(group), after.quotas.groups.get(group)
        quotas.append((f"group {group}", old or nothing, new or nothing))
    return [
        *_listed("profiles", before.profiles, after.profiles),
        *_listed("images", before.images, after.images),
        *_one("prices", "Prices", before.prices, after.prices),
        *(change for name, old, new in quotas for change in _one("quotas", f"Quota of {name}", old, new)),
        *_quota_groups(before, after),
    ]


def _listed(
    section: Section, before: tuple[Profile, ...] | tuple[Image, ...], after: tuple[Profile, ...] | tuple[Image, ...]
) -> Iterator[Change]:
    """Entries with a slug each; the order counts, since it is the order on the spawn page."""
    old, new = {item.slug: item for item in before}, {item.slug: item for item in after}
    for slug, item in old.items():
        if slug not in new:
            yield Change(section=section, kind="removed", name=item.display_name, slug=slug)
    for slug, item in new.items():
        if slug not in old:
            yield Change(section=section, kind="added", name=item.display_name, slug=slug)
        elif details := tuple(_differences(old[slug], item)):
            yield Change(section=section, kind="changed", name=old[slug].display_name, slug=slug, details=details)
    both_before = [slug for slug in old if slug in new]
    both_after = [slug for slug in new if slug in old]
    for slug in _moved(both_before, both_after):
        yield Change(section=section, kind="moved", name=new[slug].display_name, slug=slug)


def _moved(before: list[str], after: list[str]) -> list[str]:
    """Which must be lifted out so that the rest is in the same order: all but a longest common subsequence."""
    if before == after:
        return []
    place = {slug: index for index, slug in enumerate(before)}
    best: list[list[str]] = []
    for slug in after:
        shorter = [run for run in best if place[run[-1]] < place[slug]]
        best.append([*_longest(shorter), slug])
    kept = set(_longest(best))
    return [slug for slug in after if slug not in kept]


def _longest(runs: list[list[str]]) -> list[str]:
    return max(runs, key=len) if runs else []


def _one(section: Section, name: str, before: BaseModel, after: BaseModel) -> Iterator[Change]:
    if details := tuple(_differences(before, after)):
        yield Change(section=section, kind="changed", name=name, details=details)


def _quota_groups(before: Catalogue, after: Catalogue) -> Iterator[Change]:
    """Groups named without any limit differ from groups not named in nothing but that they are there."""
    old, new = before.quotas.groups, after.quotas.groups
    for group in dict.fromkeys((*old, *new)):
        if (group in old) == (group in new):
            continue
        named = old.get(group) or new[group]
        if not tuple(_differences(type(named)(), named)):
            kind: Kind = "added" if group in new else "removed"
            yield Change(section="quotas", kind=kind, name=f"Quota of group {group} (no limits)")


def _differences(before: BaseModel, after: BaseModel, prefix: str = "") -> Iterator[str]:
    for field in type(before).model_fields:
        old, new = getattr(before, field), getattr(after, field)
        if old == new:
            continue
        label = prefix + _LABELS.get(field, field.replace("_", " "))
        if isinstance(old, tuple) or isinstance(new, tuple):
            yield from _of_lists(field, prefix + _ONE_OF.get(field, field.replace("_", " ")), old, new)
        elif isinstance(old, dict) and isinstance(new, dict):
            yield from _of_mappings(field, label, old, new)
        elif isinstance(old, BaseModel) and isinstance(new, BaseModel):
            yield from _differences(old, new, prefix=f"{label} ")
        elif field in _UNSAID:
            yield f"{label} changed"
        elif isinstance(new, bool):
            yield f"{label} {'on' if new else 'off'}"
        else:
            yield f"{label} {_said(field, old)} → {_said(field, new)}"


def _of_lists(field: str, label: str, old: tuple[Any, ...], new: tuple[Any, ...]) -> Iterator[str]:
    before = {_key(item): item for item in old}
    after = {_key(item): item for item in new}
    if [*before] != [*after] and before.keys() == after.keys():
        yield f"{field} in another order"
    for key in before:
        if key not in after:
            yield f"{label} {key} removed"
    for key, item in after.items():
        if key not in before:
            yield f"{label} {key} added"
        elif item != before[key]:
            yield f"{label} {key}: {', '.join(_differences(before[key], item))}"


def _of_mappings(field: str, label: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in dict.fromkeys((*old, *new)):
        if key not in new:
            yield f"{label} {key} removed"
        elif key not in old:
            yield f"{label} {key} added" + ("" if field in _UNSAID else f": {_said(field, new[key])}")
        elif old[key] != new[key] and not isinstance(new[key], BaseModel):
            told = "changed" if field in _UNSAID else f"{_said(field, old[key])} → {_said(field, new[key])}"
            yield f"{label} {key} {told}"


def _key(item: object) -> str:
    if isinstance(item, Volume):
        return item.name
    if isinstance(item, Toleration):
        parts = (item.key or "of every taint", f"={item.value}" if item.value else "", f":{item.effect or 'any'}")
        return "".join(parts)
    return str(item)


def _said(field: str, value: object) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, Gpu):
        return f"{value.count} × {value.product}" + (
            f" {value.mig_profile or value.mode}" if value.mode != "dedicated" else ""
        )
    if isinstance(value, BaseModel):
        return ", ".join(f"{key} {item}" for key, item in value.model_dump(exclude_defaults=True).items())
    if field in _MONEY and isinstance(value, float):
        return f"${value:.2f}" if round(value, 2) == value else f"${value:g}"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
