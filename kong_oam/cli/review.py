"""`review`: report how a change affects each stack, as Markdown or in a pull request."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import suppress
from os import environ
from pathlib import Path

from kong_oam.cli.command import FOUND, OK, Command, UsageError
from kong_oam.cli.console import Console
from kong_oam.cli.estates import settings_of
from kong_oam.errors import SettingsError

_DETAILS = """\
Reports how a change affects each stack, as Markdown. With --pull-request, it also writes the report
as a comment on GitHub.

  python -m kong_oam review --base origin/main --stack aws --stack gcp
  python -m kong_oam review --base $BASE --stack aws --needs KONG_ADMIN_TOKEN \\
      --pull-request 7 --repository acme/oam

For an estate in partitions, name the stack of its base. The report covers access of the whole
estate, with previews of the base and of the partitions that the change touches.

A preview runs the program of the change. To keep that program from writing to the pull request, use
two jobs. The first job reviews. The second job has the token, runs no code of the change, and
writes the comment:

  python -m kong_oam review --base $BASE --stack aws --output review.md
  python -m kong_oam review --comment review.md --pull-request 7 --repository acme/oam

If a review does not finish, FILE says so. If FILE is missing or has no review, the comment says so.

Exit status: 0 without a problem. 1 for errors in Applications, violated mandatory policies, a
failed or missing preview, or a comment that could not be written. 2 for wrong usage.
"""


def _arguments(parser: ArgumentParser) -> None:
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
        help="the stack to review (repeatable)",
    )
    say(
        "--needs",
        action="append",
        default=[],
        metavar="VARIABLE",
        help="an environment variable that the preview requires (repeatable)",
    )
    say(
        "--uses",
        nargs="+",
        default=[],
        metavar="FILE",
        help="files of `audit uses`: name the recorded calls that the change would deny",
    )
    say(
        "--output",
        type=Path,
        metavar="FILE",
        help="also write the comment to FILE",
    )
    say(
        "--comment",
        type=Path,
        metavar="FILE",
        help="comment with the FILE that --output wrote, without a review",
    )
    say(
        "--pull-request",
        type=int,
        metavar="NUMBER",
        help="the pull request to comment on (uses GITHUB_TOKEN)",
    )
    say(
        "--repository",
        default=environ.get("GITHUB_REPOSITORY"),
        metavar="OWNER/NAME",
        help="its repository (default: GITHUB_REPOSITORY)",
    )
    say(
        "--author",
        default="github-actions[bot]",
        metavar="LOGIN",
        help="the owner of the token (default: %(default)s)",
    )


def _run(options: Namespace, console: Console) -> int:
    # Imported here, so that other verbs start faster.
    from kong_oam.review.access_changes import ReviewError

    act = _review if options.comment is None else _comment
    try:
        return act(options, console)
    except ReviewError as error:
        raise ReviewError(f"error: {error}") from None


def _review(options: Namespace, console: Console) -> int:
    from kong_oam.review.comment import LONGEST, compose, not_reviewed
    from kong_oam.review.github import head_commit, links
    from kong_oam.review.stack_review import review_stack

    if options.base is None or not options.stack:
        raise UsageError(
            "specify --base REVISION and --stack NAME to review, or --comment FILE to comment"
        )
    commit = head_commit(environ)
    # This text remains if the run ends early for any reason.
    _write_output(options, not_reviewed(commit))
    missing = [name for name in options.needs if not environ.get(name)]
    try:
        stacks = []
        for name in options.stack:
            partitions = _has_partitions(name)
            stacks += review_stack(
                name,
                options.base,
                missing,
                partitions=partitions,
                uses=options.uses,
            )
        places = links(options.repository, environ)
        console.print_exactly(compose(stacks, links=places, commit=commit))
        text = compose(stacks, LONGEST, places, commit)
    # Replace the comment after any error: readers would take an earlier comment for this change.
    except Exception:
        _report_no_review(options)
        raise
    _write_output(options, text)
    _write(options, text)
    return OK if all(stack.passed for stack in stacks) else FOUND


def _has_partitions(stack: str) -> bool:
    """Return whether the stack is the base of an estate in partitions. `check` reports invalid
    settings."""
    try:
        settings = settings_of(stack)
    except SettingsError:
        return False
    return settings.partition is None and bool(settings.stack.partitions)


def _write_output(options: Namespace, text: str) -> None:
    if options.output is None:
        return
    try:
        options.output.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {options.output}: {error.strerror}"
        ) from None


def _comment(options: Namespace, console: Console) -> int:
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
            "specify the pull request to comment on: --pull-request NUMBER"
        )
    try:
        text = read_comment(options.comment)
    except ReviewError:
        _report_no_review(options)
        raise
    _write(options, text)
    console.print(
        f"commented on pull request {options.pull_request} of {options.repository}"
    )
    return OK


def _report_no_review(options: Namespace) -> None:
    """Replace the comment of an earlier run. Errors are ignored, because the caller raises the
    error that stopped the review."""
    from kong_oam.review.access_changes import ReviewError
    from kong_oam.review.comment import not_reviewed
    from kong_oam.review.github import head_commit

    with suppress(ReviewError):
        _write(options, not_reviewed(head_commit(environ)))


def _write(options: Namespace, text: str) -> None:
    from kong_oam.review.github import write_comment

    if options.pull_request is not None:
        write_comment(
            text,
            options.pull_request,
            options.repository,
            options.author,
            environ,
        )


COMMAND = Command(
    "review",
    "report how a change affects each stack, as Markdown",
    _DETAILS,
    _arguments,
    _run,
)
