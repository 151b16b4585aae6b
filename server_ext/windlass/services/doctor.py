"""Looks at every part this server needs, and says what to do about what is missing.

Each check stands alone: one that fails, or takes too long, says so and leaves the others to speak.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from windlass.contract.info import Check, CheckList, EngineInfo
from windlass.contract.preview import Environment
from windlass.errors import WindlassError
from windlass.ledger.filesystems import is_network_folder
from windlass.services.about import shown_path
from windlass.services.engines import Engines
from windlass.services.environments import Environments
from windlass.services.hub import HubFacts
from windlass.services.lifetime import ends_with_server
from windlass.services.settings import Settings
from windlass.tracking.tracking import Tracking

LITTLE_ROOM_BYTES = 1024**3
CHECK_SECONDS = 20.0
ENVIRONMENTS_LOOKED_AT = 8
FRONT_END = Path("labextensions", "@windlass", "lab-extension", "package.json")
_MODULES_PROBE = "import importlib.util as u, sys; print(*[int(u.find_spec(m) is not None) for m in sys.argv[1:]])"


class Doctor:
    """The server's checks of itself."""

    def __init__(
        self,
        *,
        settings: Settings,
        engines: Engines,
        environments: Environments,
        tracking: Tracking,
        hub: HubFacts,
        open_ledger: Callable[[], Awaitable[Any]],
    ) -> None:
        self._settings = settings
        self._engines = engines
        self._environments = environments
        self._tracking = tracking
        self._hub = hub
        self._open_ledger = open_ledger

    async def checks(self) -> CheckList:
        """All checks, at once."""
        asked: list[tuple[str, Awaitable[list[Check]]]] = [
            ("data folder", asyncio.to_thread(self._data_folder)),
            ("ledger", self._ledger()),
            ("engines", self._engine_checks()),
            ("environments", self._environment_checks()),
            ("tracking", self._tracking_check()),
            ("hub", self._hub.checks(on_hub=self._settings.on_hub)),
            ("front end on the server", asyncio.to_thread(self._front_end)),
            ("job lifetime", asyncio.to_thread(self._lifetime)),
        ]
        answers = await asyncio.gather(*(_in_time(name, check) for name, check in asked))
        return CheckList(items=[check for checks in answers for check in checks])

    def _data_folder(self) -> list[Check]:
        folder = self._settings.data_dir
        shown = shown_path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            probe = folder / f".doctor-{os.getpid()}"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            fix = "Make it writable for you, or set WINDLASS_DATA_DIR to another folder."
            return [Check(name="data folder", ok=False, message=f"{shown}: {error.strerror}", fix=fix)]
        return [
            Check(name="data folder", ok=True, message=f"{shown} can be written"),
            self._room(folder),
            *_privacy(folder),
        ]

    def _room(self, folder: Path) -> Check:
        free = shutil.disk_usage(folder).free
        message = f"{free / 1024**3:.1f} GiB free for bundles, logs and notebooks"
        fix = None if free >= LITTLE_ROOM_BYTES else "Make room: jobs cannot write their output on a full disk."
        return Check(name="disk room", ok=free >= LITTLE_ROOM_BYTES, message=message, fix=fix)

    async def _ledger(self) -> list[Check]:
        await self._open_ledger()
        aside = await asyncio.to_thread(lambda: sorted(self._settings.data_dir.glob("ledger.db.damaged-*")))
        network = await asyncio.to_thread(is_network_folder, self._settings.data_dir)
        words = "open" + (" (on a network file system: slower, and safe)" if network else "")
        checks = [Check(name="ledger", ok=True, message=words)]
        files = [path for path in aside if not path.name.endswith(("-wal", "-shm", "-journal"))]
        if files:
            told = f"{len(files)} damaged ledgers were moved aside, the last to {shown_path(files[-1])}"
            fix = "Delete them when you do not miss anything in the list of jobs."
            checks.append(Check(name="damaged ledgers", ok=None, message=told, fix=fix))
        return checks

    async def _engine_checks(self) -> list[Check]:
        return [self._engine_check(engine) for engine in await self._engines.describe()]

    def _engine_check(self, engine: EngineInfo) -> Check:
        name = f"engine {engine.name}"
        if not engine.available:
            # Only what jobs go to when nothing is said has to be there.
            is_needed = engine.name == self._settings.default_engine
            return Check(name=name, ok=False if is_needed else None, message="not available", fix=engine.message)
        has = _capacity_words(engine.capacity.cpus, engine.capacity.gpus) or ", ".join(engine.kinds) or "ready"
        return Check(name=name, ok=True, message=engine.message or has)

    async def _environment_checks(self) -> list[Check]:
        found = await self._environments.list()
        usable = [environment for environment in found.items if environment.usable]
        if not usable:
            fix = "Install ipykernel into the environment your notebooks use, and register it as a kernel."
            words = "no Python kernel: jobs run in the Jupyter server's own Python"
            return [Check(name="environments", ok=None, message=words, fix=fix)]
        looked_at = usable[:ENVIRONMENTS_LOOKED_AT]
        return list(await asyncio.gather(*(self._environment(environment) for environment in looked_at)))

    async def _environment(self, environment: Environment) -> Check:
        name = f"environment {environment.name}"
        modules = await _has_modules(str(environment.python), ("torch", "IPython", "mlflow"))
        if modules is None:
            fix = f"Check that {environment.python} starts, or remove the kernel spec."
            return Check(name=name, ok=False, message=f"{environment.python} does not answer", fix=fix)
        missing = [module for module, there in modules.items() if not there]
        if not missing:
            return Check(name=name, ok=True, message=f"{environment.display_name}: torch, IPython and mlflow are there")
        consequences = {
            "torch": "no torch: only jobs of one process",
            "IPython": "no IPython: no magics and no rich outputs",
            "mlflow": "no mlflow: notebooks that import it fail",
        }
        return Check(
            name=name,
            ok=None,
            message=f"{environment.display_name}: {'; '.join(consequences[module] for module in missing)}",
            fix=f"Install it with `{environment.python} -m pip install {' '.join(missing).lower()}`, if you need it.",
        )

    async def _tracking_check(self) -> list[Check]:
        info = await self._tracking.info()
        good = {"up": True, "idle": True, "starting": True}
        words = {
            "idle": "embedded MLflow, started with the first job",
            "missing": "not installed: jobs run, and are not tracked",
            "off": "switched off: jobs run, and are not tracked",
        }.get(info.state, f"{info.mode} MLflow is {info.state}" + (f" at {info.url}" if info.url else ""))
        fix = None if info.state in good else info.message
        return [Check(name="MLflow", ok=good.get(info.state), message=words, fix=fix)]

    def _front_end(self) -> list[Check]:
        from jupyter_core.paths import jupyter_path

        name, own = "front end on the server", self._settings.version
        for folder in jupyter_path():
            try:
                version = json.loads((Path(folder) / FRONT_END).read_text(encoding="utf-8"))["version"]
            except (OSError, ValueError, KeyError):
                continue
            same = version == own
            fix = None if same else "Install windlass again, and reload the browser page."
            words = f"{version}" + ("" if same else f", while this server is {own}")
            return [Check(name=name, ok=same or None, message=words, fix=fix)]
        fix = "Install windlass into the environment JupyterLab runs in: `pip install windlass`."
        return [Check(name=name, ok=None, message="not installed where this server looks: there is no panel", fix=fix)]

    def _lifetime(self) -> list[Check]:
        ended_by = ends_with_server()
        if ended_by is None:
            return [Check(name="job lifetime", ok=True, message="jobs go on when this server ends")]
        fix = "Use the kubernetes engine for long jobs, or ask for a longer idle time-out of your server."
        words = f"jobs of the local engine end with this server's {ended_by}"
        return [Check(name="job lifetime", ok=None, message=words, fix=fix)]


async def _in_time(name: str, check: Awaitable[list[Check]]) -> list[Check]:
    try:
        return await asyncio.wait_for(check, CHECK_SECONDS)
    except asyncio.TimeoutError:
        fix = "Is the machine overloaded, or a network file system away?"
        return [Check(name=name, ok=None, message=f"no answer within {CHECK_SECONDS:.0f} s", fix=fix)]
    except (WindlassError, OSError) as error:
        return [Check(name=name, ok=False, message=str(error), fix=str(error))]


async def _has_modules(python: str, modules: tuple[str, ...]) -> dict[str, bool] | None:
    """Which modules an interpreter has; None when it does not answer."""
    try:
        process = await asyncio.create_subprocess_exec(
            python,
            "-I",
            "-c",
            _MODULES_PROBE,
            *modules,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return None
    try:
        output, _ = await asyncio.wait_for(process.communicate(), CHECK_SECONDS / 2)
    except asyncio.TimeoutError:
        process.kill()
        await process.wait()
        return None
    found = output.decode("ascii", "replace").split()
    return dict(zip(modules, (flag == "1" for flag in found), strict=True)) if len(found) == len(modules) else None


def _privacy(folder: Path) -> list[Check]:
    if not folder.stat().st_mode & 0o077:
        return []
    fix = f"Close it with `chmod 700 {folder}`."
    return [Check(name="privacy", ok=None, message="others can look into the data folder", fix=fix)]


def _capacity_words(cpus: int | None, gpus: int | None) -> str:
    counted = [f"{count} {what}" for count, what in ((cpus, "CPUs"), (gpus, "GPUs")) if count is not None]
    return ", ".join(counted)
