"""Objects of kinds that nobody here knows, and the objects that stand in them. Pure.

A controller reads such an object as it likes. So whatever is refused in it is refused at any depth
and under any field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import JudgedComponent, dotted
from kong_oam.objects.controllers import RELEASE, is_controlled
from kong_oam.objects.kinds import ROLES, USUAL
from kong_oam.objects.pods import mapping
from kong_oam.objects.texts import reading


def is_foreign(one: RenderedObject) -> bool:
    """Whether an object is of a kind that nobody here knows: what its fields do, its controller
    says."""
    kind = one.group_kind
    return kind not in USUAL and kind not in ROLES and kind != RELEASE


def is_read_freely(one: RenderedObject) -> bool:
    """Whether any text in an object may name something to a controller: in a foreign one, or in
    what a chart, a repository or a module is told."""
    return is_foreign(one) or is_controlled(one)


def inner_objects(one: RenderedObject) -> tuple[RenderedObject, ...]:
    """The objects that stand in a foreign object, at any depth: its controller may make them.

    What has `apiVersion` and `kind` and else texts and numbers alone only refers to an object.
    """
    found: tuple[RenderedObject, ...] | None = one.known.get("within")
    if found is None:
        found = one.known["within"] = (
            _inner_objects(one) if is_foreign(one) and not one.nested else ()
        )
    return found


def unread_refused(
    component: JudgedComponent, one: RenderedObject
) -> Iterator[Diagnostic]:
    """Yields the texts of a foreign object that say an object which nobody here can judge: readers
    differ in what a template, a repeated key or a tag makes of it."""
    for text in reading(one).texts if is_foreign(one) else ():
        if text.says_object:
            message = (
                f"{dotted(text.place)} says apiVersion and kind, and is no YAML that every reader "
                "reads alike, so nobody here can judge the object; write it as plain YAML, "
                "without templates"
            )
            yield component.refused("ACC224", one, message, text.place)


def with_inner_objects(objects: Iterable[RenderedObject]) -> list[RenderedObject]:
    """Objects, each with those that stand in it behind it."""
    return [each for one in objects for each in (one, *inner_objects(one))]


def _inner_objects(one: RenderedObject) -> tuple[RenderedObject, ...]:
    found = []
    for path, holder in reading(one).inside:
        names_kind = isinstance(holder.get("apiVersion"), str) and isinstance(
            holder.get("kind"), str
        )
        if (
            path
            and names_kind
            and any(isinstance(value, dict | list) for value in holder.values())
        ):
            metadata = {"namespace": one.namespace, **mapping(holder.get("metadata"))}
            inner = {**holder, "metadata": metadata}
            found.append(
                RenderedObject(
                    inner,
                    one.trait,
                    one.key,
                    one.place,
                    defined=one.defined,
                    nested=True,
                )
            )
    return tuple(found)
