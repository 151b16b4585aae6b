"""JobSets, as the JobSet controller treats them: Jobs that stand and fall together."""

from __future__ import annotations

import copy

from tests.cluster.operator.world import Object, World, holds, set_condition

from windlass.kube.resources import JOB_SETS, JOBS, SERVICES

_PREFIX = "jobset.sigs.k8s.io"


async def reconcile(world: World, jobset: Object) -> None:
    """One look at a JobSet."""
    status, now, spec = copy.deepcopy(jobset.get("status") or {}), world.now(), jobset["spec"]
    children = await world.owned(JOBS, jobset)
    if holds(status, "Completed") or holds(status, "Failed"):
        for child in children:
            if not _ended(child):
                await world.end(JOBS, child)
        return
    attempt = int(status.get("restarts") or 0)
    old = [child for child in children if _attempt(child) < attempt]
    for child in old:
        await world.end(JOBS, child)
    present = [
        child for child in children if _attempt(child) == attempt and not child["metadata"].get("deletionTimestamp")
    ]
    suspended = bool(spec.get("suspend"))
    if suspended or holds(status, "Suspended"):
        reason, words = ("SuspendedJobs", "jobset is suspended") if suspended else ("ResumeJobs", "jobset is resumed")
        set_condition(status, "Suspended", suspended, reason, words, now=now)
    await _children(world, jobset, present, attempt=attempt, blocked={child["metadata"]["name"] for child in old})
    status["replicatedJobsStatus"] = [_counted(each["name"], present) for each in spec["replicatedJobs"]]
    status.setdefault("restarts", 0)
    failed = [child for child in present if holds(child.get("status") or {}, "Failed")]
    if failed:
        _fail(status, spec, failed[0], now=now)
    elif len([child for child in present if holds(child.get("status") or {}, "Complete")]) >= _wanted(spec):
        set_condition(status, "Completed", True, "AllJobsCompleted", "jobset completed successfully", now=now)
        status["terminalState"] = "Completed"
    await world.write_status(JOB_SETS, jobset, status)


async def _children(world: World, jobset: Object, present: list[Object], *, attempt: int, blocked: set[str]) -> None:
    """Make the Jobs that are missing, once those of the attempt before are gone; suspend and resume the others."""
    name, namespace, spec = jobset["metadata"]["name"], jobset["metadata"]["namespace"], jobset["spec"]
    selector = {f"{_PREFIX}/jobset-name": name}
    # Ranks look for each other before they are ready.
    named = {"clusterIP": "None", "selector": selector, "publishNotReadyAddresses": True}
    service = {"metadata": {"name": name}, "spec": named}
    await world.make(SERVICES, service, jobset, quietly=True)
    known = {child["metadata"]["name"]: child for child in present}
    for replicated in spec["replicatedJobs"]:
        for index in range(int(replicated.get("replicas", 1))):
            body = job_of(jobset, replicated, index, attempt=attempt)
            child_name = body["metadata"]["name"]
            child = known.get(child_name)
            if child is None:
                if child_name not in blocked:
                    await world.make(JOBS, body, jobset, quietly=True)
            elif bool(child["spec"].get("suspend")) != bool(spec.get("suspend")):
                patch = {"spec": {"suspend": bool(spec.get("suspend"))}}
                await world.client.patch(JOBS, child_name, patch, namespace=namespace)


def job_of(jobset: Object, replicated: Object, index: int, *, attempt: int) -> Object:
    """One Job of a JobSet."""
    name = jobset["metadata"]["name"]
    template = copy.deepcopy(replicated["template"])
    labels = {
        f"{_PREFIX}/jobset-name": name,
        f"{_PREFIX}/jobset-uid": jobset["metadata"]["uid"],
        f"{_PREFIX}/replicatedjob-name": replicated["name"],
        f"{_PREFIX}/replicatedjob-replicas": str(replicated.get("replicas", 1)),
        f"{_PREFIX}/restart-attempt": str(attempt),
        f"{_PREFIX}/job-index": str(index),
    }
    metadata, spec = template.get("metadata") or {}, template["spec"]
    pod = spec["template"]
    pod_metadata = pod.setdefault("metadata", {})
    for each in (metadata, pod_metadata):
        each["labels"] = {**(each.get("labels") or {}), **labels}
        each["annotations"] = {**(each.get("annotations") or {}), **labels}
    pod["spec"].setdefault("subdomain", name)
    pod["spec"].setdefault("restartPolicy", "OnFailure")
    spec["suspend"] = bool(jobset["spec"].get("suspend"))
    return {
        "apiVersion": JOBS.api_version,
        "kind": JOBS.kind,
        "metadata": {**metadata, "name": f"{name}-{replicated['name']}-{index}"},
        "spec": spec,
    }


def _fail(status: Object, spec: Object, child: Object, *, now: float) -> None:
    """Start all again where the failure policy says so, else that is the end."""
    policy = spec.get("failurePolicy")
    ends = [each for each in child["status"]["conditions"] if each["type"] == "Failed" and each["status"] == "True"]
    reason = ends[0]["reason"]
    action = next(
        (
            rule["action"]
            for rule in (policy or {}).get("rules") or ()
            if not rule.get("onJobFailureReasons") or reason in rule["onJobFailureReasons"]
        ),
        "RestartJobSet" if policy else "FailJobSet",
    )
    counted = int(status.get("restartsCountTowardsMax") or 0)
    if action == "RestartJobSetAndIgnoreMaxRestarts":
        status["restarts"] = int(status.get("restarts") or 0) + 1
    elif action == "RestartJobSet" and counted < int((policy or {}).get("maxRestarts", 0)):
        status["restarts"] = int(status.get("restarts") or 0) + 1
        status["restartsCountTowardsMax"] = counted + 1
    else:
        reached = action == "RestartJobSet"
        why = ("ReachedMaxRestarts", "jobset failed due to reaching max number of restarts")
        told = why if reached else ("FailedJobs", "jobset failed due to one or more job failures")
        first = f" (first failed job: {child['metadata']['name']})"
        set_condition(status, "Failed", True, told[0], told[1] + first, now=now)
        status["terminalState"] = "Failed"


def _counted(name: str, children: list[Object]) -> Object:
    """Of Jobs, not of pods: active as soon as one pod is there, ready when all are."""
    counts = {"active": 0, "failed": 0, "name": name, "ready": 0, "succeeded": 0, "suspended": 0}
    for child in children:
        if child["metadata"]["labels"][f"{_PREFIX}/replicatedjob-name"] != name:
            continue
        status, spec = child.get("status") or {}, child["spec"]
        wanted = min(int(spec.get("parallelism") or 1), int(spec.get("completions") or 1))
        counts["failed"] += holds(status, "Failed")
        counts["succeeded"] += holds(status, "Complete")
        counts["active"] += bool(status.get("active"))
        counts["suspended"] += bool(spec.get("suspend"))
        at_work = int(status.get("ready") or 0) + int(status.get("succeeded") or 0)
        counts["ready"] += not _ended(child) and at_work >= wanted
    return counts


def _wanted(spec: Object) -> int:
    return sum(int(each.get("replicas", 1)) for each in spec["replicatedJobs"])


def _attempt(child: Object) -> int:
    return int(child["metadata"]["labels"][f"{_PREFIX}/restart-attempt"])


def _ended(child: Object) -> bool:
    status = child.get("status") or {}
    return holds(status, "Failed") or holds(status, "Complete")
