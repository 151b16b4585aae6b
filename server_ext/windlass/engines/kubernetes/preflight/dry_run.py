"""What the cluster itself says to the manifests: made as if, and kept by nobody.

The last word on schemas, webhooks and policies of this very cluster; only pods are not in it, which are made later and
by operators. Asked only where the account may make these objects at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.kinds.common import MADE_OF
from windlass.engines.kubernetes.manifests.delivery import config_map
from windlass.engines.kubernetes.model import InConfigMap, Object
from windlass.engines.kubernetes.preflight.asking import Asking, Unanswered
from windlass.engines.kubernetes.preflight.rights import may_make
from windlass.engines.kubernetes.refusals import refusal
from windlass.engines.kubernetes.wording import short
from windlass.errors import InvalidRequest
from windlass.kube.errors import Conflict, Forbidden, Invalid, KubeError, NotFound
from windlass.kube.resources import TRAIN_JOBS, TRAINING_RUNTIMES
from windlass.kube.rights import Right


async def ask(asking: Asking, *, lacked: Sequence[Right]) -> list[Finding]:
    """An error for each manifest that the cluster refuses.

    Args:
        asking: the job.
        lacked: rights that are known to be lacking.

    Raises:
        Unanswered: the cluster's webhooks take no dry runs.
        KubeError: it does not answer.
    """
    job = asking.job
    carrier = config_map(job, b"" if isinstance(job.delivery, InConfigMap) else None)
    wanted = [item for item in (carrier, *asking.objects) if may_make(lacked, item)]
    answers = await asyncio.gather(*(_one(asking, item) for item in wanted))
    return [finding for finding in answers if finding is not None]


async def _one(asking: Asking, item: Object) -> Finding | None:
    resource = MADE_OF[item["kind"]]
    try:
        await asking.client.create(resource, item, namespace=asking.namespace, dry_run=True)
    except Conflict as error:
        if error.already_exists:
            # This job's own, made before; sending finds it again.
            return None
        return _refused(item, error)
    except (Invalid, Forbidden, NotFound) as error:
        if "does not support dry run" in error.message:
            raise Unanswered(short(error.message)) from error
        if _misses_its_runtime(asking, item, error):
            return None
        return _refused(item, error)
    return None


def _misses_its_runtime(asking: Asking, item: Object, error: KubeError) -> bool:
    """Trainer's webhook looks for the runtime, which is made just before the TrainJob, and not by a dry run."""
    brings_its_own = any(each["kind"] == TRAINING_RUNTIMES.kind for each in asking.objects)
    about_it = asking.job.name in error.message and "not found" in error.message
    return item["kind"] == TRAIN_JOBS.kind and brings_its_own and about_it


def _refused(item: Object, error: KubeError) -> Finding:
    meant = refusal(error, doing=f"make the {item['kind']}")
    fields = [each.field for each in meant.fields] if isinstance(meant, InvalidRequest) else []
    causes = [str(each.get("field")) for each in error.details.get("causes") or [] if each.get("field")]
    places = f" (at {', '.join(causes[:3])})" if causes else ""
    return Finding(
        rule="cluster-refuses",
        severity=Severity.ERROR,
        message=f"{item['kind']}{places}: {short(meant, longest=600)}",
        fix=f"Change {', '.join(fields)}." if fields else "Change the job, or ask the cluster's administrators.",
    )
