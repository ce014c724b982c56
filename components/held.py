"""What the state of this very stack holds already, asked of the engine before anything is registered."""

from __future__ import annotations

import pulumi
from pulumi.runtime import invoke

_ALL_RESOURCES = "pulumi:pulumi:readStackResourceOutputs"  # of the engine's built-in provider, as StackReference's is

Held = frozenset[tuple[str, str]]
"""Types and logical names, such as ("okta:auth/server:Server", "okta-server")."""


def stack_name() -> str:
    """The stack as the engine finds it: `organization/project/stack`."""
    return f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"


def held() -> Held:
    """All that the last run, finished or not, recorded: what is there and not in it was not made by this stack.

    Values are left where they are; only types and names come out.
    """
    found = invoke(_ALL_RESOURCES, {"stackName": stack_name()}).value or {}
    return frozenset((one["type"], urn.rsplit("::", 1)[1]) for urn, one in found["outputs"].items())
