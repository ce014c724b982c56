"""The review of a change: its data from the engine's events, its text, and its comment."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from kong_oam.__main__ import _parser, main
from kong_oam.access.diff.kind import KINDS
from kong_oam.review import access_changes, github, stack_review
from kong_oam.review.access_changes import AccessChange, Finding, ReviewError
from kong_oam.review.comment import LONGEST, MARKER, ReviewedStack, compose
from kong_oam.review.failure import UNKNOWN
from kong_oam.review.github import read_comment
from kong_oam.review.markdown import SourcePosition, fenced
from kong_oam.review.preview import Preview, Step, Violation, preview, read
from tests.support.cli import Cli
from tests.support.github_comments import BOT, REPOSITORY, TOKEN, Comments
from tests.support.json_object import JsonObject
from tests.support.projects import (
    STACK,
    commit_all,
    copy_sample,
    git,
    replace_once,
)
from tests.support.repository import ROOT
from tests.support.streams import Capsys

SECRET = "s3cr3t-of-the-engine"
HEAD = "c0ffee" * 6 + "c0ff"
NOT_REVIEWED = f"{MARKER}\n**Not reviewed**: the review of commit `{HEAD}` did not finish. See the log of its job for the reason.\n"


def events(*listed: JsonObject) -> str:
    return "\n".join(json.dumps(event) for event in listed)


def resource(operation: str, name: str, **more: Any) -> JsonObject:
    """Return an event of the engine, with a secret in every place that a reviewer may not see."""
    state = {
        "inputs": {"a": SECRET},
        "outputs": {"b": {"c": [SECRET]}},
        "id": SECRET,
    }
    metadata = {
        "op": operation,
        "urn": f"urn:pulumi:s::p::t:m:T::{name}",
        "type": "t:m:T",
        "old": state,
        "new": state,
    }
    return {
        "resourcePreEvent": {
            "metadata": {
                **metadata,
                "detailedDiff": {"a": {"kind": "update"}},
                **more,
            }
        }
    }


def policy(
    pack: str = "kong-oam",
    level: str = "mandatory",
    message: str = "title. remedy.\nweb has no gate\n",
) -> JsonObject:
    event = {
        "resourceUrn": "urn:pulumi:s::p::t:m:T::web",
        "message": message,
        "policyName": "route-guarded",
    }
    return {
        "policyEvent": {
            **event,
            "policyPackName": pack,
            "enforcementLevel": level,
        }
    }


DONE = {"summaryEvent": {"result": "succeeded", "resourceChanges": {"same": 1}}}


def test_a_preview_is_names_operations_and_names_of_properties() -> None:
    """Only changed resources count: unchanged and read resources, and halves of replacements, are
    left out."""
    printed = events(
        resource("same", "stays"),
        resource("create", "a/new"),
        resource("update", "a/changed", diffs=["rules", "hosts"]),
        resource("create-replacement", "a/other"),
        resource("replace", "a/other", diffs=["name"]),
        resource("delete-replaced", "a/other"),
        resource("read", "looked-up"),
        DONE,
    )
    assert read(printed) == Preview(
        (
            Step("create", "t:m:T", "a/new", ()),
            Step("update", "t:m:T", "a/changed", ("hosts", "rules")),
            Step("replace", "t:m:T", "a/other", ("name",)),
        ),
        (),
    )


def test_policies_are_those_of_the_own_pack() -> None:
    """Another pack's message may contain anything. A repeated finding appears once."""
    printed = events(
        policy(),
        policy(),
        policy("house-rules", message=f"x\n{SECRET}"),
        policy(level="advisory"),
        DONE,
    )
    assert read(printed).violations == (
        Violation("route-guarded", "mandatory", "web has no gate"),
        Violation("route-guarded", "advisory", "web has no gate"),
    )


@pytest.mark.parametrize(
    "printed", ["", "error: no Pulumi.yaml\n", events(DONE | {"summaryEvent": {"result": "failed"}}), "[]\n1\nnull", events(resource("create", "x"))]
)  # fmt: skip
def test_a_preview_succeeded_only_where_the_engine_says_so(
    printed: str,
) -> None:
    """This holds for any other output, and for none."""
    assert read(printed).failed == (UNKNOWN,)


def test_a_preview_writes_no_checkpoints(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A preview keeps nothing, but checkpoints would take most of its time."""
    environment = tmp_path / "environment"
    (tmp_path / "pulumi").write_text(
        f'#!/bin/sh\necho "$1 $PULUMI_SKIP_CHECKPOINTS" > {environment}\n'
    )
    (tmp_path / "pulumi").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    preview("prod")
    assert environment.read_text() == "preview true\n"


def test_without_a_pulumi_the_preview_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Such a failure does not mean that nothing changes."""
    monkeypatch.setenv("PATH", "/nowhere")
    (reason,) = preview("local").failed
    assert reason.startswith("`pulumi` is not on the PATH")


def test_no_value_of_a_resource_and_no_other_text_of_the_engine_is_shown() -> (
    None
):
    """Outputs are never read, and only the program's errors are shown; a name cannot start a line,
    a table cell or markup."""
    printed = events(
        {"diagnosticEvent": {"message": SECRET, "severity": "error"}},
        {"preludeEvent": {"config": {"okta:apiToken": SECRET}}},
        {"resOutputsEvent": resource("update", "a")["resourcePreEvent"]},
        resource("update", "a|b\n# `title` <img>", diffs=["x|y"]),
        DONE,
    )
    text = compose(
        [ReviewedStack("aws", access=NOTHING, preview=read(printed))]
    )
    assert SECRET not in text
    assert (
        "| update | `a\\|b # 'title' <img>` | `t:m:T` | `x\\|y` |"
        in text.splitlines()
    )


NOTHING = AccessChange(len(KINDS), headline="", markdown="")
OPENS = AccessChange(
    0,
    headline="newly public: GET https://orders.example.com/orders",
    markdown="| the table |",
)
CLOSES = AccessChange(
    5, headline="revoked: shop/web", markdown="| another table |"
)
QUIET = Preview((), ())
FINE = ((), ())


def top(*stacks: ReviewedStack) -> str:
    first, second, *_ = compose(stacks).splitlines()
    assert first == MARKER
    return second


def test_the_first_line_has_the_worst_change() -> None:
    """The worst change of all stacks, in any order: public before granted, and opening before
    closing."""
    granting = ReviewedStack(
        "dc",
        access=AccessChange(1, "granted to shop/web: GET https://x.test/", ""),
        preview=QUIET,
    )
    closing, opening = (
        ReviewedStack("aws", access=CLOSES, preview=QUIET),
        ReviewedStack("gcp", access=OPENS, preview=QUIET),
    )
    assert (
        top(closing, granting, opening)
        == "**Access** · `newly public: GET https://orders.example.com/orders`"
    )
    assert (
        top(closing, granting)
        == "**Access** · `granted to shop/web: GET https://x.test/`"
    )
    assert (
        top(closing, ReviewedStack("gcp", access=NOTHING, preview=QUIET))
        == "**Access** · `revoked: shop/web`"
    )
    assert (
        top(ReviewedStack("gcp", access=NOTHING, preview=QUIET))
        == "**Access** · no change"
    )


def test_an_unreviewed_stack_is_not_reported_as_unchanged() -> None:
    """Errors in Applications, a failed preview and a mandatory policy are in the first line too."""
    broken = ReviewedStack(
        "aws",
        problems=(
            Finding(
                "ACC204: no role grants it", SourcePosition("a.yaml", 1, 2)
            ),
        ),
    )
    reason = "**failed** on `aws`: `a.yaml:1:2: ACC204: no role grants it`"
    assert top(broken) == f"**Access** · not known: see below · {reason}"
    assert "- `a.yaml:1:2: ACC204: no role grants it`" in compose([broken])
    failed = ReviewedStack(
        "gcp", access=NOTHING, preview=Preview((), (), (UNKNOWN,))
    )
    assert (
        top(failed)
        == f"**Access** · no change · **failed** on `gcp`: `{UNKNOWN}`"
    )
    assert (
        "`pulumi preview --stack gcp --policy-pack policies` prints the whole error."
        in compose([failed])
    )
    violated = Preview(
        (), (Violation("no-plain-http", "mandatory", "route r takes http"),)
    )
    assert top(ReviewedStack("s", access=OPENS, preview=violated)).endswith(
        " · **failed** on `s`: `policy no-plain-http`"
    )
    assert "| `no-plain-http` | mandatory | `route r takes http` |" in compose(
        [ReviewedStack("s", access=OPENS, preview=violated)]
    )
    advised = Preview((), (Violation("public-ending", "advisory", "m"),))
    assert ReviewedStack("s", access=NOTHING, preview=advised).passed


def test_access_precedes_policies_and_resources() -> None:
    """Each stack has its own part; resources are folded."""
    step = Step("create", "t:m:T", "a/new", ())
    found = Preview((step,), (Violation("public-ending", "advisory", "m"),))
    text = compose([ReviewedStack("aws", access=OPENS, preview=found)])
    parts = [
        "### Stack `aws`",
        "| the table |",
        "`public-ending`",
        "<details><summary>Resources: 1 to create</summary>",
        "`a/new`",
    ]
    assert [text.index(part) for part in parts] == sorted(
        text.index(part) for part in parts
    )


def test_a_comment_that_would_be_too_long_loses_its_resources_first() -> None:
    """GitHub accepts 65,536 characters: the access part is the most important."""
    many = Preview(
        tuple(Step("create", "t:m:T", f"a/{n:05}", ()) for n in range(3000)), ()
    )
    found = (Finding("LINT306: m", SourcePosition("a.yaml", 1, 2), new=False),)
    text = compose(
        [ReviewedStack("aws", findings=found, access=OPENS, preview=many)],
        LONGEST,
    )
    assert len(text) <= LONGEST < 65_536
    assert (
        "| the table |" in text
        and "Resources: 3000 to create." in text
        and "a/00001" not in text
    )
    assert "As in the base: 1 to check." in text and "LINT306" not in text
    complete = compose(
        [ReviewedStack("aws", findings=found, access=OPENS, preview=many)]
    )
    assert "a/02999" in complete and "LINT306" in complete, (
        "the log of the job has all of it"
    )


def test_a_comment_that_is_cut_says_so() -> None:
    """Missing stacks do not look like stacks without changes."""
    endless = AccessChange(
        0, "newly public: GET https://x.test/", "| the table |\n" * 9000
    )
    text = compose(
        [
            ReviewedStack("aws", access=endless, preview=QUIET),
            ReviewedStack("gcp", access=OPENS, preview=QUIET),
        ],
        LONGEST,
    )
    assert len(text) <= LONGEST
    assert (
        text.splitlines()[1]
        == "**Access** · `newly public: GET https://x.test/`"
    )
    assert text.endswith(
        "**Cut here.** The rest does not fit into a comment; see the log of the job.\n"
    )
    assert "Cut here" not in compose(
        [ReviewedStack("aws", access=OPENS, preview=QUIET)], LONGEST
    )


def test_a_failure_is_no_markup() -> None:
    """A command's error about a broken revision may contain any text."""
    assert (
        fenced("OLD (main): a\n```\n<img src=x>\x1b")
        == "```\nOLD (main): a\n'''\n<img src=x>?\n```"
    )


# The place of the comment


@pytest.fixture
def comments() -> Iterator[Comments]:
    with Comments() as stand_in:
        yield stand_in


@pytest.fixture
def on_github(comments: Comments, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that may comment."""
    for name, value in (
        ("GITHUB_TOKEN", TOKEN),
        ("GITHUB_API_URL", comments.url),
        ("GITHUB_SHA", HEAD),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GITHUB_EVENT_PATH", raising=False)


def say(comments: Comments, text: str, token: str = TOKEN) -> None:
    github.write_comment(
        text,
        7,
        REPOSITORY,
        BOT,
        {"GITHUB_TOKEN": token, "GITHUB_API_URL": comments.url},
    )


def test_one_comment_is_updated_in_place(comments: Comments) -> None:
    """The first run creates it, and later runs find it on any page."""
    for number in range(150):
        comments.add(f"comment {number}", "somebody")
    say(comments, f"{MARKER}\nfirst")
    say(comments, f"{MARKER}\nsecond")
    assert [comment["body"] for comment in comments.kept[150:]] == [
        f"{MARKER}\nsecond"
    ]
    assert comments.requests[-3:] == [
        f"GET /repos/{REPOSITORY}/issues/7/comments",
        f"GET /repos/{REPOSITORY}/issues/7/comments",
        f"PATCH /repos/{REPOSITORY}/issues/comments/151",
    ]


def test_somebody_elses_comment_with_the_marker_is_left_alone(
    comments: Comments,
) -> None:
    """Its author could edit it later, and hide the changes."""
    comments.add(f"{MARKER}\n**Access** · no change", "somebody")
    say(comments, f"{MARKER}\nours")
    assert [comment["body"].splitlines()[1] for comment in comments.kept] == [
        "**Access** · no change",
        "ours",
    ]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (
            403,
            "answers 403; the workflow needs the permission pull-requests: write",
        ),
        (500, "answers 500"),
    ],
)
def test_a_comment_that_cannot_be_written_is_an_error(
    comments: Comments, status: int, message: str
) -> None:
    """The message names the request, but not the token."""
    comments.status = status
    with pytest.raises(ReviewError, match=message) as raised:
        say(comments, "x", token=SECRET)
    assert SECRET not in str(raised.value)


def test_a_server_that_does_not_answer_is_an_error() -> None:
    """There is no traceback."""
    with Comments() as stand_in:
        pass
    with pytest.raises(
        ReviewError, match=r"cannot be written: .* failed with ConnectError"
    ):
        say(stand_in, "x")


# The command


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps of the command in order; each step succeeds."""
    did: list[str] = []
    monkeypatch.setattr(
        stack_review,
        "check",
        lambda base, stack: did.append(f"check {stack}") or FINE,
    )
    monkeypatch.setattr(
        stack_review,
        "changes",
        lambda base, stack: did.append(f"diff {base} {stack}") or OPENS,
    )
    monkeypatch.setattr(
        stack_review,
        "preview",
        lambda stack: did.append(f"preview {stack}") or QUIET,
    )
    return did


def test_every_stack_is_checked_compared_and_previewed(
    steps: list[str], capsys: Capsys
) -> None:
    """The steps run in this order; the exit status is 0, and the output is the comment."""
    assert (
        main(["review", "--base", "main", "--stack", "aws", "--stack", "gcp"])
        == 0
    )
    assert steps == [
        "check aws",
        "diff main aws",
        "preview aws",
        "check gcp",
        "diff main gcp",
        "preview gcp",
    ]
    assert capsys.readouterr().out.startswith(
        f"{MARKER}\n**Access** · `newly public"
    )


def test_denied_calls_follow_the_change_of_access(
    steps: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Capsys
) -> None:
    """The review asks `audit impact` about the same sides, with the files of uses."""
    asked: list[tuple[str, ...]] = []
    line = "- would have denied 386 calls of app7/web"

    def answered(*arguments: str) -> str:
        asked.append(arguments)
        return f"{line}\n"

    monkeypatch.setattr(access_changes, "_access", answered)
    options = ["review", "--base", "main", "--stack", "aws"]
    assert main([*options, "--uses", "a.parquet", "b.parquet"]) == 0
    sides = ("--old", "git:main", "--new", ".", "--stack", "aws")
    files = ("a.parquet", "b.parquet")
    assert asked == [("audit", "impact", *files, *sides, "--markdown")]
    text = capsys.readouterr().out
    assert f"{OPENS.markdown}\n\nRecorded calls:\n\n{line}\n\n" in text
    assert main(options) == 0
    assert "Recorded calls" not in capsys.readouterr().out
    assert steps.count("check aws") == 2


@pytest.fixture
def in_partitions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The working directory has an estate `prod` in two partitions."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stacks").mkdir()
    parted = f"{STACK}  kong-oam:partitions: {{pay: [pay], rest: ['*']}}\n"
    (tmp_path / "stacks/Pulumi.prod.yaml").write_text(parted, "utf-8")


@pytest.mark.usefixtures("in_partitions")
@pytest.mark.parametrize(
    ("touched", "previewed", "heading"),
    [
        (
            ["prod-pay", "prod-rest"],
            ["preview prod", "preview prod-pay", "preview prod-rest"],
            "### Stacks `prod`, `prod-pay`, `prod-rest`\n",
        ),
        (
            ["prod", "prod-rest"],
            ["preview prod", "preview prod-rest"],
            "### Stacks `prod`, `prod-rest`\n",
        ),
        ([], ["preview prod"], "### Stack `prod`\n"),
    ],
    ids=["partitions", "the base and a partition", "nothing"],
)
def test_affected_partitions_are_previewed(
    steps: list[str],
    touched: list[str],
    previewed: list[str],
    heading: str,
    capsys: Capsys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The base is always previewed; access is compared and reported once for all stacks."""
    monkeypatch.setattr(
        access_changes,
        "_run",
        lambda *a: subprocess.CompletedProcess(a, 0, json.dumps(touched), ""),
    )
    assert main(["review", "--base", "main", "--stack", "prod"]) == 0
    assert steps[:2] == ["check prod", "diff main prod"]
    assert sorted(steps[2:]) == previewed
    output = capsys.readouterr().out
    assert heading in output
    assert output.count("| the table |") == 1


@pytest.mark.usefixtures("in_partitions")
def test_a_failed_list_prints_only_known_reasons(
    steps: list[str],
    capsys: Capsys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The backend's address may contain a password."""
    message = (
        f"error: unable to open state database: postgres://oam:{SECRET}@db/oam"
    )
    monkeypatch.setattr(
        access_changes,
        "_run",
        lambda *a: subprocess.CompletedProcess(a, 2, "", message),
    )
    assert main(["review", "--base", "main", "--stack", "prod"]) == 1
    assert steps == ["check prod", "diff main prod"]
    printed = capsys.readouterr()
    assert SECRET not in printed.out + printed.err
    assert (
        "the affected stacks are unknown: the database in PULUMI_BACKEND_URL"
        in printed.out
    )
    assert "| the table |" in printed.out


def test_a_fork_without_secrets_fails_closed(
    steps: list[str],
    capsys: Capsys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is previewed, but access is shown, and the message gives the reason and the
    maintainer's next step."""
    monkeypatch.setenv("KONG_ADMIN_TOKEN", "")
    monkeypatch.delenv("OKTA_API_TOKEN", raising=False)
    needs = [
        "--needs",
        "KONG_ADMIN_TOKEN",
        "--needs",
        "OKTA_API_TOKEN",
        "--needs",
        "PATH",
    ]
    assert main(["review", "--base", "main", "--stack", "aws", *needs]) == 1
    assert steps == ["check aws", "diff main aws"]
    output = capsys.readouterr().out
    assert (
        "**failed** on `aws`: `this run has no KONG_ADMIN_TOKEN, OKTA_API_TOKEN`"
        in output
    )
    assert (
        "**Not previewed**: this run has no KONG_ADMIN_TOKEN, OKTA_API_TOKEN. Pull requests from forks get no secrets"
        in output
    )
    assert "Until then the review fails.\n\n| the table |" in output


def test_errors_in_applications_come_before_everything_else(
    steps: list[str],
    capsys: Capsys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The errors have places, and a failed comparison is reported too."""
    wrong = ((Finding("ACC204: no", SourcePosition("a.yaml", 1, 2)),), ())
    monkeypatch.setattr(
        stack_review,
        "check",
        lambda base, stack: wrong if stack == "aws" else FINE,
    )

    def fails(base: str, stack: str) -> AccessChange:
        steps.append(f"diff {base} {stack}")
        raise ReviewError(f"no revision {base}")

    monkeypatch.setattr(stack_review, "changes", fails)
    assert (
        main(["review", "--base", "main", "--stack", "aws", "--stack", "gcp"])
        == 1
    )
    assert steps == ["diff main gcp"]
    output = capsys.readouterr().out
    assert (
        "- `a.yaml:1:2: ACC204: no`" in output
        and "```\nno revision main\n```" in output
    )


@pytest.mark.usefixtures("on_github")
@pytest.mark.parametrize(
    "failing",
    [
        Preview((), (), (UNKNOWN,)),
        Preview((), (Violation("r", "mandatory", "m"),)),
    ],
)
def test_a_failed_preview_or_a_mandatory_policy_fails_the_command(
    steps: list[str],
    comments: Comments,
    monkeypatch: pytest.MonkeyPatch,
    failing: Preview,
) -> None:
    """The comment is still written."""
    monkeypatch.setattr(stack_review, "preview", lambda stack: failing)
    assert (
        main(
            [
                "review",
                "--base",
                "b",
                "--stack",
                "s",
                "--pull-request",
                "7",
                "--repository",
                REPOSITORY,
            ]
        )
        == 1
    )
    assert comments.kept[0]["body"].startswith(MARKER)


def test_a_comment_without_a_token_is_wrong_usage(
    steps: list[str],
    monkeypatch: pytest.MonkeyPatch,
    cli: Cli,
) -> None:
    """The review is printed, and the run fails."""
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    assert "needs GITHUB_TOKEN and --repository" in cli.error(
        "review",
        "--base",
        "b",
        "--stack",
        "s",
        "--pull-request",
        "7",
        "--repository",
        REPOSITORY,
        status=1,
    )


def test_a_review_is_written_by_another_job_than_makes_it(
    steps: list[str],
    comments: Comments,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capsys,
    cli: Cli,
) -> None:
    """The first job has no token and writes a file. The other job posts the file without a review,
    and prints none of it, because a line of a log can control a workflow."""
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    file = tmp_path / "review.md"
    assert (
        cli("review", "--base", "main", "--stack", "aws", "--output", str(file))
        == f"{file.read_text('utf-8')}\n"
    )
    steps.clear()
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("GITHUB_API_URL", comments.url)
    assert (
        main(
            [
                "review",
                "--comment",
                str(file),
                "--pull-request",
                "7",
                "--repository",
                REPOSITORY,
            ]
        )
        == 0
    )
    assert [comment["body"] for comment in comments.kept] == [
        file.read_text("utf-8")
    ]
    assert (
        capsys.readouterr().out
        == f"commented on pull request 7 of {REPOSITORY}\n"
    )
    assert steps == []


@pytest.mark.usefixtures("on_github")
@pytest.mark.parametrize("token", [TOKEN, ""])
def test_an_incomplete_review_leaves_no_earlier_comment(
    token: str,
    comments: Comments,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither the file nor the comment of an earlier run remains, whatever happens, and the error
    is raised."""
    monkeypatch.setenv("GITHUB_TOKEN", token)
    say(
        comments, compose([ReviewedStack("aws", access=NOTHING, preview=QUIET)])
    )
    monkeypatch.setattr(stack_review, "check", lambda *_: 1 / 0)
    file = tmp_path / "review.md"
    to = (
        "--output",
        str(file),
        "--pull-request",
        "7",
        "--repository",
        REPOSITORY,
    )
    with pytest.raises(ZeroDivisionError):
        main(["review", "--base", "main", "--stack", "aws", *to])
    assert file.read_text("utf-8") == NOT_REVIEWED
    assert (comments.kept[0]["body"] == NOT_REVIEWED) == bool(token)


@pytest.mark.usefixtures("on_github")
def test_a_name_that_is_no_utf_8_is_reviewed_like_any_other(
    steps: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place has a link, and the file is valid UTF-8. The comment names its commit."""
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    found = (
        (),
        (
            Finding(
                "LINT306: public without an end",
                SourcePosition("applications/\udcff.yaml", 1, 2),
            ),
        ),
    )
    monkeypatch.setattr(stack_review, "check", lambda *_: found)
    odd = replace(OPENS, markdown="public at `\udcff.yaml`")
    monkeypatch.setattr(stack_review, "changes", lambda *_: odd)
    file = tmp_path / "review.md"
    arguments = (
        "--base",
        "main",
        "--stack",
        "aws",
        "--repository",
        REPOSITORY,
        "--output",
        str(file),
    )
    assert main(["review", *arguments]) == 0
    text = read_comment(file)
    assert text.splitlines()[3] == f"Of commit `{HEAD}`."
    assert (
        f"[`applications/?.yaml:1:2`](https://github.com/{REPOSITORY}/blob/{HEAD}/applications/%FF.yaml#L1)"
        in text
    )
    assert "public at `?.yaml`" in text


def test_a_file_that_cannot_be_written_is_wrong_usage(
    steps: list[str], tmp_path: Path, cli: Cli
) -> None:
    """The check precedes the review."""
    assert "no/review.md: No such file" in cli.error(
        "review",
        "--base",
        "main",
        "--stack",
        "aws",
        "--output",
        str(tmp_path / "no/review.md"),
    )
    assert steps == []


@pytest.mark.usefixtures("on_github")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"**Access** \xc2\xb7 no change\n", "its first line is not"),
        (b"", "its first line is not"),
        (f"{MARKER} x\n".encode(), "its first line is not"),
        (
            f"{MARKER}\n".encode() + b"x" * LONGEST,
            "more than 60,000 characters",
        ),
        (
            f"{MARKER}\n".encode() + "\U0001f600".encode() * LONGEST,
            "more than 60,000 characters",
        ),
        (f"{MARKER}\n\xff".encode("latin-1"), "it is not UTF-8"),
        (None, "cannot be read: No such file"),
    ],
)
def test_an_invalid_comment_is_not_written(
    content: bytes | None,
    message: str,
    comments: Comments,
    tmp_path: Path,
    cli: Cli,
) -> None:
    """The job that wrote the file ran the change's program. The comment of an earlier run is
    replaced too."""
    say(
        comments, compose([ReviewedStack("aws", access=NOTHING, preview=QUIET)])
    )
    file = tmp_path / "review.md"
    if content is not None:
        file.write_bytes(content)
    assert message in cli.error(
        "review",
        "--comment",
        str(file),
        "--pull-request",
        "7",
        "--repository",
        REPOSITORY,
        status=1,
    )
    assert [comment["body"] for comment in comments.kept] == [NOT_REVIEWED]


def test_a_comment_of_the_longest_is_read(tmp_path: Path) -> None:
    """The limit counts characters, not bytes."""
    file = tmp_path / "review.md"
    file.write_text(
        f"{MARKER}\n" + "\U0001f600" * (LONGEST - len(MARKER) - 1), "utf-8"
    )
    assert len(read_comment(file)) == LONGEST


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "specify --base REVISION and --stack NAME"),
        (["--base", "main"], "specify --base REVISION"),
        (["--stack", "aws"], "specify --base REVISION"),
        (["--comment", "x"], "--pull-request NUMBER"),
        *((["--comment", "x", "--pull-request", "7", *more], "--comment reviews nothing") for more in (["--base", "m"], ["--stack", "a"], ["--needs", "A"], ["--output", "y"])),
    ],
)  # fmt: skip
def test_a_review_of_nothing_and_a_comment_nowhere_are_wrong_usage(
    arguments: list[str],
    message: str,
    steps: list[str],
    cli: Cli,
) -> None:
    assert message in cli.error("review", *arguments)
    assert steps == []


@pytest.mark.parametrize("base", ["applications", "--json", "", "nope"])
def test_the_base_is_a_revision_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, base: str
) -> None:
    """A folder of that name would be compared with itself; an option and an empty variable are
    rejected."""
    monkeypatch.chdir(ROOT)
    with pytest.raises(ReviewError, match=rf"OLD \(git:{base}\): "):
        access_changes.changes(base, "local")


def test_a_failed_verb_is_reported_with_its_findings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With --json, they are on standard output. If a verb is killed, its status is the error."""
    copy_sample(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    git("init")
    commit_all("base")
    replace_once(
        Path("applications/orders.yaml"),
        "methods: [GET], scopes: [orders.read]",
        "methods: [GET], scopes: [orders.reed]",
    )
    with pytest.raises(ReviewError) as raised:
        access_changes.changes("HEAD", "local")
    command, _, error = str(raised.value).partition(" failed: ")
    assert command == (
        "`python -m kong_oam diff --json --stack local -- git:HEAD .`"
    )
    assert error.startswith("applications/orders.yaml:24:61: ACC201: ")
    assert error.endswith("cannot be deployed")
    killed = subprocess.CompletedProcess((), -9, '{"chan', "")
    monkeypatch.setattr(access_changes, "_run", lambda *_: killed)
    with pytest.raises(ReviewError, match=r"failed: -9$"):
        access_changes.changes("HEAD", "local")


def test_a_command_that_does_not_end_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The review fails with a message."""
    monkeypatch.setattr(access_changes, "_TIMEOUT", 0.01)
    with pytest.raises(ReviewError, match="took more than"):
        access_changes.check("HEAD", "local")


# The workflow


WORKFLOW: dict[Any, Any] = yaml.safe_load(
    (ROOT / ".github/workflows/preview.yaml").read_text("utf-8")
)
PREVIEW, COMMENT = WORKFLOW["jobs"]["preview"], WORKFLOW["jobs"]["comment"]


def command_of(job: JsonObject, name: str) -> tuple[list[str], dict[str, str]]:
    """Return the arguments of a job's step, as a shell would pass them to the review, and its
    environment."""
    (step,) = (step for step in job["steps"] if step.get("name") == name)
    words = (
        step["run"]
        .replace("$PULL_REQUEST", "7")
        .replace("$RUNNER_TEMP", "/tmp")
        .replace('"', "")
        .split()
    )
    assert words[:4] == [".venv/bin/python", "-m", "kong_oam", "review"]
    return words[3:], step["env"]


def uses(job: JsonObject) -> list[str]:
    return [
        step["uses"].partition("@")[0]
        for step in job["steps"]
        if "uses" in step
    ]


def test_the_workflow_runs_the_review_and_nothing_that_a_stranger_could_use() -> (
    None
):
    """It runs for pull requests and sets every variable that the review needs. A failed review
    fails the check."""
    assert WORKFLOW[True] == {"pull_request": None}, (
        "`on`, which YAML reads as a truth value"
    )
    assert PREVIEW["timeout-minutes"] <= 60
    assert uses(PREVIEW) == [
        "actions/checkout",
        "actions/setup-python",
        "pulumi/actions",
        "actions/upload-artifact",
    ]
    assert PREVIEW["steps"][0]["with"] == {
        "fetch-depth": 2,
        "persist-credentials": False,
    }
    words, environment = command_of(PREVIEW, "review")
    options = _parser().parse_args(words)
    assert set(options.needs) <= set(environment)
    assert options.base == "HEAD^1"
    assert all(
        (ROOT / "stacks" / f"Pulumi.{name}.yaml").is_file()
        for name in options.stack
    )
    assert "continue-on-error" not in yaml.safe_dump(WORKFLOW)


def test_no_job_both_runs_the_changes_program_and_writes_comments() -> None:
    """The first job's token only reads, and the program does not get it. The other job checks out
    the base, has no secrets of the previews, and takes the pull request's number from the event."""
    assert (WORKFLOW["permissions"], PREVIEW["permissions"]) == (
        {},
        {"contents": "read"},
    )
    assert "GITHUB_TOKEN" not in yaml.safe_dump(PREVIEW)
    assert COMMENT["permissions"] == {
        "contents": "read",
        "pull-requests": "write",
    }
    checkout = {
        "ref": "${{ github.event.pull_request.base.sha }}",
        "persist-credentials": False,
    }
    assert COMMENT["steps"][0]["with"] == checkout
    assert uses(COMMENT) == [
        "actions/checkout",
        "actions/setup-python",
        "actions/download-artifact",
    ]
    assert set(re.findall(r"secrets\.(\w+)", yaml.safe_dump(COMMENT))) == {
        "GITHUB_TOKEN"
    }
    words, environment = command_of(COMMENT, "comment")
    assert _parser().parse_args(words).pull_request == 7
    assert (
        environment["PULL_REQUEST"] == "${{ github.event.pull_request.number }}"
    )


def test_one_job_writes_the_file_that_the_other_comments() -> None:
    """One name identifies the file, even if the review failed. The other job unpacks it where
    nothing is run or imported."""
    output = _parser().parse_args(command_of(PREVIEW, "review")[0]).output
    upload, download, comment = PREVIEW["steps"][-1], *COMMENT["steps"][-2:]
    assert comment["if"] == "${{ !cancelled() }}", (
        "where nothing was left, that is commented"
    )
    assert (upload["if"], upload["with"]["path"]) == (
        "${{ !cancelled() }}",
        str(output),
    )
    assert (COMMENT["needs"], COMMENT["if"].split(" && ")[0]) == (
        "preview",
        "${{ !cancelled()",
    )
    assert upload["with"]["name"] == download["with"]["name"]
    assert download["with"]["path"] == "${{ runner.temp }}/reviewed"
    assert (
        _parser().parse_args(command_of(COMMENT, "comment")[0]).comment
        == Path("/tmp/reviewed") / output
    )


WORKFLOWS = [
    *(ROOT / ".github/workflows").iterdir(),
    *(ROOT / "kong_oam/cli/starters").rglob("workflows/*"),
]
"""The workflows of this repository, and the workflows that `init` writes."""


@pytest.mark.parametrize("file", sorted(WORKFLOWS), ids=lambda file: file.name)
def test_no_workflow_runs_code_that_others_can_change(file: Path) -> None:
    """Actions are pinned to commits, since a tag can be moved; no script contains a title or a
    branch."""
    workflow = yaml.safe_load(file.read_text("utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert {"uses", "run"} <= {name for step in steps for name in step}
    for step in steps:
        assert re.search("@[0-9a-f]{40}$", step.get("uses", f"@{'0' * 40}")), (
            step
        )
        assert "${{" not in step.get("run", ""), step
    assert "pull_request_target" not in workflow[True]
    for permissions in (
        workflow["permissions"],
        *(job.get("permissions", {}) for job in workflow["jobs"].values()),
    ):
        assert isinstance(permissions, dict), "what is not listed is not given"
