"""The emulated API over real HTTP, in a thread of its own: whoever tests may block, or use any event loop."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from aiohttp import web
from tests.cluster.emulator import discovery, openapi, reads, requests
from tests.cluster.emulator.api import Api
from tests.cluster.emulator.errors import ApiError, NotServed
from tests.cluster.emulator.faults import Faults
from tests.cluster.emulator.kinds import CRDS, Kind
from tests.cluster.emulator.pod_logs import may_grow
from tests.cluster.emulator.tokens import User

T = TypeVar("T")

_LARGEST_BODY = 3 << 20
_TURNS_TO_SIT_DOWN = 3
_JSON_LINES = {"Content-Type": "application/json"}


class Emulator:
    """Start it, ask at `url`, stop it. Methods may be called from any thread but its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="emulated Kubernetes API", daemon=True)
        self._runner: web.ServerRunner | None = None
        self._site: web.SockSite | None = None
        self._door: socket.socket | None = None
        self._port = 0
        self._tasks: list[asyncio.Task[None]] = []
        self.requests: list[tuple[str, str, str]] = []
        """Method, path with query, and account of each request so far."""
        self.faults = Faults(
            stop_listening=lambda: self.run(self._close_doors()),
            listen_again=lambda: self.run(self._listen()),
            forget_history=lambda: self.call(self._expire),
            cut=lambda: self.call(self._cut),
        )
        self.api: Api

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> Emulator:
        self._thread.start()
        self.run(self._start())
        return self

    def stop(self) -> None:
        self.run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await something in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def call(self, work: Callable[[], T]) -> T:
        """Call something in the server's loop: `emulator.call(lambda: emulator.api.storage.all(PODS))`."""

        async def called() -> T:
            return work()

        return self.run(called())

    def register(self, kind: Kind) -> None:
        """Serve one more kind, as a CustomResourceDefinition would."""
        self.call(lambda: self.api.kinds.register(kind))

    def reset(self) -> None:
        """Forget all objects, faults and requests; tokens of the fixture stay good."""

        def clear() -> None:
            self.faults.reset()
            self.requests.clear()
            self._cut()
            self.api.reset()

        self.call(clear)

    async def _start(self) -> None:
        self.api = Api(ahead=lambda: self.faults.clock_seconds)
        self._runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=1)
        await self._runner.setup()
        await self._listen()
        self._tasks = [asyncio.create_task(self.api.controllers.run(), name="emulated controllers")]

    async def _stop(self) -> None:
        await self._close_doors()
        assert self._runner is not None
        await self._runner.cleanup()
        # Besides the controllers: watches whose client went away without a word.
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _listen(self) -> None:
        assert self._runner is not None
        self._door = socket.create_server(("127.0.0.1", self._port), backlog=128)
        self._port = self._door.getsockname()[1]
        self._site = web.SockSite(self._runner, self._door)
        await self._site.start()

    async def _close_doors(self) -> None:
        if self._site is not None and self._door is not None:
            # Whoever was let in gets his seat before the door shuts: asyncio would lose his socket otherwise, unclosed.
            asyncio.get_running_loop().remove_reader(self._door)
            for _ in range(_TURNS_TO_SIT_DOWN):
                await asyncio.sleep(0)
            await self._site.stop()
            self._site = None
        self._cut()
        await asyncio.sleep(0)

    def _cut(self) -> None:
        """Reset every open connection, in the middle of whatever it says."""
        assert self._runner is not None
        for protocol in list(self._runner.server.connections if self._runner.server else ()):
            if protocol.transport is not None:
                protocol.transport.abort()

    def _expire(self) -> None:
        self.api.storage.expire()
        self.api.storage.cut_watches()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        dropped = False
        try:
            user = self.api.tokens.who(request.headers.get("Authorization", ""), _agent(request))
            self.requests.append((request.method, request.path_qs, user.name))
            dropped = await self._meet_fault(request, user)
            response = await self._answer(request, user)
        except NotServed as error:
            response = web.Response(text=f"{error}\n", status=error.code)
        except ApiError as error:
            headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
            response = web.json_response(error.body, status=error.code, headers=headers)
        if dropped and request.transport is not None:
            request.transport.abort()
        return response

    async def _meet_fault(self, request: web.BaseRequest, user: User) -> bool:
        """Whether the connection is to be dropped after the work is done."""
        if user.name == "windlass:fake-kubelet":
            return False
        rule = self.faults.meet(request.method, request.path_qs)
        if rule is None:
            return False
        if rule.seconds:
            await asyncio.sleep(rule.seconds)
        if rule.error is not None:
            raise rule.error
        return rule.drop

    async def _answer(self, request: web.BaseRequest, user: User) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if request.method == "GET" and path.startswith("/openapi/v3"):
            definitions = self.api.storage.all(CRDS)
            return web.json_response(openapi.answer(path, kinds=self.api.kinds, definitions=definitions))
        if request.method == "GET" and len(path.strip("/").split("/")) < 4 and not path.startswith("/api/v1/"):
            return web.json_response(discovery.answer(path, self.api.kinds))
        ask = requests.read(
            method=request.method,
            path=path,
            query=dict(request.query),
            user=user,
            kinds=self.api.kinds,
            content_type=request.headers.get("Content-Type", ""),
            body=await _body(request),
        )
        if ask.verb == "watch":
            self.api.rbac.authorize(ask)
            return await self._watch(request, ask)
        if ask.subresource == "log":
            self.api.rbac.authorize(ask)
            return await self._log(request, ask)
        status, body = self.api.answer(ask)
        return web.json_response(body, status=status)

    async def _watch(self, request: web.BaseRequest, ask: requests.Ask) -> web.StreamResponse:
        response = web.StreamResponse(headers=_JSON_LINES)
        await response.prepare(request)
        try:
            async for event in reads.watch(self.api.storage, ask):
                await response.write(json.dumps(event).encode() + b"\n")
        except ApiError as error:
            await response.write(json.dumps({"type": "ERROR", "object": error.body}).encode() + b"\n")
        except ConnectionError:
            return response
        await response.write_eof()
        return response

    async def _log(self, request: web.BaseRequest, ask: requests.Ask) -> web.StreamResponse:
        log = self.api.logs.find(ask, reads.get(self.api.storage, ask))
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})

        def is_open() -> bool:
            return request.transport is not None and not request.transport.is_closing()

        def goes_on() -> bool:
            """As a kubelet: the stream ends with the container, also where no test ended the log."""
            pod = self.api.storage.get(ask.kind, ask.namespace, ask.name)
            return is_open() and pod is not None and may_grow(pod, ask.query.get("container"))

        await response.prepare(request)
        try:
            async for piece in self.api.logs.read(log, ask.query, is_open=goes_on):
                await response.write(piece)
        except ConnectionError:
            if request.transport is not None:
                request.transport.close()
            return response
        if is_open():
            await response.write_eof()
        return response


def _agent(request: web.BaseRequest) -> str:
    return request.headers.get("User-Agent", "").partition("/")[0]


async def _body(request: web.BaseRequest) -> Any:
    data = bytearray()
    async for chunk in request.content.iter_any():
        data += chunk
        if len(data) > _LARGEST_BODY:
            raise ApiError(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728")
    if not data:
        return None
    try:
        return json.loads(data)
    except ValueError:
        pass
    if "yaml" in request.headers.get("Content-Type", ""):
        import yaml

        return yaml.safe_load(data)
    raise ApiError(400, "BadRequest", "the object provided is unrecognized: it is no JSON")
