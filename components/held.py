"""What the state of this very stack holds already, asked of the engine before anything is registered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
from pulumi.runtime import invoke

_ALL_RESOURCES = "pulumi:pulumi:readStackResourceOutputs"  # of the engine's built-in provider, as StackReference's is

_CONSUMER = "kong:index/consumer:Consumer"
RING = "gateway-ring-"
"""How the logical name of a provider's key ring begins."""

Held = frozenset[tuple[str, str]]
"""Types and logical names, such as ("okta:auth/server:Server", "okta-server")."""


def stack_name() -> str:
    """The stack as the engine finds it: `organization/project/stack`."""
    return f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"


def held() -> Held:
    """All that the last run, finished or not, recorded: what is there and not in it was not made by this stack.

    Values are left where they are; only types and names come out.
    """
    return frozenset((one["type"], name) for name, one in _recorded())


def issuers() -> Mapping[str, str]:
    """By provider, the issuer whose tokens count at the gateway until now: what its key ring there is called by."""
    rings = (
        (name.removeprefix(RING), one["outputs"].get("customId"))
        for name, one in _recorded()
        if one["type"] == _CONSUMER and name.startswith(RING)
    )
    return {provider: issuer for provider, issuer in rings if isinstance(issuer, str)}


def _recorded() -> Iterator[tuple[str, Mapping[str, Any]]]:
    found = invoke(_ALL_RESOURCES, {"stackName": stack_name()}).value or {}
    return ((urn.rsplit("::", 1)[1], one) for urn, one in found["outputs"].items())
