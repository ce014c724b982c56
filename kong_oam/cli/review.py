"""`review`: what a change does, per stack, as Markdown; on GitHub as one comment of the pull
request."""

from __future__ import annotations

import argparse
import os
from contextlib import suppress
from pathlib import Path

from kong_oam.cli.command import FOUND, OK, Command, UsageError
from kong_oam.cli.console import Console
from kong_oam.cli.estates import settings_of
from kong_oam.errors import SettingsError

_DETAILS = """\
Says what a change does to each stack, as Markdown; on GitHub as one comment of the pull request.

  python -m kong_oam review --base origin/main --stack aws --stack gcp
  python -m kong_oam review --base $BASE --stack aws --needs KONG_ADMIN_TOKEN --pull-request 7 --repository acme/oam

Of an estate in partitions name its base's stack: access is that of all of it, and what is previewed are the base and
the partitions that the change touches.

A preview runs the change's own program. So that this cannot write to the pull request, let one job review, and another,
which has the token and nothing of the change, write the comment:

  python -m kong_oam review --base $BASE --stack aws --output review.md
  python -m kong_oam review --comment review.md --pull-request 7 --repository acme/oam

Where no review came to its end, FILE says so, and so does the comment where there is no FILE that is one.

Exit status: 0 nothing is wrong; 1 errors in Applications, mandatory policies violated, a preview that failed or could
not be made, or a comment that could not be written; 2 wrong usage.
"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    say = parser.add_argument
    say(
        "--base",
        metavar="REVISION",
        help="the git revision to compare access with",
    )
    say(
        "--stack",
        action="append",
        default=[],
        metavar="NAME",
        help="what to preview; may stand several times",
    )
    say(
        "--needs",
        action="append",
        default=[],
        metavar="VARIABLE",
        help="without it in the environment, no preview",
    )
    say(
        "--output",
        type=Path,
        metavar="FILE",
        help="write the comment to FILE, too",
    )
    say(
        "--comment",
        type=Path,
        metavar="FILE",
        help="review nothing; comment what --output wrote to FILE",
    )
    say(
        "--pull-request",
        type=int,
        metavar="NUMBER",
        help="comment on it, with GITHUB_TOKEN",
    )
    say(
        "--repository",
        default=os.environ.get("GITHUB_REPOSITORY"),
        metavar="OWNER/NAME",
    )
    say(
        "--author",
        default="github-actions[bot]",
        metavar="LOGIN",
        help="whose the token is (default: %(default)s)",
    )


def _run(options: argparse.Namespace, console: Console) -> int:
    # The other verbs start without what asks GitHub.
    from kong_oam.review.access_changes import ReviewError

    act = _review if options.comment is None else _comment
    try:
        return act(options, console)
    except ReviewError as error:
        raise ReviewError(f"error: {error}") from None


def _review(options: argparse.Namespace, console: Console) -> int:
    from kong_oam.review.comment import LONGEST, compose, not_reviewed
    from kong_oam.review.github import head_commit, links
    from kong_oam.review.stack_review import review_stack

    if options.base is None or not options.stack:
        raise UsageError(
            "say what to review: --base REVISION and --stack NAME; or what to write: --comment FILE"
        )
    commit = head_commit(os.environ)
    # What is left if this run ends before its end, however it does.
    _leave(options, not_reviewed(commit))
    missing = [name for name in options.needs if not os.environ.get(name)]
    try:
        stacks = []
        for name in options.stack:
            partitions = _has_partitions(name)
            stacks += review_stack(
                name, options.base, missing, partitions=partitions
            )
        places = links(options.repository, os.environ)
        console.print_exactly(compose(stacks, links=places, commit=commit))
        text = compose(stacks, LONGEST, places, commit)
    # Whatever ended it: an earlier comment would be taken for what this change does.
    except Exception:
        _say_not_reviewed(options)
        raise
    _leave(options, text)
    _write(options, text)
    return OK if all(stack.passed for stack in stacks) else FOUND


def _has_partitions(stack: str) -> bool:
    """Whether it is the base of an estate in partitions. What is wrong with its settings, `check`
    says."""
    try:
        settings = settings_of(stack)
    except SettingsError:
        return False
    return settings.partition is None and bool(settings.stack.partitions)


def _leave(options: argparse.Namespace, text: str) -> None:
    if options.output is None:
        return
    try:
        options.output.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(
            f"{options.output} cannot be written: {error.strerror}"
        ) from None


def _comment(options: argparse.Namespace, console: Console) -> int:
    from kong_oam.review.access_changes import ReviewError
    from kong_oam.review.github import read_comment

    if (
        options.base is not None
        or options.stack
        or options.needs
        or options.output is not None
    ):
        raise UsageError(
            "--comment reviews nothing: leave out --base, --stack, --needs and --output"
        )
    if options.pull_request is None:
        raise UsageError(
            "say where to write the comment: --pull-request NUMBER"
        )
    try:
        text = read_comment(options.comment)
    except ReviewError:
        _say_not_reviewed(options)
        raise
    _write(options, text)
    console.print(
        f"commented on pull request {options.pull_request} of {options.repository}"
    )
    return OK


def _say_not_reviewed(options: argparse.Namespace) -> None:
    """Over what an earlier run found. Why it is so is about to be said: not that this, too, could
    not be written."""
    from kong_oam.review.access_changes import ReviewError
    from kong_oam.review.comment import not_reviewed
    from kong_oam.review.github import head_commit

    with suppress(ReviewError):
        _write(options, not_reviewed(head_commit(os.environ)))


def _write(options: argparse.Namespace, text: str) -> None:
    from kong_oam.review.github import write_comment

    if options.pull_request is not None:
        write_comment(
            text,
            options.pull_request,
            options.repository,
            options.author,
            os.environ,
        )


COMMAND = Command(
    "review",
    "what a change does to each stack, as Markdown",
    _DETAILS,
    _arguments,
    _run,
    json=False,
)
