"""`token`: a short-lived Kubernetes credential for the caller's own account in the caller's own namespace.

Nothing that was sent has a say in it: the namespace follows from the name that the hub authenticated, and must bear the
marks that only the hub side can put on it. The account in it has the rights of the table in `access.py`, no more.
"""

from __future__ import annotations

from datetime import datetime

from windlass.contract.hub import KubernetesToken
from windlass.kube.errors import Forbidden, KubeError, NotFound
from windlass.kube.resources import SERVICE_ACCOUNTS
from windlass_hub.service.auth import ServiceHandler, needs
from windlass_hub.service.own_places import SERVICE_ACCOUNT
from windlass_hub.service.problems import Away, ServiceError, TooMany, Upstream
from windlass_hub.service.state import Cluster


class TokenHandler(ServiceHandler):
    """`api/token`."""

    scopes = needs(POST=())
    people_only = True
    largest_body_bytes = 1024

    async def post(self) -> None:
        """Ask the cluster for a token, and write down who got one."""
        namespace = None
        try:
            self.limit("token")
            namespace = await self.state.places.jobs_namespace(self.caller.name)
            if namespace is None:
                raise Away("This hub makes no namespaces for jobs: use another engine, or ask its admins.")
            if self.state.cluster is None:
                raise Away(self.state.cluster_problem)
            token = await self._token(self.state.cluster, namespace)
        except ServiceError as error:
            decision = "refused" if isinstance(error, TooMany) else "failed"
            self.audit("token.issue", target=namespace or "", decision=decision, why=str(error))
            raise
        self.audit("token.issue", target=namespace, decision="issued", expires_at=token.expires_at.isoformat())
        self.reply(token)

    async def _token(self, cluster: Cluster, namespace: str) -> KubernetesToken:
        await self.state.places.refuse_foreign(namespace, name=self.caller.name)
        spec = {"expirationSeconds": self.state.settings.token_seconds}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        try:
            answer = await cluster.client.subresource(
                SERVICE_ACCOUNTS, SERVICE_ACCOUNT, "token", namespace=namespace, body=body
            )
        except NotFound as error:
            message = f"The account {SERVICE_ACCOUNT} is missing in your namespace: restart your server from the hub."
            raise Away(message, retry_after=30) from error
        except Forbidden as error:
            raise Away("The hub service may not issue tokens: its rights in the cluster are incomplete.") from error
        except KubeError as error:
            raise Away(f"The cluster gave no token: {error.message}") from error
        status = answer.get("status") or {}
        try:
            return KubernetesToken(
                token=str(status["token"]),
                expires_at=datetime.fromisoformat(str(status["expirationTimestamp"]).replace("Z", "+00:00")),
                namespace=namespace,
                service_account=SERVICE_ACCOUNT,
                server=cluster.server,
                ca_pem=cluster.ca_pem,
            )
        except (KeyError, ValueError):
            # Without the cause: its text could quote the token.
            raise Upstream("The cluster answered with something that is no token.") from None
