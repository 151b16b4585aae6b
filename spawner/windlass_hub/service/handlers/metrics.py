"""`metrics`: named figures of the caller's own pods, from Prometheus."""

from __future__ import annotations

from windlass.metrics.prometheus.fields import QUERIES
from windlass.metrics.prometheus.queries import Pods, checked_name
from windlass.metrics.prometheus.spans import Span
from windlass_hub.service.auth import ServiceHandler, needs
from windlass_hub.service.problems import Away, InvalidRequest, Refused

MOST_NAMES = len(QUERIES)


class MetricsHandler(ServiceHandler):
    """`api/metrics?names=a,b[&pod=][&namespace=][&start=&end=&step=]`."""

    scopes = needs(GET=())
    people_only = True

    async def get(self) -> None:
        """What Prometheus has of the caller's pods."""
        prometheus = self.state.prometheus
        if prometheus is None:
            raise Away("This hub has no Prometheus: ask its admins to set prometheus_url.")
        names = self._names()
        moment = {"least": 0.0, "most": 1e11}
        span = Span.of(
            start=self.query_number("start", **moment),
            end=self.query_number("end", **moment),
            step=self.query_number("step", least=1, most=86_400),
        )
        self.limit("metrics")
        self.reply(await prometheus.metrics(names, pods=await self._pods(), span=span))

    def _names(self) -> list[str]:
        names = list(dict.fromkeys(filter(None, (self.query_text("names") or "").split(","))))
        unknown = [name for name in names if name not in QUERIES]
        if not names or unknown or len(names) > MOST_NAMES:
            message = f"names must be 1 to {MOST_NAMES} of these, separated by commas: {', '.join(QUERIES)}."
            raise InvalidRequest(message, fields=[("names", message)])
        return names

    async def _pods(self) -> list[Pods]:
        """The caller's pods, narrowed by what was asked. Raises Refused for a namespace of somebody else's."""
        own = await self.state.places.pods(self.caller.name)
        namespace, pod = self.query_text("namespace"), self.query_text("pod")
        if namespace is not None:
            checked_name(namespace, field="namespace")
            own = [pods for pods in own if pods.namespace == namespace]
            if not own:
                self.audit("metrics", target=namespace, decision="refused")
                raise Refused("You can ask for metrics of your own pods only.")
        if pod is None:
            return own
        checked_name(pod, field="pod")
        return [
            Pods(namespace=pods.namespace, pod=pod) for pods in own if pods.holds(namespace=pods.namespace, pod=pod)
        ]
