"""Whether something smaller would have held a job, or something larger was needed.

Advice rests on what was measured, and on enough of it: from too short a time, from readings with holes, or from what
nobody knows there is none. A choice holds a job when its memory takes the peak with a margin, and its speed takes the
mean load; the cheapest that does is advised. A job that ran out of memory gets the opposite advice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from windlass.contract.gpus import UsageSummary
from windlass.costs import wording
from windlass.costs.cards import GIB, card
from windlass.costs.holding import Held
from windlass.costs.products import card_of

MEMORY_MARGIN = 1.15
"""What was used at most, and so much more."""
SLOWER = 1.1
"""How much more work than it can do a choice may have had: it takes that much longer at the most."""
LEAST_COVERED = 0.8
"""Of the running time: readings of less than this are no evidence."""
UNTOUCHED_BYTES = GIB
"""Less than this is in use on a card on which nobody computes: the driver's own, and a context at most."""
LEAST_SAVING = Fraction(1, 20)
MORE_MEMORY = 1.5

OutOf = Literal["gpu-memory", "host-memory"]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a worker could be given instead."""

    title: str
    """As `a 2g.10gb slice of NVIDIA-A100-SXM4-40GB`."""
    gpus: int = 0
    product: str | None = None
    mig_profile: str | None = None
    shares: int | None = None
    cards: Fraction = Fraction(0)
    device_bytes: int | None = None
    """What a program can use of one device's memory."""
    cores: float | None = None
    """None: as many as it had."""
    memory_gib: float | None = None
    """None: as much as it had."""
    usd_per_hour: Fraction | None = None
    profile: str | None = None
    """The slug of the profile that it is."""


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to do next time."""

    verdict: Literal["smaller", "larger", "fits", "unknown"]
    sentence: str
    choice: Choice | None = None
    memory_gib: float | None = None
    """How much memory to ask for, where that was too little."""
    saves_usd_per_hour: Fraction | None = None
    why_not: tuple[str, ...] = field(default=())


@dataclass(frozen=True, kw_only=True)
class Had:
    """What the job had: each worker as `held`, at `usd_per_hour` each (None: unknown)."""

    held: Held
    workers: int = 1
    usd_per_hour: Fraction | None = None

    @property
    def title(self) -> str:
        """In words, as `1 × NVIDIA-A100-SXM4-40GB`."""
        count, product = self.held.gpus or 0, self.held.product or "GPU"
        if not count:
            return room(self.held.cores, self.held.memory_gib)
        part = f"{self.held.mig_profile} of " if self.held.mig_profile else ""
        part += f"1/{self.held.shares} of " if self.held.shares else ""
        return f"{count} × {part}{product}"


def room(cores: float | None, memory_gib: float | None) -> str:
    """Cores and memory in words; what nobody asked for is left out."""
    said = [
        "an unknown number of cores" if cores is None else wording.count(cores, "core") if cores else "",
        "unknown memory"
        if memory_gib is None
        else f"{wording.host_memory(memory_gib)} of memory"
        if memory_gib
        else "",
    ]
    return " and ".join(each for each in said if each) or "what it is given by default"


def advise(
    usage: UsageSummary | None,
    had: Had,
    catalogue: Sequence[Choice],
    *,
    minutes: float,
    out_of: OutOf | None = None,
) -> Advice:
    """Advice for the next run.

    Args:
        usage: what was measured; None where nothing was.
        had: what the job had.
        catalogue: what it could have had instead.
        minutes: from less measured time there is no advice.
        out_of: of what the job ran out, if it did.
    """
    if out_of is not None:
        return _larger(usage, had, catalogue, out_of)
    if (missing := _missing(usage, had, minutes)) is not None or usage is None:
        return Advice(verdict="unknown", sentence=missing or "Nothing was measured.")
    cheaper = sorted((choice for choice in catalogue if _is_smaller(choice, had)), key=_order)
    why_not: list[str] = []
    for choice in cheaper:
        reason = _obstacle(choice, usage, had)
        if reason is None:
            saves = _saves(choice, had)
            return Advice(
                verdict="smaller",
                sentence=_smaller_sentence(usage, had, choice, saves),
                choice=choice,
                saves_usd_per_hour=saves,
                why_not=tuple(why_not),
            )
        if choice.gpus or choice.profile:
            why_not.append(f"{choice.title}: {reason}")
    ends = "nothing smaller that is offered would have held it" if cheaper else "nothing smaller is offered"
    return Advice(verdict="fits", sentence=f"{_used(usage, had)}: {ends}.", why_not=tuple(why_not))


def _missing(usage: UsageSummary | None, had: Had, minutes: float) -> str | None:
    """Why there can be no advice; None where there can."""
    if usage is None:
        return "Nothing was measured of this job: no GPU readings of it are here."
    held = had.held
    gpu_known = usage.engine_mean is not None and usage.memory_peak_bytes is not None
    host_known = usage.cpu_cores_peak is not None and usage.host_memory_peak_bytes is not None
    told = (
        (
            usage.seconds < minutes * 60,
            f"It was measured for {wording.span(usage.seconds)}: advice needs {minutes:g} min at the least.",
        ),
        (
            usage.covered < LEAST_COVERED,
            f"Only {wording.percent(usage.covered)} of its time was measured: that is too little to advise from.",
        ),
        (held.gpus is None or bool(held.gpus and not held.product), "It is not known which GPU it had."),
        (bool(held.gpus) and not gpu_known, "It is not known how much of its GPUs it used."),
        (not held.gpus and not host_known, "It is not known how much of its cores and memory it used."),
    )
    return next((sentence for is_so, sentence in told if is_so), None)


def _is_smaller(choice: Choice, had: Had) -> bool:
    if had.held.gpus and not choice.gpus and choice.cores is None and choice.profile is None:
        # The same without its GPUs is less, whatever the rest costs.
        return True
    if had.usd_per_hour is not None:
        return choice.usd_per_hour is not None and choice.usd_per_hour <= had.usd_per_hour * (1 - LEAST_SAVING)
    # Without prices only a part of the same card is surely less.
    return bool(choice.product) and _same_card(choice, had.held) and choice.cards < (had.held.cards or 0)


def _order(choice: Choice) -> tuple[Fraction, Fraction]:
    return choice.usd_per_hour if choice.usd_per_hour is not None else Fraction(0), choice.cards


def _saves(choice: Choice, had: Had) -> Fraction | None:
    if had.usd_per_hour is None or choice.usd_per_hour is None:
        return None
    return (had.usd_per_hour - choice.usd_per_hour) * had.workers


def _obstacle(choice: Choice, usage: UsageSummary, had: Had) -> str | None:
    """Why a choice would not have held the job; None where it would."""
    if had.held.gpus and (reason := _gpu_obstacle(choice, usage, had.held)) is not None:
        return reason
    return _host_obstacle(choice, usage, had.held)


def _gpu_obstacle(choice: Choice, usage: UsageSummary, held: Held) -> str | None:
    peak, mean = usage.memory_peak_bytes or 0, usage.engine_mean or 0.0
    if not choice.gpus:
        unused = peak < UNTOUCHED_BYTES and not mean and not usage.engine_peak
        return None if unused else "the job used its GPU."
    if (held.gpus or 0) > 1 and (choice.mig_profile or choice.shares):
        return "ranks that work together need whole cards: slices and shares do not reach each other."
    if choice.gpus > (held.gpus or 0):
        return "it has more GPUs than the job had."
    return _memory_obstacle(choice, peak) or _speed_obstacle(choice, mean, held)


def _memory_obstacle(choice: Choice, peak: int) -> str | None:
    if choice.device_bytes is None:
        return "its memory is not known."
    if peak * MEMORY_MARGIN > choice.device_bytes:
        used, has = wording.gpu_memory(peak), wording.gpu_memory(choice.device_bytes)
        return f"the job used {used}, which with a margin is more than its {has}."
    return None


def _speed_obstacle(choice: Choice, mean: float, held: Held) -> str | None:
    speed = _speed(choice, held)
    if speed is None:
        return "how fast it is beside the card the job had is not known."
    load = mean * float(held.cards or 0)
    if load > speed * SLOWER:
        return f"the job kept {load:.2f} of a card busy, and it is worth {speed:.2f} of one."
    return None


def _host_obstacle(choice: Choice, usage: UsageSummary, held: Held) -> str | None:
    if choice.cores is not None and choice.cores < (held.cores or 0):
        if usage.cpu_cores_peak is None:
            return "it has fewer cores, and how many the job used is not known."
        if usage.cpu_cores_peak > choice.cores:
            used = wording.count(round(usage.cpu_cores_peak, 1), "core")
            return f"the job used {used}, and it has {choice.cores:g}."
    if choice.memory_gib is not None and choice.memory_gib < (held.memory_gib or 0):
        if usage.host_memory_peak_bytes is None:
            return "it has less memory, and how much the job used is not known."
        if usage.host_memory_peak_bytes * MEMORY_MARGIN > choice.memory_gib * GIB:
            used = wording.host_memory(usage.host_memory_peak_bytes / GIB)
            has = wording.host_memory(choice.memory_gib)
            return f"the job used {used} of memory, which with a margin is more than its {has}."
    return None


def _speed(choice: Choice, held: Held) -> float | None:
    """How fast a choice is, in cards of the kind that the job had."""
    if _same_card(choice, held):
        return float(choice.cards)
    here, there = card(held.product or "").tflops, card(choice.product or "").tflops
    return None if here is None or there is None else float(choice.cards) * there / here


def _same_card(choice: Choice, held: Held) -> bool:
    return card_of(choice.product or "") == card_of(held.product or "")


def _larger(usage: UsageSummary | None, had: Had, catalogue: Sequence[Choice], out_of: OutOf) -> Advice:
    if out_of == "host-memory":
        return _more_memory(usage, had)
    has = _device_bytes(had.held, usage)
    if has is None:
        return Advice(verdict="larger", sentence="It ran out of GPU memory: choose a GPU that has more.")
    fit = [
        choice
        for choice in catalogue
        if choice.gpus >= (had.held.gpus or 1) and choice.device_bytes is not None and choice.device_bytes > has * 1.1
    ]
    began = f"It ran out of the {wording.gpu_memory(has)} of its GPU"
    if not fit:
        return Advice(verdict="larger", sentence=f"{began}, and nothing larger is offered: make its batches smaller.")
    # What costs nothing known costs the most.
    choice = min(fit, key=lambda each: (each.usd_per_hour is None, each.usd_per_hour or 0, each.device_bytes or 0))
    return Advice(
        verdict="larger",
        sentence=f"{began}: {choice.title} has {wording.gpu_memory(choice.device_bytes or 0)}.",
        choice=choice,
        saves_usd_per_hour=_saves(choice, had),
    )


def _more_memory(usage: UsageSummary | None, had: Had) -> Advice:
    peak = (usage.host_memory_peak_bytes or 0) / GIB if usage is not None else 0.0
    if had.held.own_machine:
        # Nobody gives it more than the machine has.
        used = f" when it used {wording.host_memory(peak)}" if peak else ""
        less = "make its batches smaller, load less at once, or run fewer processes"
        return Advice(verdict="larger", sentence=f"It ran out of this machine's memory{used}: {less}.")
    base = max(had.held.memory_gib or 0, peak)
    if not base:
        return Advice(verdict="larger", sentence="It ran out of memory: ask for more, or make its batches smaller.")
    asked = float(-(-base * MORE_MEMORY // 1))
    had_words, asked_words = wording.host_memory(base), wording.host_memory(asked)
    return Advice(
        verdict="larger",
        sentence=f"It ran out of its {had_words} of memory: ask for {asked_words}.",
        memory_gib=asked,
    )


def _device_bytes(held: Held, usage: UsageSummary | None) -> int | None:
    if usage is not None and usage.memory_total_bytes:
        return usage.memory_total_bytes
    return card(held.product).usable_bytes if held.product and not held.mig_profile and not held.shares else None


def _used(usage: UsageSummary, had: Had) -> str:
    held = had.held
    if not held.gpus:
        cores = wording.count(round(usage.cpu_cores_peak or 0, 1), "core")
        of = f" of its {held.cores:g}" if held.cores else ""
        return f"It used {cores}{of} and {wording.host_memory((usage.host_memory_peak_bytes or 0) / GIB)} of memory"
    total = usage.memory_total_bytes or card(held.product or "").usable_bytes
    used = wording.memory_number(usage.memory_peak_bytes or 0)
    memory = f"{used} of {total / GIB:,.0f} GB" if total else f"{used} GB"
    busy = wording.percent(usage.engine_mean or 0)
    if held.gpus == 1:
        return f"It used {memory} and {busy} of the GPU"
    return f"It used at most {memory} of a GPU, and {busy} of its {held.gpus} GPUs"


def _smaller_sentence(usage: UsageSummary, had: Had, choice: Choice, saves: Fraction | None) -> str:
    money = "" if saves is None else f", and saves {wording.dollars(saves)} an hour"
    return f"{_used(usage, had)}: {choice.title} would do{money}."
