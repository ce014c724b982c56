"""What is made of a component at one place, whichever source renders it: its objects, and its
routes. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.model import Application, Component
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.gateway_traits import gateway_routes
from kong_oam.objects.plain import plain_objects, wrong_properties
from kong_oam.objects.routes import Route, ingress_routes


@dataclass(frozen=True, slots=True)
class Made:
    """What a source makes of a component: its objects, its routes, and what is wrong with
    either."""

    objects: tuple[RenderedObject, ...]
    routes: tuple[Route | Diagnostic, ...]
    wrong: tuple[Diagnostic, ...] = ()


def objects_of(application: Application, part: Component) -> tuple[RenderedObject, ...]:
    """The objects of a component in the namespace of `application`: of a plain component by its
    properties, of any other as definitions rendered it."""
    return plain_objects(application, part) if part.rendered is None else part.rendered


def made_of(
    application: Application, part: Component, harmless: Collection[str]
) -> Made:
    """What is made of a component in the namespace of `application`. Here alone the source matters.

    `harmless`: keys and domains of annotations that the stack says open nothing.
    """
    objects = objects_of(application, part)
    if part.rendered is None:
        return Made(
            objects,
            tuple(gateway_routes(part, harmless)),
            tuple(wrong_properties(application, part)),
        )
    return Made(objects, tuple(ingress_routes(application, part, harmless)))
