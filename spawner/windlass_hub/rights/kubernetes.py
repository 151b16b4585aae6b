"""The rights in Kubernetes: the first part of the table in `access.py`, one row per right, with its reason."""

from __future__ import annotations

from typing import Protocol

from windlass.kube.user_secret import SECRET_NAME

from .model import MANAGE, READ, Feature, Right, Role

USER_ACCOUNT = "windlass-user"
BINDABLE = tuple(role.value for role in Role if role.bound_by_hub)


class _Row(Protocol):
    def __call__(
        self, group: str, resources: str, verbs: tuple[str, ...], feature: Feature, why: str, /, *names: str
    ) -> Right: ...


def _for(role: Role) -> _Row:
    """What writes a row of this role; `names` limits the row to objects of these names."""

    def row(group: str, resources: str, verbs: tuple[str, ...], feature: Feature, why: str, /, *names: str) -> Right:
        return Right(
            role=role,
            group=group,
            resources=tuple(resources.split()),
            verbs=verbs,
            feature=feature,
            why=why,
            names=names,
        )

    return row


_user = _for(Role.USER)
_cluster = _for(Role.USER_CLUSTER_READ)
_hub = _for(Role.HUB)
_hub_there = _for(Role.HUB_NAMESPACE)
_notebooks = _for(Role.HUB_NOTEBOOKS)
_hub_catalogue = _for(Role.HUB_CATALOGUE)
_api_address = _for(Role.HUB_API_ADDRESS)
_service = _for(Role.SERVICE)
_service_there = _for(Role.SERVICE_NAMESPACE)
_service_catalogue = _for(Role.SERVICE_CATALOGUE)

# What it takes to make an object and to see and mend its drift.
_KEEP = ("create", "get", "list", "patch")
_JOB_KINDS: dict[str, str] = {
    "trainer.kubeflow.org": "trainjobs",
    "kubeflow.org": "pytorchjobs tfjobs mpijobs",
    "ray.io": "rayjobs",
    "batch": "jobs",
}

USER_RIGHTS: tuple[Right, ...] = (
    _user(
        "trainer.kubeflow.org", "trainjobs", MANAGE, "jobs", "Send, watch, suspend and stop jobs of Kubeflow Trainer."
    ),
    _user("trainer.kubeflow.org", "trainjobs/status", ("get",), "jobs", "Progress that the trainer itself reports."),
    _user(
        "trainer.kubeflow.org",
        "trainingruntimes",
        MANAGE,
        "jobs",
        "Retries, a time to live, spot handling and sidecars live in the runtime of a TrainJob, not in the TrainJob.",
    ),
    _user("jobset.x-k8s.io", "jobsets", READ, "jobs", "Restarts of a TrainJob are told by its JobSet only."),
    _user(
        "kubeflow.org",
        "pytorchjobs tfjobs mpijobs",
        MANAGE,
        "jobs",
        "Send, watch, suspend and stop jobs of the training operator (v1) and the MPI operator (v2beta1).",
    ),
    _user("kubeflow.org", "pytorchjobs/status tfjobs/status mpijobs/status", ("get",), "jobs", "State of those jobs."),
    _user("ray.io", "rayjobs", MANAGE, "jobs", "Send, watch, suspend and stop Ray jobs."),
    _user("ray.io", "rayjobs/status", ("get",), "jobs", "State of those jobs."),
    _user("ray.io", "rayclusters", READ, "jobs", "A Ray job waits for its cluster: why, is said there."),
    _user("batch", "jobs", MANAGE, "jobs", "A job on one node where no training operator is installed."),
    _user("batch", "jobs/status", ("get",), "jobs", "State of those jobs."),
    _user(
        "kueue.x-k8s.io", "localqueues workloads", READ, "jobs", "Which queues there are, and why a job waits in one."
    ),
    _user("visibility.kueue.x-k8s.io", "localqueues/pendingworkloads", ("get",), "jobs", "The place in the queue."),
    _user("", "pods", READ, "jobs", "Ranks, restarts, waiting reasons and nodes of one's own jobs."),
    _user("", "pods/log", ("get",), "jobs", "The log of a job while it runs."),
    _user("", "events", READ, "jobs", "Why a pod does not start, in the scheduler's and kubelet's words."),
    _user("events.k8s.io", "events", READ, "jobs", "The same events where a cluster serves them in their newer form."),
    _user(
        "",
        "configmaps",
        (*MANAGE, "update"),
        "jobs",
        "Small code bundles travel as ConfigMaps; the record of a job is kept beside it.",
    ),
    _user(
        "coordination.k8s.io",
        "leases",
        (*MANAGE, "update"),
        "jobs",
        "One of several servers of a user watches over a job or a roll-out.",
    ),
    _user("", "resourcequotas limitranges", READ, "jobs", "Say before sending that a job does not fit."),
    _user(
        "",
        "namespaces",
        ("get",),
        "jobs",
        "Which priorities, node classes and tolerations the namespace allows, said before admission refuses.",
    ),
    _user(
        "",
        "persistentvolumeclaims",
        MANAGE,
        "volumes",
        "Data and checkpoint volumes: mount, make and remove one's own.",
    ),
    _user(
        "metrics.k8s.io", "pods", ("get", "list"), "gpus", "CPU and memory in use beside the GPUs of one's own pods."
    ),
    _user(
        "aquasecurity.github.io", "vulnerabilityreports", READ, "images", "Known weaknesses of the image a job runs."
    ),
    _user(
        "serving.kserve.io",
        "inferenceservices",
        MANAGE,
        "serving",
        "Deploy, watch, roll out, roll back and remove one's own models.",
    ),
    _user(
        "serving.kserve.io",
        "inferenceservices/status",
        ("get",),
        "serving",
        "Whether the model is loaded, and why not.",
    ),
    _user(
        "serving.kserve.io",
        "servingruntimes",
        MANAGE,
        "serving",
        "The model server that builds a model's own environment is a runtime of the namespace.",
    ),
    _user(
        "gateway.networking.k8s.io", "httproutes", MANAGE, "serving", "Weights between the stable and the new version."
    ),
    _user("apps", "deployments replicasets", READ, "serving", "How far a roll-out of replicas is."),
    _user(
        "autoscaling", "horizontalpodautoscalers", READ, "serving", "Why a deployment has as many replicas as it has."
    ),
    _user(
        "serving.knative.dev", "services revisions routes", READ, "serving", "The same where KServe runs on Knative."
    ),
)

CLUSTER_READS: tuple[Right, ...] = (
    _cluster(
        "trainer.kubeflow.org",
        "clustertrainingruntimes",
        READ,
        "jobs",
        "The runtimes the cluster offers, by framework.",
    ),
    _cluster(
        "serving.kserve.io",
        "clusterservingruntimes clusterstoragecontainers",
        READ,
        "serving",
        "Which model formats and which storage addresses the cluster can serve.",
    ),
    _cluster("kueue.x-k8s.io", "workloadpriorityclasses", READ, "jobs", "Priorities a queued job may ask for."),
    _cluster(
        "scheduling.k8s.io",
        "priorityclasses",
        ("get", "list"),
        "jobs",
        "What a priority means before one asks for it.",
    ),
    _cluster(
        "storage.k8s.io",
        "storageclasses",
        ("get", "list"),
        "volumes",
        "Which kinds of volume can be made, and whether nodes may share them.",
    ),
)

HUB_RIGHTS: tuple[Right, ...] = (
    _hub(
        "",
        "namespaces",
        (*READ, "create", "patch", "delete"),
        "isolation",
        "Make, repair and remove users' namespaces; admission holds it to ours.",
    ),
    _hub(
        "rbac.authorization.k8s.io",
        "rolebindings",
        ("create", "delete", "get", "list", "patch"),
        "isolation",
        "Bind the roles below in a new namespace, where the hub has no other right yet; admission holds it to ours.",
    ),
    _hub(
        "rbac.authorization.k8s.io",
        "clusterroles",
        ("bind",),
        "isolation",
        "Bind these roles without holding what is in them; no other.",
        *BINDABLE,
    ),
    _hub("", "pods", ("list", "watch"), "notebooks", "One watch over all notebooks instead of one per user."),
    _hub(
        "scheduling.k8s.io",
        "priorityclasses",
        ("list",),
        "isolation",
        "The priority that Kubernetes gives to pods that ask for none must stay allowed.",
    ),
    _hub_there(
        "",
        "serviceaccounts",
        _KEEP,
        "isolation",
        "The account of the user's jobs, and the token mount of the default account shut off.",
    ),
    _hub_there(
        "networking.k8s.io",
        "networkpolicies",
        (*_KEEP, "delete"),
        "isolation",
        "Close the namespace but for what the table names.",
    ),
    _hub_there(
        "",
        "resourcequotas limitranges",
        _KEEP,
        "isolation",
        "The person's quota, and defaults so that pods without requests are admitted under it.",
    ),
    _hub_there(
        "",
        "secrets",
        ("create",),
        "isolation",
        "Kubernetes cannot limit creation to a name; admission does, to the one below.",
    ),
    _hub_there(
        "",
        "secrets",
        ("get", "patch"),
        "isolation",
        "The person's credentials: no other Secret is read or changed.",
        SECRET_NAME,
    ),
    _notebooks(
        "",
        "pods persistentvolumeclaims services",
        MANAGE,
        "notebooks",
        "Start, rename, watch and stop notebook servers with their home.",
    ),
    _notebooks("", "events", READ, "notebooks", "Why a notebook server does not start."),
    _hub_catalogue("", "configmaps", READ, "profiles", "The profiles, read at each start."),
    _api_address(
        "", "endpoints", ("get",), "isolation", "The API server's addresses, for the one way out to it.", "kubernetes"
    ),
    _api_address("", "services", ("get",), "isolation", "The same, as pods see it.", "kubernetes"),
)

SERVICE_RIGHTS: tuple[Right, ...] = (
    _service("", "nodes", READ, "profiles", "Free and total capacity per profile on the spawn page."),
    _service(
        "",
        "pods",
        ("list", "watch"),
        "profiles",
        "What is taken of the nodes, and whose pods metrics may be shown to whom.",
    ),
    _service(
        "karpenter.sh",
        "nodeclaims nodepools",
        READ,
        "profiles",
        "Whether a node is being started, and how many more may be.",
    ),
    _service("", "namespaces resourcequotas", READ, "costs", "Whose namespace it is, and what is held in it."),
    *(
        _service(group, kinds, READ, "jobs", "Finish records, costs and notifications while users are away.")
        for group, kinds in _JOB_KINDS.items()
    ),
    _service(
        "serving.kserve.io",
        "inferenceservices",
        READ,
        "serving",
        "Go on with a roll-out while its owner is away.",
    ),
    _service_there(
        "",
        "serviceaccounts/token",
        ("create",),
        "broker",
        "Short-lived tokens for the user's own account; no other account's.",
        USER_ACCOUNT,
    ),
    *(
        _service_there(
            group,
            kinds,
            ("delete", "patch"),
            "jobs",
            "Remove what a stopped job left, and note that its record is finished.",
        )
        for group, kinds in _JOB_KINDS.items()
    ),
    _service_there("", "configmaps", ("delete", "get", "list"), "jobs", "Bundles that no job owns any more."),
    _service_there(
        "trainer.kubeflow.org",
        "trainingruntimes",
        ("delete", "list"),
        "jobs",
        "Runtimes of TrainJobs that were never made.",
    ),
    _service_there(
        "",
        "resourcequotas",
        ("create", "delete", "patch"),
        "costs",
        "A quota beside the usual one keeps new pods out once a budget is used up.",
    ),
    _service_there("", "pods/log", ("get",), "jobs", "The last lines of a job that could not report itself."),
    _service_there("", "events", ("get", "list"), "jobs", "Why a job was lost."),
    _service_there("serving.kserve.io", "inferenceservices", ("patch",), "serving", "Advance or roll back a roll-out."),
    _service_there(
        "gateway.networking.k8s.io", "httproutes", ("get", "list", "patch"), "serving", "Weights of a roll-out."
    ),
    _service_there(
        "coordination.k8s.io", "leases", ("create", "get", "patch"), "serving", "One controller per roll-out."
    ),
    _service_catalogue(
        "",
        "configmaps",
        ("create", "get", "list", "update", "watch"),
        "profiles",
        "Profiles edited on the admin page, with their history.",
    ),
    _service_catalogue(
        "coordination.k8s.io",
        "leases",
        ("create", "get", "patch"),
        "profiles",
        "One of several replicas acts.",
    ),
)
