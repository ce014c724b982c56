"""`python -m kong_oam review` over the sandbox: a change of an Application becomes one comment, and no secret gets into it."""

from __future__ import annotations

import base64
import itertools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.local import PASSPHRASE, STACK
from tests.support.documentation import page
from tests.support.engine.deployment import Deployment, Empty
from tests.support.engine.partitions import (
    kong_oam,
    partition,
    position,
    stack_of,
)
from tests.support.github_comments import REPOSITORY, TOKEN, Comments

RULE = "{paths: [/orders], methods: [GET], scopes: [orders.read]}"
NOWHERE = {"GITHUB_SERVER_URL": "", "GITHUB_SHA": "", "GITHUB_EVENT_PATH": ""}
"""No links and no commit, wherever this runs."""
OPEN = (
    "{paths: [/orders], methods: [GET], public: {reason: everybody may look}}"
)


@pytest.fixture
def comments() -> Iterator[Comments]:
    with Comments() as stand_in:
        yield stand_in


def committed(folder: Path) -> None:
    """Put the deployed estate into a repository, as its first commit."""
    who = (
        "-c",
        "user.name=tests",
        "-c",
        "user.email=tests@example.com",
        "-c",
        "commit.gpgsign=false",
    )
    for words in (
        ("init",),
        ("add", "applications", "stacks"),
        ("commit", "--quiet", "-m", "as it is deployed"),
    ):
        subprocess.run(
            ["git", *who, *words],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=30,
        )


def review(
    deployment: Deployment, comments: Comments
) -> subprocess.CompletedProcess[str]:
    """Review without a token that could write, and comment the result, as the workflow's two jobs
    do."""
    done = _kong_oam(
        deployment,
        {},
        "--base",
        "HEAD",
        "--stack",
        STACK,
        "--output",
        "review.md",
    )
    token = {"GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": comments.url}
    target = ("--pull-request", "7", "--repository", REPOSITORY)
    commented = _kong_oam(deployment, token, "--comment", "review.md", *target)
    assert (commented.returncode, commented.stderr) == (0, "")
    return done


def _kong_oam(
    deployment: Deployment, more: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    command = [".venv/bin/python", "-m", "kong_oam", "review", *arguments]
    environment = {**deployment.local.env, **NOWHERE, **more}
    return subprocess.run(
        command,
        cwd=deployment.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
    )


def secrets(deployment: Deployment) -> set[str]:
    """Return every secret that a run could show: the accounts', the passphrase, the clients' keys,
    line by line and in base64.

    Not the first lines of a key, in which its public half stands, too.
    """
    kept = {
        value
        for secret in deployment.local.cluster.objects("Secret")
        for name, value in {
            **secret.get("data", {}),
            **secret.get("stringData", {}),
        }.items()
        if "PRIVATE_KEY" in name
    }
    assert kept
    lines = {
        line
        for value in kept
        for line in base64.b64decode(value).decode().splitlines()[9:-2]
    }
    assert len(lines) > 4 and all(len(line) > 60 for line in lines)
    return {
        *kept,
        *lines,
        "PRIVATE KEY-----",
        "sandbox-admin-token",
        "sandbox-api-token",
        PASSPHRASE + ":",
        TOKEN,
    }


def _shown(begin: str) -> str:
    """Return the page's example that begins so."""
    _, found, rest = page("how-to/review-in-ci.md").partition(begin)
    lines = itertools.takewhile(
        lambda line: not line or line.startswith("    "),
        (found + rest).splitlines(),
    )
    return "\n".join(line[4:] for line in lines).rstrip("\n") + "\n"


@pytest.mark.timeout(400)  # an update and three previews with policies
def test_a_change_that_widens_access_is_announced_at_the_top(
    deployed: Deployment, comments: Comments
) -> None:
    """Then the comment is updated in place when the change is taken back; no output of either run has a secret."""
    committed(deployed.folder)
    deployed.edit("applications/orders.yaml", RULE, OPEN)
    widened = review(deployed, comments)
    assert widened.returncode == 0, widened.stderr
    (comment,) = comments.kept
    shown = map(
        re.escape, _shown("    <!-- kong-oam review -->\n").split("\n...\n")
    )  # but for the graph
    assert re.fullmatch(
        r"\nflowchart LR\n(?:  .*\n)+".join(shown),
        re.sub("\n%%{.*}%%\n", "\n", comment["body"]),
    )
    assert widened.stdout == f"{comment['body']}\n"
    deployed.edit("applications/orders.yaml", OPEN, RULE)
    undone = review(deployed, comments)
    assert undone.returncode == 0, undone.stderr
    assert len(comments.kept) == 1
    assert comments.kept[0]["body"].splitlines()[1] == "**Access** · no change"
    assert "Resources: no change." in comments.kept[0]["body"]
    deployed.local.env["KONG_ADMIN_ADDR"] = "http://127.0.0.1:1"
    failed = review(deployed, comments)
    assert failed.returncode == 1
    assert comments.kept[0]["body"].partition("\n")[2] == _shown(
        "    **Access** · no change · **failed**"
    )
    runs = (widened, undone, failed)
    for output in (
        *(run.stdout for run in runs),
        *(run.stderr for run in runs),
        *comments.requests,
    ):
        assert not [secret for secret in secrets(deployed) if secret in output]


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_a_review_lists_the_affected_stacks_of_partitions(
    empty: Empty, comments: Comments
) -> None:
    """Access once, for the estate; then the resources of its base and of the one partition that the change touches."""
    deployment = empty("policies")
    position(
        deployment.folder,
        {name: name for name in ("orders", "shop", "reports")},
    )
    partition(deployment.folder, {"apis": ["orders"], "rest": ["*"]})
    kong_oam(deployment, "up", "-s", STACK, "--yes", status=0)
    committed(deployment.folder)
    deployment.edit("applications/orders.yaml", RULE, OPEN)
    done = review(deployment, comments)
    assert done.returncode == 0, done.stderr
    (comment,) = comments.kept
    assert f"### Stacks `{STACK}`, `{stack_of('apis')}`\n" in comment["body"]
    assert comment["body"].count("| newly public |") == 1
    assert f"Resources of `{STACK}`: no change." in comment["body"]
    assert (
        f"Resources of <code>{stack_of('apis')}</code>: 2 to update"
        in comment["body"]
    )
    assert stack_of("rest") not in comment["body"]
    assert not [
        secret
        for secret in secrets(deployment)
        if secret in done.stdout + done.stderr
    ]
