"""GPUs as they are used now and were used before, and alarms about them."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from windlass.handlers.base import WindlassHandler
from windlass.handlers.operations.spending import MOST_POINTS, POINTS

HISTORY_SECONDS = 900
LEAST_HISTORY_SECONDS = 10
MOST_HISTORY_SECONDS = 2_678_400
LEAST_POINTS = 10


class GpusHandler(WindlassHandler):
    """`/gpus`."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Say how GPUs are used now."""
        parts = await self.services.ready()
        await self.reply(await parts.gpus.snapshot(owner=self.owner))


class GpuHistoryHandler(WindlassHandler):
    """`/gpus/history`."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Say how GPUs were used."""
        seconds = self.query_number(
            "seconds", default=HISTORY_SECONDS, least=LEAST_HISTORY_SECONDS, most=MOST_HISTORY_SECONDS
        )
        points = self.query_number("points", default=POINTS, least=LEAST_POINTS, most=MOST_POINTS)
        devices = self.get_query_arguments("device")
        parts = await self.services.ready()
        history = await parts.gpus.history(owner=self.owner, seconds=seconds, points=points, devices=devices)
        await self.reply(history)


class GpuAlarmDismissHandler(WindlassHandler):
    """`/gpus/alarms/{alarm_id}/dismiss`."""

    @authenticated
    @authorized
    async def post(self, alarm_id: str) -> None:
        """Hide an alarm until the device has been used again."""
        parts = await self.services.ready()
        await parts.gpus.dismiss(alarm_id, owner=self.owner)
        self.set_status(204)
        await self.finish()
