"""Variants: components that workflow steps deploy with different overrides to different targets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import starmap

from kong_oam.diagnostics import Diagnostic, Findings, Report
from kong_oam.oam.model import (
    Application,
    ComponentSpec,
    ComponentSpecs,
    Deploy,
    DeploymentTarget,
    Variant,
)


@dataclass
class ComponentVariants:
    """The variants of one component, each with its first step, and their targets."""

    variants: list[tuple[ComponentSpec, Deploy]] = field(default_factory=list)
    targets: dict[DeploymentTarget, None] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    def add(self, component: ComponentSpec, act: Deploy) -> None:
        """Add one deployment of the component."""
        number = self._number(component)
        if number == len(self.variants):
            self.variants.append((component, act))
        for target in act.targets:
            self.targets[replace(target, variant=number)] = None

    def _number(self, component: ComponentSpec) -> int:
        if (
            self.variants and component is self.variants[0][0]
        ):  # most steps change nothing
            return 0
        traits = [(trait.type, trait.properties) for trait in component.traits]
        meaning = json.dumps(
            [component.type, component.properties, traits], sort_keys=True
        )
        return self._numbers.setdefault(meaning, len(self._numbers))

    def component(self) -> ComponentSpec:
        """Return the component in its first variant: the variant of the default cluster, if any."""
        targets = sorted(
            self.targets, key=lambda target: target.cluster is not None
        )
        if len(self.variants) == 1:
            only, _ = self.variants[0]
            here_alone = targets == [DeploymentTarget()]
            return replace(only, targets=() if here_alone else tuple(targets))
        order = [*dict.fromkeys(target.variant for target in targets)]
        variants = [self.variants[number] for number in order]
        first, _ = variants[0]
        numbered = [
            replace(target, variant=order.index(target.variant))
            for target in targets
        ]
        return replace(
            first,
            targets=tuple(numbered),
            variants=tuple(starmap(_variant, variants)),
            # All variants are rendered the same way, so that they can be compared.
            plain=all(component.plain for component, _ in variants),
        )

    def wrong(self) -> Findings:
        """Yield findings about variants with different component types."""
        first, act = self.variants[0]
        for component, other in self.variants[1:]:
            if component.type != first.type:
                message = (
                    f"component '{component.name}' has the type '{first.type}' "
                    f"in {_variant(first, act).label} and '{component.type}' in "
                    f"{_variant(component, other).label}; write two components"
                )
                yield Diagnostic(
                    "OAM108", message, component.position.at("type")
                )


def _variant(component: ComponentSpec, act: Deploy) -> Variant:
    names = tuple(policy.name for policy in act.overrides)
    return Variant(
        component.properties,
        component.traits,
        component.position,
        act.position,
        act.step,
        names,
    )


def clashing_variants(application: Application) -> Findings:
    """Yield findings about different variants of a component at one place, where their objects
    would collide."""
    for component in application.components:
        first: dict[tuple[str | None, str], int] = {}
        for target in component.targets if component.variants else ():
            spot = target.spot(application.namespace)
            earlier = first.setdefault(spot, target.variant)
            if earlier == target.variant:
                continue
            where = "/".join(filter(None, spot))
            first_form, other = sorted(
                [
                    component.variants[earlier],
                    component.variants[target.variant],
                ],
                key=lambda variant: variant.step.path,
            )
            message = (
                f"component '{component.name}' has two variants at one place, "
                f"'{where}': {first_form.label} and {other.label}; give each "
                "step its own topology, or the same overrides"
            )
            yield Diagnostic("OAM108", message, other.step)


def join_variants(
    application: Application,
    acts: Iterable[tuple[Deploy, Sequence[ComponentSpec]]],
) -> tuple[ComponentSpecs, Report]:
    """Return the components of all steps, each once with all its targets, and the findings about
    variants. Components without a step are included."""
    deployed: dict[str, ComponentVariants] = {}
    for act, components in acts:
        for component in components:
            deployed.setdefault(component.name, ComponentVariants()).add(
                component, act
            )
    parts = []
    for component in application.components:
        if component.name in deployed:
            parts.append(deployed[component.name].component())
        elif application.workflow is not None:
            parts.append(component)
    wrong: Report = []
    for variants in deployed.values():
        wrong += variants.wrong()
    whole = replace(application, components=tuple(parts))
    return whole.components, wrong or [*clashing_variants(whole)]
