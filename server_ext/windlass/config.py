"""The server's settings. Each trait's help is its manual: `jupyter server --help-all` prints them.

Set them in `jupyter_server_config.py` (`c.WindlassApp.max_bundle_bytes = …`) or on the command line
(`--WindlassApp.max_bundle_bytes=…`).
"""

from __future__ import annotations

import os
from typing import Any

from traitlets import Bool, Dict, DottedObjectName, Float, HasTraits, Int, List, Unicode, default

MEBIBYTE = 1024 * 1024


class WindlassTraits(HasTraits):
    """What an admin or a user can set."""

    data_dir = Unicode(
        help="""Folder for the ledger, bundles, local jobs and the embedded MLflow server. Shared by all Jupyter servers
        of one user; must not be shared between users. Default: the environment variable WINDLASS_DATA_DIR, else
        `windlass` in Jupyter's data folder."""
    ).tag(config=True)

    default_engine = Unicode(
        "local", help="""Engine of jobs that name none: one of the names in `engine_classes`."""
    ).tag(config=True)

    engine_classes = Dict(
        value_trait=DottedObjectName(),
        default_value={
            "local": "windlass.engines.local.engine.LocalEngine",
            "kubernetes": "windlass.engines.kubernetes.engine.KubernetesEngine",
        },
        help="""Engines by name, as import paths of classes that keep the protocol `windlass.engines.base.Engine`. Each
        is made with `data_dir` and what `engine_options` holds for it, when it is first needed. Add your own here.""",
    ).tag(config=True)

    engine_options = Dict(
        value_trait=Dict(), help="""Further keyword arguments for an engine's class, by the engine's name."""
    ).tag(config=True)

    local_cpus = Int(
        None,
        allow_none=True,
        help="""How many CPUs the jobs of the local engine may hold in all; further jobs wait in its queue. Default: as
        many as this process may use.""",
    ).tag(config=True)

    local_gpus = List(
        Unicode(),
        default_value=None,
        allow_none=True,
        help="""GPUs the local engine may give to jobs, as CUDA_VISIBLE_DEVICES names them. Default: all it finds.""",
    ).tag(config=True)

    stop_grace_seconds = Float(
        10.0, help="""How long a local job that is stopped may take to end by itself before it is killed."""
    ).tag(config=True)

    kubernetes_context = Unicode(
        None,
        allow_none=True,
        help="""Context of the kubeconfig whose cluster jobs go to. Default: its current one. On a hub that gives tokens
        for a cluster, jobs go to that one whatever kubeconfig there is.""",
    ).tag(config=True)

    kubernetes_namespace = Unicode(
        None,
        allow_none=True,
        help="""Namespace that jobs go to. Default: the one the hub gives, the pod's own, or the context's.""",
    ).tag(config=True)

    kubernetes_image = Unicode(
        None,
        allow_none=True,
        help="""Image of jobs in a cluster that name none. Default: the one this server runs in (JUPYTER_IMAGE), else
        the first of the hub's catalogue.""",
    ).tag(config=True)

    kubernetes_tracking_uri = Unicode(
        None,
        allow_none=True,
        help="""Address of the MLflow server as pods of the cluster reach it, where that is another one than
        `tracking_uri`.""",
    ).tag(config=True)

    kubernetes_index_url = Unicode(
        None,
        allow_none=True,
        help="""Package index that jobs in a cluster install from what their image lacks. Default: the image's own
        setting.""",
    ).tag(config=True)

    kubernetes_install_packages = Bool(
        True,
        help="""Whether jobs in a cluster may install what their image lacks. Turn it off where no index can be
        reached.""",
    ).tag(config=True)

    max_bundle_bytes = Int(
        100 * MEBIBYTE,
        help="""The most that a job may send, before compression. A notebook that would send more is refused, with the
        largest files named.""",
    ).tag(config=True)

    tracking_uri = Unicode(
        help="""Address of the MLflow server that jobs are tracked in. Default: the environment variable
        MLFLOW_TRACKING_URI; without one an MLflow server is started on this machine when it is first needed."""
    ).tag(config=True)

    embedded_tracking = Bool(
        True, help="""Whether an MLflow server of this machine is started when `tracking_uri` is not set."""
    ).tag(config=True)

    promotion_aliases = List(
        Unicode(),
        default_value=["champion", "challenger"],
        help="""Aliases that a model version is promoted to. On a hub whose service looks after promotions, its own
        settings hold instead.""",
    ).tag(config=True)

    promotion_free = Bool(True, help="""Whether other aliases than `promotion_aliases` may be typed.""").tag(
        config=True
    )

    save_timeout_seconds = Float(
        5.0,
        help="""How long to wait for the browser to save a notebook that `%train` sends, before the file is taken as it
        was last saved (and the user told so).""",
    ).tag(config=True)

    gpu_idle_threshold = Float(
        0.05,
        min=0.0,
        max=1.0,
        help="""Part of the time, 0 to 1, below which a GPU that is held counts as not used: in alarms, in idle cost, in
        the panel.""",
    ).tag(config=True)

    gpu_alarm_minutes = Float(
        10.0,
        min=0.05,
        help="""How long a GPU has to be held and do little before an alarm says so. The server keeps the last 15
        minutes, or these where they are more.""",
    ).tag(config=True)

    prometheus_url = Unicode(
        help="""Address of the Prometheus that scrapes the DCGM exporter of the cluster that jobs go to, as this server
        reaches it: GPUs of jobs' pods are read there. On a hub whose service has one, that is asked instead, and lets a
        user see only their own. Without any, jobs' own readings are all there is."""
    ).tag(config=True)

    price_book = Unicode(
        help="""YAML file of prices (see docs/costs.md): what GPUs, nodes, cores and memory cost an hour. Default: the
        prices of the hub's catalogue; without any, list prices of clouds, which are not what you pay."""
    ).tag(config=True)

    advice_minutes = Float(
        10.0,
        min=0.0,
        help="""From how many minutes of measured time on a job gets advice about something smaller.""",
    ).tag(config=True)

    gpu_record = Bool(
        False,
        help="""Whether the GPUs of this machine are watched while nobody looks, each second, and means of it are kept
        in the data folder for a quarter of a year, the coarser the older. Otherwise they are watched while somebody
        looks. Jobs write down their own in either case.""",
    ).tag(config=True)

    @default("tracking_uri")
    def _default_tracking_uri(self) -> str:
        return os.environ.get("MLFLOW_TRACKING_URI", "")

    @default("data_dir")
    def _default_data_dir(self) -> str:
        from windlass.runtime_files import data_dir

        return str(data_dir())

    def options_of(self, engine: str, *, owner: str) -> dict[str, Any]:
        """Keyword arguments for an engine's class, beside `data_dir`. `owner`: the person this server belongs to."""
        options: dict[str, Any] = {}
        if engine == "local":
            options = {
                "cpus": self.local_cpus,
                "gpus": self.local_gpus,
                "stop_grace_seconds": self.stop_grace_seconds,
            }
        if engine == "kubernetes":
            options = {
                "owner": owner,
                "context": self.kubernetes_context,
                "namespace": self.kubernetes_namespace,
                "image": self.kubernetes_image,
                "tracking_uri": self.kubernetes_tracking_uri,
                "index_url": self.kubernetes_index_url,
                "install_packages": self.kubernetes_install_packages,
            }
        return {**options, **self.engine_options.get(engine, {})}
