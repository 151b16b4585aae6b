"""The ways through the network: the second part of the table in `access.py`. What is not named here is closed."""

from __future__ import annotations

from typing import Literal

from .model import Feature, Peer, Pods, Way


def _way(
    pods: Pods,
    direction: Literal["to", "from"],
    peer: Peer,
    feature: Feature,
    why: str,
    *,
    ports: tuple[int, ...] = (),
    udp: bool = False,
) -> Way:
    return Way(pods=pods, direction=direction, peer=peer, feature=feature, why=why, ports=ports, udp=udp)


WAYS: tuple[Way, ...] = (
    _way(
        Pods.ALL, "to", Peer.OWN_PODS, "jobs", "NCCL, Gloo, MPI and Ray talk between ranks on ports of their choosing."
    ),
    _way(Pods.ALL, "from", Peer.OWN_PODS, "jobs", "The same, from the other side."),
    _way(Pods.ALL, "to", Peer.DNS, "jobs", "Ranks find each other by name.", ports=(53,), udp=True),
    _way(Pods.ALL, "from", Peer.MONITORING, "gpus", "Metrics are scraped from the pods."),
    _way(
        Pods.TRAINING, "to", Peer.MLFLOW, "experiments", "Metrics, parameters and models are logged while a job runs."
    ),
    _way(Pods.TRAINING, "to", Peer.ARTIFACT_STORE, "experiments", "Artifacts, and bundles too large for a ConfigMap."),
    _way(Pods.TRAINING, "to", Peer.PACKAGE_INDEX, "jobs", "Packages the image lacks."),
    _way(Pods.TRAINING, "to", Peer.MODEL_HUB, "jobs", "Pretrained models and data sets."),
    _way(Pods.TRAINING, "to", Peer.DATA_REMOTE, "volumes", "Data under DVC."),
    _way(
        Pods.LAUNCHERS, "to", Peer.API_SERVER, "jobs", "The launcher of an MPIJob v1 starts its ranks through the API."
    ),
    _way(Pods.RAY_HEADS, "to", Peer.API_SERVER, "jobs", "Ray's autoscaler asks for workers."),
    _way(Pods.SERVING, "from", Peer.GATEWAYS, "serving", "Requests reach models through the gateway only."),
    _way(Pods.SERVING, "to", Peer.MLFLOW, "serving", "The model is fetched from the registry."),
    _way(Pods.SERVING, "to", Peer.ARTIFACT_STORE, "serving", "Its files."),
    _way(Pods.SERVING, "to", Peer.PACKAGE_INDEX, "serving", "Its environment."),
    _way(Pods.NOTEBOOKS, "from", Peer.HUB, "notebooks", "The hub asks whether a server is up.", ports=(8888,)),
    _way(Pods.NOTEBOOKS, "from", Peer.PROXY, "notebooks", "The browser comes through the proxy.", ports=(8888,)),
    _way(
        Pods.NOTEBOOKS,
        "to",
        Peer.HUB,
        "notebooks",
        "The hub's API, and the broker of the hub service.",
        ports=(8081, 8123),
    ),
    _way(Pods.NOTEBOOKS, "to", Peer.PROXY, "notebooks", "The hub service's public address.", ports=(8000,)),
    _way(Pods.NOTEBOOKS, "to", Peer.API_SERVER, "jobs", "Jobs are sent and watched from the user's server."),
    _way(Pods.NOTEBOOKS, "to", Peer.MLFLOW, "experiments", "Runs and models in the panel."),
    _way(Pods.NOTEBOOKS, "to", Peer.ARTIFACT_STORE, "experiments", "Artifacts in the panel."),
    _way(Pods.NOTEBOOKS, "to", Peer.DATA_REMOTE, "volumes", "Data under DVC."),
    _way(Pods.NOTEBOOKS, "to", Peer.GATEWAYS, "serving", "Try a deployed model from the notebook."),
    _way(
        Pods.NOTEBOOKS,
        "to",
        Peer.INTERNET,
        "notebooks",
        "Interactive work; never a private address, nor the cloud's metadata service.",
    ),
)
