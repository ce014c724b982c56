"""Check names, labels, annotations and field spelling: other controllers and the engine read them.
Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from kong_oam.diagnostics import Findings
from kong_oam.oam.rendered import Inside, RenderedObject
from kong_oam.objects.component import JudgedComponent, Rules, dotted
from kong_oam.objects.known_keys import is_harmless_key, why_key_never
from kong_oam.objects.known_kinds import (
    INGRESSES,
    USUAL,
    is_of_kubernetes,
    is_unknown_kind,
)
from kong_oam.objects.pods import Located, Path, mapping
from kong_oam.objects.texts import Text, reading

_FIELDS = frozenset(
    {"annotations", "creationTimestamp", "labels", "name", "namespace"}
)
_TOP = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})
_MORE = {
    ("", "ConfigMap"): frozenset({"binaryData", "data", "immutable"}),
    ("", "Secret"): frozenset({"data", "immutable", "stringData", "type"}),
    ("", "ServiceAccount"): frozenset(
        {"automountServiceAccountToken", "imagePullSecrets", "secrets"}
    ),
}

_UNKNOWN = "controllers that read it may bypass access rules"

_METADATA = ("metadata", "commonMetadata")
# The key with which the engine marks its files, secrets and references.
_MARK = "4dabf18193072939515e22adb298388d"
_SNAKE = re.compile(r"[a-zA-Z0-9]*_[a-zA-Z0-9_]*\Z")
# A key with a domain, and its value, in a text.
_PAIR = re.compile(r"([\w.-]+/[\w./-]+)[\"']?\s*[=:]")
# Fields with keys that users choose.
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


def metadata_refused(
    component: JudgedComponent, rendered: RenderedObject, rules: Rules
) -> Findings:
    """Yield findings about an object's name, the spelling of its fields, its labels and its
    annotations."""
    kind = rendered.group_kind
    if kind in INGRESSES:
        return
    if not rendered.name:
        message = "metadata.name is missing; set it in the definition"
        yield component.refused("OAM105", rendered, message)
    yield from _fields_refused(component, rendered)
    if is_of_kubernetes(kind):
        for path in _misspelled(rendered.inside):
            message = (
                f"Kubernetes has no field {dotted(path)}; write capitals "
                "instead of underscores"
            )
            yield component.refused("OAM102", rendered, message)
    for path, fields in rendered.inside:
        if _MARK in fields:
            message = (
                f"{dotted(path) or 'it'} is marked as a file or secret of the "
                f"engine; remove '{_MARK}'"
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
    """Yield the keys of labels and annotations in the metadata of an object and its templates."""
    for path, holder in inside:
        if path and path[-1] in _METADATA:
            for field in ("labels", "annotations"):
                for key in mapping(holder.get(field)):
                    yield (*path, field), str(key)


def _keys_anywhere(rendered: RenderedObject) -> Located:
    """Yield possible keys of labels and annotations in an object of an unknown kind.

    They are below fields such as `podAnnotations`, except selectors. Values of charts are not
    checked.
    """
    if not is_unknown_kind(rendered):
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
    """Return what is wrong with a label or annotation key, with a remedy; empty if nothing is."""
    if reason := why_key_never(key):
        return f"{reason}; remove it"
    if is_harmless_key(key, rules.metadata):
        return ""
    return (
        f"{_UNKNOWN}; remove it, or declare it harmless in the stack: "
        f"cluster.metadata, {key}"
    )


def _fields_refused(
    component: JudgedComponent, rendered: RenderedObject
) -> Findings:
    kind = rendered.group_kind
    metadata = rendered.metadata
    unknown = [
        str(key)
        for key in metadata
        if key not in _FIELDS and metadata[key] not in (None, "", [], {})
    ]
    for key in sorted(unknown):
        message = (
            f"metadata.{key} controls owners or removal of the object; remove "
            "it"
        )
        yield component.refused("ACC228", rendered, message)
    known = _TOP | _MORE.get(kind, frozenset()) if kind in USUAL else None
    for key in sorted(map(str, rendered.object)):
        if key not in known if known else key.startswith("__"):
            message = f"{kind[1]} has no field '{key}'; remove it"
            yield component.refused("OAM102", rendered, message)


def _misspelled(inside: Inside) -> Iterator[Path]:
    """Yield fields in Python's spelling, such as `host_network`, which the engine's SDK may
    convert."""
    for path, fields in inside:
        snakes = _snakes(tuple(fields))
        if snakes and not _OF_USERS.intersection(path):
            for key in snakes:
                yield (*path, key)


@lru_cache(4096)
def _snakes(keys: tuple[object, ...]) -> tuple[str, ...]:
    """Return the keys with underscores. The cache helps, since many objects have the same keys."""
    return tuple(filter(_SNAKE.match, map(str, keys)))
