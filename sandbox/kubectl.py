"""The stand-in for `kubectl`: the get, patch and delete commands that the program, `verify` and
`recover` run or print.

    `kubectl [--context=C] --namespace=N get RESOURCE/NAME...
        --ignore-not-found --output=json --show-managed-fields
    kubectl [--context=C] --namespace=N get secrets --selector=LABEL --output=jsonpath=...
    kubectl [--context=C] --namespace=N [--request-timeout=T] get networkpolicies.networking.k8s.io
        --output=json
    kubectl [--context=C] --namespace=N [--request-timeout=T] get pods
        --selector=LABELS --output=jsonpath=...
    kubectl [--context=C] [--namespace=N] [--request-timeout=T] get --filename=F | RESOURCE,...
        --ignore-not-found --no-headers --output=custom-columns=...
    kubectl [--context=C] [--request-timeout=T] get namespaces NAME...
        --ignore-not-found --output=name
    kubectl [--context=C] [--request-timeout=T] get namespaces kube-system
        --ignore-not-found --output=jsonpath=...
    kubectl [--context=C] [--request-timeout=T] get nodes --output=json
    kubectl [--context=C] --namespace=N patch RESOURCE/NAME -p PATCH
    kubectl [--context=C] --namespace=N delete KIND
        --selector=LABELS --field-selector=metadata.name=NAME`

It reads the stand-in cluster, or the cluster of the context. The jsonpath is ignored. The output
has a line for each object: its metadata, a pod's labels, or a namespace's uid, which is the
cluster's address. The columns are ignored too: they are kind, version, namespace, name and stack. F
is a file with a line of JSON for each object. A patch is a strategic merge patch: `null` removes a
field, `$patch: delete` an item of a list. RESOURCE may also be the singular of any kind,
`statefulset.v1.apps`.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sandbox.applying import merged_by
from sandbox.cluster import CLUSTER, address
from sandbox.edges import Manifest
from sandbox.plugins.http import send

_RESOURCES = {
    "deployments.apps": ("apps/v1", "Deployment"),
    "networkpolicies.networking.k8s.io": (
        "networking.k8s.io/v1",
        "NetworkPolicy",
    ),
    "secrets": ("v1", "Secret"),
    "serviceaccounts": ("v1", "ServiceAccount"),
    "services": ("v1", "Service"),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kubectl")
    parser.add_argument("--context")
    parser.add_argument("--request-timeout")
    parser.add_argument("--namespace")
    verbs = parser.add_subparsers(dest="verb", required=True)
    get = verbs.add_parser("get")
    get.add_argument("what", nargs="*")
    get.add_argument("--filename")
    get.add_argument("--ignore-not-found", action="store_true")
    get.add_argument("--no-headers", action="store_true")
    get.add_argument("--show-managed-fields", action="store_true")
    get.add_argument("--selector")
    get.add_argument("--output", required=True)
    patch = verbs.add_parser("patch")
    patch.add_argument("what")
    patch.add_argument("--type", choices=["merge"])
    patch.add_argument("-p", dest="change", required=True, type=json.loads)
    delete = verbs.add_parser("delete")
    delete.add_argument("kind")
    delete.add_argument("--selector", required=True)
    delete.add_argument("--field-selector", required=True)
    return parser


def main() -> int:
    """Run the command."""
    asked = _parser().parse_args()
    os.environ[CLUSTER] = address(asked.context) or ""
    if asked.verb == "patch":
        manifest = _get(asked.namespace, asked.what)
        if manifest is None:
            print(
                f"Error from server (NotFound): {asked.what} not found",
                file=sys.stderr,
            )
            return 1
        manifest["metadata"].pop("managedFields")
        _send("PUT", "/objects", merged(manifest, asked.change))
        print(f"{asked.what} patched")
    elif asked.verb == "delete":
        _delete(
            asked.namespace, asked.kind, asked.selector, asked.field_selector
        )
    else:
        _print(asked)
    return 0


def _print(asked: argparse.Namespace) -> None:
    """Print the answer to `kubectl get`."""
    if asked.output.startswith("custom-columns="):
        _print_columns(asked)
    elif asked.what == ["nodes"]:
        print(
            json.dumps(
                {"kind": "List", "items": _send("GET", "/nodes")["nodes"]}
            )
        )
    elif asked.what[0] == "namespaces":
        if "jsonpath" in asked.output:
            print(os.environ[CLUSTER])
            return
        absent = _send("GET", "/absent")["namespaces"]
        print(
            "\n".join(
                f"namespace/{name}"
                for name in asked.what[1:]
                if name not in absent
            )
        )
    elif asked.what == ["pods"]:
        _print_pods(asked.namespace, asked.selector)
    elif asked.what == ["networkpolicies.networking.k8s.io"]:
        items = [*_named(asked.namespace, asked.what)]
        print(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    elif asked.selector:
        _print_secrets(asked.namespace, asked.selector)
    else:
        objects = (_get(asked.namespace, operand) for operand in asked.what)
        items = [*filter(None, objects)]
        if items and len(asked.what) > 1:
            print(
                json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
            )
        elif items:
            print(json.dumps(items[0]))


def _print_columns(asked: argparse.Namespace) -> None:
    shown_objects = (
        _in_file(asked.filename)
        if asked.filename
        else _named(asked.namespace, asked.what)
    )
    for shown in shown_objects:
        about = shown["metadata"]
        stack = about.get("labels", {}).get("kong-oam.dev/stack", "<none>")
        print(
            shown["kind"],
            shown["apiVersion"],
            about.get("namespace", "<none>"),
            about["name"],
            stack,
            sep="   ",
        )


def _print_pods(namespace: str, selector: str) -> None:
    wanted = dict(label.split("=") for label in selector.split(","))
    for manifest in _send("GET", "/objects")["objects"]:
        labels = manifest["metadata"].get("labels", {})
        if (
            manifest["kind"] == "Pod"
            and _is_in(namespace, manifest["metadata"])
            and wanted.items() <= labels.items()
        ):
            print(json.dumps(labels))


def _print_secrets(namespace: str, label: str) -> None:
    for manifest in _send("GET", "/objects")["objects"]:
        metadata = manifest["metadata"]
        if (
            manifest["kind"] == "Secret"
            and _is_in(namespace, metadata)
            and label in metadata["labels"]
        ):
            print(
                json.dumps(
                    (
                        _get(namespace, f"secrets/{metadata['name']}")
                        or manifest
                    )["metadata"]
                )
            )


def _in_file(path: str) -> Iterator[Manifest]:
    """Yield the existing objects of a file, which has a line for each object."""
    for line in Path(path).read_text("utf-8").splitlines():
        wanted = json.loads(line)
        about = wanted["metadata"]
        operand = f"{_full(wanted)}/{about['name']}"
        if found := _get(about.get("namespace"), operand):
            yield found


def _named(
    namespace: str | None, operands: Sequence[str]
) -> Iterable[Manifest]:
    """The objects of these names, or of these kinds, `deployments.apps,services`; kubectl takes not
    both."""
    if len({"/" in named for named in operands}) > 1:
        print(
            "error: there is no need to specify a resource type as a separate argument",
            file=sys.stderr,
        )
        sys.exit(1)
    for named in operands:
        if "/" in named:
            yield from filter(None, [_get(namespace, named)])
            continue
        for resource in named.split(","):
            for manifest in _send("GET", "/objects")["objects"]:
                is_of_kind = (
                    _RESOURCES.get(resource)
                    == (manifest["apiVersion"], manifest["kind"])
                    or _full(manifest) == resource
                )
                if is_of_kind and _is_in(
                    namespace or "", {"namespace": "", **manifest["metadata"]}
                ):
                    yield manifest


def merged(before: Any, change: Any, field: str = "") -> Any:
    """Apply a strategic merge patch to a value."""
    if isinstance(before, dict) and isinstance(change, dict):
        new = {
            key: merged(before.get(key), value, key)
            for key, value in change.items()
            if value is not None
        }
        return {
            **{
                key: value for key, value in before.items() if key not in change
            },
            **new,
        }
    keys = merged_by(field)
    if keys and isinstance(before, list) and isinstance(change, list):
        return _merged_items(before, change, keys)
    return change


def _merged_items(
    items: Sequence[Manifest], changes: Iterable[Manifest], keys: Iterable[str]
) -> list[Manifest]:
    """By the first of the keys that an item has."""
    by_key: dict[Any, Manifest] = {}
    for change in (*items, *changes):
        key = next(name for name in keys if name in change)
        if change.get("$patch") == "delete":
            by_key.pop(change[key], None)
        else:
            by_key[change[key]] = merged(by_key.get(change[key], {}), change)
    return list(by_key.values())


def _delete(
    namespace: str, kind: str, selector: str, field_selector: str
) -> None:
    wanted = dict(label.split("=") for label in selector.split(","))
    for manifest in _send("GET", "/objects")["objects"]:
        about = manifest["metadata"]
        named = (
            kind in (manifest["kind"].lower(), _full(manifest))
            and field_selector == f"metadata.name={about['name']}"
        )
        if (
            named
            and _is_in(namespace, about)
            and wanted.items() <= about.get("labels", {}).items()
        ):
            key = {
                "apiVersion": manifest["apiVersion"],
                "kind": manifest["kind"],
                "namespace": namespace,
                "name": about["name"],
            }
            _send("DELETE", f"/objects?{urlencode(key)}")
            print(f'{kind} "{about["name"]}" deleted')


def _full(manifest: Manifest) -> str:
    """Return the kind in small letters, followed by version and group if it has a group."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    return ".".join(
        filter(None, (manifest["kind"].lower(), group and version, group))
    )


def _is_in(namespace: str, metadata: Manifest) -> bool:
    return bool(metadata.get("namespace") == namespace)


def _get(namespace: str | None, operand: str) -> Manifest | None:
    resource, _, name = operand.partition("/")
    of_any = (
        (manifest["apiVersion"], manifest["kind"])
        for manifest in _send("GET", "/objects")["objects"]
        if _full(manifest) == resource
    )
    version, kind = _RESOURCES.get(resource) or next(of_any, ("", ""))
    query = {
        "apiVersion": version,
        "kind": kind,
        "namespace": namespace or "",
        "name": name,
        "managed": "1",
    }
    answer = _send("GET", f"/objects?{urlencode(query)}")
    return answer if "kind" in answer else None


def _send(method: str, target: str, body: Manifest | None = None) -> Manifest:
    answer: Manifest = send(os.environ[CLUSTER], method, target, body).body
    return answer


if __name__ == "__main__":
    sys.exit(main())
