"""Apply an Application's policies, workflow, inputs and outputs.

The result has components with their targets, variants and dependencies, and rules for options of
objects. Later code needs no policies or workflows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from kong_oam.diagnostics import (
    Diagnostic,
    Findings,
    Report,
    errors,
    some,
    suggestion,
)
from kong_oam.oam.dependencies import find_cycle
from kong_oam.oam.document import MAX_FINDINGS
from kong_oam.oam.input_values import FieldPathError, path_of
from kong_oam.oam.model import (
    NAMESPACE_LABEL,
    Application,
    ComponentSpec,
    ComponentSpecs,
    Deploy,
    DeploymentTarget,
    Input,
    OwnTypes,
    Policy,
    Rule,
)
from kong_oam.oam.override import overridden, override_findings
from kong_oam.oam.plain import is_plain
from kong_oam.oam.position import SourcePosition, Texts
from kong_oam.oam.resource_policies import RULE_POLICIES, rules_of
from kong_oam.oam.schema import POLICY_TYPES, violations
from kong_oam.oam.steps import step_findings
from kong_oam.oam.topology import topology_findings
from kong_oam.oam.variants import join_variants
from kong_oam.oam.workflow import (
    DEPLOY_POLICIES,
    deploys,
    order,
    with_values_of_steps,
    workflow_findings,
)

# The limit of component changes and places in an Application.
MAX_CHANGES = 100_000
_UNSUPPORTED: Texts = {
    "env-binding": "use topology for the clusters and override for the differences",
    "replication": "write each component out, with its own name",
}
# The policy of KubeVela's removed health scopes.
_IGNORED = "health"


def resolved(
    application: Application, own: OwnTypes, *, is_certain: bool = True
) -> tuple[Application, Sequence[Diagnostic]]:
    """Apply policies and workflow, and return all findings about them.

    Some errors leave the values or places of components unknown. Then the result is not resolved:
    it has the components as written, without inputs and outputs. `own` are the types that the
    project defines. Without `is_certain`, parts may be missing, so that references to them are no
    errors.
    """
    findings = [*islice(_wrong(application), MAX_FINDINGS + 1)]
    wrong = errors(findings)
    if is_certain and not (wrong or _needs_resolution(application)):
        return application, findings
    known = (*POLICY_TYPES, *_UNSUPPORTED, _IGNORED)
    whole = replace(
        application,
        policies=tuple(
            policy
            for policy in application.policies
            if policy.type not in known
        ),
        workflow=None,
    )
    unresolved = replace(
        whole,
        components=tuple(
            replace(component, inputs=(), outputs=())
            for component in application.components
        ),
        is_resolved=False,
    )
    if not is_certain:
        findings = [found for found in findings if found.code != "OAM103"]
        return unresolved, findings
    if any(map(_leaves_values_unknown, wrong)):
        return unresolved, findings
    application = with_values_of_steps(application)
    acts = deploys(application)
    if too_much := _too_much(application, acts):
        return unresolved, [*findings, too_much]
    deployed = _deployed(application, acts, own, findings, is_right=not wrong)
    if deployed is None:
        return unresolved, findings
    components, rules = deployed
    whole = replace(whole, components=components, rules=rules)
    return _in_its_namespace(whole), findings


def _deployed(
    application: Application,
    acts: Sequence[Deploy],
    own: OwnTypes,
    out: Report,
    *,
    is_right: bool,
) -> tuple[ComponentSpecs, tuple[Rule, ...]] | None:
    """Return the components that the steps deploy, and the rules of the policies.

    The findings are added to `out`. Returns None if they leave values or places unknown.
    `is_right`: the Application has no errors so far.
    """
    variants = [
        (act, deployed_components(application, act, own)) for act in acts
    ]
    if application.workflow and application.workflow.steps and is_right:
        out += _unused_policies(application, acts)
        out += _components_without_step(application, variants)
    components, wrong_forms = join_variants(application, variants)
    out += wrong_forms
    rules, wrong_rules = _rules(application.policies)
    out += wrong_rules
    by_step = {}
    for act, deployed in variants:
        by_step[act.step] = [component.name for component in deployed]
    after = order(application.workflow, by_step)
    components, wrong_values = _ordered(components, after, application)
    out += wrong_values
    if errors((*wrong_forms, *wrong_values)):
        return None
    # Rules select objects by name and type, so they need definitions.
    if any(rule.option for rule in rules):
        components = tuple(
            replace(component, plain=component.type == "external")
            for component in components
        )
    return components, tuple(rules)


def _leaves_values_unknown(error: Diagnostic) -> bool:
    """Tell whether an error may hide values or places of components.

    Parts that Kong-OAM leaves out, and a component's `dependsOn`, do not. A workflow that it cannot
    read does.
    """
    assert isinstance(error.position, SourcePosition)
    path = error.position.path
    is_left_out = error.code == "OAM108" and path[-1] != "ref"
    return not is_left_out and path[3:4] != ("dependsOn",)


def _needs_resolution(application: Application) -> bool:
    """Tell whether an Application has policies, a workflow, inputs or outputs."""
    passes_values = any(
        part.inputs or part.outputs for part in application.components
    )
    return bool(passes_values or application.policies or application.workflow)


def _rules(policies: Iterable[Policy]) -> tuple[list[Rule], Report]:
    """Return the rules of the policies, and the findings about them."""
    rules = []
    wrong = []
    for policy in policies:
        for rule in rules_of(policy) if policy.type in RULE_POLICIES else ():
            if isinstance(rule, Rule):
                rules.append(rule)
            else:
                wrong.append(rule)
    return rules, wrong


def _wrong(application: Application) -> Findings:
    yield from _wrong_dependencies(application)
    for policy in application.policies:
        yield from _wrong_policy(policy, application)
    yield from step_findings(application)
    yield from workflow_findings(application)


def _wrong_dependencies(application: Application) -> Findings:
    """Yield a finding for each `dependsOn` without a component, and for a dependency cycle."""
    after = {part.name: part.depends_on for part in application.components}
    for component in application.components:
        for index, name in enumerate(component.depends_on):
            if name not in after:
                position = component.position.at("dependsOn", index)
                message = (
                    f"dependsOn '{name}' is no "
                    f"component{suggestion(name, after)}"
                )
                yield Diagnostic("OAM103", message, position)
    yield from _cycle("dependsOn", after, application)


def _cycle(
    cause: str, edges: Mapping[str, Iterable[str]], application: Application
) -> Findings:
    if circle := find_cycle(edges):
        message = (
            f"dependency cycle in {cause}: {some(circle, ' -> ')}; remove a "
            "dependency"
        )
        yield Diagnostic(
            "OAM103", message, application.position.at("spec", "components")
        )


def _too_much(
    application: Application, acts: Iterable[Deploy]
) -> Diagnostic | None:
    """Return the finding about an Application with too many changes."""
    count = 0
    for act in acts:
        changes = 1
        for policy in act.overrides:
            changes += len(policy.properties.get("components", ()))
        for policy in act.topologies:
            changes += len(policy.properties.get("clusters", ()))
        count += (
            changes if act.component else changes * len(application.components)
        )
    if count <= MAX_CHANGES:
        return None
    message = (
        f"policies and steps make more than {MAX_CHANGES} changes to "
        "components; split the Application"
    )
    return Diagnostic(
        "OAM103", message, application.position.at("spec", "policies")
    )


def deployed_components(
    application: Application, act: Deploy, own: OwnTypes
) -> ComponentSpecs:
    """Return the components as one step deploys them."""
    components = tuple(
        component
        for component in application.components
        if act.component in (None, component.name)
    )
    if not act.overrides:
        return components
    for policy in act.overrides:
        components = overridden(components, policy)
    return tuple(_with_plain(component, own) for component in components)


def _with_plain(component: ComponentSpec, own: OwnTypes) -> ComponentSpec:
    """Return a component with the right `plain`. Return the same value if it is unchanged, because
    identity separates variants."""
    plain = is_plain(
        component.type, (trait.type for trait in component.traits), own
    )
    return (
        component
        if plain == component.plain
        else replace(component, plain=plain)
    )


def _wrong_policy(policy: Policy, application: Application) -> Findings:
    if policy.type in _UNSUPPORTED:
        message = (
            f"policy '{policy.name}': '{policy.type}' is not deployed; "
            f"{_UNSUPPORTED[policy.type]}"
        )
        yield Diagnostic("OAM108", message, policy.position.at("type"))
    if policy.type == _IGNORED:
        message = (
            f"policy '{policy.name}': '{policy.type}' is ignored, since "
            "KubeVela removed health scopes; use probes in the objects"
        )
        here = policy.position.at("type")
        yield Diagnostic("OAM109", message, here, "warning")
    if policy.type not in POLICY_TYPES:
        return
    position = policy.position.at("properties")
    misshapen = tuple(violations(policy.type, policy.properties, position))
    if misshapen:
        yield from misshapen
    elif policy.type == "override":
        yield from override_findings(application.components, policy)
    elif policy.type == "topology":
        yield from topology_findings(policy)


def _unused_policies(
    application: Application, acts: Iterable[Deploy]
) -> Findings:
    """Yield a warning for each override and topology that no step uses."""
    used = set[str]()
    for act in acts:
        used.update(policy.name for policy in (*act.overrides, *act.topologies))
    for policy in application.policies:
        if policy.type in DEPLOY_POLICIES and policy.name not in used:
            message = (
                f"policy '{policy.name}' has no effect: no step uses it; add "
                "it to a deploy step, or remove it"
            )
            yield Diagnostic(
                "OAM109", message, policy.position.at("type"), "warning"
            )


def _components_without_step(
    application: Application,
    variants: Iterable[tuple[Deploy, Sequence[ComponentSpec]]],
) -> Findings:
    """Yield one warning about the components that no step deploys."""
    remaining = {
        component.name: component for component in application.components
    }
    for _, deployed in variants:
        for component in deployed:
            remaining.pop(component.name, None)
    if not remaining:
        return
    first = next(iter(remaining.values()))
    more = f" (and {len(remaining) - 1} more)" if len(remaining) > 1 else ""
    message = (
        f"component '{first.name}'{more} is in no step of the workflow; "
        "Kong-OAM deploys it anyway. Add a step, or remove it"
    )
    yield Diagnostic("OAM109", message, first.position.at("name"), "warning")


def _in_its_namespace(application: Application) -> Application:
    """Return the Application in its only target namespace; unchanged if there are several targets
    or another cluster."""
    targets = set[DeploymentTarget]()
    for component in application.components:
        targets.update(component.every_target)
    own = application.namespace
    if any(target.namespace not in (None, own) for target in targets):
        labels = {**application.labels, NAMESPACE_LABEL: own}
        application = replace(application, labels=labels)
    if len(targets) != 1:
        return application
    only = targets.pop()
    if only.cluster:
        return application
    components = [
        replace(component, targets=()) for component in application.components
    ]
    return replace(
        application,
        namespace=only.namespace or application.namespace,
        components=tuple(components),
    )


def _ordered(
    components: Sequence[ComponentSpec],
    after: Mapping[str, Iterable[str]],
    application: Application,
) -> tuple[ComponentSpecs, Report]:
    """Return the components with all dependencies: `dependsOn`, earlier steps, and sources of
    inputs."""
    names = {component.name for component in components}
    givers, findings = _output_sources(components)
    taken = set[str]()
    for component in components:
        taken.update(value.source for value in component.inputs)
    ordered = []
    for component in components:
        earlier = sorted(after.get(component.name, ()))
        waits = dict.fromkeys((*component.depends_on, *earlier))
        for value in component.inputs:
            if value.source in givers:
                waits[givers[value.source].name] = None
            wrong = _wrong_input(
                component, value, givers, application.namespace
            )
            if wrong and len(findings) <= MAX_FINDINGS:
                findings.append(wrong)
        # Inputs and outputs need rendered objects.
        gives = any(output.name in taken for output in component.outputs)
        plain = component.plain and not component.inputs and not gives
        depends_on = tuple(name for name in waits if name in names)
        ordered.append(replace(component, depends_on=depends_on, plain=plain))
    edges = {component.name: component.depends_on for component in ordered}
    findings += _cycle("dependsOn, steps and inputs", edges, application)
    return tuple(ordered), findings


def _output_sources(
    components: Iterable[ComponentSpec],
) -> tuple[dict[str, ComponentSpec], Report]:
    """Return the component of each output by name, and findings about duplicates."""
    givers: dict[str, ComponentSpec] = {}
    findings = []
    for component in components:
        for output in component.outputs:
            first = givers.setdefault(output.name, component)
            if first is not component:
                message = (
                    f"output '{output.name}' is already defined by component "
                    f"'{first.name}'; rename one"
                )
                findings.append(
                    Diagnostic("OAM106", message, output.position.at("name"))
                )
    return givers, findings


def _wrong_input(
    component: ComponentSpec,
    value: Input,
    givers: Mapping[str, ComponentSpec],
    namespace: str,
) -> Diagnostic | None:
    """Return the finding about an input, if any."""
    giver = givers.get(value.source)
    if giver is None:
        message = (
            "no component has the output "
            f"'{value.source}'{suggestion(value.source, givers)}"
        )
        return Diagnostic("OAM103", message, value.position.at("from"))
    for outside in (component, giver):
        if outside.type == "external":
            message = (
                f"component '{component.name}': '{outside.name}' is external "
                "and has no inputs or outputs; write the value out"
            )
            return Diagnostic("OAM108", message, value.position)
    try:
        path_of(value.parameter)
    except FieldPathError as error:
        message = f"component '{component.name}': parameterKey '{value.parameter}': {error}"
        return Diagnostic("OAM103", message, value.position.at("parameterKey"))
    # At each place, a component takes the value from the source at the same place.
    source_spots = giver.spots(namespace)
    for spot in component.spots(namespace):
        if spot not in source_spots:
            message = (
                f"component '{component.name}' cannot take the value "
                f"'{value.source}' from another place; write it out, or deploy "
                f"'{giver.name}' to {'/'.join(filter(None, spot))} too"
            )
            return Diagnostic("OAM108", message, value.position)
    return None
