"""Governs how the graph is written to the state: URNs of moved resources, and no stack traces.

Sources: Pulumi's reference of resource options (aliases, transformations); Python's of
`sys.tracebacklimit`, which `traceback.extract_stack` follows, by which the SDK takes the stack of
each resource.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Output, Resource, ResourceOptions
from pulumi.runtime import is_dry_run, register_stack_transformation

Predecessors = Sequence[Resource]
"""Resources that have to be there before something else is made or changed."""


_OF_ALL = "urn", "id"
"""The outputs that a resource has of whatever type."""
_FRAMES = 1
"""Innermost frames that are taken: the SDK's own, which it leaves out. So a resource has no stack
trace, which was a quarter of a component's state, nor the line that makes it, 3 KB, which is the
program's and of no Application."""


@contextlib.contextmanager
def without_traces() -> Iterator[None]:
    """Have resources registered meanwhile keep no stack trace. What is raised is printed in
    full."""
    before = getattr(sys, "tracebacklimit", None)
    sys.tracebacklimit = _FRAMES
    try:
        yield
    finally:
        if before is None:
            del sys.tracebacklimit
        else:
            sys.tracebacklimit = before


class Moved:
    """Gives each resource that lies elsewhere in the state the URN that it has there as an alias.

    A URN says, by their types, under which components a resource lies: one that lies under others
    now, as a version before this one or the state of another stack has it, would be deleted and
    made anew. `urns` are those of the state, by type and logical name.
    """

    def __init__(self, urns: Mapping[tuple[str, str], str]) -> None:
        self._urns = urns
        self._types: dict[Resource, str] = {}
        self._count = 0
        register_stack_transformation(self._with_alias)

    def _with_alias(
        self, args: pulumi.ResourceTransformationArgs
    ) -> pulumi.ResourceTransformationResult | None:
        above = self._types.get(args.opts.parent) if args.opts.parent else None
        types = self._types[args.resource] = (
            f"{above}${args.type_}" if above else args.type_
        )
        urn = self._urns.get((args.type_, args.name))
        if urn is None or urn.split("::")[2] == types:
            return None
        self._count += 1
        alias = ResourceOptions(aliases=[urn])
        return pulumi.ResourceTransformationResult(
            args.props, ResourceOptions.merge(args.opts, alias)
        )

    def announce(self) -> None:
        """Say how many there were, once all are registered."""
        if self._count:
            pulumi.log.info(
                f"graph: {self._count} resources lie under other components than in the state, and "
                "move; nothing of them changes, and components that have nothing under them any "
                "more are deleted"
            )


def once_made(resources: Predecessors) -> Output[Any]:
    """Return what a resource depends on that is to come after others in this run, and of which its
    state says nothing.

    What a flag leaves as it is the engine takes along with all that it depended on by the state,
    unless that was registered by then, and what is registered after that it refuses as a second one
    (pulumi: step_generator.go, getDependencySteps). So no dependency may be in a state that the
    next run turns round. One of `resources` that was not made, or changed, in a run that goes on
    without it, is given: the engine then leaves out what comes after it.
    """

    async def first_not_made() -> Resource | None:
        for resource in resources:
            await resource.urn.future()
            if not is_dry_run() and not await _is_made(resource):
                return resource
        return None

    return Output.from_input(first_not_made())


async def _is_made(resource: Resource) -> bool:
    """Tell whether it was made, or changed, in a run that is no preview. Of one that failed or was
    left out for that the SDK knows no outputs, but for the URN, and an id from before
    (pulumi.runtime.resource.register_resource)."""
    outputs = [
        output
        for name, output in vars(resource).items()
        if isinstance(output, Output) and name not in _OF_ALL
    ]
    for output in outputs:
        if await output.is_known():
            return True
    return not outputs
