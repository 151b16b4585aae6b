"""The server itself: what it can do, what is missing, where jobs can run; and addresses that lead nowhere."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import HTTPError, authenticated

from windlass.handlers.base import WindlassHandler


class InfoHandler(WindlassHandler):
    """`/info`."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Say what this server can do."""
        await self.reply(await self.services.parts.about.info(user=self.owner))


class DoctorHandler(WindlassHandler):
    """`/doctor`."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Check every part."""
        await self.reply(await self.services.parts.doctor.checks())


class EnvironmentsHandler(WindlassHandler):
    """`/environments`."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """List the environments a job can run in."""
        await self.reply(await self.services.parts.environments.list())


class UnknownHandler(WindlassHandler):
    """Every other address under `/windlass`."""

    @authenticated
    @authorized
    def get(self) -> None:
        """Say that there is nothing."""
        raise HTTPError(404)

    @authenticated
    @authorized
    def post(self) -> None:
        """Say that there is nothing."""
        raise HTTPError(404)

    head = get
    # Not `get` again: `authorized` remembers the action of the verb that came first.
    put = patch = delete = post
