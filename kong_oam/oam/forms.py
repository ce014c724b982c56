"""Forms: a component that steps of a workflow deploy with other overrides, each in places of its
own. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.model import Application, Component, Deploy, Form, Placement


@dataclass
class Deployed:
    """What acts of deploying make of one component: its forms, each with the first act that makes
    it so, and where."""

    forms: list[tuple[Component, Deploy]] = field(default_factory=list)
    places: dict[Placement, None] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    def add(self, component: Component, act: Deploy) -> None:
        """One act more."""
        number = self._number(component)
        if number == len(self.forms):
            self.forms.append((component, act))
        self.places.update(
            dict.fromkeys(replace(one, form=number) for one in act.placements)
        )

    def _number(self, component: Component) -> int:
        if self.forms and component is self.forms[0][0]:  # most acts change nothing
            return 0
        traits = [(one.type, one.properties) for one in component.traits]
        meaning = json.dumps(
            [component.type, component.properties, traits], sort_keys=True
        )
        return self._numbers.setdefault(meaning, len(self._numbers))

    def component(self) -> Component:
        """The component, as it is where it is deployed first: in the stack's own cluster before all
        others."""
        places = tuple(sorted(self.places, key=lambda one: one.cluster is not None))
        if len(self.forms) == 1:
            return replace(
                self.forms[0][0], placements=() if places == (Placement(),) else places
            )
        order = [*dict.fromkeys(one.form for one in places)]
        forms = [self.forms[number] for number in order]
        return replace(
            forms[0][0],
            placements=tuple(
                replace(one, form=order.index(one.form)) for one in places
            ),
            forms=tuple(_form(component, act) for component, act in forms),
            # One way of making it, so that forms compare.
            plain=all(component.plain for component, _ in forms),
        )

    def wrong(self) -> Iterator[Diagnostic]:
        """Yields forms of another type: nothing that is known of one would be known of the
        other."""
        first, act = self.forms[0]
        for component, other in self.forms[1:]:
            if component.type != first.type:
                message = (
                    f"component '{component.name}' is of type '{first.type}' by "
                    f"{_form(first, act).said}, and of type '{component.type}' by "
                    f"{_form(component, other).said}; in forms properties and traits differ: write "
                    "two components"
                )
                yield Diagnostic("OAM108", message, component.place.at("type"))


def _form(component: Component, act: Deploy) -> Form:
    names = tuple(one.name for one in act.overrides)
    return Form(
        component.properties,
        component.traits,
        component.place,
        act.place,
        act.step,
        names,
    )


def clashing(application: Application) -> Iterator[Diagnostic]:
    """Yields forms of one component that steps deploy to one place: the objects of either would be
    the other's."""
    for part in application.components:
        first: dict[tuple[str | None, str], Placement] = {}
        for one in part.placements if part.forms else ():
            spot = one.spot(application.namespace)
            earlier = first.setdefault(spot, one)
            if earlier.form != one.form:
                where = "/".join(filter(None, spot))
                forms = sorted(
                    (part.forms[each.form] for each in (earlier, one)),
                    key=lambda form: form.step.path,
                )
                message = (
                    f"component '{part.name}' is deployed in two forms to one place, '{where}': by "
                    f"{forms[0].said} and by {forms[1].said}; give each step a topology of its "
                    "own, or both the same overrides"
                )
                yield Diagnostic("OAM108", message, forms[1].step)


def joined(
    application: Application, acts: Iterable[tuple[Deploy, Sequence[Component]]]
) -> tuple[tuple[Component, ...], list[Diagnostic]]:
    """The components of all acts, each once, with all places that it goes to; what no step of a
    workflow deploys is there, too. And what is wrong with their forms."""
    deployed: dict[str, Deployed] = {}
    for act, components in acts:
        for component in components:
            deployed.setdefault(component.name, Deployed()).add(component, act)
    stay = (
        one
        for one in application.components
        if one.name in deployed or application.workflow is not None
    )
    parts = tuple(
        deployed[one.name].component() if one.name in deployed else one for one in stay
    )
    wrong = [found for one in deployed.values() for found in one.wrong()]
    return parts, wrong or [*clashing(replace(application, components=parts))]
