"""Check the objects of components: they must not bypass access rules. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kong_oam.diagnostics import Diagnostics, Findings
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.awaited import awaited_refused
from kong_oam.objects.component import JudgedComponent, Rules
from kong_oam.objects.component_pods import component_pods
from kong_oam.objects.duplicates import duplicates
from kong_oam.objects.identity import identities, identities_refused
from kong_oam.objects.kinds import (
    kind_refused,
    namespaces_refused,
    patches_refused,
)
from kong_oam.objects.metadata import metadata_refused
from kong_oam.objects.node import pods_refused
from kong_oam.objects.ownership_options import ownership_options_refused
from kong_oam.objects.pod_labels import pod_labels_refused
from kong_oam.objects.rights import rights_refused
from kong_oam.objects.service_checks import (
    labels_refused,
    selections_refused,
    services_refused,
)
from kong_oam.objects.shapes import shapes_refused
from kong_oam.objects.texts import (
    inner_objects,
    unread_refused,
    with_inner_objects,
)

Alone = Callable[[JudgedComponent, Rules], Diagnostics]


def refused_alone(component: JudgedComponent, rules: Rules) -> Diagnostics:
    """Return the findings about a component's objects that need no other component."""
    found = []
    for rendered in _judged(component):
        if wrong := kind_refused(component, rendered, rules):
            found.append(wrong)
            continue
        of_object = [
            *_placed_refused(component, rendered, rules),
            *shapes_refused(component, rendered),
            *metadata_refused(component, rendered, rules),
            *pods_refused(component, rendered, rules),
            *labels_refused(component, rendered),
            *ownership_options_refused(component, rendered),
            *awaited_refused(component, rendered),
            *unread_refused(component, rendered),
        ]
        for inner in inner_objects(rendered):
            if wrong := kind_refused(component, inner, rules):
                of_object.append(wrong)
            else:
                of_object += _placed_refused(component, inner, rules)
        found += dict.fromkeys(of_object)
    found += rights_refused(component, rules)
    return tuple(found)


def _judged(component: JudgedComponent) -> list[RenderedObject]:
    return [rendered for rendered in component.objects if not rendered.inert]


def _placed_refused(
    component: JudgedComponent, rendered: RenderedObject, rules: Rules
) -> Findings:
    """Yield findings about an object itself, which may be part of another object."""
    yield from namespaces_refused(
        component, rendered, rules, pods=bool(component_pods(rendered))
    )
    yield from patches_refused(component, rendered)
    yield from services_refused(component, rendered, rules)


def judge(
    components: Sequence[JudgedComponent],
    rules: Rules,
    alone: Alone = refused_alone,
) -> Findings:
    """Yield the findings about the objects of a stack's components, each once.

    Components without objects take part: their identities are protected, and names may collide with
    theirs. `alone` may cache the results of `refused_alone`.
    """
    known = identities(components)
    for component in components:
        objects = with_inner_objects(_judged(component))
        if objects:
            yield from alone(component, rules)
        for rendered in objects:
            found = dict.fromkeys(
                identities_refused(component, rendered, known)
            )
            if found and not kind_refused(component, rendered, rules):
                yield from found
    yield from selections_refused(components)
    yield from pod_labels_refused(
        components, rules.operator_labels, known.sources
    )
    yield from duplicates(components)
