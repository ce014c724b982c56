"""Forms: a component that steps of a workflow deploy with other overrides, each in places of its
own. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import starmap

from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.oam.model import Application, Component, Deploy, Form, Placement


@dataclass
class Deployed:
    """What acts of deploying make of one component: its forms, each with the first act that makes
    it so, and where."""

    forms: list[tuple[Component, Deploy]] = field(default_factory=list)
    places: dict[Placement, None] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    def add(self, component: Component, act: Deploy) -> None:
        """Add one act more."""
        number = self._number(component)
        if number == len(self.forms):
            self.forms.append((component, act))
        for placement in act.placements:
            self.places[replace(placement, form=number)] = None

    def _number(self, component: Component) -> int:
        if self.forms and component is self.forms[0][0]:  # most acts change nothing
            return 0
        traits = [(trait.type, trait.properties) for trait in component.traits]
        meaning = json.dumps(
            [component.type, component.properties, traits], sort_keys=True
        )
        return self._numbers.setdefault(meaning, len(self._numbers))

    def component(self) -> Component:
        """Return the component as it is where it is deployed first: in the stack's own cluster
        before all others."""
        places = sorted(self.places, key=lambda place: place.cluster is not None)
        if len(self.forms) == 1:
            only, _ = self.forms[0]
            here_alone = places == [Placement()]
            return replace(only, placements=() if here_alone else tuple(places))
        order = [*dict.fromkeys(place.form for place in places)]
        forms = [self.forms[number] for number in order]
        first, _ = forms[0]
        numbered = [replace(place, form=order.index(place.form)) for place in places]
        return replace(
            first,
            placements=tuple(numbered),
            forms=tuple(starmap(_form, forms)),
            # One way of making it, so that forms compare.
            plain=all(component.plain for component, _ in forms),
        )

    def wrong(self) -> Findings:
        """Yield forms of another type: nothing that is known of one would be known of the other."""
        first, act = self.forms[0]
        for component, other in self.forms[1:]:
            if component.type != first.type:
                message = (
                    f"component '{component.name}' is of type '{first.type}' by "
                    f"{_form(first, act).said}, and of type '{component.type}' by "
                    f"{_form(component, other).said}; in forms properties and traits differ: write "
                    "two components"
                )
                yield Diagnostic("OAM108", message, component.position.at("type"))


def _form(component: Component, act: Deploy) -> Form:
    names = tuple(policy.name for policy in act.overrides)
    return Form(
        component.properties,
        component.traits,
        component.position,
        act.position,
        act.step,
        names,
    )


def clashing(application: Application) -> Findings:
    """Yield forms of one component that steps deploy to one place: the objects of either would be
    the other's."""
    for component in application.components:
        first: dict[tuple[str | None, str], int] = {}
        for placement in component.placements if component.forms else ():
            spot = placement.spot(application.namespace)
            earlier = first.setdefault(spot, placement.form)
            if earlier == placement.form:
                continue
            where = "/".join(filter(None, spot))
            first_form, other = sorted(
                [component.forms[earlier], component.forms[placement.form]],
                key=lambda form: form.step.path,
            )
            message = (
                f"component '{component.name}' is deployed in two forms to one place, '{where}': "
                f"by {first_form.said} and by {other.said}; give each step a topology of its own, or "
                "both the same overrides"
            )
            yield Diagnostic("OAM108", message, other.step)


def joined(
    application: Application, acts: Iterable[tuple[Deploy, Sequence[Component]]]
) -> tuple[tuple[Component, ...], list[Diagnostic]]:
    """Return the components of all acts, each once, with all places that it goes to, and what is
    wrong with their forms. What no step of a workflow deploys is there, too."""
    deployed: dict[str, Deployed] = {}
    for act, components in acts:
        for component in components:
            deployed.setdefault(component.name, Deployed()).add(component, act)
    parts: list[Component] = []
    for component in application.components:
        if component.name in deployed:
            parts.append(deployed[component.name].component())
        elif application.workflow is not None:
            parts.append(component)
    wrong: list[Diagnostic] = []
    for made in deployed.values():
        wrong += made.wrong()
    whole = replace(application, components=tuple(parts))
    return whole.components, wrong or [*clashing(whole)]
