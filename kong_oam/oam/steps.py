"""The steps of workflows that do not run here, each with an alternative."""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain

from kong_oam.diagnostics import Diagnostic, Findings, suggestion
from kong_oam.oam.model import APPLY_ALL_STEPS, STEP_GROUP, Application, Step
from kong_oam.oam.position import Texts
from kong_oam.oam.schema import STEP_TYPES, violations

PAUSE = "suspend"
SUPPORTED_STEPS = (*STEP_TYPES, *APPLY_ALL_STEPS, STEP_GROUP, PAUSE)

_IN_PIPELINE = "do this in the pipeline that runs pulumi"
_AS_OBJECT = "write its object as a component of type k8s-objects"
_AS_SETTING = (
    "move its content to the settings of the stack, or to a k8s-objects "
    "component"
)
_AS_COMPONENT = "write it as a component"
_AS_TERRAFORM = "write it as a component of the Terraform type"
_IN_ENV = "read the Secret in env, with valueFrom.secretKeyRef"
_AS_TOPOLOGY = (
    "use a topology for the clusters, and an override for the differences"
)
_WITH_OPERATOR = (
    "gradual rollouts need an operator in the cluster; write that operator's "
    "objects"
)

# KubeVela's built-in steps that do more than deploy, and older steps.
STEP_ALTERNATIVES: Texts = {
    "apply-deployment": _AS_COMPONENT,
    "apply-object": _AS_OBJECT,
    "apply-terraform-config": _AS_TERRAFORM,
    "apply-terraform-provider": (
        "create the Provider and its Secret in the cluster once, outside of "
        "Applications"
    ),
    "build-push-image": "build the image in a pipeline, and use its name in the component",
    "check-metrics": _IN_PIPELINE,
    "create-config": _AS_SETTING,
    "delete-config": _AS_SETTING,
    "depends-on-app": (
        "deploy both Applications with one stack, or deploy the other stack "
        "first"
    ),
    "deploy-cloud-resource": _AS_TOPOLOGY,
    "export-data": _AS_OBJECT,
    "export-service": _AS_OBJECT,
    "export2config": _AS_OBJECT,
    "export2secret": (
        f"create the Secret with your secret store, and {_IN_ENV}"
    ),
    "generate-jdbc-connection": _IN_ENV,
    "list-config": _AS_SETTING,
    "read-config": _AS_SETTING,
    "read-object": (
        "read a Secret or ConfigMap in env, with valueFrom; write other values "
        "out"
    ),
    "read-secret": _IN_ENV,
    "request": _IN_PIPELINE,
    "share-cloud-resource": (
        "copy the resource's Secret to the clusters with your secret store"
    ),
    "vela-cli": _IN_PIPELINE,
    "canary-deploy": _WITH_OPERATOR,
    "canary-rollout": _WITH_OPERATOR,
    "deploy2env": _AS_TOPOLOGY,
    "deploy2runtime": _AS_TOPOLOGY,
    "multi-cluster": _AS_TOPOLOGY,
    "rollout": _WITH_OPERATOR,
}
# Steps that only notify, repeat or clean up. Without them the deployment is the same.
IGNORED_STEPS: Texts = {
    "clean-jobs": "give the Job ttlSecondsAfterFinished",
    "collect-service-endpoints": "use `python -m kong_oam graph` for the endpoints",
    "notification": _IN_PIPELINE,
    "print-message-in-status": "pulumi prints its progress",
    "restart-workflow": "run pulumi again, from a pipeline with a timer",
    "webhook": _IN_PIPELINE,
    "webhook-notification": _IN_PIPELINE,
}


def step_findings(application: Application) -> Findings:
    """Yield findings about the steps of a workflow."""
    workflow = application.workflow
    if not workflow or workflow.ref:
        return
    inputs = [component.inputs for component in application.components]
    for step in workflow.every_step:
        if step.type not in IGNORED_STEPS:
            inputs.append(step.inputs)
    taken = {value.source for value in chain.from_iterable(inputs)}
    for step in workflow.steps:
        yield from _wrong_step(step, taken)


def _wrong_step(
    step: Step, taken: Collection[str], *, inside: bool = False
) -> Findings:
    """Yield findings about a step and the steps of its group. `taken` are the inputs of other
    parts."""
    position = step.position
    if inside and step.type == STEP_GROUP:
        message = (
            f"step '{step.name}': a group cannot contain a group; write its "
            "steps beside it"
        )
        yield Diagnostic("OAM108", message, position.at("type"))
        return
    if step.type in IGNORED_STEPS:
        yield _ignored(step, taken)
        return
    if step.type not in SUPPORTED_STEPS:
        yield Diagnostic("OAM108", _unknown(step), position.at("type"))
        return
    if step.type in APPLY_ALL_STEPS:
        yield _deprecated(step)
    if step.type in STEP_TYPES:
        yield from violations(
            step.type, step.properties, position.at("properties")
        )
    yield from _not_followed(step)
    if step.type == STEP_GROUP:
        for inner in step.steps:
            yield from _wrong_step(inner, taken, inside=True)


def _unknown(step: Step) -> str:
    named = f"step '{step.name}'"
    if step.type in STEP_ALTERNATIVES:
        return f"{named}: '{step.type}' is not run here; {STEP_ALTERNATIVES[step.type]}"
    hint = suggestion(step.type, (*STEP_TYPES, STEP_GROUP, PAUSE))
    if "did you mean" in hint:
        return f"{named}: unknown step type '{step.type}'{hint}"
    return f"{named}: custom step '{step.type}' is not run here; {_IN_PIPELINE}"


def _not_followed(step: Step) -> Findings:
    """Yield the fields of a step that have no effect here."""
    position = step.position
    named = f"step '{step.name}'"
    passes_values = step.inputs or step.outputs
    if passes_values and step.type not in ("apply-component", PAUSE):
        message = (
            f"{named}: only apply-component steps pass values; move the inputs "
            "and outputs to the components"
        )
        field = "inputs" if step.inputs else "outputs"
        yield Diagnostic("OAM108", message, position.key(field))
    if step.condition not in ("", "always") and step.type != PAUSE:
        message = (
            f"{named}: Kong-OAM evaluates no condition and always deploys the "
            "step; remove `if`"
        )
        yield Diagnostic("OAM108", message, position.key("if"))
    if step.timeout:
        message = (
            f"{named}: 'timeout' has no effect; use Pulumi's customTimeouts"
        )
        yield Diagnostic("OAM109", message, position.key("timeout"), "warning")
    message = (
        f"{named}: the workflow does not pause; approve the preview instead"
    )
    if step.type == PAUSE:
        yield Diagnostic("OAM109", message, position.at("type"), "warning")
    if step.type == "deploy" and step.properties.get("auto") is False:
        here = position.at("properties", "auto")
        yield Diagnostic("OAM109", message, here, "warning")


def _ignored(step: Step, taken: Collection[str]) -> Diagnostic:
    """Return the finding about an ignored step. Its `if` and `timeout` do not matter."""
    message = f"step '{step.name}': '{step.type}' is not run here; {IGNORED_STEPS[step.type]}"
    for output in step.outputs:
        if output.name in taken:
            message += (
                f". Other parts use its output '{output.name}': write the "
                "value out"
            )
            return Diagnostic("OAM108", message, output.position)
    return Diagnostic("OAM109", message, step.position.at("type"), "warning")


def _deprecated(step: Step) -> Diagnostic:
    named = f"step '{step.name}': '{step.type}'"
    if step.properties:
        message = (
            f"{named} does not support exceptions; write an apply-component "
            "step for each component"
        )
        return Diagnostic("OAM108", message, step.position.at("properties"))
    message = (
        f"{named} is deprecated; remove it, since components without a step "
        "are deployed anyway"
    )
    return Diagnostic("OAM109", message, step.position.at("type"), "warning")
