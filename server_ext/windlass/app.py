"""The Jupyter server extension: settings in, routes out, and nothing else.

What costs time (models, services, the ledger) is imported by the first request, or shortly after the start in a thread;
a Jupyter server with Windlass starts as fast as one without.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import secrets
import sys
import time
from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.identity import IdentityProvider, LegacyIdentityProvider, PasswordIdentityProvider
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado.web import Application
from traitlets.utils.importstring import import_item

from windlass import __version__
from windlass.config import WindlassTraits
from windlass.handlers.lazy import LazyRoutes

if TYPE_CHECKING:
    from windlass.handlers.base import TokenIdentity
    from windlass.handlers.socket import SocketHandler
    from windlass.runtime_files import ServerRecord
    from windlass.services.assembly import Services
    from windlass.services.settings import Settings

WARM_UP_SECONDS = 2.0
"""After the start, when the server has answered what the browser asks for first."""

NAMELESS_PROVIDERS = (IdentityProvider, PasswordIdentityProvider, LegacyIdentityProvider)
"""Jupyter's own identities: one person, with a random name in each browser."""


class WindlassApp(WindlassTraits, ExtensionApp):
    """Sends notebooks as jobs. See `windlass doctor` when something does not work."""

    name = "windlass"
    extension_url = "/lab"
    load_other_extensions = True
    headless = False
    """Whether this server was started for the command line alone."""

    def initialize_handlers(self) -> None:
        """Put our routes into the server; what stands behind them is imported later."""
        self.token = secrets.token_urlsafe(32)
        self.sockets: set[SocketHandler] = set()
        self._runtime_file: Path | None = None
        self._warming: asyncio.Task[None] | None = None
        application, base_url = self._server.web_app, self._server.base_url
        self.routes = LazyRoutes(application=application, base_url=base_url)
        # Tornado's own method: Jupyter's looks into handler classes, and ours are not imported yet.
        Application.add_handlers(application, ".*$", [(url_path_join(base_url, r"/windlass(?:/.*)?"), self.routes)])

    async def _start_jupyter_server_extension(self, _serverapp: object) -> None:
        """The server listens: say so to kernels and command lines, and warm up when it has time."""
        self._warming = asyncio.create_task(self._warm_up(), name="windlass-warm-up")

    async def stop_extension(self) -> None:
        """Let go of everything; jobs go on."""
        if self._runtime_file is not None:
            self._runtime_file.unlink(missing_ok=True)
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        for socket in list(self.sockets):
            socket.close()
        if "services" in self.__dict__:
            await self.services.close()

    def current_activity(self) -> dict[str, int] | None:
        """Jobs that live keep a server from ending for want of activity."""
        live = self.services.live_jobs if "services" in self.__dict__ else 0
        return {"jobs": live} if live else None

    @property
    def _server(self) -> ServerApp:
        if self.serverapp is None:
            raise RuntimeError("Windlass is a server extension and runs in a Jupyter server only.")
        return self.serverapp

    @cached_property
    def services(self) -> Services:
        """The use cases; made with the first request."""
        from windlass.services.assembly import Services
        from windlass.services.gpus.kernels import KernelList

        specs: Any = self._server.kernel_spec_manager
        kernels = KernelList(sessions=self._server.session_manager, kernels=self._server.kernel_manager)
        return Services(settings=self._settings(), kernel_specs=specs, kernels=kernels)

    @cached_property
    def token_identity(self) -> TokenIdentity:
        """Who comes with our token."""
        from windlass.handlers.base import TokenIdentity

        identity = TokenIdentity(parent=self)
        identity.owner = server_owner()
        return identity

    def owner_of(self, provider: IdentityProvider, user: Any, *, token: bool) -> str:
        """Whose jobs a request is about: the person this server belongs to, unless identities here have names."""
        if token or user is None or type(provider) in NAMELESS_PROVIDERS:
            return server_owner()
        return str(user.username)

    async def _warm_up(self) -> None:
        try:
            await asyncio.to_thread(self._write_runtime_file)
        except OSError as error:
            self.log.warning("Windlass: `%%train` and the command line will not find this server: %s", error)
        await asyncio.sleep(WARM_UP_SECONDS)
        await asyncio.to_thread(self._import_ahead)
        await self.services.ready()

    def _import_ahead(self) -> None:
        import_item("windlass.services.assembly.Services")
        self.routes.load()

    def _write_runtime_file(self) -> None:
        from windlass.runtime_files import write_record

        self._runtime_file = write_record(self._server_record())

    def _server_record(self) -> ServerRecord:
        from windlass.runtime_files import ServerRecord, process_began_at, this_host

        return ServerRecord(
            url=local_url(self._server),
            token=self.token,
            pid=os.getpid(),
            create_time=process_began_at(os.getpid()) or 0.0,
            root_dir=str(self._root_dir()),
            base_url=self._server.base_url,
            started_at=time.time(),
            headless=self.headless,
            host=this_host(),
        )

    def _root_dir(self) -> Path:
        """The folder that the file browser shows, where there is one."""
        shown = getattr(self._server.contents_manager, "root_dir", None)
        return Path(shown or self._server.root_dir).resolve()

    def _settings(self) -> Settings:
        from windlass.services.settings import Settings

        data_dir = Path(self.data_dir).expanduser().absolute()
        return Settings(
            data_dir=data_dir,
            root_dir=self._root_dir(),
            owner=server_owner(),
            version=__version__,
            python=sys.executable,
            default_engine=self.default_engine,
            engines={
                name: partial(_make_engine, path, data_dir=data_dir, **self.options_of(name, owner=server_owner()))
                for name, path in self.engine_classes.items()
            },
            max_bundle_bytes=self.max_bundle_bytes,
            allow_hidden=bool(getattr(self._server.contents_manager, "allow_hidden", False)),
            tracking_uri=self.tracking_uri or None,
            embedded_tracking=self.embedded_tracking,
            promotion_aliases=tuple(self.promotion_aliases),
            promotion_free=self.promotion_free,
            on_hub="JUPYTERHUB_SERVICE_PREFIX" in os.environ,
            save_timeout_seconds=self.save_timeout_seconds,
            gpu_idle_threshold=self.gpu_idle_threshold,
            gpu_alarm_minutes=self.gpu_alarm_minutes,
            gpu_record=self.gpu_record,
            prometheus_url=self.prometheus_url or None,
            price_book=Path(self.price_book).expanduser().absolute() if self.price_book else None,
            advice_minutes=self.advice_minutes,
            pod=own_pod(os.environ),
        )


def server_owner() -> str:
    """The person this server belongs to: the hub's user, else the user of the operating system."""
    if hub_user := os.environ.get("JUPYTERHUB_USER"):
        return hub_user
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A container whose user has no name.
        return f"uid-{os.getuid()}"


def own_pod(environment: Mapping[str, str]) -> str | None:
    """The pod this server runs in, by what Kubernetes sets in each; None elsewhere."""
    return environment.get("HOSTNAME") or None if "KUBERNETES_SERVICE_HOST" in environment else None


def local_url(serverapp: Any) -> str:
    """The server's base URL as this machine reaches it, ending in `/`."""
    host = {"": "127.0.0.1", "*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(serverapp.ip, serverapp.ip)  # noqa: S104 - compared, not bound
    scheme = "https" if serverapp.certfile else "http"
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{serverapp.port}{serverapp.base_url}"


def _make_engine(path: str, **options: Any) -> Any:
    return import_item(path)(**options)
