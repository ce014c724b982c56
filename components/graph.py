"""Governs how the graph is written to the state: URNs of moved resources, and no stack traces.

Sources: Pulumi's reference of resource options (aliases, transformations). Python's reference of
`sys.tracebacklimit`: the SDK's `traceback.extract_stack` follows it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pulumi import (
    Output,
    Resource,
    ResourceOptions,
    ResourceTransformationArgs,
    ResourceTransformationResult,
    log,
)
from pulumi.runtime import is_dry_run, register_stack_transformation

# Resources that have to exist before another resource is made or changed.
Predecessors = Sequence[Resource]


# The outputs that resources of every type have.
_COMMON_OUTPUTS = "urn", "id"
# Innermost frames that the SDK takes for a stack trace; it leaves out its own. None are left.
#
# A stack trace was a quarter of a component's state. The line that makes a resource was 3 KB: it is
# the program's, not the Application's.
_FRAMES = 1


@contextmanager
def without_traces() -> Iterator[None]:
    """Register resources without stack traces meanwhile. Errors are still printed in full."""
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
    """Gives each moved resource the URN that it has in the state as an alias.

    A URN contains the types of all parents. Under other parents, as in an earlier version or
    another stack's state, the engine would delete the resource and make it anew. `urns` come from
    the state, by type and logical name.
    """

    def __init__(self, urns: Mapping[tuple[str, str], str]) -> None:
        self._urns = urns
        self._types: dict[Resource, str] = {}
        self._count = 0
        register_stack_transformation(self._with_alias)

    def _with_alias(
        self, args: ResourceTransformationArgs
    ) -> ResourceTransformationResult | None:
        above = self._types.get(args.opts.parent) if args.opts.parent else None
        types = self._types[args.resource] = (
            f"{above}${args.type_}" if above else args.type_
        )
        urn = self._urns.get((args.type_, args.name))
        if urn is None or urn.split("::")[2] == types:
            return None
        self._count += 1
        alias = ResourceOptions(aliases=[urn])
        return ResourceTransformationResult(
            args.props, ResourceOptions.merge(args.opts, alias)
        )

    def announce(self) -> None:
        """Print the number of moved resources, once all are registered."""
        if self._count:
            log.info(
                f"graph: {self._count} resources move to other parents in the state, unchanged; "
                "parents without children are deleted"
            )


def first_missing(resources: Predecessors) -> Output[Any]:
    """Return the first of `resources` that was not made or changed in this run, as a dependency;
    else None.

    The engine skips its dependents, also in a run that continues after errors. Resources that
    succeeded are no dependencies. For a resource that a flag leaves out, the engine registers its
    dependencies of the state. It then rejects their registration by the program (pulumi:
    step_generator.go, getDependencySteps). So no state may have a dependency that the next run
    reverses.
    """

    async def first_not_made() -> Resource | None:
        for resource in resources:
            await resource.urn.future()
            if not is_dry_run() and not await _is_made(resource):
                return resource
        return None

    return Output.from_input(first_not_made())


async def _is_made(resource: Resource) -> bool:
    """Tell whether the resource was made or changed in a run that is no preview.

    For a failed or skipped resource the SDK knows no outputs except its URN and a former id
    (pulumi.runtime.resource.register_resource).
    """
    outputs = [
        output
        for name, output in vars(resource).items()
        if isinstance(output, Output) and name not in _COMMON_OUTPUTS
    ]
    for output in outputs:
        if await output.is_known():
            return True
    return not outputs
