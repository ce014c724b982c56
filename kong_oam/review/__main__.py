"""`review`: what a change does, per stack, as Markdown; on GitHub as one comment of the pull request.

    python -m kong_oam.review --base origin/main --stack aws --stack gcp
    python -m kong_oam.review --base $BASE --stack aws --needs KONG_ADMIN_TOKEN --pull-request 7 --repository acme/oam

Exit status: 0 nothing is wrong; 1 errors in Applications, mandatory policies violated, or a preview that failed or
could not be made; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kong_oam.review.comment import LONGEST, Stack, compose, fenced
from kong_oam.review.github import PullRequest
from kong_oam.review.meaning import ReviewError, changes, check
from kong_oam.review.preview import preview


def main(arguments: Sequence[str] | None = None) -> int:
    """Reviews the project in the working directory."""
    options = _parser().parse_args(arguments)
    missing = [name for name in options.needs if not os.environ.get(name)]
    stacks = [_reviewed(name, options.base, missing) for name in options.stack]
    print(compose(stacks))
    try:
        if target := _pull_request(options, os.environ):
            target.say(compose(stacks, LONGEST))
    except ReviewError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0 if all(stack.passed for stack in stacks) else 1


def _reviewed(name: str, base: str, missing: Sequence[str]) -> Stack:
    """What is known without secrets comes first; without them, nothing is previewed, and that is a failure."""
    stack = Stack(name)
    try:
        checked = check(name)
        stack = replace(stack, problems=checked.problems, findings=checked.findings)
        if stack.problems:
            return stack
        stack = replace(stack, access=changes(base, name))
    except ReviewError as error:
        return replace(stack, failure=fenced(str(error)))
    if missing:
        return replace(stack, failure=_NO_SECRETS.format(", ".join(missing)))
    return replace(stack, preview=preview(name))


_NO_SECRETS = (
    "**Not previewed**: this run has no {}. Pull requests from forks get no secrets; a maintainer who has read the "
    "change pushes it to a branch of this repository. Until then it counts as failed."
)


def _pull_request(options: argparse.Namespace, environment: Mapping[str, str]) -> PullRequest | None:
    """Where to comment; None where no pull request is named."""
    if options.pull_request is None:
        return None
    token = environment.get("GITHUB_TOKEN")
    if not token or not options.repository:
        raise ReviewError("to comment on a pull request, set GITHUB_TOKEN and say --repository OWNER/NAME")
    api = environment.get("GITHUB_API_URL", "https://api.github.com")
    return PullRequest(api, options.repository, options.pull_request, token, options.author)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m kong_oam.review", description="What a change does to each stack.")
    say = parser.add_argument
    say("--base", required=True, metavar="REVISION", help="the git revision to compare access with")
    say("--stack", required=True, action="append", metavar="NAME", help="what to preview; may stand several times")
    say("--needs", action="append", default=[], metavar="VARIABLE", help="without it in the environment, no preview")
    say("--pull-request", type=int, metavar="NUMBER", help="comment on it, with GITHUB_TOKEN")
    say("--repository", default=os.environ.get("GITHUB_REPOSITORY"), metavar="OWNER/NAME")
    say("--author", default="github-actions[bot]", metavar="LOGIN", help="whose the token is (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
