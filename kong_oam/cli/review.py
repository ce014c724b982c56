"""`review`: what a change does, per stack, as Markdown; on GitHub as one comment of the pull request."""

from __future__ import annotations

import argparse
import os

from kong_oam.cli.command import FOUND, OK, Command
from kong_oam.cli.console import Console, complain

_DETAILS = """\
Says what a change does to each stack, as Markdown; on GitHub as one comment of the pull request.

  python -m kong_oam review --base origin/main --stack aws --stack gcp
  python -m kong_oam review --base $BASE --stack aws --needs KONG_ADMIN_TOKEN --pull-request 7 --repository acme/oam

Exit status: 0 nothing is wrong; 1 errors in Applications, mandatory policies violated, or a preview that failed or
could not be made; 2 wrong usage.
"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    say = parser.add_argument
    say("--base", required=True, metavar="REVISION", help="the git revision to compare access with")
    say("--stack", required=True, action="append", metavar="NAME", help="what to preview; may stand several times")
    say("--needs", action="append", default=[], metavar="VARIABLE", help="without it in the environment, no preview")
    say("--pull-request", type=int, metavar="NUMBER", help="comment on it, with GITHUB_TOKEN")
    say("--repository", default=os.environ.get("GITHUB_REPOSITORY"), metavar="OWNER/NAME")
    say("--author", default="github-actions[bot]", metavar="LOGIN", help="whose the token is (default: %(default)s)")


def _run(options: argparse.Namespace, console: Console) -> int:
    # The other verbs start without what asks GitHub.
    from kong_oam.review.access_changes import ReviewError
    from kong_oam.review.comment import LONGEST, compose
    from kong_oam.review.github import pull_request
    from kong_oam.review.stack_review import review_stack

    missing = [name for name in options.needs if not os.environ.get(name)]
    stacks = [review_stack(name, options.base, missing) for name in options.stack]
    console.print_exactly(compose(stacks))
    try:
        if options.pull_request is not None:
            target = pull_request(options.pull_request, options.repository, options.author, os.environ)
            target.say(compose(stacks, LONGEST))
    except ReviewError as error:
        complain(f"error: {error}")
        return FOUND
    return OK if all(stack.passed for stack in stacks) else FOUND


COMMAND = Command("review", "what a change does to each stack, as Markdown", _DETAILS, _arguments, _run, json=False)
