"""Who may use a profile, and whose quota holds.

Read by the spawn page, the start itself and the hub service, so that none of the three can disagree. It knows names and
groups only: no JupyterHub user, no request. Hub admins get no way around: what a profile says holds for all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TypeVar

from windlass.kube.quantities import parse_quantity

from .model import Catalogue, Profile, Quota, Quotas

_Item = TypeVar("_Item")


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody as the hub knows them. `admin` is for what admins may edit, never for what they may start."""

    name: str
    groups: frozenset[str] = frozenset()
    admin: bool = False


def why_not(profile: Profile, person: Person) -> str | None:
    """Why this person may not use this profile, as a sentence; None when they may.

    Groups are named (they are what to ask for), other people are not.
    """
    if not profile.groups and not profile.users:
        return None
    if person.name in profile.users or not person.groups.isdisjoint(profile.groups):
        return None
    if not profile.groups:
        return "Only for people your administrators named."
    return f"Only for members of {_either(profile.groups)}."


def visible(catalogue: Catalogue, person: Person) -> list[Profile]:
    """The profiles this person may use, in the catalogue's order."""
    return [profile for profile in catalogue.profiles if why_not(profile, person) is None]


def closed(catalogue: Catalogue, person: Person) -> list[Profile]:
    """The profiles this person may not use but could ask for, in the catalogue's order.

    Those of a group are: the group is whom to ask. Those for named people alone are nobody else's business.
    """
    return [profile for profile in catalogue.profiles if profile.groups and why_not(profile, person) is not None]


def effective_quota(quotas: Quotas, groups: Collection[str]) -> Quota:
    """What one person's namespace may hold.

    Item by item: the most generous of what the person's groups say; what none of them says is as in the default. So a
    group can give less than the default, and a second group can only add to that.

    Args:
        quotas: the catalogue's quotas.
        groups: names of the person's groups; those without a quota of their own change nothing.
    """
    theirs = [quotas.groups[name] for name in sorted(set(groups)) if name in quotas.groups]
    default = quotas.default
    resources = sorted({*default.gpus, *(resource for quota in theirs for resource in quota.gpus)})
    gpus = {
        resource: _most((quota.gpus.get(resource) for quota in theirs), default.gpus.get(resource), float)
        for resource in resources
    }
    return Quota(
        cpu=_most((quota.cpu for quota in theirs), default.cpu, parse_quantity),
        memory=_most((quota.memory for quota in theirs), default.memory, parse_quantity),
        storage=_most((quota.storage for quota in theirs), default.storage, parse_quantity),
        gpus={resource: count for resource, count in gpus.items() if count is not None},
        pods=_most((quota.pods for quota in theirs), default.pods, float),
        jobs=_most((quota.jobs for quota in theirs), default.jobs, float),
    )


def _most(theirs: Iterable[_Item | None], default: _Item | None, size: Callable[[_Item], object]) -> _Item | None:
    said = [value for value in theirs if value is not None]
    return max(said, key=size) if said else default  # type: ignore[arg-type]  # Decimal or float, never mixed


def _either(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
