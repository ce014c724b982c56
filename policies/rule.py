"""A rule and what it finds, as values."""

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
    """One finding: what is wrong, and with which resource; None: with the stack as a whole. Never
    holds the value of a secret."""

    message: str
    resource: Resource | None = None


@dataclass(frozen=True, slots=True)
class PolicySetting:
    """A setting of a rule that an organisation may change: its JSON schema, and its default."""

    schema: JsonObject
    default: Any


# An edge: what an organisation sets of a rule, by name, as Pulumi hands it over.
Settings = JsonObject
Findings = Iterator[PolicyFinding]
Check = Callable[[Deployment, Settings], Findings]


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One rule of the pack. `id` is stable: configuration, waivers and audit evidence name it.
    `title` is what has to hold.

    `controls` are those that the rule is evidence for: SOC 2 (Trust Services Criteria of 2017) and
    ISO 27001 (Annex A of 2022). `alone`: it looks at one resource at a time, so that a violation
    stops that resource from being made; the others look at the whole stack, at the end of a preview
    and of an update.
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
        """Return what the rule finds; `overrides` are the settings that are not left to their
        defaults."""
        defaults = {
            name: setting.default for name, setting in self.settings.items()
        }
        return tuple(self.check(deployment, {**defaults, **overrides}))
