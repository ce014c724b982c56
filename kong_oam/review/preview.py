"""Runs of `pulumi preview`, reduced to data that a reviewer may see: names, operations, property
names and policies.

The engine's events also contain all inputs and outputs of resources, which this module never reads.
So a secret stays hidden even if the engine fails to mask it. See kong_oam.review.failure for
errors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kong_oam.engine.cli import PulumiCliError, run
from kong_oam.engine.state import logical_name
from kong_oam.review.failure import JsonObject, Names, reasons

# The only policy pack whose messages are shown: it never prints a secret.
PACK = "kong-oam"

_OPERATIONS = ("create", "update", "replace", "delete")
_TIMEOUT = 1200.0  # seconds


@dataclass(frozen=True, slots=True)
class Step:
    """One resource that changes: its logical name, and which inputs differ."""

    operation: str
    type: str
    name: str
    properties: Names


@dataclass(frozen=True, slots=True)
class Violation:
    """A violation of a policy, with its message."""

    rule: str
    level: Literal["mandatory", "advisory"]
    message: str


@dataclass(frozen=True, slots=True)
class Preview:
    """A reduced preview. `failed` is empty only if the engine reports success. Otherwise it has the
    reasons, the first of them in a line, and the preview is incomplete."""

    steps: tuple[Step, ...]
    violations: tuple[Violation, ...]
    failed: Names = ()

    @property
    def mandatory(self) -> tuple[Violation, ...]:
        """The violations that fail the preview."""
        return tuple(
            violation
            for violation in self.violations
            if violation.level == "mandatory"
        )


def preview(stack: str) -> Preview:
    """Preview a stack of the project in the working directory, with its policy pack."""
    command = ("preview", "--json", "--policy-pack", "policies")
    # A preview needs no checkpoints, but would write the whole state for each resource.
    environment = {
        "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true",
        "PULUMI_SKIP_CHECKPOINTS": "true",
    }
    try:
        done = run(
            *command, stack=stack, timeout=_TIMEOUT, environment=environment
        )
    except PulumiCliError as error:
        return Preview((), (), failed=(str(error),))
    return read(done.stdout, done.stderr)


def read(printed: str, complaint: str = "") -> Preview:
    """Read the engine's events, one JSON object a line (pulumi: sdk/go/common/apitype/events.go).

    `complaint` is the CLI's standard error, of which only known problems are reported.
    """
    steps = {}
    violations: dict[Violation, None] = {}
    errors = []
    succeeded = False
    for event in _events(printed):
        match event:
            case {
                "resourcePreEvent": {"metadata": {"op": operation} as metadata}
            }:
                if operation in _OPERATIONS:
                    steps[metadata["urn"]] = _step(metadata)
            case {"policyEvent": {"policyPackName": pack} as policy}:
                if pack == PACK:
                    violations[_violation(policy)] = None
            case {"diagnosticEvent": {"severity": "error"} as diagnostic}:
                errors.append(diagnostic)
            case {"summaryEvent": {"result": result}}:
                succeeded = result == "succeeded"
    return Preview(
        tuple(steps.values()),
        tuple(violations),
        () if succeeded else reasons(errors, complaint),
    )


def _events(printed: str) -> Iterator[JsonObject]:
    for line in printed.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


def _step(metadata: JsonObject) -> Step:
    properties = tuple(sorted(map(str, metadata.get("diffs") or ())))
    return Step(
        metadata["op"],
        metadata["type"],
        logical_name(metadata["urn"]),
        properties,
    )


def _violation(policy: JsonObject) -> Violation:
    # A message is the rule's description, followed by lines with the finding.
    message = str(policy["message"]).strip().partition("\n")[2]
    is_advisory = policy["enforcementLevel"] == "advisory"
    return Violation(
        policy["policyName"],
        "advisory" if is_advisory else "mandatory",
        message,
    )
