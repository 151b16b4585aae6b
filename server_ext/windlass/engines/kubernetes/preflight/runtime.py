"""Whether the training runtime of a TrainJob is there, is kept up, and fits the code; and what its retries can do.

Asks nothing: discovery has read the runtimes. Where it could read none, nothing is said about them.
"""

from __future__ import annotations

from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.kinds.training_runtime import FRAMEWORK_LABEL, base_runtime, name_of, runs_torch
from windlass.engines.kubernetes.model import Object
from windlass.engines.kubernetes.preflight.asking import Asking, Question
from windlass.engines.kubernetes.wording import listed
from windlass.kube.resources import PYTORCH_JOBS, TRAIN_JOBS, TRAINING_RUNTIMES

_SUPPORT_LABEL = "trainer.kubeflow.org/support"
_OWN_FRAMEWORKS = ("deepspeed", "jax", "mlx", "xgboost")
"""Frameworks that have runtimes of their own, by the distribution that code imports."""


async def ask(asking: Asking) -> list[Finding]:
    """What of the runtime, or of the retries, is not as the user may expect."""
    if asking.kind == PYTORCH_JOBS.kind:
        return _retries(asking)
    if asking.kind != TRAIN_JOBS.kind or not asking.facts.runtimes:
        return []
    runtime = base_runtime(asking.job, asking.facts)
    has_own = TRAINING_RUNTIMES.kind in asking.facts.kinds
    if runtime is None:
        return [] if has_own and asking.job.options.runtime is None else [_missing(asking)]
    again = [] if has_own else _runs_again(asking, runtime)
    return [*again, *_deprecated(asking, runtime), *_framework(asking, runtime)]


def _missing(asking: Asking) -> Finding:
    wanted = asking.job.options.runtime
    there = sorted(name_of(each) for each in asking.facts.runtimes if runs_torch(each))
    what = f"no training runtime {wanted}" if wanted else "no training runtime for torch"
    return Finding(
        rule="runtime-missing",
        severity=Severity.ERROR,
        message=f"The cluster has {what}: the TrainJob would fail.",
        fix=f"Choose {listed(there)}." if there else "Have your administrators install one, as torch-distributed.",
        apply={"cluster": {"runtime": there[0]}} if there else None,
    )


def _deprecated(asking: Asking, runtime: Object) -> list[Finding]:
    if _labels(runtime).get(_SUPPORT_LABEL) != "deprecated":
        return []
    others = sorted(
        name_of(each)
        for each in asking.facts.runtimes
        if runs_torch(each) and _labels(each).get(_SUPPORT_LABEL) != "deprecated"
    )
    return [
        Finding(
            rule="runtime-deprecated",
            severity=Severity.WARNING,
            message=f"The training runtime {name_of(runtime)} is no longer kept up, and will be removed.",
            fix=f"Choose {listed(others)}." if others else None,
            apply={"cluster": {"runtime": others[0]}} if others else None,
        )
    ]


def _runs_again(asking: Asking, runtime: Object) -> list[Finding]:
    """Trainer makes a failed job's JobSet again when it is gone; a runtime of the job's own has no such time."""
    if not _is_removed_in_time(runtime):
        return []
    others = [name_of(each) for each in asking.facts.runtimes if runs_torch(each) and not _is_removed_in_time(each)]
    return [
        Finding(
            rule="runtime-runs-again",
            severity=Severity.WARNING,
            message=(
                f"The training runtime {name_of(runtime)} has what has ended removed after a time "
                "(ttlSecondsAfterFinished). Trainer then starts a job that has failed once more."
            ),
            fix=(
                f"Choose {listed(sorted(others))}."
                if others
                else "Delete the job when it has failed, or have your administrators take the setting out."
            ),
            apply={"cluster": {"runtime": min(others)}} if others else None,
        )
    ]


def _is_removed_in_time(runtime: Object) -> bool:
    """Whether its JobSets, or the Jobs in them, are removed some time after their end."""
    jobset = ((runtime.get("spec") or {}).get("template") or {}).get("spec") or {}
    children = [(each.get("template") or {}).get("spec") or {} for each in jobset.get("replicatedJobs") or ()]
    return any(each.get("ttlSecondsAfterFinished") is not None for each in (jobset, *children))


def _framework(asking: Asking, runtime: Object) -> list[Finding]:
    """The ranks run under torchrun: code of a framework with a launcher of its own is told so."""
    imported = {each.partition("==")[0].strip().lower() for each in asking.job.spec.imports}
    others = [name for name in _OWN_FRAMEWORKS if name in imported]
    if not others or "torch" in imported or asking.job.spec.world_size == 1:
        return []
    framework = _labels(runtime).get(FRAMEWORK_LABEL, "torch")
    return [
        Finding(
            rule="runtime-framework",
            severity=Severity.WARNING,
            message=(
                f"The code imports {listed(others)} and no torch; the runtime {name_of(runtime)} is for {framework}, "
                "and what these frameworks need to find each other is not set."
            ),
            fix="Ask for one process, or set up the processes with torch.distributed.",
            apply={"workers": 1, "processes_per_worker": 1},
        )
    ]


def _retries(asking: Asking) -> list[Finding]:
    """The training operator starts single workers again, and no whole job."""
    if not asking.job.spec.retries or asking.job.spec.workers == 1:
        return []
    instead = TRAIN_JOBS.kind in asking.facts.kinds and TRAINING_RUNTIMES.kind in asking.facts.kinds
    return [
        Finding(
            rule="retries-of-single-workers",
            severity=Severity.WARNING if instead else Severity.INFO,
            message=(
                "A PyTorchJob starts a failed worker again by itself, while the others wait for it or fail: only code "
                "that is made for it goes on."
            ),
            fix="Run it as a TrainJob, which starts all workers again together." if instead else None,
            apply={"kind": TRAIN_JOBS.kind} if instead else None,
        )
    ]


def _labels(runtime: Object) -> dict[str, str]:
    return dict((runtime.get("metadata") or {}).get("labels") or {})


QUESTION = Question(about="the training runtime", ask=ask)
