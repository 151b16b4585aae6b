"""`python -m windlass_hub.service`: as a service that the hub starts, or by itself as a Deployment.

The environment says everything: `JUPYTERHUB_*` as the hub gives it to its services, `WINDLASS_HUB_SETTINGS` and
`WINDLASS_HUB_FEED_TOKEN` as `windlass_hub.configure` sets them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import ValidationError

from windlass_hub.settings import ENVIRONMENT, Settings

from .app import make_app, make_server
from .assembly import begin, end, make_state
from .auth import close_hub_auth, make_hub_auth

log = logging.getLogger("windlass_hub.service")

FINISH_SECONDS = 5.0
"""How long requests that are under way may still take at the end."""
_NEEDED = ("JUPYTERHUB_API_TOKEN", "JUPYTERHUB_CLIENT_ID")


def main() -> int:
    """Serve until SIGTERM or SIGINT; the exit status."""
    logging.basicConfig(
        level=os.environ.get("WINDLASS_HUB_LOG_LEVEL", "INFO").upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # The one logs every address, queries and all; the other (jupyterhub's part in us) session ids.
    for name in ("httpx", "tornado.application"):
        logging.getLogger(name).setLevel(logging.WARNING)
    missing = [name for name in _NEEDED if not os.environ.get(name)]
    if missing:
        log.error("%s must be set: the hub sets it for its services; see `configure`.", " and ".join(missing))
        return 2
    try:
        settings = Settings.from_environment()
    except ValidationError as error:
        log.error("%s cannot be used: %s", ENVIRONMENT, error)
        return 2
    return asyncio.run(_serve(settings))


def _interface(host: str | None) -> str | None:
    """Where to listen for `host` of the service's URL: an address and the loopback as they are, a name everywhere.

    In a cluster the name is a Kubernetes Service's; it stands for an address that this pod does not have.
    """
    if host is None or host == "localhost":
        return host or "127.0.0.1"
    try:
        return str(ip_address(host))
    except ValueError:
        return None


async def _serve(settings: Settings) -> int:
    address = urlsplit(os.environ.get("JUPYTERHUB_SERVICE_URL") or settings.service_url)
    state = make_state(settings)
    server = make_server(make_app(state, make_hub_auth()))
    try:
        server.listen(address.port or 8123, address=_interface(address.hostname))
    except OSError as error:
        log.error("Cannot listen at %s: %s", address.netloc, error.strerror)
        await end(state)
        return 1
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await begin(state)
        log.info("The hub service listens at %s.", address.netloc)
        await stop.wait()
    finally:
        server.stop()
        try:
            await asyncio.wait_for(server.close_all_connections(), FINISH_SECONDS)
        except asyncio.TimeoutError:
            log.warning("Some requests did not end in time.")
        await end(state)
        await close_hub_auth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
