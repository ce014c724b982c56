"""Names, labels, annotations and how fields are spelled: what others in the cluster obey, and the
engine. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from kong_oam.diagnostics import Findings
from kong_oam.oam.rendered import GroupKind, Inside, RenderedObject
from kong_oam.objects.component import JudgedComponent, Rules, dotted
from kong_oam.objects.known_keys import always_obeyed, opens_nothing
from kong_oam.objects.known_kinds import (
    INGRESSES,
    USUAL,
    is_foreign,
    is_of_kubernetes,
)
from kong_oam.objects.pods import Located, Path, mapping
from kong_oam.objects.texts import Text, reading

_FIELDS = frozenset(
    {"annotations", "creationTimestamp", "labels", "name", "namespace"}
)
_TOP = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})
_MORE: Mapping[GroupKind, frozenset[str]] = {
    ("", "ConfigMap"): frozenset({"binaryData", "data", "immutable"}),
    ("", "Secret"): frozenset({"data", "immutable", "stringData", "type"}),
    ("", "ServiceAccount"): frozenset(
        {"automountServiceAccountToken", "imagePullSecrets", "secrets"}
    ),
}

_UNKNOWN = "nobody here knows who obeys it, and what that opens"

_METADATA = ("metadata", "commonMetadata")
_MARK = "4dabf18193072939515e22adb298388d"
"""The key by which the engine knows files, secrets and references of its own among values."""
_SNAKE = re.compile(r"[a-zA-Z0-9]*_[a-zA-Z0-9_]*\Z")
_PAIR = re.compile(r"([\w.-]+/[\w./-]+)[\"']?\s*[=:]")
"""Where a text says a key with a domain, and a value."""
_OF_USERS = frozenset(
    {
        "annotations",
        "binaryData",
        "capacity",
        "data",
        "labels",
        "limits",
        "matchLabels",
        "nodeSelector",
        "options",
        "overhead",
        "parameters",
        "requests",
        "selector",
        "status",
        "stringData",
        "volumeAttributes",
    }
)
"""Fields whose keys users choose."""


def metadata_refused(
    component: JudgedComponent, rendered: RenderedObject, rules: Rules
) -> Findings:
    """Yield what is wrong about an object's name, the spelling of its fields, its labels and
    annotations."""
    kind = rendered.group_kind
    if kind in INGRESSES:
        return
    if not rendered.name:
        message = "it has no metadata.name; the definition has to give it one"
        yield component.refused("OAM105", rendered, message)
    yield from _fields_refused(component, rendered)
    if is_of_kubernetes(kind):
        for path in _misspelled(rendered.inside):
            message = (
                f"Kubernetes has no field {dotted(path)}; write it with capitals in place of "
                "underscores"
            )
            yield component.refused("OAM102", rendered, message)
    for path, fields in rendered.inside:
        if _MARK in fields:
            message = (
                f"{dotted(path) or 'it'} is marked as a file or a secret of the engine's; take "
                f"'{_MARK}' out"
            )
            yield component.refused("ACC228", rendered, message, (*path, _MARK))
    for path, key in (
        *_keys_of_objects(rendered.inside),
        *_keys_anywhere(rendered),
    ):
        if wrong := _key_refused(key, rules):
            message = f"'{key}' in {dotted(path)}: {wrong}"
            yield component.refused("ACC228", rendered, message, (*path, key))


def _keys_of_objects(inside: Inside) -> Located:
    """Yield the keys of labels and annotations in the metadata of an object, and of what a
    controller makes of it."""
    for path, holder in inside:
        if path and path[-1] in _METADATA:
            for field in ("labels", "annotations"):
                for key in mapping(holder.get(field)):
                    yield (*path, field), str(key)


def _keys_anywhere(rendered: RenderedObject) -> Located:
    """Yield what may be keys of labels and annotations in a kind that nobody here knows: all
    below a field that is called so (`podAnnotations`), but for selectors. Values of charts are
    the charts'."""
    if not is_foreign(rendered):
        return
    for text in reading(rendered).texts:
        for key in _keys_in(text):
            yield text.path[:-1], key


def _keys_in(text: Text) -> Sequence[str]:
    *above, last = text.path
    is_below = any(map(_holds_keys, above))
    is_in_list = bool(above) and above[-1].isdecimal()
    if text.is_key or (is_in_list and last in ("key", "name")):
        return [text.text] if is_below else []
    holds_keys = _holds_keys(last) or (is_below and last.isdecimal())
    if text.is_read or not holds_keys:
        return []
    return _PAIR.findall(text.unescaped)


@lru_cache(4096)
def _holds_keys(field: str) -> bool:
    folded = field.lower()
    return (
        folded.endswith(("labels", "annotations")) and folded != "matchlabels"
    )


def _key_refused(key: str, rules: Rules) -> str:
    """Return what is wrong with the key of a label or an annotation, and what to do; empty where
    nothing is."""
    if reason := always_obeyed(key):
        return f"{reason}; take it out"
    if opens_nothing(key, rules.metadata):
        return ""
    return (
        f"{_UNKNOWN}; take it out, or have the stack say that it opens nothing: "
        f"cluster.metadata, {key}"
    )


def _fields_refused(
    component: JudgedComponent, rendered: RenderedObject
) -> Findings:
    kind = rendered.group_kind
    metadata = mapping(rendered.object.get("metadata"))
    unknown = [
        str(key)
        for key in metadata
        if key not in _FIELDS and metadata[key] not in (None, "", [], {})
    ]
    for key in sorted(unknown):
        message = f"metadata.{key} says who else handles the object, or how it is removed; take it out"
        yield component.refused("ACC228", rendered, message)
    known = _TOP | _MORE.get(kind, frozenset()) if kind in USUAL else None
    for key in sorted(map(str, rendered.object)):
        if key not in known if known else key.startswith("__"):
            message = f"{kind[1]} has no field '{key}'; take it out"
            yield component.refused("OAM102", rendered, message)


def _misspelled(inside: Inside) -> Iterator[Path]:
    """Yield fields in the spelling of Python, which the engine's SDK may take for Kubernetes' own:
    `host_network`."""
    for path, fields in inside:
        snakes = _snakes(tuple(fields))
        if snakes and not _OF_USERS.intersection(path):
            for key in snakes:
                yield (*path, key)


@lru_cache(4096)
def _snakes(keys: tuple[object, ...]) -> tuple[str, ...]:
    """Return those of the keys of a mapping with underscores. Of many objects most have the same
    keys."""
    return tuple(filter(_SNAKE.match, map(str, keys)))
