"""Compile an access trait: the owner, issuer, scopes and roles of a component, and its token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, cast

import kong_oam.oam.model as oam
from kong_oam.access.compile.accept_before import acceptance_of
from kong_oam.access.compile.roles import RoleYaml, roles_of
from kong_oam.access.compile.rules import RuleYaml
from kong_oam.access.compile.waivers import WaiverYaml
from kong_oam.access.data import Texts, YamlObject
from kong_oam.access.model import Identity
from kong_oam.access.stack import Stack
from kong_oam.diagnostics import Diagnostic, Report, suggestion_of_typo
from kong_oam.oam.position import SourcePosition


class AccessYaml(TypedDict, total=False):
    """The properties of an access trait."""

    owner: str
    identityProvider: str
    # Whether the workload gets the bearer token.
    forwardToken: bool
    # Paths at the workload, by exposed path.
    forward: Texts
    scopes: Texts
    rules: list[RuleYaml]
    roles: Mapping[str, RoleYaml]
    waivers: list[WaiverYaml]
    # `kong_oam.access.compile.before` reads it.
    acceptBefore: YamlObject
    # `kong_oam.objects.named_services` reads it.
    service: YamlObject
    # `kong_oam.access.compile.internal` reads it.
    internal: list[YamlObject]


def access_of(part: oam.ComponentSpec) -> AccessYaml:
    """Return the properties of a component's access trait; empty without the trait."""
    trait = part.trait("access")
    return cast("AccessYaml", trait.properties if trait else {})


def access_position(
    part: oam.ComponentSpec, *path: str | int
) -> SourcePosition:
    """Return a position in the access trait, or the component's position without the trait."""
    trait = part.trait("access")
    return trait.position.at("properties", *path) if trait else part.position


def identity_of(part: oam.ComponentSpec, stack: Stack, out: Report) -> Identity:
    """Compile the identity of a component, without its clients. Findings are added to `out`."""
    access = access_of(part)
    scopes = access.get("scopes", {})
    position = access_position(part)
    return Identity(
        _provider(access, part, stack, out),
        scopes,
        tuple(roles_of(access.get("roles", {}), position, scopes, stack, out)),
        forward_token=access.get("forwardToken", False),
        accept_before=acceptance_of(access, position, out),
    )


def has_known_provider(part: oam.ComponentSpec, stack: Stack) -> bool:
    """Return whether the stack has the identity provider that a component names."""
    default = stack.default_provider.name
    return access_of(part).get("identityProvider", default) in stack.providers


def _provider(
    access: AccessYaml, part: oam.ComponentSpec, stack: Stack, out: Report
) -> str:
    default = stack.default_provider.name
    name = access.get("identityProvider", default)
    if name in stack.providers:
        return name
    hint = suggestion_of_typo(name, stack.providers)
    message = f"the stack has no identity provider '{name}'{hint}"
    position = access_position(part, "identityProvider")
    out.append(Diagnostic("ACC209", message, position))
    return default
