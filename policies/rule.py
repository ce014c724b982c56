"""A rule and its findings, as values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kong_oam.access.data import JsonObject, Names

from .deployed import Deployment, Resource

Level = Literal["mandatory", "advisory"]
Severity = Literal["low", "medium", "high", "critical"]


@dataclass(frozen=True, slots=True)
class PolicyFinding:
    """One finding: the problem, and its resource; None for the stack as a whole. It never contains
    the value of a secret."""

    message: str
    resource: Resource | None = None


def about(resource: Resource, problem: str) -> PolicyFinding:
    """Return a finding about a resource: its name, followed by the problem."""
    return PolicyFinding(f"{resource.name} {problem}", resource)


@dataclass(frozen=True, slots=True)
class PolicySetting:
    """A setting of a rule that an organisation may change: its JSON schema, and its default."""

    schema: JsonObject
    default: Any


# An edge: an organisation's settings of a rule, by name, as Pulumi hands them over.
Settings = JsonObject
Findings = Iterator[PolicyFinding]
Check = Callable[[Deployment, Settings], Findings]


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One rule of the pack. `id` is stable: configuration, waivers and audit evidence name it.
    `title` is the required state.

    `controls` are the controls that the rule is evidence for: SOC 2 (Trust Services Criteria of
    2017) and ISO 27001 (Annex A of 2022). With `alone` the rule looks at one resource at a time, so
    that a violation stops that resource. Other rules look at the whole stack, at the end of a
    preview and of an update.
    """

    id: str
    level: Level
    severity: Severity
    title: str
    remedy: str
    controls: Names
    check: Check
    alone: bool = False
    settings: Mapping[str, PolicySetting] = field(default_factory=dict)

    def findings(
        self, deployment: Deployment, overrides: Settings
    ) -> tuple[PolicyFinding, ...]:
        """Return the findings of the rule; `overrides` replace defaults of its settings."""
        defaults = {
            name: setting.default for name, setting in self.settings.items()
        }
        return tuple(self.check(deployment, {**defaults, **overrides}))
