"""What is refused at any depth and under any field of an object that a controller reads as it likes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import JudgedComponent, dotted
from kong_oam.objects.foreign import is_foreign, is_read_freely
from kong_oam.objects.node import HOST, OF_NODE, ROOT, context_openings
from kong_oam.objects.pods import Path, mapping
from kong_oam.objects.texts import folded, label_refused, texts_in, texts_of

_FLAGS: Final = {**{folded(field): reason for field, reason in HOST.items()}, "privileged": ROOT}


def fields_refused(component: JudgedComponent, one: RenderedObject) -> Iterator[Diagnostic]:
    """Yields the fields by which pods that a controller makes of an object would leave their fence."""
    if is_foreign(one):
        for path, reason in _openings(one):
            yield component.refused("ACC226", one, f"{dotted(path)}: {reason}; take it out", path)
    if is_read_freely(one):
        yield from _labels_refused(component, one)


def _labels_refused(component: JudgedComponent, one: RenderedObject) -> Iterator[Diagnostic]:
    labels = mapping(one.object.get("metadata")).get("labels")
    for text in (*texts_of(one), *texts_in(labels, ("metadata", "labels"))):
        if message := label_refused(text, component):
            yield component.refused("ACC226", one, f"{dotted(text.path)} {message}", text.path)


def _openings(one: RenderedObject) -> Iterator[tuple[Path, str]]:
    for text in texts_of(one):
        if not text.is_key:
            continue
        field, value = folded(text.text), text.beside.get(text.text)
        reason = next((why for flag, why in _FLAGS.items() if field.removesuffix("enabled").endswith(flag)), "")
        if reason and _is_on(value) and not field.endswith("unprivileged"):
            yield text.path, reason
        elif "hostpath" in field and _is_path(value):
            yield text.path, OF_NODE
        elif field.endswith("securitycontext"):
            yield from context_openings(text.path, mapping(value))


def _is_on(value: Any) -> bool:
    """Whether a value switches a field on, in any spelling that a controller may take."""
    if isinstance(value, Mapping):
        return _is_on(value.get("enabled"))
    return str(value).lower() in ("true", "yes", "on", "1")


def _is_path(value: Any) -> bool:
    """Whether a value is a path, or says one. In a schema `path` is no text."""
    if isinstance(value, list | tuple):
        return any(map(_is_path, value))
    path = value if isinstance(value, str) else mapping(value).get("path")
    return isinstance(path, str) and path != ""
