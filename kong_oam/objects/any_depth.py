"""What is refused at any depth and under any field of an object that a controller reads as it likes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import JudgedComponent, Rules, dotted
from kong_oam.objects.foreign import is_foreign, is_read_freely
from kong_oam.objects.node import (
    AT_NODE,
    HOST,
    OF_NODE,
    ROOT,
    asked_hosts,
    cluster_openings,
    context_openings,
)
from kong_oam.objects.pods import Path, mapping
from kong_oam.objects.texts import folded, label_refused, reading, texts_in

_FLAGS: Final = {**{folded(field): reason for field, reason in HOST.items()}, "privileged": ROOT}
_RUN_BY_NODE: Final = ("flexVolume", "gitRepo")
"""Volumes for which the node runs something."""


def fields_refused(component: JudgedComponent, one: RenderedObject, rules: Rules) -> Iterator[Diagnostic]:
    """Yields the fields by which pods that a controller makes of an object would leave their fence."""
    if is_foreign(one):
        for path, holder in reading(one).inside:
            for at, reason in _openings(path, holder):
                yield component.refused("ACC226", one, f"{dotted(at)}: {reason}; take it out", at)
            for at, reason in (*asked_hosts(path, holder), *cluster_openings(path, holder, rules.allowed)):
                yield component.refused("ACC226", one, f"{dotted(at)}: {reason}", at)
    if is_read_freely(one):
        yield from _labels_refused(component, one)


def _labels_refused(component: JudgedComponent, one: RenderedObject) -> Iterator[Diagnostic]:
    labels = mapping(one.object.get("metadata")).get("labels")
    for text in (*reading(one).texts, *texts_in(labels, ("metadata", "labels"))):
        if message := label_refused(text, component):
            yield component.refused("ACC226", one, f"{dotted(text.place)} {message}", text.place)


def _openings(path: Path, holder: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    for key, value in holder.items():
        at, field = (*path, str(key)), folded(str(key))
        reason = next((why for flag, why in _FLAGS.items() if field.removesuffix("enabled").endswith(flag)), "")
        if reason and _is_on(value) and not field.endswith("unprivileged"):
            yield at, reason
        elif ("hostpath" in field and _is_path(value)) or (key in _RUN_BY_NODE and isinstance(value, Mapping)):
            yield at, OF_NODE
        elif field.endswith("hostport") and str(value).isdecimal() and int(value):
            yield at, AT_NODE
        elif field.endswith("securitycontext"):
            yield from context_openings(at, mapping(value))


def _is_on(value: Any) -> bool:
    """Whether a value switches a field on, in any spelling that a controller may take."""
    if isinstance(value, Mapping):
        return _is_on(value.get("enabled"))
    return str(value).lower() in ("true", "yes", "on", "1")


def _is_path(value: Any) -> bool:
    """Whether a value is a path, or says one. In a schema `path` is no text."""
    if isinstance(value, list | tuple):
        return any(map(_is_path, value))
    if isinstance(value, Mapping):
        texts = (item for key, item in value.items() if key == "path" or not isinstance(item, str) or item[:1] == "/")
        return any(map(_is_path, texts))
    return isinstance(value, str) and value != ""
