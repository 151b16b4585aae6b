"""The admission policies (Kubernetes 1.30 and newer) that hold where RBAC and quota cannot.

`hub_fence` holds the hub's own account to users' namespaces: RBAC knows no "namespaces with this label". `user_pods`
holds what runs in users' namespaces, made by whichever operator, to what the namespace's annotations allow
(`allowances.py`). Expressions are CEL as Kubernetes extends it; each failed one answers with a sentence.
"""

from __future__ import annotations

from typing import Any

from windlass.kube.names import MANAGED_BY_LABEL, MANAGER
from windlass.kube.user_secret import SECRET_NAME
from windlass_hub.access import BINDABLE, HUB_LABEL, USER_ACCOUNT, USERNAME_ANNOTATION, notebook_component
from windlass_hub.isolation.allowances import DEVICES, GUARDED_LABELS, NODE_LABELS, PRIORITIES, RUNTIMES, TOLERATIONS
from windlass_hub.settings import Settings

from .model import Role

Object = dict[str, Any]

_API = "admissionregistration.k8s.io/v1"
# Extended resources that come with a node and say nothing of its price: network adapters.
FABRICS = ("rdma/", "vpc.amazonaws.com/", "networking.gke.io.networks/", "nvidia.com/hostdev")
_HUB_COMPONENTS = ("hub", "proxy", "singleuser-server")


def hub_fence(settings: Settings, *, hub_namespace: str) -> list[Object]:
    """What holds the accounts of the hub and its service to the namespaces of their own users."""
    accounts = sorted({settings.hub_account, settings.service_account or settings.hub_account})
    users = [f"system:serviceaccount:{hub_namespace}:{account}" for account in accounts]
    only = {"name": "is-the-hub", "expression": f"request.userInfo.username in {_strings(users)}"}
    return [
        *_policy(
            f"windlass-hub-namespaces-{settings.hub_id}",
            rule={"apiGroups": [""], "apiVersions": ["v1"], "resources": ["namespaces"], "scope": "Cluster"},
            operations=("CREATE", "UPDATE", "DELETE"),
            conditions=[only],
            validations=_of_namespaces(settings),
        ),
        *_policy(
            f"windlass-hub-objects-{settings.hub_id}",
            rule={"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "scope": "Namespaced"},
            operations=("CREATE", "UPDATE", "DELETE", "CONNECT"),
            conditions=[
                only,
                # In its own namespace the hub has the rights of a Role, which says it all.
                {"name": "elsewhere", "expression": f"request.namespace != {_string(hub_namespace)}"},
            ],
            validations=_of_objects(settings, hub_namespace, accounts),
        ),
    ]


def user_pods(settings: Settings, *, hub_namespace: str) -> list[Object]:
    """What holds pods in users' namespaces to the profiles of their user; notebooks are held by the hub itself."""
    hub = f"system:serviceaccount:{hub_namespace}:{settings.hub_account}"
    return _policy(
        f"windlass-user-pods-{settings.hub_id}",
        rule={"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "scope": "Namespaced"},
        operations=("CREATE",),
        conditions=[{"name": "not-by-the-hub", "expression": f"request.userInfo.username != {_string(hub)}"}],
        variables=_pod_variables(),
        validations=_of_pods(settings),
        selector={"matchLabels": {HUB_LABEL: settings.hub_id}},
    )


def _of_namespaces(settings: Settings) -> list[Object]:
    hub_label, hub_id = _string(HUB_LABEL), _string(settings.hub_id)
    marks = (
        f"has(object.metadata.labels) && {hub_label} in object.metadata.labels "
        f"&& object.metadata.labels[{hub_label}] == {hub_id} "
        f"&& {_string(MANAGED_BY_LABEL)} in object.metadata.labels "
        f"&& object.metadata.labels[{_string(MANAGED_BY_LABEL)}] == {_string(MANAGER)} "
        f"&& has(object.metadata.annotations) && {_string(USERNAME_ANNOTATION)} in object.metadata.annotations"
    )
    enforce = _string("pod-security.kubernetes.io/enforce")
    return [
        _must(
            "request.operation != 'CREATE' || has(object.metadata.name) "
            f"&& object.metadata.name.startsWith({_string(settings.namespace_prefix + '-')})",
            f"The hub makes only namespaces whose names begin with {settings.namespace_prefix}-.",
        ),
        _must(
            f"request.operation == 'DELETE' || ({marks})",
            "A namespace of the hub carries its label and its user's name.",
        ),
        _must(
            "request.operation == 'DELETE' || (has(object.metadata.labels) "
            f"&& {enforce} in object.metadata.labels "
            f"&& object.metadata.labels[{enforce}] in ['baseline', 'restricted'])",
            "A namespace of the hub enforces Pod Security.",
        ),
        _must(
            "request.operation == 'CREATE' || (has(oldObject.metadata.labels) "
            f"&& {hub_label} in oldObject.metadata.labels && oldObject.metadata.labels[{hub_label}] == {hub_id})",
            "The hub changes and removes only namespaces it has made.",
        ),
        _must(
            "request.operation != 'UPDATE' || (has(oldObject.metadata.annotations) && "
            f"{_string(USERNAME_ANNOTATION)} in oldObject.metadata.annotations && "
            f"has(object.metadata.annotations) && {_string(USERNAME_ANNOTATION)} in object.metadata.annotations && "
            f"object.metadata.annotations[{_string(USERNAME_ANNOTATION)}] == "
            f"oldObject.metadata.annotations[{_string(USERNAME_ANNOTATION)}])",
            "A namespace stays its user's.",
        ),
    ]


def _of_objects(settings: Settings, hub_namespace: str, accounts: list[str]) -> list[Object]:
    hub_label, hub_id = _string(HUB_LABEL), _string(settings.hub_id)
    nothing_new = "request.operation in ['DELETE', 'CONNECT']"
    is_binding = "request.resource.group == 'rbac.authorization.k8s.io' && request.resource.resource == 'rolebindings'"
    roles = sorted(set(BINDABLE) - {Role.USER.value})
    return [
        _must(
            f"has(namespaceObject.metadata.labels) && {hub_label} in namespaceObject.metadata.labels "
            f"&& namespaceObject.metadata.labels[{hub_label}] == {hub_id}",
            "The hub writes only in the namespaces of its users.",
        ),
        _must(
            f"{nothing_new} || !({is_binding}) || (object.roleRef.kind == 'ClusterRole' "
            "&& has(object.subjects) && object.subjects.all(s, s.kind == 'ServiceAccount' && has(s.namespace) "
            f"&& ((object.roleRef.name == {_string(Role.USER.value)} && s.name == {_string(USER_ACCOUNT)} "
            "&& s.namespace == request.namespace) "
            f"|| (object.roleRef.name in {_strings(roles)} && s.name in {_strings(accounts)} "
            f"&& s.namespace == {_string(hub_namespace)}))))",
            "The hub binds its own roles to its own accounts, and the user's role to the user's account, and no other.",
        ),
        _must(
            f"{nothing_new} || request.resource.resource != 'secrets' || request.resource.group != '' "
            f"|| (has(object.metadata.name) && object.metadata.name == {_string(SECRET_NAME)})",
            f"The hub writes no Secret but {SECRET_NAME}.",
        ),
        _must(
            "request.resource.resource != 'serviceaccounts' || request.resource.group != '' "
            # Where nothing is named (a collection is deleted, a name is to be made up) there is no such field.
            f"|| (has(request.name) && request.name in {_strings(('default', USER_ACCOUNT))}) "
            "|| (request.operation == 'CREATE' && has(object.metadata.name) "
            f"&& object.metadata.name in {_strings(('default', USER_ACCOUNT))})",
            f"The hub touches no account but default and {USER_ACCOUNT}, and asks for no other account's token.",
        ),
    ]


def _pod_variables() -> list[Object]:
    return [
        _variable(
            "annotations",
            "has(namespaceObject.metadata.annotations) ? namespaceObject.metadata.annotations : {}",
        ),
        *(
            _variable(
                name,
                f"{_string(annotation)} in variables.annotations && variables.annotations[{_string(annotation)}] != '' "
                f"? variables.annotations[{_string(annotation)}].split({_string(separator)}) : []",
            )
            for name, annotation, separator in (
                ("priorities", PRIORITIES, ","),
                ("taints", TOLERATIONS, ","),
                ("devices", DEVICES, ";"),
                ("nodeLabels", NODE_LABELS, ","),
                ("guarded", GUARDED_LABELS, ","),
                ("runtimes", RUNTIMES, ","),
            )
        ),
        _variable("labels", "has(object.metadata.labels) ? object.metadata.labels : {}"),
        _variable(
            "containers",
            # To the type check of a server the two lists hold different things.
            "dyn(object.spec.containers) + (has(object.spec.initContainers) ? dyn(object.spec.initContainers) : [])",
        ),
        _variable(
            "chosen",
            "has(object.spec.nodeSelector) "
            "? object.spec.nodeSelector.map(k, k + '=' + object.spec.nodeSelector[k]) : []",
        ),
        _variable(
            "required",
            "has(object.spec.affinity) && has(object.spec.affinity.nodeAffinity) "
            "&& has(object.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution) "
            "? object.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms : []",
        ),
        _variable(
            "preferred",
            "has(object.spec.affinity) && has(object.spec.affinity.nodeAffinity) "
            "&& has(object.spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution) "
            "? object.spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution.map(p, p.preference) "
            ": []",
        ),
        _variable("asked", _asked()),
        # Devices whose node the pod chooses as one of its user's profiles does.
        _variable(
            "granted",
            "variables.devices.filter(d, d.split('|')[1].split('&').all(s, s == '' || s in variables.chosen))"
            ".map(d, d.split('|')[0])",
        ),
    ]


def _asked() -> str:
    """The names of all extended resources that containers ask for, one list per container and field."""
    lists = [
        f"variables.containers.filter(c, has(c.resources) && has(c.resources.{field}))"
        f".map(c, c.resources.{field}.map(r, r).filter(r, r.contains('/')))"
        for field in ("limits", "requests")
    ]
    return " + ".join(lists)


def _of_pods(settings: Settings) -> list[Object]:
    return [*_of_accounts(), *_of_placement(), *_of_devices(), *_of_the_node(settings)]


def _of_accounts() -> list[Object]:
    """Whose account a pod runs as, and what ranks it above others."""
    return [
        _must(
            "!has(object.spec.serviceAccountName) || object.spec.serviceAccountName in "
            f"{_strings(('', 'default', USER_ACCOUNT))} || ('training.kubeflow.org/operator-name' in variables.labels "
            "&& variables.labels['training.kubeflow.org/operator-name'] == 'mpijob-controller' "
            "&& object.spec.serviceAccountName.endsWith('-launcher'))",
            f"Pods here run as default or {USER_ACCOUNT}; only the launcher of an MPIJob has an account of its own.",
        ),
        _must(
            "!has(object.spec.priorityClassName) || object.spec.priorityClassName == '' "
            "|| object.spec.priorityClassName in variables.priorities",
            "None of your profiles has this priority: leave out priorityClassName, or ask your administrators.",
        ),
        _must(
            "!has(object.spec.runtimeClassName) || object.spec.runtimeClassName == '' "
            "|| object.spec.runtimeClassName in variables.runtimes",
            "None of your profiles has this runtimeClassName.",
        ),
    ]


def _of_placement() -> list[Object]:
    """On which nodes a pod may run."""
    # A node's name, which matchFields chooses by, says nothing of how dear it is: so nobody chooses by it.
    term = (
        "!has(t.matchFields) && "
        "(!has(t.matchExpressions) || t.matchExpressions.all(e, !variables.guarded.exists(g, e.key.startsWith(g)) "
        "|| (e.operator == 'In' && e.values.all(v, (e.key + '=' + v) in variables.nodeLabels))))"
    )
    return [
        _must(
            "!has(object.spec.tolerations) || object.spec.tolerations.all(t, '*' in variables.taints "
            "|| (has(t.key) && t.key != '' && (t.key.startsWith('node.kubernetes.io/') || t.key in variables.taints "
            "|| (t.key + '=' + (has(t.value) ? t.value : '')) in variables.taints && (has(t.operator) ? "
            "t.operator : 'Equal') == 'Equal' || variables.asked.exists(l, t.key in l))))",
            "None of your profiles tolerates these taints: leave the toleration out, or ask your administrators.",
        ),
        _must(
            "(!has(object.spec.nodeName) || object.spec.nodeName == '')",
            "A pod is placed by the scheduler: leave out nodeName.",
        ),
        _must(
            "variables.chosen.all(s, !variables.guarded.exists(g, s.startsWith(g)) || s in variables.nodeLabels) "
            f"&& variables.required.all(t, {term}) && variables.preferred.all(t, {term})",
            "None of your profiles has such nodes: choose a node class that one of them has.",
        ),
    ]


def _of_devices() -> list[Object]:
    """Which GPUs a pod may have, and by which way."""
    fabric = " || ".join(f"r.startsWith({_string(prefix)})" for prefix in FABRICS)
    return [
        _must(
            f"variables.asked.all(l, l.all(r, {fabric} || r in variables.granted))",
            "None of your profiles has these GPUs on the nodes this job chooses: choose nodes as one of them does "
            "(its nodeSelector).",
        ),
        _must(
            "!has(object.spec.resourceClaims) || size(object.spec.resourceClaims) == 0",
            "GPUs are asked for by limits: quotas do not count what a resource claim holds.",
        ),
        _must(
            "variables.containers.all(c, !has(c.env) || c.env.all(e, e.name != 'NVIDIA_VISIBLE_DEVICES' "
            "|| (has(e.value) && e.value in ['', 'none', 'void'])))",
            "GPUs are asked for by limits: NVIDIA_VISIBLE_DEVICES would take them beside the scheduler.",
        ),
    ]


def _of_the_node(settings: Settings) -> list[Object]:
    """What a pod must not be taken for, and what of the node it must not touch."""
    private = _strings((*_HUB_COMPONENTS, notebook_component(settings.hub_id)))
    return [
        _must(
            "!variables.labels.exists(k, k.startsWith('hub.jupyter.org/')) && (!('component' in variables.labels) "
            f"|| !(variables.labels['component'] in {private}))",
            "These labels are for the hub's own pods.",
        ),
        _must(
            "(!has(object.spec.hostNetwork) || !object.spec.hostNetwork) && (!has(object.spec.hostPID) "
            "|| !object.spec.hostPID) && (!has(object.spec.hostIPC) || !object.spec.hostIPC) "
            "&& (!has(object.spec.volumes) || object.spec.volumes.all(v, !has(v.hostPath))) "
            "&& variables.containers.all(c, !has(c.securityContext) || !has(c.securityContext.privileged) "
            "|| !c.securityContext.privileged)",
            "Pods here share nothing of the node: no host network, processes, paths or privileges.",
        ),
    ]


def _policy(
    name: str,
    *,
    rule: Object,
    operations: tuple[str, ...],
    conditions: list[Object],
    validations: list[Object],
    variables: list[Object] | None = None,
    selector: Object | None = None,
) -> list[Object]:
    spec: Object = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [{**rule, "operations": list(operations)}]},
        "matchConditions": conditions,
    }
    if selector is not None:
        spec["matchConstraints"]["namespaceSelector"] = selector
    if variables:
        spec["variables"] = variables
    spec["validations"] = validations
    binding = {"policyName": name, "validationActions": ["Deny"]}
    return [
        {"apiVersion": _API, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": spec},
        {"apiVersion": _API, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name}, "spec": binding},
    ]


def _must(expression: str, message: str) -> Object:
    return {"expression": expression, "message": message, "reason": "Forbidden"}


def _variable(name: str, expression: str) -> Object:
    return {"name": name, "expression": expression}


def _string(text: str) -> str:
    """A CEL string literal; settings are checked text, so nothing needs escaping but what could end it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _strings(texts: Any) -> str:
    return f"[{', '.join(_string(text) for text in texts)}]"
