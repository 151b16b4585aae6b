"""Which price book is in force: the file that is configured, else the hub's catalogue, else list prices.

One of them holds, never a mixture: what it lacks has no price (a file may name the list prices as what stands behind
it). The catalogue has no dates: each revision that is seen is kept with the moment from which it held, so that what
was held before keeps its price.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from pydantic import ValidationError

from windlass.contract.costs import Price, PriceList
from windlass.contract.hub import Prices as Catalogue
from windlass.costs.book import Entry, PriceBook, from_catalogue
from windlass.costs.reading import PriceBookRefused, list_prices, read_book
from windlass.engines.job_folder.files import read_json, write_json
from windlass.errors import WindlassError
from windlass.hub.broker import HubBroker

FILE_SECONDS = 5.0
CATALOGUE_SECONDS = 300.0
AGAIN_SECONDS = 30.0
"""A hub that did not answer is asked again after that."""
MOST_REVISIONS = 500

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class InForce:
    """The book, and what is wrong with it."""

    book: PriceBook
    problem: str | None = None
    settled: bool = True
    """False: prices that hold could not be asked for yet, so what is counted now is to be counted again."""


class Prices:
    """Asked as often as anybody likes; files and the hub are looked at now and then.

    Args:
        file: of the price book, where one is configured.
        broker: of the hub, where there is one.
        history: the file that keeps the catalogue's revisions.
        clock: POSIX seconds.
    """

    def __init__(
        self, *, file: Path | None, broker: HubBroker | None, history: Path, clock: Callable[[], float] = time.time
    ) -> None:
        self._file = file
        self._broker = broker
        self._history = CatalogueHistory(history)
        self._clock = clock
        self._known: InForce | None = None
        self._not_before = 0.0
        self._stamp: tuple[int, int] | None = None
        self._turn = asyncio.Lock()

    async def in_force(self) -> InForce:
        """The book and what is wrong with it. Raises nothing."""
        async with self._turn:
            now = self._clock()
            if self._known is None or now >= self._not_before:
                # The moment first: a hub that is slow is not asked by each who waits.
                self._not_before = now + FILE_SECONDS
                self._known = await self._look(now)
            return self._known

    async def shown(self) -> PriceList:
        """The prices in force now, for people."""
        found = await self.in_force()
        return PriceList(items=[_shown(entry) for entry in found.book.in_force(self._clock())], problem=found.problem)

    async def _look(self, now: float) -> InForce:
        if self._file is not None:
            return await asyncio.to_thread(self._of_file, self._file)
        if self._broker is None:
            return InForce(book=list_prices())
        return await self._of_hub(self._broker, now)

    def _of_file(self, path: Path) -> InForce:
        try:
            found = path.stat()
            stamp: tuple[int, int] | None = (found.st_mtime_ns, found.st_size)
        except OSError:
            stamp = None
        if self._known is not None and stamp is not None and stamp == self._stamp:
            return self._known
        self._stamp = stamp
        try:
            return InForce(book=read_book(path))
        except PriceBookRefused as refused:
            _log.warning("The price book is not used: %s", refused)
            if self._known is not None:
                return replace(self._known, problem=f"{refused} What was there before holds.")
            # Prices that nobody chose would look like those that somebody did.
            return InForce(book=PriceBook(), problem=f"{refused} Nothing has a price until this is mended.")

    async def _of_hub(self, broker: HubBroker, now: float) -> InForce:
        try:
            catalogue = await broker.prices()
        except WindlassError as error:
            self._not_before = now + AGAIN_SECONDS
            kept = await asyncio.to_thread(self._history.book)
            problem = f"The hub's prices cannot be read now: {error}"
            return InForce(book=kept or PriceBook(), problem=problem, settled=kept is not None)
        self._not_before = now + CATALOGUE_SECONDS
        if not _says_something(catalogue):
            return InForce(book=list_prices(), problem=catalogue.stale)
        book = await asyncio.to_thread(self._history.seen, catalogue, at=now)
        return InForce(book=book, problem=catalogue.stale)


class CatalogueHistory:
    """The catalogue's prices, each with the moment from which it was seen to hold. Reads and writes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._joined: tuple[object, PriceBook] | None = None

    def seen(self, catalogue: Catalogue, *, at: float) -> PriceBook:
        """The book of all that was ever seen, these prices the newest; what cannot be written is not remembered."""
        known = self._read()
        plain = catalogue.model_copy(update={"revision": "", "stale": None})
        if not known or known[-1][1] != plain:
            known.append((at, plain))
            content = [{"from": since, "prices": prices.model_dump(mode="json")} for since, prices in known]
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                write_json(self._path, {"revisions": content[-MOST_REVISIONS:]})
            except OSError as error:
                _log.warning("The catalogue's prices could not be kept: %s", error)
        return self._book_of(known)

    def book(self) -> PriceBook | None:
        """The book of all that was ever seen; None where nothing was."""
        known = self._read()
        return self._book_of(known) if known else None

    def _book_of(self, known: list[tuple[float, Catalogue]]) -> PriceBook:
        """The same book while nothing has changed: whoever counts by it need not count again."""
        if self._joined is None or self._joined[0] != known:
            self._joined = known, _joined(known)
        return self._joined[1]

    def _read(self) -> list[tuple[float, Catalogue]]:
        content = (read_json(self._path) or {}).get("revisions")
        try:
            return [(float(each["from"]), Catalogue.model_validate(each["prices"])) for each in content or ()]
        except (ValidationError, KeyError, TypeError, ValueError):
            return []


def _joined(known: list[tuple[float, Catalogue]]) -> PriceBook:
    """Each revision until the next; the first from ever: what held before anybody looked is taken to be the same."""
    entries: list[Entry] = []
    for number, (since, catalogue) in enumerate(known):
        begins = since if number else None
        ends = known[number + 1][0] if number + 1 < len(known) else None
        if begins is None or ends is None or begins < ends:
            entries += [replace(each, valid_from=begins, valid_until=ends) for each in from_catalogue(catalogue).own]
    return PriceBook(entries)


def _says_something(catalogue: Catalogue) -> bool:
    return bool(catalogue.gpu_hour) or catalogue.cpu_core_hour is not None or catalogue.memory_gib_hour is not None


def _shown(entry: Entry) -> Price:
    return Price(
        what=entry.what,
        kind=entry.kind,
        usd_per_hour=float(entry.usd_per_hour),
        capacity=entry.capacity,
        region=entry.region,
        valid_from=_day(entry.valid_from),
        valid_until=_day(entry.valid_until, last=True),
        source=entry.source,
    )


def _day(moment: float | None, *, last: bool = False) -> str | None:
    """The day of UTC; the last on which a price holds is the one before its end."""
    if moment is None:
        return None
    found = datetime.fromtimestamp(moment, tz=timezone.utc)
    return (found - timedelta(microseconds=1) if last else found).date().isoformat()
