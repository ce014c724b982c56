"""The rules as a policy pack. No other module uses Pulumi's policy SDK."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyPack,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from kong_oam.access.data import JsonFields
from kong_oam.diagnostics import printable

from . import deployed
from .catalogue import RULES
from .deployed import UNKNOWN, Deployment, Resource
from .rule import PolicyRule

NAME = "kong-oam"


def serve() -> None:
    """Serve the pack to the engine, until the engine ends it. It reads the Applications of the
    working directory."""
    PolicyPack(NAME, policies=[_policy(rule) for rule in RULES])


def _policy(rule: PolicyRule) -> Policy:
    described: JsonFields = {
        "name": rule.id,
        "description": f"{rule.title}. {rule.remedy}",
        "enforcement_level": EnforcementLevel(rule.level),
        "severity": Severity(rule.severity),
        "tags": list(rule.controls),
        "remediation_steps": rule.remedy,
        "config_schema": PolicyConfigSchema(
            {
                name: {**setting.schema, "default": setting.default}
                for name, setting in rule.settings.items()
            }
        ),
    }
    if rule.alone:
        return ResourceValidationPolicy(
            validate=partial(_check_resource, rule), **described
        )
    return StackValidationPolicy(
        validate=partial(_check_stack, rule), **described
    )


def _check_resource(
    rule: PolicyRule, args: ResourceValidationArgs, report: ReportViolation
) -> None:
    secret_outputs = frozenset(args.opts.additional_secret_outputs)
    resource = Resource(
        args.resource_type,
        args.name,
        args.urn,
        _plain(args.props),
        secret_outputs=secret_outputs,
    )
    for finding in rule.findings(_deployment([resource]), args.get_config()):
        report(printable(finding.message), None)


def _check_stack(
    rule: PolicyRule, args: StackValidationArgs, report: ReportViolation
) -> None:
    if not args.resources:
        return
    deployment = _deployment(map(_resource, args.resources))
    for finding in rule.findings(deployment, args.get_config()):
        urn = finding.resource.urn if finding.resource else None
        report(printable(finding.message), urn)


def _deployment(resources: Iterable[Resource]) -> Deployment:
    collected = tuple(resources)
    stack = collected[0].urn.split("::")[0].removeprefix("urn:pulumi:")
    return Deployment(collected, deployed.model(stack))


def _resource(resource: PolicyResource) -> Resource:
    made_of = {}
    for name, sources in resource.property_dependencies.items():
        made_of[name] = tuple(source.urn for source in sources)
    return Resource(
        resource.resource_type,
        resource.name,
        resource.urn,
        _plain(resource.props),
        made_of,
        frozenset(resource.opts.additional_secret_outputs),
        resource.provider.urn if resource.provider else "",
    )


def _plain(value: Any) -> Any:
    """Return a value without the SDK's proxies, which raise for unknown values; these become
    UNKNOWN."""
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if isinstance(value, Mapping):
        return {name: _item(value, name) for name in value}
    return [_item(value, index) for index in range(len(value))]


def _item(value: Any, key: Any) -> Any:
    try:
        return _plain(value[key])
    except UnknownValueError:
        return UNKNOWN
