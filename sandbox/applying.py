"""Server-side apply: what an object is when several managers write to it, and which fields each of
them owns.

As Kubernetes documents it: an apply owns the fields that it names, leaves what others added, and
takes back what it alone owned and names no more. A field that it would change and that another
manager owns is a conflict; with force it is taken over. A plain update owns what it changes. Lists
that Kubernetes merges by a key are merged by it, all others are one field. Not modelled:
apiVersions in between, values that mean the same, when something was written.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]
Path = tuple[Any, ...]
"""From the top: keys of maps, and of the items of merged lists their keys, as in `(("name",
"api"),)`."""
Owners = Mapping[Path, frozenset[str]]

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
    """An item of a merged list stands twice in an apply (the API server's 500: duplicate entries
    for key)."""


@dataclass(frozen=True, slots=True)
class Managed:
    """An object, without what the server adds, and who owns which of its fields."""

    manifest: Object
    owners: Owners = field(default_factory=dict)

    def edited(
        self, manifest: Object, manager: str, given: Object | None = None
    ) -> "Managed":
        """After a plain update to `manifest`: the manager owns what is not as it was `given` it."""
        old, new = _fields(given or self.manifest), _fields(manifest)
        owners = {
            path: self._owners(path)
            if old.get(path, _ABSENT) == value
            else frozenset({manager})
            for path, value in new.items()
        }
        return Managed(manifest, owners)

    def applied(self, manifest: Object, manager: str, force: bool) -> "Managed":
        """After an apply of `manifest`. Raises ConflictError, DuplicateItemError."""
        _require_each_once(manifest, manifest.get("kind", ""))
        old, new = _fields(self.manifest), _fields(manifest)
        changed = {
            path for path, value in new.items() if old.get(path, _ABSENT) != value
        }
        theirs = {
            path: who
            for path in changed & old.keys()
            if (who := self._owners(path) - {manager})
        }
        if theirs and not force:
            raise ConflictError(_conflicts(theirs, manifest["apiVersion"]))
        parents = {path[:depth] for path in new for depth in range(len(path))}
        kept = {
            path: value
            for path, value in old.items()
            if self._owners(path) != {manager}
            and path not in parents
            and not _within(path, new)
        }
        owners = {path: self._owners(path) - {manager} for path in kept}
        owners |= {
            path: (_NOBODY if path in changed else self._owners(path)) | {manager}
            for path in new
        }
        return Managed(
            _object(
                new | {path: value for path, value in kept.items() if path not in new}
            ),
            owners,
        )

    def listed(self, applies: str) -> list[Object]:
        """`metadata.managedFields`; the manager `applies` is the one that applies, all others
        update."""
        managers = sorted(set().union(*self.owners.values()))
        owned = {
            who: [path for path, owners in self.owners.items() if who in owners]
            for who in managers
        }
        return [
            {
                "manager": who,
                "operation": "Apply" if who == applies else "Update",
                "apiVersion": self.manifest["apiVersion"],
                "fieldsType": "FieldsV1",
                "fieldsV1": fields,
            }
            for who, paths in owned.items()
            if (fields := _fields_v1(paths))
        ]

    def _owners(self, path: Path) -> frozenset[str]:
        return self.owners.get(path, _NOBODY)


def merged_by(field: str) -> tuple[str, ...]:
    """The keys that tell apart the items of a list that Kubernetes merges; none where it takes the
    list as a whole."""
    return _MERGED.get(field, ())


def _fields(value: Any, path: Path = ()) -> dict[Path, Any]:
    """The fields of an object with their values: scalars, whole lists and maps, and empty ones."""
    last = path[-1] if path else None
    if isinstance(value, dict) and value and last not in _WHOLE:
        inner = {(*path, key): one for key, one in value.items()}
    elif isinstance(value, list) and value and last in _MERGED:
        inner = {(*path, _key(one, _MERGED[last])): one for one in value}
    else:
        return {path: value}
    return {
        leaf: found
        for below, one in inner.items()
        for leaf, found in _fields(one, below).items()
    }


def _key(item: Object, keys: tuple[str, ...]) -> Path:
    # A port without a protocol is one of TCP; other keys have no default.
    return tuple(
        (key, item.get(key, "TCP")) for key in keys if key in item or key == "protocol"
    )


def _fields_v1(paths: Iterable[Path]) -> Object:
    """Below `f:NAME` fields, below `k:{...}` items of lists, each with `.`; not what an object is
    found by."""
    tree: Object = {}
    for path in paths:
        if path[0] in _FOUND_BY or path[:2] in _FOUND_BY_NAME:
            continue
        node = tree
        for key in path:
            if isinstance(key, str):
                node = node.setdefault(f"f:{key}", {})
            else:
                node = node.setdefault(
                    f"k:{json.dumps(dict(key), separators=(',', ':'))}", {".": {}}
                )
    return tree


def _object(fields: Mapping[Path, Any]) -> Object:
    tree: Object = {}
    for path, value in fields.items():
        node = tree
        for key in path[:-1]:
            node = node.setdefault(key, {})
        node[path[-1]] = value
    listed: Object = _with_lists(tree)
    return listed


def _with_lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if any(isinstance(key, tuple) for key in node):
        return [_with_lists(one) for one in node.values()]
    return {key: _with_lists(one) for key, one in node.items()}


def _require_each_once(value: Any, place: str, last: str = "") -> None:
    """As kube-apiserver 1.35.4 answers; a creation that is no apply takes what is repeated."""
    if isinstance(value, list):
        keys = [_key(one, _MERGED[last]) for one in value] if last in _MERGED else []
        if repeated := [key for key in keys if keys.count(key) > 1]:
            raise DuplicateItemError(
                f"failed to create typed patch object: {place}: duplicate entries for key "
                f"{_spelt((repeated[0],))}"
            )
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, one in inner:
        _require_each_once(one, f"{place}.{key}", key if isinstance(key, str) else "")


def _within(path: Path, fields: Mapping[Path, Any]) -> bool:
    return any(path[:depth] in fields for depth in range(1, len(path)))


def _conflicts(theirs: Mapping[Path, frozenset[str]], version: str) -> str:
    """As the API server says it, of the first manager in the order of names."""
    count = f"{len(theirs)} conflict{'s' if len(theirs) > 1 else ''}"
    said = [
        f'conflict with "{min(who)}" using {version}: {_spelt(path)}'
        for path, who in sorted(theirs.items(), key=str)
    ]
    return f"Apply failed with {count}: {'; '.join(said)}"


def _spelt(path: Path) -> str:
    return "".join(
        f".{key}"
        if isinstance(key, str)
        else f"[{','.join(f'{name}={value!r}' for name, value in key)}]"
        for key in path
    ).replace("'", '"')
