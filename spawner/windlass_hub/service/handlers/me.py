"""`me`: who the caller is to the hub, and what this service can do for them."""

from __future__ import annotations

from windlass.contract.hub import Me
from windlass_hub import __version__
from windlass_hub.service.auth import ServiceHandler, needs
from windlass_hub.service.own_places import SERVICE_ACCOUNT
from windlass_hub.service.problems import Away, Upstream

_OWN_SCOPES = "custom:windlass:"


class MeHandler(ServiceHandler):
    """`api/me`."""

    scopes = needs(GET=())
    people_only = True

    async def get(self) -> None:
        """Say who the caller is."""
        namespace = await self.state.places.jobs_namespace(self.caller.name)
        self.reply(
            Me(
                name=self.caller.name,
                groups=sorted(self.caller.groups),
                admin=await self._is_admin(),
                jobs_namespace=namespace,
                service_account=SERVICE_ACCOUNT if namespace else None,
                scopes=sorted(scope for scope in self.caller.scopes if scope.startswith(_OWN_SCOPES)),
                hub_version=await self.state.hub_api.version(),
                service_version=__version__,
                features=self._features(namespace),
            )
        )

    async def _is_admin(self) -> bool | None:
        if self.caller.admin is not None:
            return self.caller.admin
        # The token of a user's server is not told that; the service is.
        try:
            user = await self.state.hub_api.user(self.caller.name)
        except (Away, Upstream):
            return None
        admin = (user or {}).get("admin")
        return admin if isinstance(admin, bool) else None

    def _features(self, namespace: str | None) -> list[str]:
        state = self.state
        there = {
            "token": namespace is not None and state.cluster is not None,
            "prices": True,
            "images": True,
            "profiles": True,
            "capacity": state.capacity is not None,
            "metrics": state.prometheus is not None,
            "promotions": state.promoting is not None,
            "registering": state.promoting is not None,
            "model-reads": True,
            "costs": state.spending is not None,
        }
        return [name for name, works in there.items() if works]
