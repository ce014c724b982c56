"""What the state of this very stack holds already, asked of the engine before anything is registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pulumi
from pulumi.runtime import invoke

from kong_oam.kong.enforced import PLUGIN, ROUTE, Resource, digest

_ALL_RESOURCES = "pulumi:pulumi:readStackResourceOutputs"  # of the engine's built-in provider

_STACK = "pulumi:pulumi:Stack"
_KEY = "tls:index/privateKey:PrivateKey"
_CONSUMER = "kong:index/consumer:Consumer"
_SERVICE = "kong:index/service:Service"
RING = "gateway-ring-"
"""How the logical name of a provider's key ring begins."""

_FORMER = (
    "kong-oam:gateway:GatedService",
    "kong-oam:gateway:Routes",
    "kong-oam:index:Application",
    "kong-oam:workload:Workload",
)
"""Components of versions before this one, under which resources of today may still lie in the state."""

Held = frozenset[tuple[str, str]]
"""Types and logical names, such as ("okta:auth/server:Server", "okta-server")."""


def stack_name() -> str:
    """The stack as the engine finds it: `organization/project/stack`."""
    return f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"


@dataclass(frozen=True)
class State:
    """All that the last run, finished or not, recorded. Other values are left where they are.

    `held`: what is there and not in it was not made by this stack. `issuers`: by provider, the issuer whose tokens
    count at the gateway until now, which is what its key ring there is called by. `services`: by logical name, where
    Kong's services lead, as (host, port). `gateway`: its plugins and routes, which tell what is enforced. `outputs`:
    those of the stack, by name, as the last run that came to its end exported them; empty before the first one did.
    `algorithms`: by logical name, what kind the key pairs of clients are of, as the tls plugin calls it.
    `moved`: by type and logical name, the URN of what lies under a component that is none any more. `doubted`: by
    logical name, the service's id and the kind of each plugin that Kong has otherwise than the state said.
    """

    held: Held
    issuers: Mapping[str, str]
    services: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    gateway: tuple[Resource, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    algorithms: Mapping[str, str] = field(default_factory=dict)
    moved: Mapping[tuple[str, str], str] = field(default_factory=dict)
    doubted: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def is_confirmed(self) -> bool:
        """Whether the plugins are as the last run that came to its end left them, all of them.

        After one that failed at a plugin the official Kong plugin has the state say what that was to become.
        """
        return self.outputs.get("enforced") in (None, digest(self.plugins))

    @cached_property
    def plugins(self) -> Mapping[str, str]:
        """By logical name, the configuration that Kong has of each plugin, as the text that it was given."""
        return {one.name: one.outputs["configJson"] for one in self.gateway if one.type == PLUGIN}


def recorded() -> State:
    """Asks the engine, once."""
    found = invoke(_ALL_RESOURCES, {"stackName": stack_name()}).value or {}
    resources = [(urn.rsplit("::", 1)[1], one) for urn, one in found["outputs"].items()]
    rings = {
        name.removeprefix(RING): one["outputs"].get("customId")
        for name, one in resources
        if one["type"] == _CONSUMER and name.startswith(RING)
    }
    return State(
        frozenset((one["type"], name) for name, one in resources),
        {provider: issuer for provider, issuer in rings.items() if isinstance(issuer, str)},
        {
            name: (one["outputs"]["host"], int(one["outputs"]["port"]))
            for name, one in resources
            if one["type"] == _SERVICE
        },
        tuple(Resource(one["type"], name, one["outputs"]) for name, one in resources if one["type"] in (PLUGIN, ROUTE)),
        next((one["outputs"] for _, one in resources if one["type"] == _STACK), {}),
        {name: one["outputs"]["algorithm"] for name, one in resources if one["type"] == _KEY},
        moved={
            (one["type"], urn.rsplit("::", 1)[1]): urn
            for urn, one in found["outputs"].items()
            if any(f"{kind}$" in urn for kind in _FORMER)
        },
    )
