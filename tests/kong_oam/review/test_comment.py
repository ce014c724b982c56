"""The review's comment: links to places, one table for equal stacks, a graph of the change, and
reasons for a failed preview."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from kong_oam.access.diff.change import AffectedCaller, Answer, Change, Example
from kong_oam.access.principals import ITSELF, Principal
from kong_oam.access.request_classes import Region, Subtree
from kong_oam.cli.changes import document
from kong_oam.engine.error_prefix import ERROR_PREFIX
from kong_oam.review import access_changes
from kong_oam.review.access_changes import AccessChange, Finding
from kong_oam.review.comment import LONGEST, ReviewedStack, compose
from kong_oam.review.failure import UNKNOWN, reasons
from kong_oam.review.github import links
from kong_oam.review.markdown import Links, SourcePosition, linked
from kong_oam.review.preview import Preview, Step, Violation, preview
from tests.support.diffs import edited
from tests.support.json_object import JsonObject
from tests.support.projects import commit_all, copy_sample, git
from tests.support.repository import ROOT

SECRET = "s3cr3t-of-the-engine"
HEAD, MERGE = "c0ffee" * 6 + "c0ff", "0" * 40
LINKS = Links(f"https://github.com/acme/oam/blob/{HEAD}")
RULE = SourcePosition("applications/orders.yaml", 24, 17)
ROW = "| newly public | `everybody` | `GET` | `https://x.test/` | `applications/orders.yaml:24:17` |"
OPENS = AccessChange(
    0,
    "newly public: GET https://x.test/",
    f"**`newly public`**\n\n| | |\n{ROW}",
    (RULE,),
    "flowchart LR",
    ("x.test",),
    "x",
)
NOTHING = AccessChange(8, "", "")
UPDATES = Preview(
    (Step("update", "t:m:T", "orders/api-8080-gate", ("configJson",)),), ()
)
QUIET = Preview((), ())
FOUND = Finding(
    "LINT306: public without an end date",
    SourcePosition("applications/orders.yaml", 24, 60),
)


# Places


def test_places_are_links_to_the_very_line() -> None:
    """Errors, lint findings and rules in the table have links; the rest of each line is unchanged."""
    problem = Finding(
        "ACC204: no role grants it",
        SourcePosition("applications/shop.yaml", 3, 9),
    )
    text = compose([ReviewedStack("aws", problems=(problem,))], links=LINKS)
    assert (
        f"- [`applications/shop.yaml:3:9`]({LINKS.base}/applications/shop.yaml#L3) `ACC204: no role grants it`"
        in text
    )
    text = compose(
        [ReviewedStack("aws", findings=(FOUND,), access=OPENS, preview=QUIET)],
        links=LINKS,
    )
    address = f"{LINKS.base}/applications/orders.yaml#L24"
    assert (
        f"- [`applications/orders.yaml:24:60`]({address}) `{FOUND.text}`"
        in text
    )
    assert (
        f"{ROW.rpartition('| `')[0]}| [`applications/orders.yaml:24:17`]({address}) |"
        in text.splitlines()
    )


@pytest.mark.parametrize(
    ("file", "address"),
    [
        ("a b/x.yaml", "a%20b/x.yaml"),
        ("x](https://evil.test).yaml", "x%5D%28https%3A/evil.test%29.yaml"),
        ("<b>`|`.yaml", "%3Cb%3E%60%7C%60.yaml"),
        ("x.yaml#L1?q\n", "x.yaml%23L1%3Fq%0A"),
        ("\udcff.yaml", "%FF.yaml"),
    ],
)
def test_a_name_of_a_file_is_neither_markup_nor_another_address(
    file: str, address: str
) -> None:
    """For any file name, the text is code, and the address is escaped."""
    text = linked(SourcePosition(file, 7, 1), LINKS)
    assert text.endswith(f"]({LINKS.base}/{address}#L7)")
    assert text.count("`") == 2 and "\n" not in text


def _environment(tmp_path: Path, **more: str) -> dict[str, str]:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"head": {"sha": HEAD}}}))
    known = {
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_SHA": MERGE,
        "GITHUB_EVENT_PATH": str(event),
    }
    return {**known, **more}


def test_the_commit_is_the_changes_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not the temporary merge of a pull request's run. Without a pull request, it is the
    run's commit."""
    subprocess.run(
        ["git", "init", "--quiet", str(tmp_path)], check=True, timeout=30
    )
    (tmp_path / "platform").mkdir()
    monkeypatch.chdir(tmp_path / "platform")
    environment = _environment(tmp_path)
    assert links("acme/oam", environment) == Links(LINKS.base, "platform/")
    (tmp_path / "event.json").write_text("{}")
    assert links("acme/oam", environment) == Links(
        f"https://github.com/acme/oam/blob/{MERGE}", "platform/"
    )


@pytest.mark.parametrize(
    ("repository", "more"),
    [
        (None, {}),
        ("acme/oam](x)", {}),
        ("acme/oam", {"GITHUB_SERVER_URL": ""}),
        ("acme/oam", {"GITHUB_SERVER_URL": "javascript:x"}),
        ("acme/oam", {"GITHUB_EVENT_PATH": "/nowhere", "GITHUB_SHA": "main"}),
    ],
)
def test_without_all_three_there_are_no_links(
    tmp_path: Path, repository: str | None, more: dict[str, str]
) -> None:
    """The same holds if a variable is invalid."""
    assert links(repository, _environment(tmp_path, **more)) is None


# Stacks with one answer


def test_stacks_with_one_answer_are_one_table() -> None:
    """They share a heading, even if their graphs have other titles. Resources are folded, for each
    stack."""
    stacks = [
        ReviewedStack(
            name,
            findings=(FOUND,),
            access=replace(OPENS, graph=f"flowchart {name}"),
            preview=UPDATES,
        )
        for name in ("aws", "gcp", "bare-metal")
    ]
    lines = compose(stacks).splitlines()
    assert [line for line in lines if line.startswith("###")] == [
        "### Stacks `aws`, `gcp`, `bare-metal`"
    ]
    assert (
        lines.count(ROW),
        lines.count("```mermaid"),
        lines.count("flowchart aws"),
    ) == (1, 1, 1)
    assert lines.count("New since the base, 1 to check:") == 1
    for stack in stacks:
        assert (
            f"<details><summary>Resources of <code>{stack.name}</code>: 1 to update</summary>"
            in lines
        )


def test_new_findings_are_listed_and_known_findings_folded() -> None:
    """New findings stay in a comment that is too long for all findings."""
    new, known = (
        Finding("ACC219: lies below", SourcePosition("evil.yaml", 9, 3)),
        replace(FOUND, new=False),
    )
    stacks = [
        ReviewedStack(
            "aws", findings=(new, *[known] * 3000), access=OPENS, preview=QUIET
        )
    ]
    text = compose(stacks)
    assert (
        "\nNew since the base, 1 to check:\n\n- `evil.yaml:9:3: ACC219: lies below`\n\n<details>"
        in text
    )
    assert (
        "<details><summary>As in the base: 3000 to check</summary>\n\n- `applications/orders.yaml:24:60"
        in text
    )
    short = compose(stacks, LONGEST)
    assert "- `evil.yaml:9:3: ACC219: lies below`\n" in short
    assert (
        "As in the base: 3000 to check.\n" in short and "LINT306" not in short
    )


def test_owners_are_named_above_every_table() -> None:
    """So no number of rows, of any stack, cuts them off."""
    long = replace(OPENS, markdown="| row |\n" * 20_000, owners=("@acme/b",))
    stacks = [ReviewedStack("aws", access=long, preview=QUIET)]
    stacks.append(
        ReviewedStack(
            "gcp",
            access=replace(OPENS, shape="other", owners=("@acme/a", "@acme/b")),
        )
    )
    text = compose(stacks, LONGEST)
    assert "**Cut here.**" in text
    assert text.split("\n")[3] == (
        "Another component answers, a host's certificate changes, or an owner changes. "
        "These owners have to agree: @acme/a, @acme/b."
    )


def compared(
    monkeypatch: pytest.MonkeyPatch,
    found: list[JsonObject],
    markdown: str = "x",
) -> AccessChange:
    """Return the review's data about changes from `diff --json`."""
    printed = json.dumps({"headline": "h", "changes": found})
    monkeypatch.setattr(
        access_changes,
        "_access",
        lambda *a: printed if "--json" in a else markdown,
    )
    return access_changes.changes("main", "aws")


def test_owners_are_those_of_the_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each owner appears once, and a component may have none. A change cannot add invented owners."""
    invented = [{"owner": f"team-{number}"} for number in range(100)]
    found: list[JsonObject] = [
        {"answeredBy": {"old": {"owner": "team-t"}, "new": answer}}
        for answer in invented
    ]
    found += [
        {"answeredBy": {"old": {"owner": None}, "new": {"owner": "team-n"}}},
        {},
    ]
    found += [
        {
            "exposedBy": {
                "old": [{"owner": "team-h"}, {"owner": "team-t"}],
                "new": invented,
            }
        }
    ]
    found += [
        {"kind": "owner", "old": "team-o", "new": "team-n"},
        {"kind": "owner", "old": None, "new": "team-n"},
    ]
    change = compared(
        monkeypatch, [{"kind": "may widen", **entry} for entry in found]
    )
    assert change.owners == ("team-h", "team-o", "team-t")


def test_the_owner_of_a_path_that_is_taken_is_asked_though_callers_are_only_revoked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise a later change of the new owner could let callers in without the old owner's
    consent."""
    revoked = Change(
        "revoked",
        callers=(AffectedCaller(Principal("shop/web", "okta"), ITSELF),),
        methods=("GET",),
        site="orders.example.com",
        region=Region(Subtree(("orders",))),
        example=Example("GET", ("orders",), None, None, None),
        answers=(
            Answer("orders/api", "8080", owner="team-orders"),
            Answer("evil/api", "8080", owner="team-evil"),
        ),
    )
    changes = document((revoked,), "https")["changes"]
    assert compared(monkeypatch, changes).owners == ("team-orders",)


def test_a_name_of_a_stack_is_no_markup() -> None:
    stacks = [
        ReviewedStack(name, access=NOTHING, preview=UPDATES)
        for name in ("aws", "<b>`x`")
    ]
    text = compose(stacks)
    assert "### Stacks `aws`, `<b>'x'`" in text
    assert "Resources of <code>&lt;b&gt;`x`</code>: 1 to update" in text


def test_stacks_that_differ_in_their_hosts_have_one_answer() -> None:
    """The table has the hosts of the first stack; the hosts of the other stacks follow below."""
    first = replace(OPENS, hosts=("x.test", "same.test"))
    second = replace(
        OPENS,
        markdown="another",
        headline="another",
        hosts=("y.test", "same.test"),
    )
    stacks = [
        ReviewedStack(name, access=access, preview=QUIET)
        for name, access in (("aws", first), ("gcp", second))
    ]
    text = compose(stacks)
    assert "### Stacks `aws`, `gcp`" in text and "another" not in text
    assert f"{ROW}\n\nOn `gcp`: `y.test` for `x.test`.\n\n```mermaid" in text


@pytest.mark.parametrize(
    ("sites", "alike"),
    [
        (("a.gcp.test", "x.a.gcp.test"), True),
        (("x.b.test", "b.test"), True),
        (("a.gcp.test", "a.gcp.test"), False),
        (("a.gcp.test",), False),
    ],
)
def test_one_host_stands_for_another_all_over(
    monkeypatch: pytest.MonkeyPatch, sites: tuple[str, ...], alike: bool
) -> None:
    """This holds even if a host ends with another host."""

    def change(*sites: str) -> AccessChange:
        found = [
            {
                "kind": "granted",
                "site": site,
                "methods": ["GET", "PUT"][n : n + 1],
            }
            for n, site in enumerate(sites)
        ]
        table = "\n".join(
            f"| {n} | https://{site}/ |" for n, site in enumerate(sites)
        )
        return compared(monkeypatch, found, table)

    assert (change("a.aws.test", "x.a.aws.test") == change(*sites)) == alike


def test_stacks_with_another_answer_stand_apart() -> None:
    """Stacks differ by changes, by lint findings or by errors."""
    stack = ReviewedStack("aws", access=OPENS, preview=QUIET)
    differing = [
        replace(stack, name="b", access=NOTHING),
        replace(stack, name="c", findings=(FOUND,)),
        replace(stack, name="d", access=None, problems=(FOUND,)),
        replace(stack, name="e", access=None, failure="x"),
    ]
    lines = compose([stack, *differing, replace(stack, name="f")]).splitlines()
    headings = [line for line in lines if line.startswith("###")]
    assert headings == [
        "### Stacks `aws`, `f`",
        *(f"### Stack `{stack.name}`" for stack in differing),
    ]


# The graph


def test_a_long_graph_is_to_be_opened_and_goes_first() -> None:
    """A short graph is shown at once. A comment that is too long loses the graph before a list."""
    short = compose([ReviewedStack("aws", access=OPENS, preview=UPDATES)])
    assert (
        "\n```mermaid\nflowchart LR\n```\n" in short
        and "as a graph" not in short
    )
    long = replace(
        OPENS, graph="flowchart LR\n" + "  a --> b\n" * 100 + "  ```\n"
    )
    text = compose(
        [ReviewedStack("aws", findings=(FOUND,), access=long, preview=UPDATES)]
    )
    assert (
        "<details><summary>The change of access as a graph</summary>\n\n```mermaid\n"
        in text
    )
    assert "\n  '''\n```\n" in text, "nothing in it ends it"
    endless = replace(OPENS, graph="flowchart LR\n" + "  a --> b\n" * 9000)
    text = compose(
        [
            ReviewedStack(
                "aws", findings=(FOUND,), access=endless, preview=UPDATES
            )
        ],
        LONGEST,
    )
    assert (
        "mermaid" not in text
        and "LINT306" in text
        and "orders/api-8080-gate" in text
        and ROW in text
    )


@pytest.mark.parametrize(
    ("changes", "drawn"),
    [
        ([], False),
        ([{"kind": "changed", "setting": "hstsSeconds"}], False),
        (
            [
                {"kind": "changed", "setting": "x"},
                {"kind": "granted", "site": "x.test", "rule": None},
            ],
            True,
        ),
    ],
)
def test_a_change_of_requests_is_drawn(
    monkeypatch: pytest.MonkeyPatch, changes: list[JsonObject], drawn: bool
) -> None:
    """The graph compares with the base. Changes of settings alone have no graph."""
    commands: list[tuple[str, ...]] = []

    def access(*arguments: str) -> str:
        commands.append(arguments)
        return (
            json.dumps({"headline": "h", "changes": changes})
            if "--json" in arguments
            else f"{arguments[0]}\n"
        )

    monkeypatch.setattr(access_changes, "_access", access)
    assert access_changes.changes("main", "aws").graph == (
        "graph" if drawn else ""
    )
    command = (
        "graph",
        "--since=git:main",
        "--stack",
        "aws",
        "--format",
        "mermaid",
    )
    assert [arguments for arguments in commands if arguments[0] == "graph"] == (
        [command] if drawn else []
    )


def test_only_rules_in_the_change_have_a_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A removed rule has its line in the base, whose lines differ."""
    rules = [
        {"file": file, "line": 24, "column": 17}
        for file in (RULE.file, f"main:{RULE.file}")
    ]
    found = [
        {"kind": "granted", "site": "x.test", "rule": rule} for rule in rules
    ]
    assert compared(monkeypatch, found).places == (RULE,)


# Reasons for a failed preview


def _error(message: str, kind: str = "", name: str = "") -> JsonObject:
    urn = {"urn": f"urn:pulumi:s::p::{kind}::{name}"} if kind else {}
    return {"severity": "error", "message": message, **urn}


def test_the_programs_error_is_shown_with_its_first_line_on_top() -> None:
    """The whole error follows below its first line, with other failures."""
    message = f"{ERROR_PREFIX}2 error(s) at the products; nothing was provisioned\nerror ENV401: a\nerror ENV402: <b>`b`\n"
    failed = reasons(
        [
            _error(message),
            _error(f"{ERROR_PREFIX}x", "pulumi:pulumi:Stack", "p-s"),
        ]
    )
    lines = compose(
        [ReviewedStack("aws", access=NOTHING, preview=Preview((), (), failed))]
    ).splitlines()
    first = "`2 error(s) at the products; nothing was provisioned`"
    assert lines[1] == f"**Access** · no change · **failed** on `aws`: {first}"
    begin = lines.index(f"**The preview failed:** {first}")
    assert lines[begin + 2 : begin + 7] == [
        "```",
        "error ENV401: a",
        "error ENV402: <b>`b`",
        "x",
        "```",
    ]
    assert (
        lines[begin + 8]
        == "`pulumi preview --stack aws --policy-pack policies` prints the whole error."
    )


def test_errors_of_others_are_not_shown() -> None:
    """For a resource only its name is shown, even if its plugin's error begins with our prefix;
    other errors get our texts."""
    errors = [
        _error(
            f"{ERROR_PREFIX}{SECRET}",
            "kong-oam:index:Component$kong:index/plugin:Plugin",
            "orders/api-8080-gate",
        ),
        _error(f"Program failed with an unhandled exception:\n{SECRET}"),
        _error(SECRET),
        _error(SECRET, "pulumi:pulumi:Stack", "p-s"),
    ]
    expected = (
        "failed: orders/api-8080-gate (kong:index/plugin:Plugin)",
        "the program ended with an exception",
    )
    assert reasons(errors) == expected
    assert reasons([_error(SECRET)], SECRET) == reasons([]) == (UNKNOWN,)
    assert reasons([_error("x", "t:m:T", f"r{n}") for n in range(9)])[
        -1
    ].endswith(" and 4 more")


@pytest.mark.parametrize(
    ("complaint", "reason"),
    [
        ("error: no stack named 'aws' found", "the backend has no stack of this name"),
        ("get stack secrets manager: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or", "this run has no PULUMI_CONFIG_PASSPHRASE"),
        ("PULUMI_ACCESS_TOKEN must be set for login", "this run has no backend: PULUMI_BACKEND_URL is not set, or is not an address"),
        ('error: unable to open state database "postgres://db/states": failed', "the database in PULUMI_BACKEND_URL does not answer, or rejects this run"),
    ],
)  # fmt: skip
def test_known_errors_of_the_cli_get_our_texts(
    complaint: str, reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The CLI's own error may contain the backend's address and a password."""
    (tmp_path / "pulumi").write_text(
        f'#!/bin/sh\necho "{complaint} {SECRET}" >&2\nexit 1\n'
    )
    (tmp_path / "pulumi").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert preview("prod") == Preview((), (), (reason,))


def test_a_policy_that_fails_a_preview_is_why_it_failed() -> None:
    """The engine gives no other reason."""
    violated = Preview(
        (), (Violation("no-plain-http", "mandatory", "m"),), (UNKNOWN,)
    )
    text = compose([ReviewedStack("aws", access=NOTHING, preview=violated)])
    assert text.splitlines()[1].endswith(
        "**failed** on `aws`: `policy no-plain-http`"
    )
    assert (
        "**The preview failed:** `policy no-plain-http`" in text
        and UNKNOWN not in text
    )


@pytest.mark.deep
def test_a_change_of_the_sample_estate_has_one_answer_on_three_stacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands give one table and one graph, with the hosts of the other stacks below."""
    copy_sample(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    git("init", "--initial-branch=main")
    commit_all("first")
    orders = tmp_path / "applications/orders.yaml"
    text = orders.read_text("utf-8")
    orders.write_text(
        edited(
            text,
            ("[GET], scopes: [orders.read]}", "[GET], public: {reason: x}}"),
        ),
        "utf-8",
    )
    names = ("aws", "gcp", "bare-metal")
    stacks = [
        ReviewedStack(
            name, access=access_changes.changes("main", name), preview=QUIET
        )
        for name in names
    ]
    lines = compose(stacks, links=LINKS).splitlines()
    assert [line for line in lines if line.startswith("### ")] == [
        "### Stacks `aws`, `gcp`, `bare-metal`"
    ]
    assert (
        "On `gcp`: `orders.gcp.example.net` for `orders.aws.example.net`."
        in lines
    )
    assert lines.count("```mermaid") == 1
    assert any(
        line.endswith(
            f"| [`applications/orders.yaml:24:17`]({LINKS.base}/applications/orders.yaml#L24) |"
        )
        for line in lines
    )
