"""Reads this stack's own state from the engine, before anything is registered."""

from __future__ import annotations

import pulumi
from pulumi.runtime import invoke

from kong_oam.engine.state import Outputs, StackState, from_outputs
from kong_oam.errors import EngineError
from kong_oam.oam.position import Texts

# The engine's built-in provider.
_ALL_RESOURCES = "pulumi:pulumi:readStackResourceOutputs"
_OUTPUTS = "pulumi:pulumi:readStackOutputs"


def stack_name(stack: str | None = None) -> str:
    """Return the full name of a stack for the engine: `organization/project/stack`."""
    return f"{pulumi.get_organization()}/{pulumi.get_project()}/{stack or pulumi.get_stack()}"


def recorded(stack: str | None = None) -> StackState:
    """Read the state of this stack, or of another stack of the project, once per run.

    A stack that is missing or was never deployed has an empty state. Raises EngineError if the
    engine cannot read it, for example when its backend is gone. The error omits the engine's words,
    which may contain the backend's address.
    """
    return from_outputs(
        _read(_ALL_RESOURCES, {"stackName": stack_name(stack)}, stack)
    )


def outputs_of(stack: str) -> Outputs:
    """Read only the outputs of another stack of the project. Raises EngineError."""
    return _read(_OUTPUTS, {"name": stack_name(stack)}, stack)


def _read(token: str, arguments: Texts, stack: str | None) -> Outputs:
    try:
        answer = invoke(token, dict(arguments)).value or {}
    except Exception as error:  # noqa: BLE001 - the SDK raises no other
        # The text of pulumi: pkg/backend/backend.go.
        if stack and "unknown stack" in str(error):
            return {}
        raise EngineError(
            "cannot read the state of this stack from its backend, so nothing was provisioned. "
            f"Run `pulumi stack export -s {stack or pulumi.get_stack()}` for the reason. A "
            "file:// address needs `?metadata=skip`"
        ) from None
    return answer["outputs"] or {}
