"""The review of one stack, or of an estate in partitions: errors in Applications, access, and
previews with policies."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from kong_oam.review.access_changes import (
    ReviewError,
    affected_stacks,
    changes,
    check,
    impact,
)
from kong_oam.review.comment import ReviewedStack
from kong_oam.review.markdown import fenced
from kong_oam.review.preview import preview

_NO_SECRETS = (
    "**Not previewed**: this run has no {}. Pull requests from forks get no secrets. A maintainer "
    "reads the change and pushes it to a branch of this repository. Until then the review fails."
)
# The number of partitions that are previewed at a time.
_AT_ONCE = 4


def review_stack(
    name: str,
    base: str,
    missing: Sequence[str],
    *,
    partitions: bool = False,
    uses: Sequence[str] = (),
) -> list[ReviewedStack]:
    """Review the effects of a change since the revision `base` on a stack.

    The review of access needs no secrets. If secrets are missing (`missing` names the variables),
    the stack is not previewed and fails.

    With `partitions`, `name` is the base's stack, and access covers the whole estate. The base and
    the affected partitions are previewed, each as its own stack. `uses`: files of recorded calls.
    """
    stack = ReviewedStack(name)
    try:
        problems, findings = check(base, name)
        stack = replace(stack, problems=problems, findings=findings)
        # Applications with errors have no access model and no preview.
        if stack.problems:
            return [stack]
        stack = replace(
            stack, access=changes(base, name), impact=impact(base, name, uses)
        )
        if missing:
            listed = ", ".join(missing)
            failure = _NO_SECRETS.format(listed)
            reason = f"this run has no {listed}"
            return [replace(stack, failure=failure, reason=reason)]
        # The base is always previewed, once.
        names = (
            dict.fromkeys((name, *affected_stacks(name)))
            if partitions
            else (name,)
        )
    except ReviewError as error:
        message = str(error)
        reason = message.partition("\n")[0]
        return [replace(stack, failure=fenced(message), reason=reason)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        previews = zip(names, pool.map(preview, names), strict=True)
        return [
            replace(stack, name=name, preview=done) for name, done in previews
        ]
