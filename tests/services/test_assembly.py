"""What stands behind the handlers opens when it can, and later where it cannot now."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.services.test_events import JOB

from windlass.engines.base import JobStatus, State
from windlass.engines.local.engine import LocalEngine
from windlass.errors import Unavailable
from windlass.services.assembly import Services
from windlass.services.settings import Settings


class Away(LocalEngine):
    """An engine that is away the first two times it is asked for its jobs."""

    asked = 0

    async def adopt(self) -> list[JobStatus]:
        self.asked += 1
        if self.asked < 3:
            raise Unavailable("The engine is away.")
        return [JobStatus(job_id=JOB, state=State.RUNNING)]


class NoSpecs:
    """No kernels."""

    def get_all_specs(self) -> Any:
        return {}


async def test_an_engine_that_is_away_at_the_start_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Services, "engine_retry_seconds", 0.01)
    settings = Settings(
        data_dir=tmp_path,
        root_dir=tmp_path,
        owner="ann",
        version="0",
        python=sys.executable,
        engines={"local": partial(Away, data_dir=tmp_path)},
        embedded_tracking=False,
    )
    services = Services(settings=settings, kernel_specs=NoSpecs())
    await services.ready()
    assert services.live_jobs == 0
    for _ in range(1000):
        if services.live_jobs:
            break
        await asyncio.sleep(0.01)
    assert services.live_jobs == 1
    await services.close()
