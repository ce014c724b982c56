"""Find manual changes in a Kubernetes object from the field owners in the API server. Pure.

An apply owns the fields that it sets. Whoever changes or adds a field owns it afterwards
(server-side apply, `metadata.managedFields`). Fields without an owner are defaults. Values need no
comparison: fields of the program still have the value of the last run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from kong_oam.oam.position import Fields
from kong_oam.objects.known_kinds import is_custom
from kong_oam.objects.pods import Path

# Field managers: the prefix of the program's name, and controllers that act for users.
_PROGRAM = "pulumi-kubernetes"
_CLUSTER = frozenset({"kube-controller-manager"})
_KUBECTL = "f:kubectl.kubernetes.io/"  # for example annotations of `kubectl rollout restart`
_MAPS = frozenset({"f:annotations", "f:data", "f:labels"})
# Lists that the program sets as a whole, so that further fields in their items are changes.
_WHOLE = frozenset({"f:env", "f:ports", "f:volumeMounts", "f:volumes"})
# The metadata by kind that clouds and webhooks act on. Controllers constantly change other
# metadata.
_METADATA = {"ServiceAccount": frozenset({"f:annotations", "f:labels"})}
# The defaults of these fields in Kubernetes' API, which also apply after an addition is removed.
_DEFAULTS: Fields = {
    "f:dnsPolicy": "ClusterFirst",
    "f:externalTrafficPolicy": "Cluster",
    "f:internalTrafficPolicy": "Cluster",
    "f:progressDeadlineSeconds": 600,
    "f:replicas": 1,
    "f:revisionHistoryLimit": 10,
    "f:sessionAffinity": "None",
    "f:terminationGracePeriodSeconds": 30,
    "f:type": "ClusterIP",
}
# Fields of Kubernetes' own kinds that the API server drops if they are 0 or false, their default
# (k8s.io/api: `omitempty` without a pointer).
_OMITTED = frozenset(
    {
        "f:hostIPC",
        "f:hostNetwork",
        "f:hostPID",
        "f:hostPort",
        "f:initialDelaySeconds",
        "f:minReadySeconds",
        "f:nodePort",
        "f:paused",
        "f:publishNotReadyAddresses",
        "f:readOnly",
        "f:stdin",
        "f:stdinOnce",
        "f:tty",
    }
)
_UNREAD = "f:data"  # of a Secret
_DERIVED = frozenset({"f:serviceAccount"})  # follows serviceAccountName
_SERVERS = frozenset({"apiVersion", "kind", "name", "namespace"})


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field that differs from the program's last write.

    `by` and `since`: its manager and time (RFC 3339); None if the field is gone. `patch`: a
    strategic merge patch that removes an addition; None if the next run with a refresh restores the
    field.
    """

    path: str
    by: str | None = None
    since: str | None = None
    patch: Fields | None = None


class _Managed(NamedTuple):
    """The fields that a manager of an object wrote, and the time (RFC 3339)."""

    manager: str
    time: str | None
    fields: Fields


def changes(declared_object: Fields, live: Fields) -> tuple[FieldChange, ...]:
    """Return the changed, added and removed fields of an object, by path. A Secret needs only
    metadata."""
    ours: Fields = {}
    theirs = []
    for entry in live["metadata"].get("managedFields", ()):
        if entry.get("subresource") == "status":
            continue
        manager = entry["manager"]
        managed = _Managed(
            manager, entry.get("time"), entry.get("fieldsV1", {})
        )
        if _is_ours(manager):
            ours = _merged(ours, managed.fields)
        elif manager not in _CLUSTER:
            theirs.append(managed)
    declared = _declared(declared_object)
    by_path = {}
    owned = ours
    for managed in theirs:
        relevant = _relevant(managed.fields, declared_object["kind"])
        for change in _additions(relevant, ours, declared, live, managed, ()):
            by_path[change.path] = change
        owned = _merged(owned, managed.fields)
    group = declared_object["apiVersion"].partition("/")[0]
    omitted = frozenset() if is_custom(group) else _OMITTED
    for path in _removals(declared, owned, (), omitted):
        by_path[path] = FieldChange(path)
    return tuple(by_path[path] for path in sorted(by_path))


def _declared(declared_object: Fields) -> Fields:
    """Return the fields that the program sets in an object, without its identity and status."""
    declared = dict(declared_object)
    declared["metadata"] = metadata = dict(declared_object["metadata"])
    for field in _SERVERS:
        declared.pop(field, None)
        metadata.pop(field, None)
    declared.pop("status", None)
    return declared


def _is_ours(manager: str) -> bool:
    """Tell whether a manager is the program. Its plugin creates with a plain write, and later
    applies (pulumi-kubernetes, await.Creation)."""
    return manager.startswith(_PROGRAM)


def _merged(fields: Fields, more: Fields) -> Fields:
    merged = dict(fields)
    for key, below in more.items():
        merged[key] = _merged(fields[key], below) if key in fields else below
    return merged


def _relevant(fields: Fields, kind: str) -> Fields:
    """Return the fields without irrelevant metadata."""
    relevant = dict(fields)
    metadata = relevant.pop("f:metadata", {})
    obeyed = metadata.keys() & _METADATA.get(kind, frozenset())
    if obeyed:
        relevant["f:metadata"] = {
            key: below for key, below in metadata.items() if key in obeyed
        }
    return relevant


def _additions(
    theirs: Fields,
    ours: Fields,
    declared_value: Any,
    live: Any,
    managed: _Managed,
    path: Path,
    whole: bool = False,
) -> Iterator[FieldChange]:
    """Yield the fields of `theirs` that are not in `ours`. `whole`: the program sets the whole
    parent."""
    for key, below in theirs.items():
        if key == "." or key in _DERIVED or key.startswith(_KUBECTL):
            continue
        at = (*path, key)
        declared = _child(declared_value, key)
        actual = _child(live, key)
        if key in ours:
            inside = whole or bool(path and path[-1] in _WHOLE)
            yield from _additions(
                below, ours[key], declared, actual, managed, at, inside
            )
        elif declared is None and _is_shared(key, below):
            yield from _additions(below, {}, None, actual, managed, at)
        elif whole or declared is not None:
            yield _change(at, managed)
        elif at[0] == _UNREAD or actual not in (
            None,
            [],
            {},
            _DEFAULTS.get(key),
        ):
            yield _change(at, managed, _without(at))


def _is_shared(key: str, below: Fields) -> bool:
    """Tell whether several managers can own parts of a field: a map or a keyed list."""
    return key in _MAPS or any(inner.startswith("k:") for inner in below)


def _change(
    path: Path, managed: _Managed, patch: Fields | None = None
) -> FieldChange:
    return FieldChange(_path_text(path), managed.manager, managed.time, patch)


def _removals(
    declared_value: Any, fields: Fields, path: Path, omitted: frozenset[str]
) -> Iterator[str]:
    """Yield the declared paths without an owner. Empty values count as not declared, and so do
    empty values of `omitted` fields."""
    for key, value in _entries(declared_value, fields):
        if value in ("", [], {}, None) or (key in omitted and not value):
            continue
        if key not in fields:
            yield _path_text((*path, key))
        elif fields[key]:
            yield from _removals(value, fields[key], (*path, key), omitted)


def _entries(declared_value: Any, fields: Fields) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a value, with their names in managed fields."""
    if isinstance(declared_value, Mapping):
        for name, value in declared_value.items():
            yield f"f:{name}", value
    elif isinstance(declared_value, Sequence) and not isinstance(
        declared_value, str
    ):
        for place, item in enumerate(declared_value):
            keys = (key for key in fields if _is_item(key, item))
            yield next(keys, f"i:{place}"), item


def _child(declared_value: Any, key: str) -> Any:
    if isinstance(declared_value, Mapping):
        return declared_value.get(key.removeprefix("f:"))
    return next(
        (item for item in declared_value or () if _is_item(key, item)), None
    )


def _is_item(key: str, item: Any) -> bool:
    """Tell whether a list item matches a key `k:{...}`. A missing protocol of a port is TCP."""
    if not key.startswith("k:") or not isinstance(item, Mapping):
        return False
    keys = json.loads(key[2:])
    return all(item.get(name, "TCP") == value for name, value in keys.items())


def _path_text(path: Sequence[str]) -> str:
    return "".join(map(_step_text, path)).removeprefix(".")


def _step_text(key: str) -> str:
    if key.startswith("k:"):
        return f"[{'/'.join(map(str, json.loads(key[2:]).values()))}]"
    if key.startswith(("i:", "v:")):
        return f"[{key[2:]}]"
    return f".{key.removeprefix('f:')}"


def _without(path: Sequence[str]) -> Fields:
    """Return the strategic merge patch that removes the field or list item at `path`."""
    key, *rest = path
    if key.startswith("k:"):
        item: Fields = json.loads(key[2:])
        return {**item, **(_below(rest) if rest else {"$patch": "delete"})}
    return {key.removeprefix("f:"): _below(rest) if rest else None}


def _below(path: Sequence[str]) -> Any:
    return [_without(path)] if path[0].startswith("k:") else _without(path)
