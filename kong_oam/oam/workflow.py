"""Workflows: the policies and the order of deployments.

Without a workflow, each topology is deployed with all overrides, as in KubeVela.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import Any

from kong_oam.diagnostics import Diagnostic, Findings, some, suggestion
from kong_oam.oam.dependencies import find_cycle
from kong_oam.oam.model import (
    APPLY_ALL_STEPS,
    LOCAL_CLUSTER,
    STEP_GROUP,
    Application,
    Deploy,
    DeploymentTarget,
    Policies,
    Policy,
    Step,
    Workflow,
)
from kong_oam.oam.position import Names
from kong_oam.oam.schema import STEP_TYPES
from kong_oam.oam.topology import targets_of

# The policies that a `deploy` step names. All other policies always apply.
DEPLOY_POLICIES = ("override", "topology")


def deploys(application: Application) -> tuple[Deploy, ...]:
    """Return all deployments in file order. Wrong parts of the workflow are left out."""
    steps = [*_leaves(application.workflow)]
    if not steps:
        return tuple(_without_workflow(application))
    named = {policy.name: policy for policy in application.policies}
    return tuple(
        _deploy(step, named)
        for step in steps
        if step.type in (*STEP_TYPES, *APPLY_ALL_STEPS)
    )


def _without_workflow(application: Application) -> Iterator[Deploy]:
    overrides, topologies = _overrides_and_topologies(application.policies)
    for topology in topologies:
        targets = tuple(targets_of(topology))
        yield Deploy(overrides, (topology,), targets, topology.position)
    if not topologies:
        yield Deploy(overrides, (), (DeploymentTarget(),), application.position)


def _deploy(step: Step, named: Mapping[str, Policy]) -> Deploy:
    if step.type == "apply-component":
        cluster = step.properties.get("cluster")
        target = DeploymentTarget(
            None if cluster in (None, "", LOCAL_CLUSTER) else cluster,
            step.properties.get("namespace") or None,
            step.position.at("properties", "cluster"),
        )
        component = step.properties.get("component")
        return Deploy((), (), (target,), step.position, component, step.name)
    policies = [
        named[name]
        for name in step.properties.get("policies", ())
        if name in named
    ]
    overrides, topologies = _overrides_and_topologies(policies)
    targets: list[DeploymentTarget] = []
    for topology in topologies:
        targets += targets_of(topology)
    return Deploy(
        overrides,
        topologies,
        tuple(targets) or (DeploymentTarget(),),
        step.position,
        step=step.name,
    )


def _overrides_and_topologies(
    policies: Iterable[Policy],
) -> tuple[Policies, Policies]:
    """Return the overrides and the topologies among policies."""
    by_type: dict[str, list[Policy]] = {kind: [] for kind in DEPLOY_POLICIES}
    for policy in policies:
        if policy.type in DEPLOY_POLICIES:
            by_type[policy.type].append(policy)
    return tuple(by_type["override"]), tuple(by_type["topology"])


def with_values_of_steps(application: Application) -> Application:
    """Return the Application with inputs and outputs of `apply-component` steps moved to their
    components."""
    components = {
        component.name: component for component in application.components
    }
    for step in _leaves(application.workflow):
        if step.type == "apply-component":
            name = step.properties["component"]
            component = components[name]
            components[name] = replace(
                component,
                inputs=(*component.inputs, *step.inputs),
                outputs=(*component.outputs, *step.outputs),
            )
    return replace(application, components=tuple(components.values()))


def workflow_findings(application: Application) -> Findings:
    """Yield findings about a workflow."""
    workflow = application.workflow
    if not workflow:
        return
    if workflow.ref:
        yield _workflow_in_cluster(application, workflow)
        return
    yield from _wrong_references(application, workflow.every_step)
    unordered = [*_wrong_names(workflow.every_step)]
    yield from unordered
    if not unordered and (circle := find_cycle(dict(_before(workflow)))):
        message = (
            f"dependency cycle among the steps: {some(circle, ' -> ')}; remove "
            "a dependency"
        )
        yield Diagnostic("OAM103", message, workflow.position.at("steps"))


def _wrong_names(steps: Sequence[Step]) -> Findings:
    first: dict[str, Step] = {}
    for step in steps:
        if step.name in first:
            message = (
                f"step '{step.name}' is already defined in line "
                f"{first[step.name].position.line}; rename one"
            )
            yield Diagnostic("OAM106", message, step.position.at("name"))
        first.setdefault(step.name, step)
    for step in steps:
        for number, name in enumerate(step.depends_on):
            if name not in first:
                message = (
                    f"step '{step.name}': dependsOn '{name}' "
                    f"is no step{suggestion(name, first)}"
                )
                yield Diagnostic(
                    "OAM103", message, step.position.at("dependsOn", number)
                )


def _wrong_references(
    application: Application, steps: Iterable[Step]
) -> Findings:
    """Yield a finding for each unknown component or policy that a step names."""
    components = {component.name for component in application.components}
    policies = {
        policy.name
        for policy in application.policies
        if policy.type in DEPLOY_POLICIES
    }
    for step in steps:
        position = step.position.at("properties")
        named = step.properties.get("component")
        if step.type == "apply-component" and isinstance(named, str):
            if named not in components:
                message = (
                    f"step '{step.name}': '{named}' is no "
                    f"component{suggestion(named, components)}"
                )
                yield Diagnostic("OAM103", message, position.at("component"))
        elif step.type == "deploy":
            for number, name in _texts_of(step.properties.get("policies")):
                if name in policies:
                    continue
                hint = (
                    suggestion(name, policies)
                    or "; the Application has no topologies or overrides"
                )
                message = (
                    f"step '{step.name}': '{name}' is neither a topology nor "
                    f"an override{hint}"
                )
                yield Diagnostic(
                    "OAM103", message, position.at("policies", number)
                )


def _texts_of(value: Any) -> Iterator[tuple[int, str]]:
    """Yield the texts of a list with their indexes. The schema reports all other entries."""
    for number, text in enumerate(value if isinstance(value, list) else ()):
        if isinstance(text, str):
            yield number, text


def _workflow_in_cluster(
    application: Application, workflow: Workflow
) -> Diagnostic:
    """Return the finding about a workflow in a cluster. Without overrides and topologies it only
    sets an order."""
    position = workflow.position.key("ref")
    if any(policy.type in DEPLOY_POLICIES for policy in application.policies):
        message = (
            f"Kong-OAM cannot read workflow '{workflow.ref}' in the cluster, "
            "so its policies are unknown; write its steps here: steps: [...]"
        )
        return Diagnostic("OAM108", message, position)
    message = (
        f"workflow '{workflow.ref}' is in the cluster and is not read; "
        "Kong-OAM deploys all components in the order of dependsOn. Remove "
        "ref"
    )
    return Diagnostic("OAM109", message, position, "warning")


def _leaves(workflow: Workflow | None) -> Iterator[Step]:
    for step in workflow.steps if workflow else ():
        yield from step.steps if step.type == STEP_GROUP else (step,)


def order(
    workflow: Workflow | None, by_step: Mapping[str, Sequence[str]]
) -> dict[str, set[str]]:
    """Return the components that each component waits for, by name.

    `by_step` has the components of each step. A component of several steps waits for the steps
    before its first. The workflow must be right.
    """
    if not workflow:
        return {}
    before = dict(_before(workflow))
    after = {}
    done = set[str]()
    frontiers: dict[str, frozenset[str]] = {}
    for step in TopologicalSorter(before).static_order():
        waited = frozenset[str]().union(
            *{frontiers[name] for name in before[step]}
        )
        own = [name for name in by_step.get(step, ()) if name not in done]
        for name in own:
            after[name] = {*waited} - {name}
        done.update(own)
        frontiers[step] = frozenset(own) or waited
    return after


def _before(workflow: Workflow) -> Iterator[tuple[str, Names]]:
    """Yield each step that is no group, with the steps directly before it."""
    groups = {}
    for step in workflow.steps:
        if step.type == STEP_GROUP and step.steps:
            groups[step.name] = [inner.name for inner in step.steps]

    def leaves(names: Iterable[str]) -> Iterator[str]:
        for name in names:
            yield from groups.get(name, [name])

    previous: Names = ()
    for step in workflow.steps:
        earlier = () if workflow.dag else previous
        outside = tuple(leaves((*earlier, *step.depends_on)))
        previous = (step.name,)
        if step.name not in groups:
            yield step.name, outside
            continue
        in_any_order = workflow.dag_in_groups if step.dag is None else step.dag
        last: Names = ()
        for inner in step.steps:
            yield inner.name, (*outside, *last, *leaves(inner.depends_on))
            if not in_any_order:
                last = (inner.name,)
