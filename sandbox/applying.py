"""Server-side apply: merge the writes of several managers, and track which manager owns a field.

Follows Kubernetes' documentation. An apply owns the fields that it names and keeps fields of
others. It removes fields that it alone owned and no longer names. Changing a field of another
manager is a conflict; with force the field changes its owner. A plain update owns the fields that
it changes. Lists with a merge key are merged by it; every other list is a single field.

Not modelled: conversion between apiVersions, equal values in different spellings, times of writes.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.edges import Manifest

Path = tuple[Any, ...]
"""From the top: keys of maps, and of the items of merged lists their keys, as in `(("name",
"api"),)`."""
Owners = Mapping[Path, frozenset[str]]
Fields = Mapping[Path, Any]

_MERGED = {
    "containers": ("name",),
    "env": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ports": ("containerPort", "port", "protocol"),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
_WHOLE = frozenset(
    {"namespaceSelector", "podSelector", "selector"}
)  # maps that are one field
_FOUND_BY = ("apiVersion", "kind")
_FOUND_BY_NAME = (("metadata", "name"), ("metadata", "namespace"))
_NOBODY: frozenset[str] = frozenset()
_ABSENT = object()


class ConflictError(Exception):
    """Fields of an apply belong to other managers, with other values (the API server's 409
    Conflict)."""


class DuplicateItemError(Exception):
    """An apply has an item of a merged list twice (the API server's 500: duplicate entries for
    key)."""


@dataclass(frozen=True, slots=True)
class Managed:
    """An object without the server's additions, and the owners of its fields."""

    manifest: Manifest
    owners: Owners = field(default_factory=dict)

    def edited(
        self, manifest: Manifest, manager: str, before: Manifest | None = None
    ) -> "Managed":
        """Return the state after a plain update to `manifest`: the manager owns every value that
        differs from `given`."""
        old = _fields(before or self.manifest)
        new = _fields(manifest)
        changed = _changed(old, new)
        owners = {}
        for path in new:
            owners[path] = (
                frozenset({manager}) if path in changed else self._owners(path)
            )
        return Managed(manifest, owners)

    def applied(
        self, manifest: Manifest, manager: str, force: bool
    ) -> "Managed":
        """After an apply of `manifest`. Raises ConflictError, DuplicateItemError."""
        _require_each_once(manifest, manifest.get("kind", ""))
        old = _fields(self.manifest)
        new = _fields(manifest)
        changed = _changed(old, new)
        conflicts = {}
        for path in changed & old.keys():
            others = self._owners(path) - {manager}
            if others:
                conflicts[path] = others
        if conflicts and not force:
            raise ConflictError(_conflicts(conflicts, manifest["apiVersion"]))
        kept = dict(self._kept(old, new, manager))
        owners = {path: self._owners(path) - {manager} for path in kept}
        for path in new:
            # A changed value takes the field away from its other owners.
            others = _NOBODY if path in changed else self._owners(path)
            owners[path] = others | {manager}
        return Managed(_object(new | kept), owners)

    def _kept(
        self, old: Fields, new: Fields, manager: str
    ) -> Iterator[tuple[Path, Any]]:
        """Yield the old fields that an apply of `new` leaves: other managers own them."""
        parents: set[Path] = set()
        for path in new:
            parents.update(path[:depth] for depth in range(len(path)))
        for path, value in old.items():
            replaced = path in new or path in parents or _within(path, new)
            if not replaced and self._owners(path) != {manager}:
                yield path, value

    def listed(self, applies: str) -> list[Manifest]:
        """Return `metadata.managedFields`. The manager `applies` has operation Apply, all others
        have Update."""
        entries = []
        for manager in sorted(set().union(*self.owners.values())):
            owned = (
                path
                for path, owners in self.owners.items()
                if manager in owners
            )
            fields = _fields_v1(owned)
            if not fields:
                continue
            entry = {
                "manager": manager,
                "operation": "Apply" if manager == applies else "Update",
                "apiVersion": self.manifest["apiVersion"],
                "fieldsType": "FieldsV1",
                "fieldsV1": fields,
            }
            entries.append(entry)
        return entries

    def _owners(self, path: Path) -> frozenset[str]:
        return self.owners.get(path, _NOBODY)


def merged_by(field: str) -> tuple[str, ...]:
    """Return the keys of items of a list that Kubernetes merges; empty for other lists."""
    return _MERGED.get(field, ())


def _fields(value: Any, path: Path = ()) -> dict[Path, Any]:
    """Return the fields of an object: scalars, whole lists, maps, and empty maps."""
    last = path[-1] if path else None
    if isinstance(value, dict) and value and last not in _WHOLE:
        inner = {(*path, key): entry for key, entry in value.items()}
    elif isinstance(value, list) and value and last in _MERGED:
        inner = {(*path, _key(entry, _MERGED[last])): entry for entry in value}
    else:
        return {path: value}
    fields: dict[Path, Any] = {}
    for below, item in inner.items():
        fields |= _fields(item, below)
    return fields


def _changed(old: Fields, new: Fields) -> set[Path]:
    """Return the paths of `new` whose values differ from `old`."""
    return {
        path for path, value in new.items() if old.get(path, _ABSENT) != value
    }


def _key(item: Manifest, keys: tuple[str, ...]) -> Path:
    # A port without a protocol is one of TCP; other keys have no default.
    return tuple(
        (key, item.get(key, "TCP"))
        for key in keys
        if key in item or key == "protocol"
    )


def _fields_v1(paths: Iterable[Path]) -> Manifest:
    """Build `fieldsV1`: `f:NAME` for fields, `k:{...}` for items of lists, each with `.`, without
    the object's own key."""
    tree: Manifest = {}
    for path in paths:
        if path[0] in _FOUND_BY or path[:2] in _FOUND_BY_NAME:
            continue
        node = tree
        for key in path:
            if isinstance(key, str):
                node = node.setdefault(f"f:{key}", {})
            else:
                node = node.setdefault(
                    f"k:{json.dumps(dict(key), separators=(',', ':'))}",
                    {".": {}},
                )
    return tree


def _object(fields: Mapping[Path, Any]) -> Manifest:
    tree: Manifest = {}
    for path, value in fields.items():
        node = tree
        for key in path[:-1]:
            node = node.setdefault(key, {})
        node[path[-1]] = value
    listed: Manifest = _with_lists(tree)
    return listed


def _with_lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if any(isinstance(key, tuple) for key in node):
        return [_with_lists(item) for item in node.values()]
    return {key: _with_lists(item) for key, item in node.items()}


def _require_each_once(value: Any, place: str, last: str = "") -> None:
    """Reject duplicate items as kube-apiserver 1.35.4 does; a plain create accepts them."""
    if isinstance(value, list):
        keys = (
            [_key(entry, _MERGED[last]) for entry in value]
            if last in _MERGED
            else []
        )
        for key in keys:
            if keys.count(key) > 1:
                raise DuplicateItemError(
                    f"failed to create typed patch object: {place}: duplicate entries for key "
                    f"{_spelt((key,))}"
                )
        for number, item in enumerate(value):
            _require_each_once(item, f"{place}.{number}")
    elif isinstance(value, dict):
        for name, item in value.items():
            _require_each_once(item, f"{place}.{name}", name)


def _within(path: Path, fields: Mapping[Path, Any]) -> bool:
    return any(path[:depth] in fields for depth in range(1, len(path)))


def _conflicts(theirs: Mapping[Path, frozenset[str]], version: str) -> str:
    """Return the API server's words about the first manager in the order of names."""
    count = f"{len(theirs)} conflict{'s' if len(theirs) > 1 else ''}"
    conflicts = [
        f'conflict with "{min(who)}" using {version}: {_spelt(path)}'
        for path, who in sorted(theirs.items(), key=str)
    ]
    return f"Apply failed with {count}: {'; '.join(conflicts)}"


def _spelt(path: Path) -> str:
    text = ""
    for key in path:
        if isinstance(key, str):
            text += f".{key}"
        else:
            pairs = (f"{name}={value!r}" for name, value in key)
            text += f"[{','.join(pairs)}]"
    return text.replace("'", '"')
