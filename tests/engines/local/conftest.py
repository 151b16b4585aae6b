"""Fixtures of the local engine's tests: a real engine in a folder of its own, with nothing left running afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from windlass.engines.local import processes
from windlass.engines.local.engine import LocalEngine

from .jobs import script_bundle


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
async def make_engine(data_dir: Path) -> AsyncIterator[Callable[..., LocalEngine]]:
    """Makes engines over one data folder; afterwards every job is stopped and every process gone."""
    made: list[LocalEngine] = []

    def make(**options: Any) -> LocalEngine:
        given = {"cpus": 4, "gpus": [], "stop_grace_seconds": 1.0, "poll_seconds": 0.05, **options}
        made.append(LocalEngine(data_dir=data_dir, **given))
        return made[-1]

    yield make
    for engine in made:
        await engine.close()
    if made:
        await _end_all_jobs(made[-1])


async def _end_all_jobs(engine: LocalEngine) -> None:
    for status in await engine.adopt():
        if not status.state.is_final:
            await engine.stop(status.job_id, reason="the test is over")
    for status in await engine.adopt():
        for _ in range(400):
            now = await engine.status(status.job_id)
            if now is None or now.state.is_final:
                break
            await asyncio.sleep(0.05)
        processes.end_all(status.job_id, grace_seconds=0)


@pytest.fixture
def engine(make_engine: Callable[..., LocalEngine]) -> LocalEngine:
    return make_engine()


@pytest.fixture
def bundle(tmp_path: Path) -> Callable[..., Path]:
    """Makes a bundle of a script."""

    def make(script: str, **options: Any) -> Path:
        return script_bundle(tmp_path / "bundles", script, **options)

    return make
