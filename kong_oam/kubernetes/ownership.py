"""Finds what somebody changed in a Kubernetes object by hand: the API server records who owns which
field. Pure.

An apply owns the fields that it names; whoever writes another value into one owns it from then on,
and whoever adds a field owns that (server-side apply, `metadata.managedFields`). What nobody owns
is a default. Values are not compared: a field that is still the program's has the value that the
last run gave it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from kong_oam.oam.document import Fields
from kong_oam.objects.known_kinds import is_custom

_NOTHING: Fields = {}
_PROGRAM = "pulumi-kubernetes"
_CLUSTER = frozenset({"kube-controller-manager"})
"""Field managers: the beginning of the program's, and those of controllers that write what people
asked them for."""
_KUBECTL = "f:kubectl.kubernetes.io/"  # annotations of `kubectl rollout restart`, say
_MAPS = frozenset({"f:annotations", "f:data", "f:labels"})
_WHOLE = frozenset({"f:env", "f:ports", "f:volumeMounts", "f:volumes"})
"""Lists of whose items, where the program names them, it says all that matters."""
_METADATA: Mapping[str, frozenset[str]] = {
    "ServiceAccount": frozenset({"f:annotations", "f:labels"})
}
"""By kind, what of its metadata clouds and webhooks obey; elsewhere controllers write there all the
time."""
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
"""What such a field is for whoever does not say it (Kubernetes API reference): also once an
addition is taken out."""
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
"""Fields of Kubernetes' own kinds that its API server drops where they are 0 or false, which is
what they are where nobody says them (k8s.io/api: no pointers, and left out where they are empty).
All others it keeps as they are."""
_UNREAD = "f:data"  # of a Secret
_TWINS = frozenset({"f:serviceAccount"})  # follows serviceAccountName
_SERVERS = frozenset({"apiVersion", "kind", "name", "namespace"})


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field that is not as the program left it.

    `by` and `since`: its manager, and when (RFC 3339); None where the field is gone. `patch`: a
    strategic merge patch that takes out what was added; None where the next run with a refresh puts
    back what it says.
    """

    path: str
    by: str | None = None
    since: str | None = None
    patch: Fields | None = None


def changes(meant: Fields, live: Fields) -> tuple[FieldChange, ...]:
    """The fields that are somebody else's in an object, or gone from it, by path. A Secret's
    metadata is enough."""
    entries = [
        entry
        for entry in live["metadata"].get("managedFields", ())
        if entry.get("subresource") != "status"
    ]
    ours: Fields = reduce(
        _merged, (entry["fieldsV1"] for entry in entries if _is_ours(entry)), _NOTHING
    )
    theirs = [
        entry
        for entry in entries
        if not _is_ours(entry) and entry["manager"] not in _CLUSTER
    ]
    declared = {
        key: value
        for key, value in meant.items()
        if key not in _SERVERS and key != "status"
    }
    declared["metadata"] = {
        key: value for key, value in meant["metadata"].items() if key not in _SERVERS
    }
    by_path = {
        change.path: change
        for entry in theirs
        for change in _additions(
            _relevant(entry["fieldsV1"], meant["kind"]), ours, declared, live, entry, ()
        )
    }
    everybodys: Fields = reduce(_merged, (entry["fieldsV1"] for entry in theirs), ours)
    omitted = (
        frozenset() if is_custom(meant["apiVersion"].partition("/")[0]) else _OMITTED
    )
    by_path |= {
        path: FieldChange(path) for path in _removals(declared, everybodys, (), omitted)
    }
    return tuple(by_path[path] for path in sorted(by_path))


def _is_ours(entry: Fields) -> bool:
    """Whether the program wrote it: its plugin creates by a plain write, and applies from the first
    update on (pulumi-kubernetes, await.Creation)."""
    return str(entry["manager"]).startswith(_PROGRAM)


def _merged(fields: Fields, more: Fields) -> Fields:
    return {
        **fields,
        **{
            key: _merged(fields[key], below) if key in fields else below
            for key, below in more.items()
        },
    }


def _relevant(fields: Fields, kind: str) -> Fields:
    kept = {
        key: below
        for key, below in fields.get("f:metadata", {}).items()
        if key in _METADATA.get(kind, ())
    }
    rest = {key: below for key, below in fields.items() if key != "f:metadata"}
    return {**rest, "f:metadata": kept} if kept else rest


def _additions(
    theirs: Fields,
    ours: Fields,
    meant: Any,
    live: Any,
    entry: Fields,
    path: tuple[str, ...],
    whole: bool = False,
) -> Iterator[FieldChange]:
    """The fields of `theirs` that are not `ours`. `whole`: the program says all of what this is
    part of."""
    for key, below in theirs.items():
        if key == "." or key in _TWINS or key.startswith(_KUBECTL):
            continue
        at, declared, actual = (*path, key), _child(meant, key), _child(live, key)
        if key in ours:
            inside = whole or bool(path and path[-1] in _WHOLE)
            yield from _additions(below, ours[key], declared, actual, entry, at, inside)
        elif declared is None and (
            key in _MAPS or any(inner.startswith("k:") for inner in below)
        ):
            yield from _additions(below, {}, None, actual, entry, at)
        elif whole or declared is not None:
            yield FieldChange(_path_text(at), entry["manager"], entry.get("time"))
        elif at[0] == _UNREAD or actual not in (None, [], {}, _DEFAULTS.get(key)):
            yield FieldChange(
                _path_text(at), entry["manager"], entry.get("time"), _without(at)
            )


def _removals(
    meant: Any, fields: Fields, path: tuple[str, ...], omitted: frozenset[str]
) -> Iterator[str]:
    """The paths that the program declares and nobody owns: with an empty value it is as good as not
    declared, and so are those that are `omitted` where they say nothing."""
    for key, value in _entries(meant, fields):
        if value in ("", [], {}, None) or (key in omitted and not value):
            continue
        if key not in fields:
            yield _path_text((*path, key))
        elif fields[key]:
            yield from _removals(value, fields[key], (*path, key), omitted)


def _entries(meant: Any, fields: Fields) -> Iterator[tuple[str, Any]]:
    if isinstance(meant, Mapping):
        yield from ((f"f:{name}", value) for name, value in meant.items())
    elif isinstance(meant, Sequence) and not isinstance(meant, str):
        for place, item in enumerate(meant):
            yield (
                next((key for key in fields if _is_item(key, item)), f"i:{place}"),
                item,
            )


def _child(meant: Any, key: str) -> Any:
    if isinstance(meant, Mapping):
        return meant.get(key.removeprefix("f:"))
    return next((item for item in meant or () if _is_item(key, item)), None)


def _is_item(key: str, item: Any) -> bool:
    """Whether an item of a list is that of `k:{...}`. What an item does not say is the protocol of
    a port: TCP."""
    if not key.startswith("k:") or not isinstance(item, Mapping):
        return False
    return all(
        item.get(name, "TCP") == value for name, value in json.loads(key[2:]).items()
    )


def _path_text(path: Sequence[str]) -> str:
    def part(key: str) -> str:
        if key.startswith("k:"):
            return f"[{'/'.join(str(value) for value in json.loads(key[2:]).values())}]"
        return (
            f"[{key[2:]}]"
            if key.startswith(("i:", "v:"))
            else f".{key.removeprefix('f:')}"
        )

    return "".join(map(part, path)).removeprefix(".")


def _without(path: Sequence[str]) -> Fields:
    """The strategic merge patch that removes the field, or the item of a list, at `path`."""
    key, *rest = path
    if key.startswith("k:"):
        item: dict[str, Any] = json.loads(key[2:])
        return {**item, **(_below(rest) if rest else {"$patch": "delete"})}
    return {key.removeprefix("f:"): _below(rest) if rest else None}


def _below(path: Sequence[str]) -> Any:
    return [_without(path)] if path[0].startswith("k:") else _without(path)
