"""Governs how the graph is written to the state: checkpoints, URNs of moved resources, and short stack traces.

Sources: Pulumi's reference of resource options (aliases, transformations) and of environment variables; Python's of
`sys.tracebacklimit`, which `traceback.extract_stack` follows, by which the SDK takes the stack of each resource.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping

import pulumi
from pulumi.runtime import is_dry_run, register_stack_transformation

from .refusal import refuse

_SKIPPED = "PULUMI_SKIP_CHECKPOINTS"
_FRAMES = 7
"""Innermost frames of which a resource keeps those outside of the SDK, which has up to 6 of them: first the line that
makes it. All 20 or so of them were a quarter of what a component takes in the state."""


@contextlib.contextmanager
def short_traces() -> Iterator[None]:
    """Cuts stack traces of resources registered meanwhile to one or two frames. What is raised is printed in full."""
    before = getattr(sys, "tracebacklimit", None)
    sys.tracebacklimit = _FRAMES
    try:
        yield
    finally:
        if before is None:
            del sys.tracebacklimit
        else:
            sys.tracebacklimit = before


def keep_moved(moved: Mapping[tuple[str, str], str]) -> None:
    """Gives resources, by type and logical name, the URNs under which the state has them as aliases.

    A URN says under which components a resource lies: one that lies under others now would be deleted and made anew.
    """
    if not moved:
        return
    pulumi.log.info(
        f"graph: {len(moved)} resources lie under components of a version before this one, and move; those components "
        "alone are deleted"
    )

    def with_alias(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        urn = moved.get((args.type_, args.name))
        if urn is None:
            return None
        alias = pulumi.ResourceOptions(aliases=[urn])
        return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, alias))

    register_stack_transformation(with_alias)


def require_checkpoints() -> None:
    """Ends a run that would change something and write nothing down until its end: interrupted, it could not be
    recovered. A preview keeps nothing anyway."""
    if not is_dry_run() and os.environ.get(_SKIPPED, "").lower() in ("1", "true"):
        refuse(f"{_SKIPPED} is for previews: a run that is interrupted under it cannot be recovered. Unset it")
