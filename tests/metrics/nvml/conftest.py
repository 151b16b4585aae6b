"""The driver that the tests build, loaded into this process as the real `nvidia-ml-py` loads NVIDIA's."""

from __future__ import annotations

import ctypes
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.nvml.driver import LIBRARY, STATE_VARIABLE, FakeDriver, build, two_gpus

from windlass.metrics.nvml.source import NvmlSource


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library's folder. Once it is loaded by its path, whoever loads it by its name finds it."""
    folder = build(tmp_path_factory.mktemp("nvml"))
    ctypes.CDLL(str(folder / LIBRARY))
    return folder


@pytest.fixture
def driver(nvml_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    """Two cards, one of them cut in slices."""
    fake = FakeDriver(folder=nvml_library, state=tmp_path / "gpus", gpus=two_gpus())
    fake.write()
    monkeypatch.setenv(STATE_VARIABLE, str(fake.state))
    return fake


@pytest.fixture
async def source(driver: FakeDriver) -> AsyncIterator[NvmlSource]:
    """The GPUs of this machine."""
    made = NvmlSource()
    yield made
    await made.close()
