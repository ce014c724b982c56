"""Reviews one stack: errors in Applications, access, and a preview with its policies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kong_oam.review.access_changes import ReviewError, changes, check
from kong_oam.review.comment import ReviewedStack
from kong_oam.review.markdown import fenced
from kong_oam.review.preview import preview

_NO_SECRETS = (
    "**Not previewed**: this run has no {}. Pull requests from forks get no secrets; a maintainer who has read the "
    "change pushes it to a branch of this repository. Until then it counts as failed."
)


def review_stack(name: str, base: str, missing: Sequence[str]) -> ReviewedStack:
    """Reviews what a change since the revision `base` does to a stack. What is known without secrets comes first;
    without them (`missing` names the variables) nothing is previewed, and that is a failure."""
    stack = ReviewedStack(name)
    try:
        checked = check(name)
        stack = replace(stack, problems=checked.problems, findings=checked.findings)
        if stack.problems:
            return stack
        stack = replace(stack, access=changes(base, name))
    except ReviewError as error:
        return replace(stack, failure=fenced(str(error)), reason=str(error).partition("\n")[0])
    if missing:
        listed = ", ".join(missing)
        return replace(stack, failure=_NO_SECRETS.format(listed), reason=f"this run has no {listed}")
    return replace(stack, preview=preview(name))
