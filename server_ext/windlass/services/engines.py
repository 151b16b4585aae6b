"""The engines of this server, each made when it is first asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from windlass.contract.info import Capacity, EngineInfo
from windlass.engines.base import Engine, EngineCapacity, EngineCheck
from windlass.errors import FieldError, InvalidRequest, Unavailable, WindlassError

_log = logging.getLogger(__name__)


class Engines:
    """Engines by name."""

    def __init__(self, *, factories: Mapping[str, Callable[[], Engine]], default: str) -> None:
        self._factories = dict(factories)
        self._made: dict[str, Engine] = {}
        self.default = default

    @property
    def names(self) -> list[str]:
        """Names of all engines."""
        return list(self._factories)

    def get(self, name: str | None) -> Engine:
        """An engine; the default one for None.

        Raises InvalidRequest when there is none of that name, Unavailable when it cannot be loaded.
        """
        name = name or self.default
        if name not in self._factories:
            message = f"There is no engine named {name} on this server. It has: {', '.join(self._factories)}."
            raise InvalidRequest(message, fields=[FieldError(field="engine", message=message)])
        if name not in self._made:
            try:
                self._made[name] = self._factories[name]()
            except Exception as error:
                _log.exception("The %s engine cannot be loaded.", name)
                raise Unavailable(f"The {name} engine cannot be loaded ({error}): see the server's log.") from error
        return self._made[name]

    async def describe(self) -> list[EngineInfo]:
        """Every engine with what it can do now."""
        return list(await asyncio.gather(*(self._describe(name) for name in self._factories)))

    async def _describe(self, name: str) -> EngineInfo:
        try:
            return await _describe(self.get(name))
        except (WindlassError, OSError) as error:
            return EngineInfo(name=name, display_name=name, available=False, message=str(error))

    async def close(self) -> None:
        """Let go of all engines; their jobs go on."""
        await asyncio.gather(*(engine.close() for engine in self._made.values()))


async def _describe(engine: Engine) -> EngineInfo:
    check: EngineCheck
    capacity: EngineCapacity
    check, capacity = await asyncio.gather(engine.check(), engine.capacity())
    return EngineInfo(
        name=engine.name,
        display_name=engine.display_name,
        available=check.available,
        message=check.message,
        kinds=list(check.kinds),
        capacity=Capacity(
            cpus=capacity.cpus,
            cpus_free=capacity.cpus_free,
            gpus=capacity.gpus,
            gpus_free=capacity.gpus_free,
            running=capacity.running,
            queued=capacity.queued,
        ),
    )
