"""The steps of workflows that are not run, each with where to do it instead."""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain

from kong_oam.diagnostics import Diagnostic, Findings, suggestion
from kong_oam.oam.model import EVERYTHING, GROUP, Application, Step
from kong_oam.oam.position import Texts
from kong_oam.oam.schema import STEP_TYPES, violations

PAUSE = "suspend"
TAKEN = (*STEP_TYPES, *EVERYTHING, GROUP, PAUSE)

_IN_PIPELINE = "do it in the pipeline that runs pulumi"
_AS_OBJECT = "write what it makes as a component of type k8s-objects"
_AS_SETTING = "keep what it is about in the settings of the stack, or in an object of a k8s-objects component"
_AS_COMPONENT = "write it as a component"
_AS_TERRAFORM = "write it as a component of the Terraform type"
_AS_TOPOLOGY = (
    "name the place with a topology, and what differs there with an override"
)
_GRADUALLY = "a rollout goes step by step only where an operator in the cluster does it: write its objects"

INSTEAD: Texts = {
    "apply-deployment": _AS_COMPONENT,
    "apply-object": _AS_OBJECT,
    "apply-terraform-config": _AS_TERRAFORM,
    "apply-terraform-provider": _AS_OBJECT,
    "build-push-image": "build the image in a pipeline, and name it in the component",
    "check-metrics": _IN_PIPELINE,
    "clean-jobs": "give the Job ttlSecondsAfterFinished",
    "create-config": _AS_SETTING,
    "delete-config": _AS_SETTING,
    "depends-on-app": "deploy both Applications with one stack, or that one's stack first",
    "deploy-cloud-resource": _AS_TOPOLOGY,
    "export-data": _AS_OBJECT,
    "export-service": _AS_OBJECT,
    "export2config": _AS_OBJECT,
    "export2secret": _AS_OBJECT,
    "generate-jdbc-connection": "read the Secret of the database in env, with "
    "valueFrom.secretKeyRef",
    "list-config": _AS_SETTING,
    "read-config": _AS_SETTING,
    "read-object": _AS_SETTING,
    "request": _IN_PIPELINE,
    "share-cloud-resource": _AS_TOPOLOGY,
    "vela-cli": _IN_PIPELINE,
    "canary-deploy": _GRADUALLY,
    "canary-rollout": _GRADUALLY,
    "deploy2env": _AS_TOPOLOGY,
    "deploy2runtime": _AS_TOPOLOGY,
    "multi-cluster": _AS_TOPOLOGY,
    "rollout": _GRADUALLY,
}
"""KubeVela's built-in steps that do more than deploy, and older ones that it has no more."""
LEFT_OUT: Texts = {
    "collect-service-endpoints": "`python -m kong_oam graph` has the endpoints",
    "notification": _IN_PIPELINE,
    "print-message-in-status": "pulumi shows what it does",
    "restart-workflow": "run pulumi again, from a pipeline with a timer",
    "webhook": _IN_PIPELINE,
    "webhook-notification": _IN_PIPELINE,
}
"""Those that tell somebody, or do all once more: what is deployed is the same without them."""
_OF_ITS_OWN = f"a step of your own is not run; {_IN_PIPELINE}"


def wrong_steps(application: Application) -> Findings:
    """Yield what is wrong with the steps of a workflow, and what of them has no effect here."""
    workflow = application.workflow
    if not workflow or workflow.ref:
        return
    inputs = [component.inputs for component in application.components]
    for step in workflow.every_step:
        if step.type not in LEFT_OUT:
            inputs.append(step.inputs)
    taken = {value.source for value in chain.from_iterable(inputs)}
    for step in workflow.steps:
        yield from _wrong_step(step, taken)


def _wrong_step(
    step: Step, taken: Collection[str], *, inside: bool = False
) -> Findings:
    """Yield what is wrong with a step and those of its group. `taken` are the values that other
    parts of the Application take."""
    position = step.position
    if inside and step.type == GROUP:
        message = f"step '{step.name}': a group stands in no group; write its steps beside it"
        yield Diagnostic("OAM108", message, position.at("type"))
        return
    if step.type in LEFT_OUT:
        yield _left_out(step, taken)
        return
    if step.type not in TAKEN:
        yield Diagnostic("OAM108", _unknown(step), position.at("type"))
        return
    if step.type in EVERYTHING:
        yield _older(step)
    if step.type in STEP_TYPES:
        yield from violations(
            step.type, step.properties, position.at("properties")
        )
    yield from _not_followed(step)
    if step.type == GROUP:
        for inner in step.steps:
            yield from _wrong_step(inner, taken, inside=True)


def _unknown(step: Step) -> str:
    named = f"step '{step.name}'"
    if step.type in INSTEAD:
        return f"{named}: '{step.type}' is not run here; {INSTEAD[step.type]}"
    hint = suggestion(step.type, (*STEP_TYPES, GROUP, PAUSE))
    if "did you mean" in hint:
        return f"{named}: no '{step.type}'{hint}"
    return f"{named}: '{step.type}' is not run here; {_OF_ITS_OWN}"


def _not_followed(step: Step) -> Findings:
    """Yield the fields of a step that nobody follows here."""
    position = step.position
    named = f"step '{step.name}'"
    passes_values = step.inputs or step.outputs
    if passes_values and step.type not in ("apply-component", PAUSE):
        message = (
            f"{named}: only steps apply-component pass values; give the inputs and outputs "
            "to the components"
        )
        field = "inputs" if step.inputs else "outputs"
        yield Diagnostic("OAM108", message, position.key(field))
    if step.condition not in ("", "always") and step.type != PAUSE:
        message = (
            f"{named}: a condition is not judged, and what the step deploys always is; take "
            "`if` out"
        )
        yield Diagnostic("OAM108", message, position.key("if"))
    if step.timeout:
        message = f"{named}: 'timeout' has no effect: Pulumi has its own (customTimeouts)"
        yield Diagnostic("OAM109", message, position.key("timeout"), "warning")
    message = f"{named}: there is no pause: the preview is what one approves"
    if step.type == PAUSE:
        yield Diagnostic("OAM109", message, position.at("type"), "warning")
    if step.type == "deploy" and step.properties.get("auto") is False:
        here = position.at("properties", "auto")
        yield Diagnostic("OAM109", message, here, "warning")


def _left_out(step: Step, taken: Collection[str]) -> Diagnostic:
    """It is not run, whenever it would be: so its `if` and its `timeout` are not looked at."""
    message = f"step '{step.name}': '{step.type}' is not run here; {LEFT_OUT[step.type]}"
    for output in step.outputs:
        if output.name in taken:
            message += (
                f", and write out '{output.name}', which others take of it"
            )
            return Diagnostic("OAM108", message, output.position)
    return Diagnostic("OAM109", message, step.position.at("type"), "warning")


def _older(step: Step) -> Diagnostic:
    named = f"step '{step.name}': '{step.type}'"
    if step.properties:
        message = (
            f"{named} is followed without exceptions alone; write a step apply-component for each "
            "component"
        )
        return Diagnostic("OAM108", message, step.position.at("properties"))
    message = f"{named} is deprecated; it deploys what no other step does, which happens without it, too"
    return Diagnostic("OAM109", message, step.position.at("type"), "warning")
