"""Asks the hub service in the name of this server's user, with the token that the hub gave this server.

Each answer is a model of `contract.hub`; each failure is a sentence that says what to do. The token goes to the hub
service alone and into no log, error or representation.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from windlass.contract.costs import BudgetList, CostBy, CostReport
from windlass.contract.gpus import ServerCost
from windlass.contract.hub import (
    ClusterCapacity,
    ImageList,
    KubernetesToken,
    Me,
    Metrics,
    ModelRead,
    Prices,
    ProfileList,
    VersionMade,
    VersionRequest,
)
from windlass.contract.models import Promotion, PromotionAnswer, PromotionLog, PromotionRequest, PromotionTerms
from windlass.errors import NotFound, Unavailable
from windlass.hub.answers import refusal, understood

M = TypeVar("M", bound=BaseModel)

URL_ENVIRONMENT = "WINDLASS_HUB_URL"
TOKEN_ENVIRONMENT = "JUPYTERHUB_API_TOKEN"  # noqa: S105 - the name of the variable
NAME_ENVIRONMENT = "JUPYTERHUB_SERVER_NAME"
TIMEOUT_SECONDS = 10.0
METRICS_SECONDS = 30.0
PROMOTION_SECONDS = 90.0
"""The hub service asks MLflow several times for one."""
TOKEN_MARGIN_SECONDS = 120.0
"""A token that ends sooner than this is not given out: a request may take that long, and clocks differ."""


class HubBroker:
    """A client of the hub service.

    Args:
        url: of its REST interface, as the hub put it into this server's environment.
        token: this server's own, of the hub.
        verify: how to check the service's certificate, as httpx takes it.
        server_name: of this server, as the hub calls it; empty: the user's default one.
        clock: POSIX seconds, for tests.
    """

    def __init__(
        self,
        *,
        url: str,
        token: str,
        verify: ssl.SSLContext | bool = True,
        server_name: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = url.rstrip("/") + "/"
        self._bearer = token
        self._verify = verify
        self._server_name = server_name
        self._clock = clock
        self._http: httpx.AsyncClient | None = None
        self._token: KubernetesToken | None = None
        self._asking_token = asyncio.Lock()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> HubBroker | None:
        """The broker of this server's hub; None where there is no hub, or one without Windlass."""
        url, token = environment.get(URL_ENVIRONMENT), environment.get(TOKEN_ENVIRONMENT)
        if not url or not token:
            return None
        name = environment.get(NAME_ENVIRONMENT, "")
        return cls(url=url, token=token, verify=_internal_ssl(environment), server_name=name)

    async def me(self) -> Me:
        """Who this server's user is to the hub. Raises Unavailable and Forbidden, as all of these do."""
        return await self._ask(Me, "GET", "me")

    async def prices(self) -> Prices:
        """What things cost per hour."""
        return await self._ask(Prices, "GET", "prices")

    async def images(self) -> ImageList:
        """The images that jobs may use."""
        return await self._ask(ImageList, "GET", "images")

    async def profiles(self) -> ProfileList:
        """The profiles the user may start servers of, with price and room."""
        return await self._ask(ProfileList, "GET", "profiles")

    async def capacity(self) -> ClusterCapacity:
        """Nodes and GPUs, and what is being started."""
        return await self._ask(ClusterCapacity, "GET", "capacity")

    async def metrics(
        self,
        names: Sequence[str],
        *,
        pod: str | None = None,
        start: float | None = None,
        end: float | None = None,
        step_seconds: float | None = None,
    ) -> Metrics:
        """Named metrics of the user's own pods.

        Args:
            names: as `gpu_utilization`; the service says which there are when one is wrong.
            pod: one of them; all when left out.
            start: POSIX seconds; left out: the values of now.
            end: POSIX seconds; now when left out.
            step_seconds: between two points; as the service likes when left out.

        Raises:
            InvalidRequest: there is no such metric, or the times make no sense.
        """
        given = {"pod": pod, "start": start, "end": end, "step": step_seconds}
        query = {"names": ",".join(names), **{name: str(value) for name, value in given.items() if value is not None}}
        return await self._ask(Metrics, "GET", "metrics", query=query, seconds=METRICS_SECONDS)

    async def token(self) -> KubernetesToken:
        """A Kubernetes token for the user's own namespace; the same one until shortly before it ends."""
        async with self._asking_token:  # Many ask at once when one has ended: one asks for all.
            known = self._token
            if known is None or known.expires_at.timestamp() - self._clock() < TOKEN_MARGIN_SECONDS:
                self._token = known = await self._ask(KubernetesToken, "POST", "token")
            return known

    async def forget_token(self, refused: KubernetesToken | None) -> None:
        """Give out `refused` no more: the API server did not accept it. A newer one stays."""
        async with self._asking_token:
            if self._token is refused:
                self._token = None

    async def promotion_terms(self, model: str) -> PromotionTerms:
        """What a version of a model can be promoted to on this hub. Raises NotFound, too."""
        path = f"models/{_in_path(model)}/promotion-terms"
        return await self._ask(PromotionTerms, "GET", path, seconds=PROMOTION_SECONDS)

    async def promotions(self, model: str, *, cursor: str | None = None) -> PromotionLog:
        """The hub's log of a model's promotions, newest first. Raises NotFound and InvalidRequest, too."""
        query = {"cursor": cursor} if cursor else None
        path = f"models/{_in_path(model)}/promotions"
        return await self._ask(PromotionLog, "GET", path, query=query, seconds=PROMOTION_SECONDS)

    async def promote(self, model: str, request: PromotionRequest, *, key: str | None = None) -> Promotion:
        """Have an alias or a stage moved; its state is `waiting` when that needs an approval.

        Args:
            model: the registered model's name.
            request: what to move, to where.
            key: an idempotency key: asked twice with the same one it is done once.

        Raises:
            InvalidRequest, NotFound: it cannot be asked for.
            Conflict: it was moved since, or another promotion is open; the hub's log says so.
        """
        headers = {"Idempotency-Key": key} if key else {}
        path = f"models/{_in_path(model)}/promotions"
        return await self._ask(Promotion, "POST", path, body=request, headers=headers, seconds=PROMOTION_SECONDS)

    async def answer(self, model: str, promotion_id: str, answer: PromotionAnswer) -> Promotion:
        """Approve, refuse or withdraw a promotion that waits. Raises NotFound and Conflict, too."""
        if not (promotion_id.isascii() and promotion_id.isdigit() and len(promotion_id) <= 18):
            raise NotFound("There is no such promotion of this model.")
        path = f"models/{_in_path(model)}/promotions/{promotion_id}"
        return await self._ask(Promotion, "POST", path, body=answer, seconds=PROMOTION_SECONDS)

    async def register_version(self, model: str, request: VersionRequest) -> VersionMade:
        """Have the hub service make a version of a model, which its users may not edit in MLflow.

        Asked twice it is done once. Raises InvalidRequest, NotFound and Conflict, too.
        """
        path = f"models/{_in_path(model)}/versions"
        return await self._ask(VersionMade, "POST", path, body=request, seconds=PROMOTION_SECONDS)

    async def model_read(self, read: ModelRead) -> None:
        """Have a line written into the hub's audit log: this server's user reads a model's files."""
        await self._send("POST", "audit/model-reads", body=read)

    async def costs(
        self,
        *,
        by: CostBy,
        start: str | None = None,
        end: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> CostReport:
        """What the user spent, by the cluster's own records; what everybody did where this server's token may see it.

        Args:
            by: how to group.
            start: a date (UTC), or RFC 3339; the beginning of this month when left out.
            end: likewise; a date is included; today when left out.
            limit: rows of one answer.
            cursor: `next_cursor` of the answer before.

        Raises:
            InvalidRequest: the dates make no sense.
            Unavailable: this hub keeps no such records, too.
        """
        given = {"start": start, "end": end, "limit": limit, "cursor": cursor}
        query = {"by": by, **{name: str(value) for name, value in given.items() if value is not None}}
        return await self._ask(CostReport, "GET", "costs", query=query)

    async def budgets(self) -> BudgetList:
        """The budgets that what the user spends counts against."""
        return await self._ask(BudgetList, "GET", "budgets")

    async def server(self) -> ServerCost:
        """What this very server has cost since it was started. Raises NotFound, too."""
        return await self._ask(ServerCost, "GET", "server-cost", query={"name": self._server_name})

    async def close(self) -> None:
        """Give back the connections; asking again opens new ones."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def _ask(
        self,
        model: type[M],
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: BaseModel | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = TIMEOUT_SECONDS,
    ) -> M:
        content = await self._send(method, path, query=query, body=body, headers=headers, seconds=seconds)
        try:
            return understood(model, content)
        except ValidationError:
            # Without the cause: it quotes the answer, which may be a token.
            raise Unavailable("The hub service answered with something this version does not understand.") from None

    async def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: BaseModel | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = TIMEOUT_SECONDS,
    ) -> bytes:
        sent = {"Authorization": f"token {self._bearer}", "Accept": "application/json", **(headers or {})}
        # Without what is null: an older service does not know every field.
        json_body = body.model_dump(mode="json", exclude_none=True) if body is not None else None
        request = self._client().request(method, path, params=query, headers=sent, json=json_body, timeout=seconds)
        try:
            # httpx times each read alone: an answer that trickles would never end.
            response = await asyncio.wait_for(request, seconds)
        except (httpx.TimeoutException, asyncio.TimeoutError) as error:
            raise Unavailable("The hub service did not answer in time; try again.") from error
        except httpx.HTTPError as error:
            raise Unavailable("The hub service cannot be reached from this server; try again.") from error
        if not response.is_success:
            raise refusal(response)
        return response.content

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            # No proxy of the environment: the hub is inside, and the token is for it alone.
            self._http = httpx.AsyncClient(base_url=self._url, verify=self._verify, trust_env=False)
        return self._http

    def __repr__(self) -> str:
        return f"HubBroker({self._url!r})"


def _in_path(model: str) -> str:
    """A model's name as one part of an address. Raises NotFound for what would be none."""
    if not model or model in (".", ".."):
        raise NotFound("There is no model of this name.")
    return quote(model, safe="")


def _internal_ssl(environment: Mapping[str, str]) -> ssl.SSLContext | bool:
    """As JupyterHub's `internal_ssl` has it: certificates of its own, in files it names."""
    authority = environment.get("JUPYTERHUB_SSL_CLIENT_CA")
    if not authority:
        return True
    context = ssl.create_default_context(cafile=authority)
    certificate, key = environment.get("JUPYTERHUB_SSL_CERTFILE"), environment.get("JUPYTERHUB_SSL_KEYFILE")
    if certificate and key:
        context.load_cert_chain(certificate, key)
    return context
