"""The fields for which the official kubernetes plugin replaces an object (pulumi-kubernetes 4.32,
forceNew).

A change of another immutable field fails: see `sandbox.admission`.
"""

from sandbox.plugins.values import Properties, Value

_POD = (
    "affinity",
    "automountServiceAccountToken",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostname",
    "imagePullSecrets",
    "nodeName",
    "nodeSelector",
    "overhead",
    "preemptionPolicy",
    "priority",
    "priorityClassName",
    "readinessGates",
    "restartPolicy",
    "runtimeClassName",
    "schedulerName",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "shareProcessNamespace",
    "subdomain",
    "terminationGracePeriodSeconds",
    "volumes",
)
_CONTAINER = (
    "args",
    "command",
    "env",
    "image",
    "imagePullPolicy",
    "lifecycle",
    "livenessProbe",
    "ports",
    "readinessProbe",
    "resources",
    "securityContext",
    "stdin",
    "stdinOnce",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "tty",
    "volumeDevices",
    "volumeMounts",
    "workingDir",
)
IMMUTABLE = {
    "ConfigMap": ("data", "binaryData"),
    "ClusterRoleBinding": ("roleRef",),
    "Deployment": ("spec.selector",),
    "StatefulSet": (
        "spec.selector",
        "spec.serviceName",
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.volumeClaimTemplates",
    ),
    "DaemonSet": ("spec.selector",),
    "Job": (
        "spec.selector",
        "spec.template",
        "spec.completions",
        "spec.parallelism",
    ),
    "PersistentVolumeClaim": (
        "spec.accessModes",
        "spec.selector",
        "spec.storageClassName",
        "spec.volumeName",
    ),
    "Pod": tuple(f"spec.{name}" for name in _POD),
    "RoleBinding": ("roleRef",),
    "Secret": ("type",),
    "Service": ("spec.clusterIP",),
}
_CONTAINERS = ("spec.containers", "spec.initContainers")


def changed_containers(old: Properties, new: Properties) -> set[str]:
    """Return the lists of a Pod's containers of which something differs that has the plugin replace
    it."""
    return {
        path
        for path in _CONTAINERS
        if _known(at(old, path)) != _known(at(new, path))
    }


def at(properties: Properties, path: str) -> Value:
    """Return the value at a dotted path; None if it is missing."""
    value: Value = properties
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _known(containers: Value) -> Value:
    """Return the parts of a Pod's containers whose change replaces the Pod."""
    if not isinstance(containers, list):
        return containers
    return [_known_part(container) for container in containers]


def _known_part(container: Value) -> Value:
    if not isinstance(container, dict):
        return container
    return {key: container.get(key) for key in _CONTAINER}
