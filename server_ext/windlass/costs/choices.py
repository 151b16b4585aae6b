"""What a worker could be given instead of what it had: the profiles of a hub, else what the price book has prices of.

The second kind changes only the GPUs: fewer of them, a MIG slice of the same card, a smaller card, a share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from windlass.contract.hub import UserProfile
from windlass.costs.book import PriceBook, exact
from windlass.costs.cards import GIB, card, layouts, slice_bytes
from windlass.costs.estimating import estimate
from windlass.costs.holding import Devices, Held, devices_of
from windlass.costs.products import MigProfile, card_of, mig_profile, share_parts
from windlass.costs.rightsizing import MEMORY_MARGIN, Choice, room


def of_profiles(profiles: Sequence[UserProfile]) -> list[Choice]:
    """The profiles of a hub that somebody may use."""
    return [_of_profile(profile) for profile in profiles if profile.availability.impossible is None]


def of_book(held: Held, book: PriceBook, *, at: float) -> list[Choice]:
    """What there could be besides what was held, as far as the book has prices of it."""
    return [replace(choice, usd_per_hour=price_of(choice, held, book, at=at)) for choice in _besides(held, book, at)]


def of_machine(held: Held, book: PriceBook, *, workers: int, at: float) -> list[Choice]:
    """What there is besides what was held on one machine: fewer of its cards, as many for each worker, or none.

    Nobody there hands out slices or shares of a card, and a job cannot say which of several cards it gets.
    """
    product, each = held.product, (held.gpus or 0) // workers
    if not product or not each:
        return []
    choices = [_none(), *(_whole(product, fewer * workers) for fewer in range(1, each))]
    if held.mig_profile:
        choices = [choice if not choice.gpus else _like(held, choice) for choice in choices]
    return [replace(choice, usd_per_hour=price_of(choice, held, book, at=at)) for choice in choices]


def of_room(held: Held, book: PriceBook, *, cores: float, memory_bytes: float, at: float) -> Choice | None:
    """As many cores and GiB as were used, with a margin; for what held no GPU."""
    asked_cores = max(1.0, float(-(-cores * MEMORY_MARGIN // 1)))
    asked_gib = max(1.0, float(-(-memory_bytes * MEMORY_MARGIN // GIB)))
    if asked_cores >= (held.cores or 0) and asked_gib >= (held.memory_gib or 0):
        return None
    choice = Choice(
        title=room(asked_cores, asked_gib),
        cores=min(asked_cores, held.cores or asked_cores),
        memory_gib=min(asked_gib, held.memory_gib or asked_gib),
    )
    return replace(choice, usd_per_hour=price_of(choice, held, book, at=at))


def price_of(choice: Choice, held: Held, book: PriceBook, *, at: float) -> Fraction | None:
    """USD an hour of a choice in the place of what was held, on the same capacity; None where it is not known."""
    same_card = choice.product == held.product
    instead = replace(
        held,
        node=None,
        instance_type=held.instance_type if same_card and choice.gpus else None,
        shape=held.shape if same_card and choice.gpus else None,
        gpus=choice.gpus,
        product=choice.product,
        mig_profile=choice.mig_profile,
        shares=choice.shares,
        cores=held.cores if choice.cores is None else choice.cores,
        memory_gib=held.memory_gib if choice.memory_gib is None else choice.memory_gib,
    )
    found = estimate([instead], book, at=at).usd_per_hour
    return None if found is None else Fraction(found)


def _of_profile(profile: UserProfile) -> Choice:
    gpu = profile.gpu
    if gpu is None:
        devices, device_bytes = Devices(), None
    else:
        devices = _devices(gpu.mode, gpu.resource, gpu.product, gpu.count, gpu.cards)
        device_bytes = _bytes(devices, gpu.product)
    return Choice(
        title=f"the profile {profile.display_name}",
        gpus=devices.count or 0,
        product=gpu.product if gpu else None,
        mig_profile=devices.mig_profile,
        shares=devices.shares,
        cards=exact(gpu.cards) if gpu else Fraction(0),
        device_bytes=device_bytes,
        cores=profile.cpu_cores,
        memory_gib=profile.memory_bytes / GIB,
        usd_per_hour=None if profile.usd_per_hour is None else exact(profile.usd_per_hour),
        profile=profile.slug,
    )


def _devices(mode: str, resource: str, product: str, count: int, cards: float) -> Devices:
    if mode == "shared":
        return Devices(count=count, shares=max(1, round(count / cards)) if cards else None)
    found = devices_of({resource: float(count)}, {"nvidia.com/gpu.product": product})
    return found if found.count is not None and found.count else Devices(count=count)


def _bytes(devices: Devices, product: str) -> int | None:
    """What a program can use of one device."""
    profile = mig_profile(devices.mig_profile) if devices.mig_profile else None
    whole = slice_bytes(profile) if profile else card(product).usable_bytes
    return whole if whole is None else whole // (devices.shares or 1)


def _besides(held: Held, book: PriceBook, at: float) -> Iterator[Choice]:
    product, count = held.product, held.gpus or 0
    if not product or not count:
        return
    yield _none()
    for fewer in range(1, count):
        yield _whole(product, fewer)
    if count == 1 and not held.shares:
        for profile in layouts(product):
            if profile.part < held.devices.part:
                yield _slice(product, profile)
    if count == 1 and not held.mig_profile and not held.shares:
        for entry in book.in_force(at):
            part, _, name = entry.name.partition(" of ")
            if entry.kind == "share" and (parts := share_parts(part)):
                yield _share(name, parts)
    seen = {card_of(product)}
    for entry in book.in_force(at):
        other = entry.name if entry.kind == "gpu" else (entry.shape.product if entry.shape else None)
        if entry.kind in ("gpu", "node") and other and card_of(other) not in seen:
            seen.add(card_of(other))
            yield _whole(other, count)


def _none() -> Choice:
    """The same cores and memory, for what never touched its GPU."""
    return Choice(title="no GPU")


def _like(held: Held, choice: Choice) -> Choice:
    """So many slices as a choice has cards."""
    profile = mig_profile(held.mig_profile or "")
    if profile is None:
        return choice
    return replace(
        choice,
        title=f"{choice.gpus} × {profile.name} of {held.product}",
        mig_profile=profile.name,
        cards=choice.gpus * profile.part,
        device_bytes=slice_bytes(profile),
    )


def _whole(product: str, count: int) -> Choice:
    return Choice(
        title=f"{count} × {product}",
        gpus=count,
        product=product,
        cards=Fraction(count),
        device_bytes=card(product).usable_bytes,
    )


def _slice(product: str, profile: MigProfile) -> Choice:
    return Choice(
        title=f"a {profile.name} slice of {product}",
        gpus=1,
        product=product,
        mig_profile=profile.name,
        cards=profile.part,
        device_bytes=slice_bytes(profile),
    )


def _share(product: str, parts: int) -> Choice:
    whole = card(product).usable_bytes
    return Choice(
        title=f"a share of 1/{parts} of {product}",
        gpus=1,
        product=product,
        shares=parts,
        cards=Fraction(1, parts),
        device_bytes=None if whole is None else whole // parts,
    )
