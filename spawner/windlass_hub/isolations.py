"""One Isolation for all of a hub's spawners: it keeps a user's starts apart and remembers facts of the cluster."""

from __future__ import annotations

import asyncio
import weakref

from windlass.kube.client import KubeClient

from .isolation import Isolation
from .settings import Settings

_made: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Isolation]] = weakref.WeakKeyDictionary()


def isolation_for(client: KubeClient, settings: Settings) -> Isolation:
    """The Isolation for these settings in the running event loop; `client` is that loop's."""
    by_settings = _made.setdefault(asyncio.get_running_loop(), {})
    return by_settings.setdefault(settings.model_dump_json(), Isolation(client, settings=settings))
