"""From a job's specification to what its manifests hold: options, kind, image, packages, environment, annotations.

Asks nothing of a cluster: what the cluster serves comes in as facts, and what stands in the way beyond that is for
checks (`Check`) that whoever makes the engine hands in.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from pydantic import ValidationError

from windlass.contract.cluster import ClusterOptions
from windlass.contract.preview import Finding
from windlass.engines.base import JobSpec
from windlass.engines.kubernetes.cluster.images import own_image
from windlass.engines.kubernetes.cluster.settings import ClusterSettings
from windlass.engines.kubernetes.kinds.choosing import choose
from windlass.engines.kubernetes.manifests import packages
from windlass.engines.kubernetes.manifests.job_environment import for_pods
from windlass.engines.kubernetes.model import ClusterFacts, ClusterJob, Delivery, InConfigMap, Kind, Object
from windlass.errors import FieldError, InvalidRequest
from windlass.hub.broker import HubBroker
from windlass.kube.client import KubeClient
from windlass.kube.names import job_labels, object_name, spec_annotations

KIND_REASON_ANNOTATION = "windlass.io/kind-reason"
NO_IMAGE = (
    "Which image is the job to run in? This server does not run in one itself, and no catalogue names one: give one "
    "with Python, and with PyTorch for several processes."
)


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A job that is ready to be sent."""

    job: ClusterJob
    kind: Kind
    why: str
    """Why it is of this kind."""
    objects: Sequence[Object]
    """All but the bundle's, in the order they are made; the job's own object is the last."""
    notices: tuple[str, ...]

    @property
    def own(self) -> Object:
        """The job's own object."""
        return self.objects[-1]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a check may look at."""

    planned: Planned
    facts: ClusterFacts
    client: KubeClient
    server: str
    """The API server's address."""
    broker: HubBroker | None
    environ: Mapping[str, str]


class Check(Protocol):
    """Looks at a planned job before it is sent. It asks only, and makes nothing."""

    async def __call__(self, checked: Checked, /) -> Sequence[Finding]:
        """What stands in the way, or may. Raises a KubeError where the cluster does not answer."""
        ...


def plan(
    spec: JobSpec,
    *,
    settings: ClusterSettings,
    facts: ClusterFacts,
    namespace: str,
    catalogue: Sequence[str] = (),
    delivery: Delivery | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Planned:
    """Think a job through.

    Args:
        spec: what was asked for.
        settings: how this cluster is used.
        facts: what it serves.
        namespace: where the job goes.
        catalogue: images of the administrator's, the first of them being the usual one.
        delivery: how the bundle comes to the pods; by ConfigMap when None.
        environ: of this process, which may say what image it runs in.

    Raises:
        InvalidRequest: it can never run there; `fields` names what to change.
    """
    options = read_options(spec)
    kind, why = choose(spec, options, facts)
    name = object_name(spec.name, spec.id)
    environment = for_pods(spec.environment, tracking_uri=settings.tracking_uri)
    job = ClusterJob(
        spec=spec,
        options=options,
        name=name,
        namespace=namespace,
        image=_image(options, settings, catalogue, environ),
        python=settings.python,
        delivery=delivery or InConfigMap(name=name, size_bytes=0),
        labels=job_labels(job_id=spec.id, owner=spec.owner),
        annotations={**_annotations(spec, kind), KIND_REASON_ANNOTATION: why},
        environment=environment.variables,
        packages=_packages(spec, options, settings),
        index_url=settings.index_url,
        pull_secrets=tuple(settings.pull_secrets),
        restricted=settings.restricted,
        user_id=settings.user_id,
        group_id=settings.group_id,
        service_account=settings.service_account,
    )
    packages.requirements(job)
    problems = kind.problems(job, facts)
    if problems:
        raise InvalidRequest(" ".join(dict.fromkeys(problem.message for problem in problems)), fields=problems)
    notices = (*environment.notices, *kind.notices(job, facts))
    return Planned(job=job, kind=kind, why=why, objects=kind.render(job, facts), notices=notices)


def read_options(spec: JobSpec) -> ClusterOptions:
    """The cluster options of a specification. Raises InvalidRequest."""
    try:
        return ClusterOptions.model_validate(spec.cluster or {})
    except ValidationError as error:
        fields = [
            FieldError(field=".".join(["cluster", *map(str, found["loc"])]), message=str(found["msg"]))
            for found in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise InvalidRequest(f"Please correct {fields[0].field}: {fields[0].message}.", fields=fields) from None


def _image(
    options: ClusterOptions, settings: ClusterSettings, catalogue: Sequence[str], environ: Mapping[str, str]
) -> str:
    found = options.image or next(iter(usual_images(settings, catalogue, environ)), None)
    if found is None:
        raise InvalidRequest(NO_IMAGE, fields=[FieldError(field="cluster.image", message=NO_IMAGE)])
    return found


def usual_images(settings: ClusterSettings, catalogue: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """What a job may run in, the one first that it does run in when it names none: each once."""
    return list(dict.fromkeys(image for image in (settings.image, own_image(environ), *catalogue) if image))


def _packages(spec: JobSpec, options: ClusterOptions, settings: ClusterSettings) -> tuple[str, ...]:
    """What the code imports; the installer leaves out what the image has."""
    return packages.installable(spec.imports) if options.install_packages and settings.install_packages else ()


def _annotations(spec: JobSpec, kind: Kind) -> dict[str, str]:
    fields: dict[str, Any] = asdict(replace(spec, kind=kind.name))
    return spec_annotations({name: value for name, value in fields.items() if value is not None})
