"""A job's environment is its submitter's, whoever starts it, and no secret waits on the disk for it."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.engines.base import State
from windlass.engines.local.engine import LocalEngine
from windlass.engines.local.environment import inheritable, is_secret, keepable, restored

from .jobs import make_spec, until_state

SHOW = (
    "print(*(os.environ.get(n) for n in ('HF_HOME', 'ONLY_FIRST', 'HF_TOKEN', 'PROXY', 'MODE_PASSWORD')), flush=True)"
)
names = st.sampled_from(["PATH", "HF_HOME", "HF_TOKEN", "JPY_PARENT_PID", "AWS_SECRET_ACCESS_KEY", "PROXY", "RANK"])
values = st.sampled_from(["", "/a", "http://u:pw@host", "hf_abcdefghijklmnopqrstuv"])


async def test_a_job_that_waited_has_the_environment_of_its_own_submitter(
    make_engine: Callable[..., LocalEngine],
    bundle: Callable[..., Path],
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = make_engine(cpus=1)
    gate = data_dir.parent / "gate"
    monkeypatch.setenv("HF_HOME", "/first")
    monkeypatch.setenv("ONLY_FIRST", "yes")
    monkeypatch.setenv("HF_TOKEN", "secret-of-the-user")
    monkeypatch.setenv("PROXY", "http://ann:password@proxy")
    await engine.submit(make_spec(bundle(f"while not os.path.exists({str(gate)!r}): time.sleep(0.02)"), "first"))
    await until_state(engine, "first", State.RUNNING)

    monkeypatch.setenv("HF_HOME", "/second")
    monkeypatch.delenv("ONLY_FIRST")
    waiting = make_spec(bundle(SHOW + "\nsay('succeeded')"), "second", environment={"MODE_PASSWORD": "given-by-name"})
    await engine.submit(waiting)
    folder = data_dir / "jobs" / "second"
    assert stat.S_IMODE((folder / "environment.json").stat().st_mode) == 0o600
    kept = json.loads((folder / "environment.json").read_text())
    assert kept["HF_HOME"] == "/second"
    assert not {"HF_TOKEN", "PROXY"} & kept.keys()

    gate.touch()
    await until_state(engine, "second", State.SUCCEEDED)
    log = (folder / "logs" / "rank-0.log").read_text()
    assert log.split() == ["/second", "None", "secret-of-the-user", "http://ann:password@proxy", "given-by-name"]
    on_disk = b"".join(path.read_bytes() for path in folder.glob("*") if path.is_file())
    for secret in (b"secret-of-the-user", b"ann:password", b"given-by-name"):
        assert secret not in on_disk


@given(st.dictionaries(names, values), st.dictionaries(names, values))
def test_whoever_starts_it_the_plain_variables_are_the_submitters(
    submitter: dict[str, str], starter: dict[str, str]
) -> None:
    kept = keepable(submitter)
    assert not any(is_secret(name, value) for name, value in kept.items())
    found = restored(kept, starter)
    assert {name: value for name, value in found.items() if name in kept} == kept
    assert all(is_secret(name, starter[name]) for name in found.keys() - kept.keys())
    assert restored(None, starter) == inheritable(starter)


@pytest.mark.parametrize(
    "name", ["PATH", "HF_HOME", "CUDA_HOME", "LD_LIBRARY_PATH", "LANG", "OMP_NUM_THREADS", "CONDA_PREFIX", "KEYBOARD"]
)
def test_what_programs_need_is_no_secret(name: str) -> None:
    assert not is_secret(name, "/usr/share/some/place:/another/place")
