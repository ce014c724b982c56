"""Generate estates in partitions as choices for each component, client, grant and setting.

A pair of estates differs in one choice or in several. tests.support.estate_choices holds the YAML
of each choice. Pairs that do not compile are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import yaml

from tests.support.estate_choices import (
    CHOICES,
    GRANTS,
    PROVIDERS,
    ROSTER,
    SETTINGS,
    USUAL,
    Fragment,
)
from tests.support.json_object import JsonObject

Choice = tuple[str, str]
"""A choice: its owner (`orders/api`, `orders/api < shop/web`, `orders`, or nothing for settings)
and its name."""


@dataclass(frozen=True)
class ChosenEstate:
    """An estate: the number of the alternative for each choice. Absent choices have the first
    alternative."""

    kind: str
    choices: Mapping[Choice, int]

    def edited(self, choice: Choice, number: int) -> ChosenEstate:
        return replace(self, choices={**self.choices, choice: number})

    def differing_choices(self, before: ChosenEstate) -> dict[Choice, int]:
        """The choices that differ."""
        return {
            choice: item
            for choice, item in self.choices.items()
            if item != before.choices.get(choice, 0)
        }

    def edits(self) -> Iterator[tuple[Choice, int]]:
        """Yield all single edits, each to every other number."""
        for choice, alternatives in self._alternatives().items():
            for number in range(len(alternatives)):
                if number != self.choices.get(choice, 0):
                    yield choice, number

    def _alternatives(self) -> dict[Choice, list[Fragment]]:
        found: dict[Choice, list[Fragment]] = {
            ("", name): alternatives
            for name, alternatives in SETTINGS[self.kind].items()
        }
        for key, is_a in ROSTER.items():
            found |= {
                (key, name): alternatives
                for name, alternatives in CHOICES[is_a].items()
            }
        for application in {key.partition("/")[0] for key in ROSTER}:
            found |= {
                (application, name): alternatives
                for name, alternatives in CHOICES["application"].items()
            }
        for pair in GRANTS:
            found["{} < {}".format(*pair), "grant"] = [
                {},
                {"scopes": ["read"]},
                {"scopes": ["read", "write"]},
            ]
        return found

    def pairs(self) -> Iterator[tuple[Choice, ChosenEstate, ChosenEstate]]:
        """Yield pairs that differ in one choice, from this estate or from the estate with one more
        choice. Each alternative is in one pair.

        Optional parts are compared with their absence, and with their other forms.
        """
        for choice, alternatives in self._alternatives().items():
            usual = self.choices.get(choice, 0)
            other = next(
                number
                for number in range(len(alternatives) + 1)
                if number != usual
            )
            shared = other if not alternatives[usual] else usual
            for number in range(len(alternatives)):
                if number != shared:
                    yield (
                        choice,
                        self.edited(choice, shared),
                        self.edited(choice, number),
                    )

    def written(
        self, provider: Fragment | None = None
    ) -> tuple[JsonObject, dict[str, JsonObject]]:
        """The stack's configuration, and the Applications by name. `provider`: more settings of the
        provider."""
        settings: JsonObject = {
            **deepcopy(USUAL),
            "provider": {**deepcopy(PROVIDERS[self.kind]), **(provider or {})},
        }
        taken = {
            choice: alternatives[self.choices.get(choice, 0)]
            for choice, alternatives in self._alternatives().items()
        }
        for (whose, _), fragment in taken.items():
            if not whose:
                merge(settings, fragment)
        before = [PROVIDERS["okta"]] if self.kind == "two" else []
        settings["kong-oam:identityProviders"] = [
            *before,
            settings.pop("provider"),
        ]
        applications: dict[str, JsonObject] = {}
        for key, is_a in ROSTER.items():
            application, _, _ = key.partition("/")
            made = applications.setdefault(
                application, self._application(application, taken)
            )
            component = self._component(key, is_a, taken)
            if component is not None:
                made["spec"]["components"].append(component)
        return settings, {
            name: item
            for name, item in applications.items()
            if item["spec"]["components"]
        }

    def _application(
        self, name: str, taken: Mapping[Choice, Fragment]
    ) -> JsonObject:
        made: JsonObject = {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "Application",
        }
        made |= {
            "metadata": {"name": name, "namespace": name},
            "spec": {"components": []},
        }
        for (whose, _), fragment in taken.items():
            if whose == name:
                merge(made, fragment)
        return made

    def _component(
        self, key: str, is_a: str, taken: Mapping[Choice, Fragment]
    ) -> JsonObject | None:
        application, name = key.split("/")
        parts: JsonObject = {}
        for (whose, _), fragment in taken.items():
            if whose == key:
                merge(parts, fragment)
        if parts.pop("gone", False):
            return None
        traits = {
            trait: parts.pop(trait)
            for trait in [*parts]
            if trait.startswith("trait ")
        }
        self._granted(key, parts, taken)
        for trait in ("gateway", "access", "client"):
            if trait in parts:
                traits[f"trait {trait}"] = parts.pop(trait)
        for value in traits.values():
            _fill(value, {"APP": application, "NAME": name})
        listed = [
            {"type": trait.split()[1], "properties": value}
            for trait, value in traits.items()
        ]
        component = {"name": name, "traits": listed, **parts}
        _fill(component, {"APP": application, "NAME": name})
        return component

    def _granted(
        self, key: str, parts: JsonObject, taken: Mapping[Choice, Fragment]
    ) -> None:
        """Add both sides of the grants of a component that exist in the estate: calls of a client,
        roles of the called API."""
        for api, client in GRANTS:
            fragment = taken[f"{api} < {client}", "grant"]
            there = all(
                not taken.get((key, "there"), {}).get("gone")
                for key in (api, client)
            )
            if not fragment or not there:
                continue
            scopes = [
                f"{api.split('/')[0]}.{scope}" for scope in fragment["scopes"]
            ]
            if key == client and "client" in parts:
                parts["client"].setdefault("calls", []).append(
                    {"component": api, "scopes": scopes}
                )
            if key == api:
                roles = parts["access"].setdefault("roles", {})
                roles[f"of-{client.replace('/', '-')}"] = {
                    "scopes": scopes,
                    "components": [client],
                }


def merge(into: JsonObject, fragment: Mapping[str, Any]) -> None:
    """Merge mappings at any depth, and join lists. None deletes a value, and any other value
    replaces it."""
    for key, value in fragment.items():
        if value is None:
            into.pop(key, None)
            continue
        if isinstance(value, Mapping):
            merge(into.setdefault(key, {}), value)
        elif isinstance(value, list):
            into[key] = [*into.get(key, ()), *deepcopy(value)]
        else:
            into[key] = value


def _fill(value: Any, words: Mapping[str, str]) -> None:
    """Replace APP and NAME by names, in keys and texts."""
    if isinstance(value, dict):
        for key in [*value]:
            inner = value.pop(key)
            value[_filled(key, words)] = (
                _filled(inner, words) if isinstance(inner, str) else inner
            )
            _fill(inner, words)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            value[number] = (
                _filled(inner, words) if isinstance(inner, str) else inner
            )
            _fill(inner, words)


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, meant in words.items():
        text = text.replace(word, meant)
    return text


def write(
    folder: Path, chosen: ChosenEstate, provider: Fragment | None = None
) -> None:
    """Write the project's Applications and the base's settings; the partitions' stacks name the
    estate."""
    settings, applications = chosen.written(provider)
    (folder / "stacks" / "Pulumi.local.yaml").write_text(
        yaml.safe_dump({"config": settings}), "utf-8"
    )
    for file in (folder / "applications").glob("*.yaml"):
        if file.stem not in applications:
            file.unlink()
    for name, application in applications.items():
        (folder / "applications" / f"{name}.yaml").write_text(
            yaml.safe_dump(application, sort_keys=False), "utf-8"
        )


def full(kind: str) -> ChosenEstate:
    """An estate with the parts that some choices require: further clusters, a Redis, a CA for
    workloads."""
    needed = {
        ("", "context"): 1,
        ("", "contexts"): 1,
        ("", "redis"): 1,
        ("", "upstream"): 1,
        ("orders/api", "rate-limit"): 1,
        ("orders/api", "upstream-tls"): 1,
        ("stock/release", "there"): 1,
        ("mail/partner", "there"): 1 if kind == "okta" else 0,
    }
    granted = {("{} < {}".format(*pair), "grant"): 1 for pair in GRANTS}
    return ChosenEstate(kind, {**granted, **needed})


def first(kind: str, random: Random) -> ChosenEstate:
    """Return an estate at a provider of a kind, with grants across partitions, and random choices
    of Applications."""
    chosen = ChosenEstate(
        kind,
        {
            ("{} < {}".format(*pair), "grant"): random.randrange(1, 3)
            for pair in GRANTS
        },
    )
    for choice, number in chosen.edits():
        if (
            choice[0]
            and choice[1]
            in ("env", "cpu", "owner", "labels", "groups", "rules")
            and random.random() < 0.3
        ):
            chosen = chosen.edited(choice, number)
    return chosen
