"""Reviews one stack, or an estate in partitions: errors in Applications, access, and previews with
their policies."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from kong_oam.review.access_changes import ReviewError, changes, check, touched
from kong_oam.review.comment import ReviewedStack
from kong_oam.review.markdown import fenced
from kong_oam.review.preview import preview

_NO_SECRETS = (
    "**Not previewed**: this run has no {}. Pull requests from forks get no secrets; a maintainer "
    "who has read the change pushes it to a branch of this repository. Until then it counts as "
    "failed."
)
_AT_ONCE = 4
"""How many partitions are previewed at a time."""


def review_stack(
    name: str, base: str, missing: Sequence[str], *, partitions: bool = False
) -> list[ReviewedStack]:
    """Review what a change since the revision `base` does to a stack. What is known without
    secrets comes first; without them (`missing` names the variables) nothing is previewed, and that
    is a failure.

    Of an estate with `partitions`, which its base's stack names, access is that of all; previewed
    are the base and those partitions that the change touches, each as a stack of its own.
    """
    stack = ReviewedStack(name)
    try:
        problems, findings = check(base, name)
        stack = replace(stack, problems=problems, findings=findings)
        # Of Applications with errors there is no access, and no preview.
        if stack.problems:
            return [stack]
        stack = replace(stack, access=changes(base, name))
        if missing:
            listed = ", ".join(missing)
            failure = _NO_SECRETS.format(listed)
            reason = f"this run has no {listed}"
            return [replace(stack, failure=failure, reason=reason)]
        # The base is previewed in any case, and once.
        names = dict.fromkeys((name, *touched(name))) if partitions else (name,)
    except ReviewError as error:
        message = str(error)
        reason = message.partition("\n")[0]
        return [replace(stack, failure=fenced(message), reason=reason)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        previews = zip(names, pool.map(preview, names), strict=True)
        return [
            replace(stack, name=name, preview=done) for name, done in previews
        ]
