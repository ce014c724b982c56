"""Names, labels, annotations and how fields are spelled: what others in the cluster obey, and the
engine. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.rendered import Inside, RenderedObject
from kong_oam.objects.component import JudgedComponent, Rules, dotted
from kong_oam.objects.known_keys import always_obeyed, opens_nothing
from kong_oam.objects.known_kinds import INGRESSES, USUAL, is_foreign, is_of_kubernetes
from kong_oam.objects.pods import Path, mapping
from kong_oam.objects.texts import reading

_FIELDS = frozenset({"annotations", "creationTimestamp", "labels", "name", "namespace"})
_TOP = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})
_MORE: Mapping[tuple[str, str], frozenset[str]] = {
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
    component: JudgedComponent, one: RenderedObject, rules: Rules
) -> Iterator[Diagnostic]:
    """Yields what is wrong about an object's name, the spelling of its fields, its labels and
    annotations."""
    kind, inside = one.group_kind, one.inside
    if kind in INGRESSES:
        return
    if not one.name:
        yield component.refused(
            "OAM105", one, "it has no metadata.name; the definition has to give it one"
        )
    yield from _fields_refused(component, one, kind)
    if is_of_kubernetes(kind):
        for path in _misspelled(inside):
            message = (
                f"Kubernetes has no field {dotted(path)}; write it with capitals in place of "
                "underscores"
            )
            yield component.refused("OAM102", one, message)
    for path in (path for path, fields in inside if _MARK in fields):
        message = (
            f"{dotted(path) or 'it'} is marked as a file or a secret of the engine's; take "
            f"'{_MARK}' out"
        )
        yield component.refused("ACC228", one, message, (*path, _MARK))
    for at, key in (*_keys_of_objects(inside), *_keys_anywhere(one)):
        if wrong := _key_refused(key, rules):
            yield component.refused(
                "ACC228", one, f"'{key}' in {dotted(at)}: {wrong}", (*at, key)
            )


def _keys_of_objects(inside: Inside) -> Iterator[tuple[Path, str]]:
    """Yields the keys of labels and annotations in the metadata of an object, and of what a
    controller makes of it."""
    for path, holder in inside:
        for field in (
            ("labels", "annotations") if path and path[-1] in _METADATA else ()
        ):
            yield from (
                ((*path, field), str(key)) for key in mapping(holder.get(field))
            )


def _keys_anywhere(one: RenderedObject) -> Iterator[tuple[Path, str]]:
    """Yields what may be keys of labels and annotations in a kind that nobody here knows: all
    below a field that is called so (`podAnnotations`), but for selectors. Values of charts are
    the charts'."""
    for text in reading(one).texts if is_foreign(one) else ():
        *above, last = text.path
        is_below = any(map(_holds_keys, above))
        is_in_list = above[-1:] != [] and above[-1].isdecimal()
        keys: list[str] = []
        if text.is_key or (is_in_list and last in ("key", "name")):
            keys = [text.text] if is_below else []
        elif not text.is_read and (
            _holds_keys(last) or (is_below and last.isdecimal())
        ):
            keys = _PAIR.findall(text.unescaped)
        for key in keys:
            yield tuple(above), key


@lru_cache(4096)
def _holds_keys(field: str) -> bool:
    folded = field.lower()
    return folded.endswith(("labels", "annotations")) and folded != "matchlabels"


def _key_refused(key: str, rules: Rules) -> str:
    """What is wrong with the key of a label or an annotation, and what to do; empty where nothing
    is."""
    if reason := always_obeyed(key):
        return f"{reason}; take it out"
    if opens_nothing(key, rules.metadata):
        return ""
    return (
        f"{_UNKNOWN}; take it out, or have the stack say that it opens nothing: "
        f"cluster.metadata, {key}"
    )


def _fields_refused(
    component: JudgedComponent, one: RenderedObject, kind: tuple[str, str]
) -> Iterator[Diagnostic]:
    metadata = mapping(one.object.get("metadata"))
    for key in sorted(
        str(key)
        for key in metadata
        if key not in _FIELDS and metadata[key] not in (None, "", [], {})
    ):
        message = f"metadata.{key} says who else handles the object, or how it is removed; take it out"
        yield component.refused("ACC228", one, message)
    known = _TOP | _MORE.get(kind, frozenset()) if kind in USUAL else None
    for key in sorted(map(str, one.object)):
        if key not in known if known else key.startswith("__"):
            yield component.refused(
                "OAM102", one, f"{kind[1]} has no field '{key}'; take it out"
            )


def _misspelled(inside: Inside) -> Iterator[Path]:
    """Yields fields in the spelling of Python, which the engine's SDK may take for Kubernetes' own:
    `host_network`."""
    for path, fields in inside:
        if (snakes := _snakes(tuple(fields))) and not _OF_USERS.intersection(path):
            yield from ((*path, key) for key in snakes)


@lru_cache(4096)
def _snakes(keys: tuple[object, ...]) -> tuple[str, ...]:
    """Those of the keys of a mapping with underscores. Of many objects most have the same keys."""
    return tuple(key for key in map(str, keys) if _SNAKE.match(key))
