"""Workflows: what is deployed by which policies, and in which order. Pure.

Without a workflow KubeVela makes one: a `deploy` for each topology, each with all overrides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from graphlib import TopologicalSorter

from kong_oam.diagnostics import Diagnostic, some, suggestion
from kong_oam.oam.dependencies import circle_of
from kong_oam.oam.model import (
    CLUSTER_SELECTORS,
    EVERYTHING,
    GROUP,
    HERE,
    Application,
    Component,
    Deploy,
    Placement,
    Policy,
    Step,
    Workflow,
)
from kong_oam.oam.schema import STEP_TYPES

CHOSEN = ("override", "topology")
"""The policies that a `deploy` names; all others hold wherever an Application is deployed."""


def deploys(application: Application) -> tuple[Deploy, ...]:
    """All acts of deploying, in the order in which they are written. Of the workflow, what is wrong
    is left out."""
    overrides, topologies = _chosen(application.policies)
    steps = [*_leaves(application.workflow)]
    if not steps:
        everywhere = [
            Deploy(overrides, (topology,), _placements([topology]), topology.place)
            for topology in topologies
        ]
        nowhere_else = Deploy(overrides, (), _placements(()), application.place)
        return tuple(everywhere) or (nowhere_else,)
    named = {policy.name: policy for policy in application.policies}
    return tuple(
        _deploy(step, named)
        for step in steps
        if step.type in (*STEP_TYPES, *EVERYTHING)
    )


def _deploy(step: Step, named: Mapping[str, Policy]) -> Deploy:
    if step.type == "apply-component":
        cluster, place = (
            step.properties.get("cluster"),
            step.place.at("properties", "cluster"),
        )
        at = Placement(
            None if cluster in (None, "", HERE) else cluster,
            step.properties.get("namespace") or None,
            place,
        )
        return Deploy(
            (), (), (at,), step.place, step.properties.get("component"), step.name
        )
    chosen = [
        named[name] for name in step.properties.get("policies", ()) if name in named
    ]
    overrides, topologies = _chosen(chosen)
    places = _placements(topologies)
    return Deploy(overrides, topologies, places, step.place, step=step.name)


def _placements(topologies: Iterable[Policy]) -> tuple[Placement, ...]:
    """Where topologies have something deployed; without any, where the stack deploys by itself."""
    named = [place for topology in topologies for place in placements(topology)]
    return tuple(named) or (Placement(),)


def placements(policy: Policy) -> Iterator[Placement]:
    """Where a topology is: once for each of its clusters, and once for all that its labels
    select."""
    place = policy.place.at("properties")
    namespace = policy.properties.get("namespace") or None
    for field in CLUSTER_SELECTORS:
        if labels := policy.properties.get(field):
            selector = tuple(sorted(labels.items()))
            named = ",".join(f"{key}={value}" for key, value in selector)
            yield Placement(named, namespace, place.key(field), selector=selector)
            return
    clusters = policy.properties.get("clusters") or [HERE]
    for number, cluster in enumerate(clusters):
        here = (
            place.at("clusters", number) if "clusters" in policy.properties else place
        )
        yield Placement(None if cluster in (HERE, "") else cluster, namespace, here)


def _chosen(
    policies: Sequence[Policy],
) -> tuple[tuple[Policy, ...], tuple[Policy, ...]]:
    """The overrides and the topologies among policies."""
    overrides = tuple(policy for policy in policies if policy.type == "override")
    return overrides, tuple(policy for policy in policies if policy.type == "topology")


def with_values_of_steps(application: Application) -> Application:
    """The Application with what its steps `apply-component` pass as the inputs and outputs of the
    components that they deploy: in KubeVela, too, these are the step's."""
    passing = [
        step for step in _leaves(application.workflow) if step.type == "apply-component"
    ]

    def with_values(part: Component) -> Component:
        own = [
            step for step in passing if step.properties.get("component") == part.name
        ]
        return replace(
            part,
            inputs=(*part.inputs, *(one for step in own for one in step.inputs)),
            outputs=(*part.outputs, *(one for step in own for one in step.outputs)),
        )

    return replace(
        application, components=tuple(map(with_values, application.components))
    )


def wrong_workflow(application: Application) -> Iterator[Diagnostic]:
    """Yields what is wrong with a workflow, and what of it has no effect."""
    workflow = application.workflow
    if not workflow:
        return
    if workflow.ref:
        yield _elsewhere(application, workflow)
        return
    yield from _wrong_references(application, workflow.every_step)
    unordered = [*_wrong_names(workflow.every_step)]
    yield from unordered
    if not unordered and (circle := circle_of(dict(_before(workflow)))):
        message = f"what waits for what among the steps goes round in a circle: {some(circle, ' -> ')}"
        yield Diagnostic("OAM103", message, workflow.place.at("steps"))


def _wrong_names(steps: Sequence[Step]) -> Iterator[Diagnostic]:
    first: dict[str, Step] = {}
    for step in steps:
        if step.name in first:
            message = f"step '{step.name}' is already defined in line {first[step.name].place.line}"
            yield Diagnostic("OAM106", message, step.place.at("name"))
        first.setdefault(step.name, step)
    for step in steps:
        for number, name in enumerate(step.depends_on):
            if name not in first:
                message = f"step '{step.name}': dependsOn '{name}' is no step{suggestion(name, first)}"
                yield Diagnostic("OAM103", message, step.place.at("dependsOn", number))


def _wrong_references(
    application: Application, steps: Iterable[Step]
) -> Iterator[Diagnostic]:
    components = {one.name for one in application.components}
    policies = {one.name for one in application.policies if one.type in CHOSEN}
    for step in steps:
        place, name = step.place.at("properties"), step.properties.get("component")
        if (
            step.type == "apply-component"
            and isinstance(name, str)
            and name not in components
        ):
            message = f"step '{step.name}': '{name}' is no component{suggestion(name, components)}"
            yield Diagnostic("OAM103", message, place.at("component"))
        named = step.properties.get("policies")
        for number, policy in enumerate(
            named if step.type == "deploy" and isinstance(named, list) else ()
        ):
            if isinstance(policy, str) and policy not in policies:
                hint = suggestion(policy, policies) or "; the Application has neither"
                message = f"step '{step.name}': '{policy}' is no topology and no override{hint}"
                yield Diagnostic("OAM103", message, place.at("policies", number))


def _elsewhere(application: Application, workflow: Workflow) -> Diagnostic:
    """A workflow in a cluster: without policies that it could choose among, all that it says is an
    order."""
    place = workflow.place.key("ref")
    if any(one.type in CHOSEN for one in application.policies):
        message = (
            f"workflow '{workflow.ref}' is elsewhere, so nobody here knows by which policies it "
            "deploys"
        )
        return Diagnostic(
            "OAM108", f"{message}; write its steps here: steps: [...]", place
        )
    message = f"workflow '{workflow.ref}' is elsewhere and not read: all components are deployed"
    return Diagnostic(
        "OAM109", f"{message}, each after what it depends on", place, "warning"
    )


def _leaves(workflow: Workflow | None) -> Iterator[Step]:
    for step in workflow.steps if workflow else ():
        yield from step.steps if step.type == GROUP else (step,)


def order(
    workflow: Workflow | None, made: Mapping[str, Sequence[str]]
) -> dict[str, set[str]]:
    """Which components wait for which others, by name: `made` has the components that each step
    deploys. A component that several steps deploy waits for what is before the first of them. The
    workflow is right."""
    if not workflow:
        return {}
    before = dict(_before(workflow))
    after: dict[str, set[str]] = {}
    done: set[str] = set()
    frontiers: dict[str, frozenset[str]] = {}
    for step in TopologicalSorter(before).static_order():
        waited = frozenset[str]().union(*{frontiers[name] for name in before[step]})
        own = [name for name in made.get(step, ()) if name not in done]
        for name in own:
            after[name] = {*waited} - {name}
        done.update(own)
        frontiers[step] = frozenset(own) or waited
    return after


def _before(workflow: Workflow) -> Iterator[tuple[str, tuple[str, ...]]]:
    """For each step that is no group, the steps that are right before it."""
    groups = {
        one.name: [inner.name for inner in one.steps]
        for one in workflow.steps
        if one.type == GROUP and one.steps
    }

    def leaves(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(leaf for name in names for leaf in groups.get(name, (name,)))

    previous: tuple[str, ...] = ()
    for step in workflow.steps:
        outside = leaves((*(() if workflow.dag else previous), *step.depends_on))
        if step.name in groups:
            dag, last = (
                workflow.dag_in_groups if step.dag is None else step.dag,
                tuple[str, ...](),
            )
            for inner in step.steps:
                yield (
                    inner.name,
                    (*outside, *(() if dag else last), *leaves(inner.depends_on)),
                )
                last = (inner.name,)
        else:
            yield step.name, outside
        previous = (step.name,)
