"""What a server says of itself, of where jobs can run, and the socket."""

from __future__ import annotations

from windlass.contract.cluster import ClusterOffers
from windlass.contract.info import CheckList, Info
from windlass.contract.preview import EnvironmentList

from .model import Operation

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="get",
        path="/info",
        name="getInfo",
        summary="What this server can do, and what is missing",
        response=Info,
    ),
    Operation(
        method="get",
        path="/doctor",
        name="getDoctor",
        summary="Check every part and say what to do about what is missing",
        response=CheckList,
    ),
    Operation(
        method="get",
        path="/environments",
        name="listEnvironments",
        summary="The kernel specs of this server, as places where a job can run",
        response=EnvironmentList,
    ),
    Operation(
        method="get",
        path="/cluster",
        name="getCluster",
        summary="What the cluster of the kubernetes engine offers you; what could not be read is said in `problems`",
        response=ClusterOffers,
        problems=(404, 503),
    ),
)

SOCKET: tuple[Operation, ...] = (
    Operation(
        method="get",
        path="/socket",
        name="openSocket",
        summary="The one WebSocket of a browser tab: see ClientMessage and ServerMessage",
        status=101,
    ),
)
