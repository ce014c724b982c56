"""Read a cluster's objects with `kubectl`, and write commands that change them.

`kubectl` handles the sign-in. Only the metadata of Secrets leaves kubectl's process, except in
`secret`, `create` and `replace`.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from tempfile import NamedTemporaryFile

from kong_oam.errors import ProductError
from kong_oam.http.management import FEW
from kong_oam.oam.position import Fields, Names, Texts
from kong_oam.objects.known_kinds import is_custom
from kong_oam.objects.pods import Manifest
from kong_oam.objects.selection import COMPONENT, STACK

# Namespace (empty for cluster-scoped objects), kind and name of an object.
#
# The kind includes version and group unless it is a kind of plain components:
# `StatefulSet.v1.apps`.
Name = tuple[str, str, str]
# The name of a kubectl context. None: the current context.
Context = str | None
# The stack in each object's label; None without the label.
StacksByName = dict[Name, str | None]

_PATIENCE = 60.0  # seconds for all objects of a command
_CONFLICTS = ("(Conflict)", "(AlreadyExists)")
_SECRETS = '{range .items[*]}{.metadata}{"\\n"}{end}'
_LABELS = '{range .items[*]}{.metadata.labels}{"\\n"}{end}'
# Columns with the owning stack of an object, without its content.
_OWNERS = (
    "--ignore-not-found",
    "--no-headers",
    "--output=custom-columns=KIND:.kind,VERSION:.apiVersion,"
    "NAMESPACE:.metadata.namespace,NAME:.metadata.name,"
    f"STACK:.metadata.labels.{STACK.replace('.', chr(92) + '.')}",
)
# kubectl sends 300 requests without a pause, and two for an absent object.
_BATCH = 100
_NO_VALUE = "<none>"
_RESOURCES = {
    "Deployment": "deployments.apps",
    "NetworkPolicy": "networkpolicies.networking.k8s.io",
    "Secret": "secrets",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
}
_GROUPS = {"Deployment": "apps", "NetworkPolicy": "networking.k8s.io"}


class KubectlError(ProductError):
    """`kubectl` failed. The message has the reason and a remedy."""


class ConflictError(KubectlError):
    """Somebody else created or changed the object since it was read."""


def name_of(manifest: Fields) -> Name:
    """Return the name that identifies an object."""
    metadata = manifest["metadata"]
    return (
        metadata.get("namespace", ""),
        kind_of(manifest.get("apiVersion", "v1"), manifest["kind"]),
        metadata["name"],
    )


def kind_of(api_version: str, kind: str) -> str:
    """Return the kind of an object in the format of Name."""
    group, slash, version = api_version.rpartition("/")
    is_known = kind in _RESOURCES and group == _GROUPS.get(kind, "")
    return kind if is_known or not slash else f"{kind}.{version}.{group}"


def resource_of(kind: str) -> str:
    """Return kubectl's resource name for the kind of a Name."""
    return _RESOURCES.get(kind, kind.lower())


def shown(name: Name) -> str:
    """Return a name as messages show it."""
    namespace, kind, called = name
    where = f"{namespace}/" if namespace else ""
    return f"{kind.partition('.')[0]} '{where}{called}'"


def read(context: Context, wanted: Iterable[Manifest]) -> dict[Name, Manifest]:
    """Read the existing objects from the API server; of Secrets only kind and metadata.

    Raise KubectlError.
    """
    namespaces = defaultdict(list)
    for name in map(name_of, wanted):
        namespaces[name[0]].append(name)
    found: dict[Name, Manifest] = {}
    for namespace, names in namespaces.items():
        found.update(_existing(context, namespace, names))
    return found


def stacks(context: Context, wanted: Iterable[Manifest]) -> StacksByName:
    """Return the stack in the label of each existing object; None without the label.

    Raise KubectlError.
    """
    manifests = {name_of(manifest): manifest for manifest in wanted}
    counts = Counter((namespace, kind) for namespace, kind, _ in manifests)
    few = []
    for (namespace, kind, _), manifest in manifests.items():
        if counts[namespace, kind] <= FEW:
            few.append(json.dumps(_reference(manifest)))
    # A process takes longer than its requests, so it asks for all namespaces.
    printed = ""
    for first in range(0, len(few), _BATCH):
        # Standard input stays free for a plugin that signs in.
        with NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write("\n".join(few[first : first + _BATCH]))
            file.flush()
            printed += _get(context, "", f"--filename={file.name}", *_OWNERS)
    many = defaultdict(list)
    for (namespace, kind), count in counts.items():
        if count > FEW:
            many[namespace].append(resource_of(kind))
    for namespace, kinds in many.items():
        printed += _get(context, namespace, ",".join(kinds), *_OWNERS)
    found = {}
    for line in printed.splitlines():
        kind, version, namespace, called, stack = (
            "" if column == _NO_VALUE else column for column in line.split()
        )
        about = {"namespace": namespace, "name": called}
        owned = {"apiVersion": version, "kind": kind, "metadata": about}
        found[name_of(owned)] = stack or None
    return {name: found[name] for name in manifests if name in found}


def _reference(manifest: Manifest) -> Fields:
    """Return the fields of an object that name it."""
    about = manifest["metadata"]
    named = {key: about[key] for key in ("namespace", "name") if key in about}
    return {
        "apiVersion": manifest["apiVersion"],
        "kind": manifest["kind"],
        "metadata": named,
    }


def absent_namespaces(
    context: Context, namespaces: Iterable[str]
) -> frozenset[str]:
    """Return the namespaces that the cluster lacks. Raise KubectlError."""
    wanted = frozenset(namespaces)
    if not wanted:
        return wanted
    printed = _get(
        context,
        "",
        "namespaces",
        *sorted(wanted),
        "--ignore-not-found",
        "--output=name",
    )
    existing = printed.split()
    return wanted - {name.removeprefix("namespace/") for name in existing}


def identity(context: str) -> str:
    """Return an identifier of a context's cluster: the id of its namespace kube-system. Raise
    KubectlError."""
    uid = "--output=jsonpath={.metadata.uid}"
    return _get(
        context, "", "namespaces", "kube-system", "--ignore-not-found", uid
    ).strip()


def node_addresses(context: Context) -> dict[str, Names]:
    """Return the internal addresses and pod ranges of nodes, by name. Raises KubectlError."""
    nodes = json.loads(_get(context, "", "nodes", "--output=json") or "{}")
    by_node = {}
    for node in nodes.get("items", []):
        addresses = [
            address["address"]
            for address in node.get("status", {}).get("addresses", ())
            if address["type"] == "InternalIP"
        ]
        addresses += node.get("spec", {}).get("podCIDRs", ())
        by_node[node["metadata"]["name"]] = tuple(addresses)
    return by_node


def labels_of_pods(
    context: Context, namespace: str, labels: Texts
) -> list[dict[str, str]]:
    """Return the labels of each pod with these labels in a namespace. Raise KubectlError."""
    answer = _get(
        context,
        namespace,
        "pods",
        f"--selector={_selector(labels)}",
        f"--output=jsonpath={_LABELS}",
    )
    return [json.loads(line) for line in answer.splitlines() if line]


def pods(context: Context, namespace: str, labels: Texts) -> list[Manifest]:
    """Return the pods with these labels in a namespace. Raise KubectlError."""
    selector = f"--selector={_selector(labels)}"
    answer = json.loads(
        _get(context, namespace, "pods", selector, "--output=json")
    )
    found: list[Manifest] = answer["items"]
    return found


def _selector(labels: Texts) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def secret(context: Context, namespace: str, name: str) -> Manifest | None:
    """Return a Secret with its content, or None. Raise KubectlError."""
    options = ("--ignore-not-found", "--output=json")
    answer = _get(context, namespace, "secrets", name, *options)
    found: Manifest | None = json.loads(answer) if answer.strip() else None
    return found


def create(context: Context, manifest: Manifest) -> Manifest:
    """Create an object, and return it as the cluster has it.

    Raise ConflictError if it exists, and KubectlError.
    """
    return _written(context, "create", manifest)


def replace(context: Context, manifest: Manifest) -> Manifest:
    """Replace an object, and return it as the cluster has it.

    Raise ConflictError if its `resourceVersion` is not the object's, and KubectlError.
    """
    return _written(context, "replace", manifest)


def port_forward(
    context: Context, namespace: str, pod: str, port: int
) -> list[str]:
    """Return the command that forwards a free local port to a pod, also to its loopback address.

    Its first line of output has the local port.
    """
    return [
        *_kubectl(context, namespace),
        "port-forward",
        f"pod/{pod}",
        f":{port}",
        "--address=127.0.0.1",
    ]


def network_policies(context: Context, namespace: str) -> list[Manifest]:
    """Return the NetworkPolicies of a namespace. Raise KubectlError."""
    resource = resource_of("NetworkPolicy")
    answer = json.loads(_get(context, namespace, resource, "--output=json"))
    policies: list[Manifest] = answer["items"]
    return policies


def patch(context: Context, name: Name, change: Fields) -> str:
    """Return the shell command that changes an object."""
    namespace, kind, object_name = name
    command = _kubectl(context, namespace)
    command += ["patch", f"{resource_of(kind)}/{object_name}"]
    # For known kinds the API server merges lists by item; other kinds need a merge patch.
    if is_custom(kind.partition(".")[2].partition(".")[2]):
        command.append("--type=merge")
    return shlex.join([*command, "-p", json.dumps(change)])


def annotation_removal(
    context: Context, namespace: str, operand: str, annotation: str
) -> str:
    """Return the shell command that removes an annotation. `operand`: `secret/NAME`."""
    command = _kubectl(context, namespace)
    return shlex.join([*command, "annotate", operand, f"{annotation}-"])


def _existing(
    context: Context, namespace: str, names: Sequence[Name]
) -> Iterator[tuple[Name, Manifest]]:
    command = _kubectl(context, namespace)
    secrets = {name for name in names if name[1] == "Secret"}
    readable = [
        f"{resource_of(name[1])}/{name[2]}"
        for name in names
        if name not in secrets
    ]
    if readable:
        answer = _run(
            *command,
            "get",
            *readable,
            "--ignore-not-found",
            "--output=json",
            "--show-managed-fields",
        )
        objects = json.loads(answer or "{}")
        for manifest in objects.get("items", [objects] if objects else []):
            yield name_of(manifest), manifest
    if secrets:
        answer = _run(
            *command,
            "get",
            "secrets",
            f"--selector={COMPONENT}",
            f"--output=jsonpath={_SECRETS}",
        )
        for line in answer.splitlines():
            secret = {"kind": "Secret", "metadata": json.loads(line)}
            if name_of(secret) in secrets:
                yield name_of(secret), secret


def _kubectl(context: Context, namespace: str) -> list[str]:
    command = ["kubectl"]
    if context:
        command.append(f"--context={context}")
    if namespace:
        command.append(f"--namespace={namespace}")
    return command


def _get(context: Context, namespace: str, *arguments: str) -> str:
    """Return the output of `kubectl get`, with a timeout of seconds."""
    return _run(
        *_kubectl(context, namespace),
        "--request-timeout=10s",
        "get",
        *arguments,
    )


def _written(context: Context, verb: str, manifest: Manifest) -> Manifest:
    command = _kubectl(context, manifest["metadata"].get("namespace", ""))
    # The API server validates. A validation by kubectl needs its OpenAPI documents first.
    options = ("--filename=-", "--validate=false", "--output=json")
    command += ["--request-timeout=30s", verb, *options]
    # A command line and a file would show the content of a Secret to others.
    answer = _run(*command, content=json.dumps(manifest))
    written: Manifest = json.loads(answer)
    return written


def _run(*command: str, content: str | None = None) -> str:
    """Return the output of a command. `content` None: it reads this process's standard input."""
    try:
        process = subprocess.run(  # noqa: S603
            command,
            input=content,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        raise KubectlError("kubectl is not on PATH; install it") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KubectlError(
            f"`{_shown(command)}` cannot be run ({type(error).__name__}); "
            "check kubectl"
        ) from None
    if process.returncode:
        *_, reason = process.stderr.strip().splitlines() or [
            "kubectl printed no reason"
        ]
        message = f"`{_shown(command)}` failed: {reason[:300]}"
        if any(conflict in reason for conflict in _CONFLICTS):
            raise ConflictError(message)
        raise KubectlError(message)
    return process.stdout


def _shown(command: Sequence[str]) -> str:
    """Return a command up to the first operand, or the first option, after its verb."""
    options = ("kubectl", "-")
    verb = next(
        index
        for index, word in enumerate(command)
        if not word.startswith(options)
    )
    return " ".join(command[: verb + 2])
