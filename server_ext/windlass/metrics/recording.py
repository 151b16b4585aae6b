"""Keeps what was recorded of this machine's devices on disk, so that a server that starts again knows the past.

One file for each device: a line with what the device is, then a line for each mean. New means are appended; now and
then a file is written anew without what has become coarser (`metrics.aging`), so that it stays as small. Of several
servers on one folder, one writes. It knows no driver and no chart; called in a thread, for disks may be slow.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from windlass.metrics.aging import AgingReadings
from windlass.metrics.reading import Device, Reading

MOST_DEVICES = 128
"""So many files, the newest: cards are exchanged, and slices cut anew, now and then."""
_LARGEST_BYTES = 16 * 2**20
_FACTS = ("id", "uuid", "name", "source", "kind", "parent_uuid", "index", "mig_profile", "memory_total_bytes")
_DIGITS = 6

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A device and what it did."""

    device: Device
    readings: AgingReadings


class ReadingFiles:
    """The folder. Raises nothing: what cannot be read or written is said in the log, once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: int | None = None
        self._told = False

    def load(self) -> list[Recorded]:
        """All that was recorded."""
        found: list[Recorded] = []
        for path in self._files()[:MOST_DEVICES]:
            try:
                recorded = _read(path) if path.stat().st_size <= _LARGEST_BYTES else None
            except OSError as error:
                self._tell(error)
                continue
            if recorded is not None:
                found.append(recorded)
        return found

    def append(self, new: Mapping[str, tuple[Device, list[Reading]]]) -> None:
        """Add what is new, by device id."""
        if not new or not self._may_write():
            return
        try:
            for device, readings in new.values():
                path = self._path(device)
                head = [] if path.exists() else [_fact_line(device)]
                with path.open("ab") as file:
                    file.write(_encoded([*head, *map(_line, readings)]))
        except OSError as error:
            self._tell(error)

    def rewrite(self, device: Device, readings: Iterable[Reading]) -> None:
        """Have a device's file hold these, and nothing else."""
        if not self._may_write():
            return
        path = self._path(device)
        draft = path.with_suffix(".tmp")
        try:
            draft.write_bytes(_encoded([_fact_line(device), *map(_line, readings)]))
            draft.replace(path)
            for old in self._files()[MOST_DEVICES:]:
                old.unlink(missing_ok=True)
        except OSError as error:
            self._tell(error)

    def close(self) -> None:
        """Let another server write."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _may_write(self) -> bool:
        """Whether this is the server that writes; the lock goes with the process."""
        if self._lock is not None:
            return True
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            self._tell(error)
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            return False
        self._lock = lock
        return True

    def _files(self) -> list[Path]:
        """The newest first."""
        try:
            return sorted(self._folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True)
        except OSError:
            return []

    def _path(self, device: Device) -> Path:
        # An id comes from a driver: what it is made of is not for us to say.
        return self._folder / f"{hashlib.sha256(device.id.encode()).hexdigest()[:24]}.jsonl"

    def _tell(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            _log.warning("What is recorded of GPUs cannot be kept in %s: %s", self._folder, error)


def _read(path: Path) -> Recorded | None:
    """A file's device and readings; None for what is no such file. Lines that are half written are left out."""
    device: Device | None = None
    readings: list[Reading] = []
    for text in path.read_bytes().split(b"\n"):
        try:
            value = json.loads(text) if text else None
        except (ValueError, RecursionError):
            continue
        if not isinstance(value, dict):
            continue
        if "device" in value:
            device = _device(value["device"]) or device
        elif (reading := _reading(value)) is not None:
            readings.append(reading)
    return None if device is None else Recorded(device=device, readings=AgingReadings(readings))


def _device(value: Any) -> Device | None:
    facts = {name: value.get(name) for name in _FACTS} if isinstance(value, dict) else {}
    texts = [facts.get(name) for name in ("id", "uuid", "name", "source", "kind")]
    if not all(isinstance(text, str) and text for text in texts):
        return None
    return Device(**{name: fact for name, fact in facts.items() if fact is not None})


def _reading(value: Mapping[str, Any]) -> Reading | None:
    known = {field.name: value[field.name] for field in fields(Reading) if _is_number(value.get(field.name))}
    return Reading(**known) if "at" in known else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e18


def _fact_line(device: Device) -> dict[str, Any]:
    return {"device": {name: getattr(device, name) for name in _FACTS}}


def _line(reading: Reading) -> dict[str, Any]:
    return {
        name: round(value, _DIGITS) if isinstance(value, float) else value
        for name, value in asdict(reading).items()
        if value is not None
    }


def _encoded(lines: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)
