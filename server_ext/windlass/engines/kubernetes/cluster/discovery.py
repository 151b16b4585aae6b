"""What a cluster serves: job kinds, Kueue, training runtimes, and how its Trainer takes changes of pods.

Only the few groups of API that jobs need are asked for, all at once. A part that this account may not read, or that is
away, is a `problem` in a sentence and not a failure: on shared clusters most accounts may not read everything. Facts
hold for minutes; whoever asks keeps them.

Trainer's own version is written nowhere that users may read, so its dialect is taken from the schema that the API
server publishes to everybody (/openapi/v3), else from the CustomResourceDefinition.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, TypeVar

from windlass.engines.kubernetes.model import ClusterFacts, Object, ServedKind, TrainDialect
from windlass.kube.client import KubeClient
from windlass.kube.errors import Forbidden, KubeError, NotFound, Unauthorized, Unavailable
from windlass.kube.names import JOB_LABEL
from windlass.kube.resources import (
    CLUSTER_TRAINING_RUNTIMES,
    CUSTOM_RESOURCE_DEFINITIONS,
    JOB_SETS,
    JOBS,
    LOCAL_QUEUES,
    PYTORCH_JOBS,
    SELF_SUBJECT_ACCESS_REVIEWS,
    TRAIN_JOBS,
    TRAINING_RUNTIMES,
    WORKLOADS,
    Resource,
)

T = TypeVar("T")

KNOWN: tuple[Resource, ...] = (
    JOBS,
    PYTORCH_JOBS,
    TRAIN_JOBS,
    TRAINING_RUNTIMES,
    CLUSTER_TRAINING_RUNTIMES,
    JOB_SETS,
    *LOCAL_QUEUES.values(),
    *WORKLOADS.values(),
)
"""What jobs need; of several versions the first that is served is used."""
_DIALECTS: tuple[TrainDialect, ...] = ("runtimePatches", "podTemplateOverrides", "podSpecOverrides")
"""The newest first: a Trainer may still accept older words."""
_KEPT_LABELS = re.compile(r"trainer\.kubeflow\.org/.*")


async def discover(client: KubeClient, *, namespace: str) -> ClusterFacts:
    """Look once, for jobs in `namespace`.

    Raises:
        kube.errors.Unavailable: the cluster does not answer at all.
        kube.errors.Unauthorized: it does not accept the credentials.
    """
    found = _Looking(client, namespace=namespace)
    version = await found.version()
    kinds = {resource.kind: ServedKind(resource=resource) for resource in await found.served(KNOWN)}
    schemas, runtimes, may_make = await asyncio.gather(
        found.train_schemas() if TRAIN_JOBS.kind in kinds else _nothing({}),
        found.runtimes(kinds),
        found.may_make_runtimes() if TRAINING_RUNTIMES.kind in kinds else _nothing(True),
    )
    for kind, schema in schemas.items():
        if kind in kinds:
            kinds[kind] = ServedKind(resource=kinds[kind].resource, schema=schema)
    dialect = train_dialect(schemas.get(TRAIN_JOBS.kind))
    if TRAIN_JOBS.kind in kinds and dialect is None:
        found.problems.append("How this cluster's Trainer takes changes of pods is not known: its newest way is used.")
    if not may_make:
        del kinds[TRAINING_RUNTIMES.kind]
    return ClusterFacts(
        version=version,
        kinds=kinds,
        train_dialect=dialect,
        runtimes=tuple(runtimes),
        problems=tuple(found.problems),
    )


def train_dialect(schema: Mapping[str, Any] | None) -> TrainDialect | None:
    """How a Trainer with this schema of TrainJob takes changes of pods; None where the schema does not say."""
    fields = _below(schema, "properties", "spec", "properties")
    return next((dialect for dialect in _DIALECTS if dialect in fields), None)


def trimmed_runtime(runtime: Mapping[str, Any]) -> Object:
    """What is kept of a runtime: kind, name, Trainer's own labels and the spec."""
    metadata = runtime.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if _KEPT_LABELS.fullmatch(key)}
    return {
        "kind": runtime["kind"],
        "metadata": {"name": metadata.get("name", ""), "labels": labels},
        "spec": runtime.get("spec") or {},
    }


class _Looking:
    """One look at a cluster, and what stood in its way."""

    def __init__(self, client: KubeClient, *, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self.problems: list[str] = []

    async def version(self) -> str:
        """The server's own, as `v1.33.1`; empty where a proxy before it does not let it through."""
        try:
            return str((await self._client.version()).get("gitVersion") or "")
        except (Unavailable, Unauthorized):
            raise
        except KubeError as error:
            self.problems.append(f"The cluster's version cannot be read: {error}")
            return ""

    async def served(self, known: Iterable[Resource]) -> list[Resource]:
        """Those that the cluster serves, each kind once."""
        wanted = list(known)
        groups = list(dict.fromkeys((resource.group, resource.version) for resource in wanted))
        answers = await asyncio.gather(*(self._plurals(group, version) for group, version in groups))
        plurals = dict(zip(groups, answers, strict=True))
        found: dict[str, Resource] = {}
        for resource in wanted:
            if resource.plural in plurals[resource.group, resource.version]:
                found.setdefault(resource.kind, resource)
        return list(found.values())

    async def _plurals(self, group: str, version: str) -> set[str]:
        path = f"/apis/{group}/{version}"
        answer = await self._part(f"Whether the cluster serves {group}/{version}", self._client.raw("GET", path), {})
        listed = answer.get("resources") if isinstance(answer, dict) else None
        return {str(item.get("name")) for item in listed or [] if isinstance(item, dict)}

    async def train_schemas(self) -> dict[str, Object]:
        """The schemas of Trainer's kinds as they are served, by kind; empty where nobody tells."""
        group_version = TRAIN_JOBS.api_version
        try:
            published = await self._client.raw("GET", f"/openapi/v3/apis/{group_version}")
        except KubeError:
            # Servers before 1.24, and proxies: the definition says it too, to those who may read it.
            published = None
        schemas = _by_kind(_below(published, "components", "schemas"), resource=TRAIN_JOBS)
        return schemas if TRAIN_JOBS.kind in schemas else await self._defined()

    async def _defined(self) -> dict[str, Object]:
        name = f"{TRAIN_JOBS.plural}.{TRAIN_JOBS.group}"
        try:
            definition = await self._client.get(CUSTOM_RESOURCE_DEFINITIONS, name)
        except KubeError:
            return {}
        for version in _below(definition, "spec").get("versions") or []:
            if version.get("name") == TRAIN_JOBS.version:
                return {TRAIN_JOBS.kind: _below(version, "schema", "openAPIV3Schema")}
        return {}

    async def runtimes(self, kinds: Mapping[str, ServedKind]) -> list[Object]:
        """The cluster's and the namespace's runtimes, but those that single jobs brought."""
        places = ((CLUSTER_TRAINING_RUNTIMES, None), (TRAINING_RUNTIMES, self._namespace))
        listed = await asyncio.gather(
            *(self._runtimes(resource, place) for resource, place in places if resource.kind in kinds)
        )
        return [trimmed_runtime(runtime) for runtimes in listed for runtime in runtimes]

    async def _runtimes(self, resource: Resource, namespace: str | None) -> list[Object]:
        asked = self._client.list(resource, namespace=namespace, label_selector=f"!{JOB_LABEL}")
        found, _ = await self._part(f"The {resource.kind}s of the cluster", asked, ([], ""))
        return found

    async def may_make_runtimes(self) -> bool:
        """Whether jobs may bring a runtime of their own; in doubt yes, and the attempt will tell."""
        attributes = {
            "group": TRAINING_RUNTIMES.group,
            "resource": TRAINING_RUNTIMES.plural,
            "verb": "create",
            "namespace": self._namespace,
        }
        body = {"spec": {"resourceAttributes": attributes}}
        try:
            answer = await self._client.create(SELF_SUBJECT_ACCESS_REVIEWS, body)
        except KubeError:
            return True
        if _below(answer, "status").get("allowed") is not False:
            return True
        self.problems.append(
            f"This account may not create TrainingRuntimes in {self._namespace}, so TrainJobs run with the cluster's"
            " own runtimes, without retries: ask your administrators for this right."
        )
        return False

    async def _part(self, what: str, asked: Awaitable[T], otherwise: T) -> T:
        """What was asked for, or `otherwise`; a 404 means that there is none."""
        try:
            return await asked
        except NotFound:
            return otherwise
        except Forbidden:
            self.problems.append(f"{what} cannot be read: this account may not.")
        except KubeError as error:
            self.problems.append(f"{what} cannot be read now: {error}")
        return otherwise


async def _nothing(value: T) -> T:
    return value


def _by_kind(schemas: Mapping[str, Any], *, resource: Resource) -> dict[str, Object]:
    """The schemas of the objects of a group and version; the others are pieces of them."""
    found: dict[str, Object] = {}
    for schema in schemas.values():
        for named in _below(schema).get("x-kubernetes-group-version-kind") or []:
            if (named.get("group"), named.get("version")) == (resource.group, resource.version):
                found[str(named.get("kind"))] = schema
    return found


def _below(value: Any, *path: str) -> dict[str, Any]:
    """The mapping at that path; an empty one where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}
