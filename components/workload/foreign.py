"""What somebody else added to a Kubernetes object: an apply leaves it alone, and a refresh does not compare it.

Pure. Looked at is what the pods run with and what lets somebody in: items of lists, keys of maps, and fields that have
no default. All else that an object has beside what the program says is a default.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# What tells the items of a list apart, as the API server merges them; other lists are compared place by place.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "env": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ports": ("containerPort", "port", "protocol"),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
_MAPS = frozenset({"annotations", "data", "labels", "matchLabels", "nodeSelector"})
_FIELDS = frozenset(
    {
        *("args", "command", "envFrom", "externalIPs", "externalName", "from", "hostIPC", "hostNetwork", "hostPID"),
        *("ingress", "lifecycle", "securityContext", "shareProcessNamespace", "tolerations"),
    }
)
_SPELLINGS = {one.lower(): one for one in (*_KEYS, *_MAPS, *_FIELDS, *(key for keys in _KEYS.values() for key in keys))}
_KUBECTL = "kubectl.kubernetes.io/"  # annotations of `kubectl rollout restart`, say


def foreign(live: Mapping[str, Any], meant: Mapping[str, Any]) -> tuple[str, ...]:
    """The paths at which `live` has more than `meant`, in the order of names.

    Both may spell fields as Kubernetes does or as Pulumi's Python SDK does.
    """
    return tuple(sorted(_more(_spelt(live), _spelt(meant))))


def _spelt(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        if key in _MAPS:
            return {name: one for name, one in value.items() if not name.startswith(_KUBECTL)}
        bare = {name.replace("_", "").lower(): one for name, one in value.items()}
        return {(name := _SPELLINGS.get(one, one)): _spelt(inner, name) for one, inner in bare.items()}
    if isinstance(value, float):  # as the SDK has every number that comes back
        return int(value)
    return [_spelt(one) for one in value] if _is_list(value) else value


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _more(live: Any, meant: Any, path: str = "", key: str = "") -> Iterator[str]:
    if isinstance(live, Mapping) and isinstance(meant, Mapping):
        for name, value in live.items():
            below = f"{path}.{name}".removeprefix(".")
            if name in meant or name in _MAPS:
                yield from _more(value, meant.get(name, {}), below, name)
            elif value and (key in _MAPS or name in _KEYS or name in _FIELDS):
                yield below
    elif _is_list(live) and _is_list(meant):
        known = dict(_named(meant, key))
        for name, item in _named(live, key):
            if name in known:
                yield from _more(item, known[name], f"{path}[{name}]")
            else:
                yield f"{path}[{name}]"


def _named(items: Sequence[Any], key: str) -> Iterator[tuple[str, Any]]:
    for place, item in enumerate(items):
        names = [str(item.get(one, "TCP")) for one in _KEYS.get(key, ()) if one in item or one == "protocol"]
        yield "/".join(names) or str(place), item
