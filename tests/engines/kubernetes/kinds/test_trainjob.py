"""TrainJobs: with a runtime of the job's own, or with the cluster's in each dialect of Trainer."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from tests.engines.kubernetes.making import EVERYTHING, TORCH_RUNTIME, cluster, cluster_job
from tests.engines.kubernetes.schemas import OLDER_DIALECTS, complaints

from windlass.engines.kubernetes.kinds.trainjob import KIND
from windlass.engines.kubernetes.model import ClusterFacts, Object, TrainDialect
from windlass.kube.resources import TRAIN_JOBS, TRAINING_RUNTIMES

DIALECTS: list[TrainDialect] = ["podSpecOverrides", "podTemplateOverrides", "runtimePatches"]


def runtime(name: str = "gang", *, kind: str = "ClusterTrainingRuntime", **labels: str) -> Object:
    """A runtime of an administrator, with gang scheduling and a sidecar."""
    made = copy.deepcopy(TORCH_RUNTIME)
    made["kind"] = kind
    made["metadata"] = {"name": name, "labels": {**made["metadata"]["labels"], **labels}}
    made["spec"]["podGroupPolicy"] = {"coscheduling": {"scheduleTimeoutSeconds": 120}}
    job_set = made["spec"]["template"]["spec"]
    job_set["ttlSecondsAfterFinished"] = 5
    pod = job_set["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    pod["nodeSelector"] = {"pool": "train"}
    pod["schedulerName"] = "gang-scheduler"
    pod["volumes"] = [{"name": "rdma", "emptyDir": {}}]
    pod["containers"][0] |= {
        "args": ["--old"],
        "env": [{"name": "NCCL_IB_HCA", "value": "mlx5"}, {"name": "HOME", "value": "/root"}],
        "volumeMounts": [{"name": "rdma", "mountPath": "/dev/infiniband"}],
    }
    pod["containers"].append({"name": "exporter", "image": "exporter:1"})
    return made


def facts(*runtimes: Object, dialect: TrainDialect = "runtimePatches", own: bool = True) -> ClusterFacts:
    served = (TRAIN_JOBS, TRAINING_RUNTIMES) if own else (TRAIN_JOBS,)
    return cluster(*served, dialect=dialect, runtimes=runtimes)


def rendered(where: ClusterFacts, **changes: Any) -> tuple[Object, Object]:
    made, train_job = KIND.render(cluster_job(**changes), where)
    assert [complaint for item in (made, train_job) for complaint in complaints(item)] == []
    return made, train_job


def node_of(made: Object) -> Object:
    (node,) = [each for each in made["spec"]["template"]["spec"]["replicatedJobs"] if each["name"] == "node"]
    return node["template"]["spec"]


def test_the_runtime_is_made_first_and_is_the_one_that_the_job_refers_to() -> None:
    made, train_job = rendered(EVERYTHING, spec={"workers": 3, "processes_per_worker": 2})
    assert train_job["spec"]["runtimeRef"] == {
        "apiGroup": "trainer.kubeflow.org",
        "kind": "TrainingRuntime",
        "name": made["metadata"]["name"],
    }
    assert train_job["spec"]["trainer"] == {"numNodes": 3, "numProcPerNode": 2}
    assert made["spec"]["mlPolicy"] == {"numNodes": 3, "torch": {}}


def test_the_trainer_is_present_even_for_one_process_or_nothing_would_set_what_torchrun_reads() -> None:
    _, train_job = rendered(facts())
    assert train_job["spec"]["trainer"] == {"numNodes": 1, "numProcPerNode": 1}


def test_nothing_of_it_has_a_time_to_live_because_trainer_would_run_a_failed_job_again() -> None:
    made, train_job = rendered(facts(runtime()), options={"keep_seconds": 60})
    assert "ttlSecondsAfterFinished" not in str(made)
    assert "ttlSecondsAfterFinished" not in str(train_job)
    assert "until Windlass removes it" in KIND.notices(cluster_job(), facts())[0]


def test_an_administrators_runtime_stays_below_the_jobs_pod() -> None:
    made, _ = rendered(facts(runtime()), options={"runtime": "gang", "node_class": "spot"})
    assert made["spec"]["podGroupPolicy"] == {"coscheduling": {"scheduleTimeoutSeconds": 120}}
    pod = node_of(made)["template"]["spec"]
    assert pod["nodeSelector"] == {"pool": "train", "karpenter.sh/capacity-type": "spot"}
    assert pod["schedulerName"] == "gang-scheduler"
    assert [each["name"] for each in pod["containers"]] == ["node", "exporter"]
    ranks = pod["containers"][0]
    values = {entry["name"]: entry.get("value") for entry in ranks["env"]}
    assert values["NCCL_IB_HCA"] == "mlx5"
    assert values["HOME"] == "/windlass/home"
    assert "args" not in ranks
    assert {"/dev/infiniband", "/windlass", "/dev/shm"} <= {each["mountPath"] for each in ranks["volumeMounts"]}
    assert pod["automountServiceAccountToken"] is False


def test_the_runtime_that_was_read_is_not_changed() -> None:
    base = runtime()
    before = copy.deepcopy(base)
    rendered(facts(base), spec={"retries": 3})
    assert base == before


def test_without_a_name_the_runtime_for_torch_is_built_on_and_never_another_jobs() -> None:
    others = runtime("aaa-other-job", kind="TrainingRuntime", **{"windlass.io/job": "j2"})
    old = runtime("old", **{"trainer.kubeflow.org/support": "deprecated"})
    torchtune = runtime("aaa-tune", **{"trainer.kubeflow.org/framework": "torchtune"})
    mine = runtime("zzz-mine", kind="TrainingRuntime")
    mine["spec"]["podGroupPolicy"] = {"coscheduling": {"scheduleTimeoutSeconds": 7}}
    made, _ = rendered(facts(others, old, torchtune, TORCH_RUNTIME, mine))
    assert made["spec"]["podGroupPolicy"] == {"coscheduling": {"scheduleTimeoutSeconds": 7}}


@pytest.mark.parametrize(
    ("name", "said"), [("missing", "no training runtime"), ("mpi", "not for torch"), ("torchtune", "not for torch")]
)
def test_a_runtime_that_is_not_there_or_not_for_torch_is_refused_at_its_field(name: str, said: str) -> None:
    mpi = runtime("mpi", **{"trainer.kubeflow.org/framework": "deepspeed"})
    tune = runtime("torchtune", **{"trainer.kubeflow.org/framework": "torchtune"})
    job = cluster_job(options={"runtime": name})
    (problem,) = KIND.problems(job, facts(TORCH_RUNTIME, mpi, tune))
    assert problem.field == "cluster.runtime"
    assert said in problem.message


def test_retries_start_all_ranks_again_and_a_lost_node_uses_up_none() -> None:
    made, _ = rendered(facts(), spec={"retries": 3})
    policy = made["spec"]["template"]["spec"]["failurePolicy"]
    assert policy["maxRestarts"] == 3
    assert policy["rules"][0]["action"] == "RestartJobSetAndIgnoreMaxRestarts"
    node = node_of(made)
    assert node["backoffLimit"] == 0
    assert node["template"]["spec"]["restartPolicy"] == "Never"
    assert node["podFailurePolicy"]["rules"][0]["action"] == "FailJob"


def test_without_retries_the_first_failure_ends_the_job() -> None:
    made, _ = rendered(facts(runtime()))
    assert "failurePolicy" not in made["spec"]["template"]["spec"]
    assert node_of(made)["backoffLimit"] == 0
    assert "podFailurePolicy" not in node_of(made)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_time_limit_stands_where_this_trainer_knows_it(dialect: TrainDialect) -> None:
    made, train_job = rendered(facts(dialect=dialect), spec={"time_limit_seconds": 60, "retries": 1})
    newest = dialect == "runtimePatches"
    assert (train_job["spec"].get("activeDeadlineSeconds") == 60) is newest
    assert (node_of(made).get("activeDeadlineSeconds") == 60) is not newest
    actions = [rule["action"] for rule in made["spec"]["template"]["spec"]["failurePolicy"]["rules"]]
    assert ("FailJobSet" in actions) is not newest


def by_reference(dialect: TrainDialect, **changes: Any) -> Object:
    (made,) = KIND.render(cluster_job(**changes), facts(TORCH_RUNTIME, dialect=dialect, own=False))
    return made["spec"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_clusters_runtime_is_changed_in_this_trainers_dialect_alone(dialect: TrainDialect) -> None:
    made = by_reference(dialect, options={"node_class": "spot"}, pull_secrets=("reg",))
    assert made["runtimeRef"]["name"] == "torch-distributed"
    assert [field for field in DIALECTS if field in made] == [dialect]
    assert "karpenter.sh/capacity-type" in str(made[dialect])
    assert "windlass-programs" in str(made[dialect])


@pytest.mark.parametrize("dialect", DIALECTS[:2])
def test_older_dialects_hold_only_the_fields_that_their_trainer_knows(dialect: TrainDialect) -> None:
    known = OLDER_DIALECTS[dialect]
    options = {"node_class": "spot", "volumes": [{"claim": "data", "path": "/data"}]}
    made = by_reference(
        dialect,
        options=options,
        spec={"gpus_per_worker": 1},
        service_account="a",
        pull_secrets=("r",),
        restricted=False,
    )
    (item,) = made[dialect]
    assert item["targetJobs"] == [{"name": "node"}]
    pod = item["spec"] if dialect == "podTemplateOverrides" else item
    assert set(item) <= known["item"]
    assert set(pod) <= known.get("spec", known["item"])
    assert all(set(container) <= known["container"] for container in pod["containers"])
    assert all("env" not in container for container in pod["containers"])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_claim_that_is_mounted_twice_is_two_volumes_because_trainjobs_tell_mounts_apart_by_them(
    dialect: TrainDialect,
) -> None:
    mounts = [{"claim": "data", "path": "/data"}, {"claim": "data", "path": "/out", "sub_path": "out"}]
    (made,) = KIND.render(cluster_job(options={"volumes": mounts}), facts(TORCH_RUNTIME, dialect=dialect, own=False))
    assert complaints(made) == []
    text = json.dumps(made["spec"])
    assert text.count('"claimName": "data"') == 2
    assert text.count('"mountPath": "/data"') == text.count('"mountPath": "/out"') == 1


def test_the_newest_dialect_names_who_changes_the_runtime() -> None:
    (patch,) = by_reference("runtimePatches")["runtimePatches"]
    assert patch["manager"] == "windlass.io/engine"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_beside_limits_there_are_requests_or_trainer_would_count_one_process(dialect: TrainDialect) -> None:
    trainer = by_reference(dialect, spec={"gpus_per_worker": 2, "processes_per_worker": 2})["trainer"]
    assert trainer["resourcesPerNode"]["requests"] == trainer["resourcesPerNode"]["limits"]
    assert "resourcesPerNode" not in by_reference(dialect)["trainer"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_torchruns_names_are_not_sent_because_trainer_refuses_them(dialect: TrainDialect) -> None:
    trainer = by_reference(dialect, environment={"PET_NNODES": "9"})["trainer"]
    assert not [entry["name"] for entry in trainer["env"] if entry["name"].startswith("PET_")]


@pytest.mark.parametrize(
    ("dialect", "changes", "field"),
    [
        ("runtimePatches", {"spec": {"retries": 1}}, "retries"),
        ("runtimePatches", {"options": {"priority_class": "high"}}, "cluster.priority_class"),
        ("podTemplateOverrides", {"spec": {"time_limit_seconds": 5}, "restricted": False}, "time_limit_seconds"),
        ("podSpecOverrides", {}, "kind"),
        ("runtimePatches", {"environment": {f"V{n}": "x" for n in range(128)}}, "environment"),
    ],
)
def test_what_only_a_runtime_of_its_own_could_do_is_refused_at_its_field(
    dialect: TrainDialect, changes: dict[str, Any], field: str
) -> None:
    job = cluster_job(**changes)
    where = facts(TORCH_RUNTIME, dialect=dialect, own=False)
    assert [problem.field for problem in KIND.problems(job, where)] == [field]
    assert KIND.problems(job, facts(TORCH_RUNTIME, dialect=dialect)) == []


def test_what_pods_of_the_clusters_runtime_have_and_lack_is_told() -> None:
    where = facts(TORCH_RUNTIME, dialect="podSpecOverrides", own=False)
    told = " ".join(KIND.notices(cluster_job(pull_secrets=("r",)), where))
    assert "token of their service account" in told
    assert "pull secrets" in told
    assert "labels of pods" in told


def test_the_attempt_is_the_jobsets() -> None:
    made, _ = rendered(facts())
    entries = {entry["name"]: entry for entry in node_of(made)["template"]["spec"]["containers"][0]["env"]}
    path = entries["WINDLASS_ATTEMPT"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert path == "metadata.labels['jobset.sigs.k8s.io/restart-attempt']"


@pytest.mark.parametrize(
    ("job", "index", "rank"),
    [("node", "0", 0), ("node", "7", 7), ("dataset-initializer", "0", None), ("node", "", None)],
)
def test_the_completion_index_is_the_worker(job: str, index: str, rank: int | None) -> None:
    labels = {"jobset.sigs.k8s.io/replicatedjob-name": job, "batch.kubernetes.io/job-completion-index": index}
    assert KIND.node_rank({"metadata": {"labels": labels}}) == rank


def test_a_volume_of_the_runtime_that_has_the_name_of_one_of_ours_gives_way() -> None:
    runtime = copy.deepcopy(TORCH_RUNTIME)
    (child,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
    pod = child["template"]["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "shm", "hostPath": {"path": "/dev/shm"}}, {"name": "scratch", "emptyDir": {}}]
    made, _ = rendered(facts(runtime))
    volumes = {each["name"]: each for each in node_of(made)["template"]["spec"]["volumes"]}
    assert volumes["shm"] == {"name": "shm", "emptyDir": {"medium": "Memory"}}
    assert volumes["scratch"] == {"name": "scratch", "emptyDir": {}}
