"""Applies an Application's policies, workflow, inputs and outputs, so that whoever comes later need
know none of them.

What is left is components as they are deployed, each with where it goes, in which form, and what it
waits for, and rules on how objects are kept. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from kong_oam.diagnostics import Diagnostic, errors, some, suggestion
from kong_oam.oam.dependencies import circle_of
from kong_oam.oam.document import MAX_FINDINGS
from kong_oam.oam.filling import FieldPathError, path_of
from kong_oam.oam.forms import joined
from kong_oam.oam.model import (
    Application,
    Component,
    Deploy,
    Input,
    Own,
    Placement,
    Policy,
    Rule,
)
from kong_oam.oam.override import overridden, wrong_override
from kong_oam.oam.plain import is_plain
from kong_oam.oam.rules import RULE_POLICIES, rules_of
from kong_oam.oam.schema import POLICY_TYPES, violations
from kong_oam.oam.steps import wrong_steps
from kong_oam.oam.topology import wrong_topology
from kong_oam.oam.workflow import (
    CHOSEN,
    deploys,
    order,
    with_values_of_steps,
    wrong_workflow,
)

MAX_CHANGES = 100_000
"""The most changes and places of components that an Application may ask for."""
_REFUSED: Mapping[str, str] = {
    "env-binding": "it is older than topology and override: name the places with these, and what "
    "differs there",
    "health": "there are no health scopes any more; readiness is what the objects' own probes say",
    "replication": "write the components out, each with its name",
}


def resolved(
    application: Application, own: Own
) -> tuple[Application, Sequence[Diagnostic]]:
    """Applies policies and workflow: the Application as it was, where one of the findings is an
    error. Its shape is right; `own` are the types that the project defines."""
    found = [*islice(_wrong(application), MAX_FINDINGS + 1)]
    values = any(part.inputs or part.outputs for part in application.components)
    # Most Applications are as they stand.
    if errors(found) or not (values or application.policies or application.workflow):
        return application, found
    application = with_values_of_steps(application)
    acts = deploys(application)
    if too_much := _too_much(application, acts):
        return application, [*found, too_much]
    forms = [(act, variant(application, act, own)) for act in acts]
    found += _without_effect(application, acts, forms)
    components, twice = joined(application, forms)
    found += twice
    rules = [
        one
        for policy in application.policies
        if policy.type in RULE_POLICIES
        for one in rules_of(policy)
    ]
    found += [one for one in rules if isinstance(one, Diagnostic)]
    made = {act.step: [one.name for one in form] for act, form in forms}
    components, circular = _ordered(
        components, order(application.workflow, made), application
    )
    found += circular
    if errors(found):
        return application, found
    kept = [one for one in rules if isinstance(one, Rule)]
    # They say what objects are called and made by: that is for definitions.
    if any(one.option for one in kept):
        components = tuple(
            replace(one, plain=one.type == "external") for one in components
        )
    whole = replace(
        application,
        components=components,
        policies=tuple(
            one for one in application.policies if one.type not in POLICY_TYPES
        ),
        workflow=None,
        rules=tuple(kept),
    )
    return _in_its_namespace(whole), found


def _wrong(application: Application) -> Iterator[Diagnostic]:
    yield from _wrong_dependencies(application)
    for policy in application.policies:
        yield from _wrong_policy(policy, application)
    yield from wrong_steps(application)
    yield from wrong_workflow(application)


def _wrong_dependencies(application: Application) -> Iterator[Diagnostic]:
    """Yields each `dependsOn` that names no component."""
    names = {component.name for component in application.components}
    for component in application.components:
        for position, name in enumerate(component.depends_on):
            if name not in names:
                place = component.place.at("dependsOn", position)
                yield Diagnostic(
                    "OAM103",
                    f"dependsOn '{name}' is no component{suggestion(name, names)}",
                    place,
                )
    if circle := circle_of(
        {component.name: component.depends_on for component in application.components}
    ):
        message = f"dependsOn goes round in a circle: {some(circle, ' -> ')}"
        yield Diagnostic("OAM103", message, application.place.at("spec", "components"))


def _too_much(application: Application, acts: Iterable[Deploy]) -> Diagnostic | None:
    """The finding about an Application that asks for so much that nobody could wait for it."""
    count = 0
    for act in acts:
        each = 1 + sum(
            len(one.properties.get("components", ())) for one in act.overrides
        )
        each += sum(len(one.properties.get("clusters", ())) for one in act.topologies)
        count += each if act.component else each * len(application.components)
    if count <= MAX_CHANGES:
        return None
    message = (
        f"policies and steps ask for more than {MAX_CHANGES} changes of components; split "
        "the Application"
    )
    return Diagnostic("OAM103", message, application.place.at("spec", "policies"))


def variant(application: Application, act: Deploy, own: Own) -> tuple[Component, ...]:
    """Return the components as one act deploys them."""
    components = tuple(
        component
        for component in application.components
        if act.component in (None, component.name)
    )
    for policy in act.overrides:
        components = overridden(components, policy)
    return tuple(_with_plain(component, own) for component in components)


def _with_plain(component: Component, own: Own) -> Component:
    """Return a component that says whether it is plain; the same value where it did so before,
    for forms are told apart by that, too."""
    plain = is_plain(component.type, (trait.type for trait in component.traits), own)
    return component if plain == component.plain else replace(component, plain=plain)


def _wrong_policy(policy: Policy, application: Application) -> Iterator[Diagnostic]:
    if policy.type in _REFUSED:
        message = f"policy '{policy.name}': '{policy.type}' is not deployed; {_REFUSED[policy.type]}"
        yield Diagnostic("OAM108", message, policy.place.at("type"))
    if policy.type not in POLICY_TYPES:
        return
    wrong = tuple(
        violations(policy.type, policy.properties, policy.place.at("properties"))
    )
    yield from wrong
    if wrong:
        return
    if policy.type == "override":
        yield from wrong_override(application.components, policy)
    if policy.type == "topology":
        yield from wrong_topology(policy)


def _without_effect(
    application: Application,
    acts: Sequence[Deploy],
    forms: Iterable[tuple[Deploy, Sequence[Component]]],
) -> Iterator[Diagnostic]:
    if not application.workflow or not application.workflow.steps:
        return
    used = {policy.name for act in acts for policy in (*act.overrides, *act.topologies)}
    for policy in application.policies:
        if policy.type in CHOSEN and policy.name not in used:
            message = f"policy '{policy.name}' has no effect: no step of the workflow deploys by it"
            yield Diagnostic("OAM109", message, policy.place.at("type"), "warning")
    reached = {one.name for _, form in forms for one in form}
    if left := [one for one in application.components if one.name not in reached]:
        more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
        message = (
            f"component '{left[0].name}'{more} is in no step of the workflow; here it is "
            "deployed all the same"
        )
        yield Diagnostic("OAM109", message, left[0].place.at("name"), "warning")


def _in_its_namespace(application: Application) -> Application:
    """Where all of it goes to one namespace of the stack's own cluster, that is the
    Application's."""
    places = {
        one
        for part in application.components
        for one in part.placements or (Placement(),)
    }
    if len(places) != 1 or (only := places.pop()).cluster:
        return application
    components = tuple(replace(one, placements=()) for one in application.components)
    return replace(
        application,
        namespace=only.namespace or application.namespace,
        components=components,
    )


def _ordered(
    components: Sequence[Component],
    after: Mapping[str, Iterable[str]],
    application: Application,
) -> tuple[tuple[Component, ...], list[Diagnostic]]:
    """The components with all that they wait for: what they depend on, what steps are before
    theirs, and what gives them values."""
    givers: dict[str, Component] = {}
    findings: list[Diagnostic] = []
    for component in components:
        for output in component.outputs:
            if output.name in givers:
                message = (
                    f"output '{output.name}' is given by component "
                    f"'{givers[output.name].name}' already"
                )
                findings.append(Diagnostic("OAM106", message, output.place.at("name")))
            givers.setdefault(output.name, component)
    names = {one.name: None for one in components}
    taking = {taken.source for component in components for taken in component.inputs}
    ordered = []
    for component in components:
        waits = dict.fromkeys(
            (*component.depends_on, *sorted(after.get(component.name, ())))
        )
        for taken in component.inputs:
            if giver := givers.get(taken.source):
                waits[giver.name] = None
            wrong = _wrong_input(component, taken, givers) or _apart(
                component, taken, givers, application
            )
            if len(findings) <= MAX_FINDINGS and wrong:
                findings.append(wrong)
        passes = component.inputs or any(
            one.name in taking for one in component.outputs
        )
        depends_on = tuple(name for name in waits if name in names)
        # A value is of rendered objects, and in them.
        ordered.append(
            replace(
                component, depends_on=depends_on, plain=component.plain and not passes
            )
        )
    if circle := circle_of({one.name: one.depends_on for one in ordered}):
        message = f"what waits for what goes round in a circle: {some(circle, ' -> ')}"
        findings.append(
            Diagnostic("OAM103", message, application.place.at("spec", "components"))
        )
    return tuple(ordered), findings


def _wrong_input(
    component: Component, taken: Input, givers: Mapping[str, Component]
) -> Diagnostic | None:
    giver = givers.get(taken.source)
    if giver is None:
        message = f"no component gives the value '{taken.source}'{suggestion(taken.source, givers)}"
        return Diagnostic("OAM103", message, taken.place.at("from"))
    outside = next(
        (one.name for one in (component, giver) if one.type == "external"), None
    )
    if outside:
        message = (
            f"component '{component.name}': '{outside}' runs elsewhere, and neither gives "
            "nor takes values"
        )
        return Diagnostic("OAM108", message, taken.place)
    try:
        path_of(taken.parameter)
    except FieldPathError as error:
        message = (
            f"component '{component.name}': parameterKey '{taken.parameter}': {error}"
        )
        return Diagnostic("OAM103", message, taken.place.at("parameterKey"))
    return None


def _apart(
    component: Component,
    taken: Input,
    givers: Mapping[str, Component],
    application: Application,
) -> Diagnostic | None:
    """A component takes a value in each of its places from who gives it there: the finding about
    one where nobody does."""
    giver = givers[taken.source]
    given = {
        one.spot(application.namespace) for one in giver.placements or (Placement(),)
    }
    for one in component.placements or (Placement(),):
        if (spot := one.spot(application.namespace)) not in given:
            message = (
                f"the value '{taken.source}' is not passed from another place: '{giver.name}' is "
                f"not deployed to {'/'.join(filter(None, spot))}, as '{component.name}' is; write "
                "it out, or deploy both there"
            )
            return Diagnostic("OAM108", message, taken.place)
    return None


def undeployed(application: Application) -> Iterator[Diagnostic]:
    """Yields what a resolved Application asks for that nobody who deploys it follows: with it, it
    would be deployed otherwise than it says."""
    for policy in application.policies:
        message = f"unknown policy type '{policy.type}'{suggestion(policy.type, POLICY_TYPES)}"
        yield Diagnostic("OAM104", message, policy.place.at("type"))
