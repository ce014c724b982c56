"""Generated blocks of pages are current, pages show real output of commands, and links have targets."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from kong_oam.__main__ import COMMANDS, main
from kong_oam.access.diff.kind import KINDS as CHANGES
from kong_oam.identity.kinds import KINDS as KINDS_OF_PROVIDERS
from kong_oam.oam.schema import TRAIT_TYPES
from kong_oam.review.access_changes import AccessChange
from kong_oam.review.comment import ReviewedStack, compose
from kong_oam.verify.deviations import KINDS as VERIFIED
from sandbox import look
from tests.support import reference
from tests.support.cli import Cli
from tests.support.documentation import (
    CONTRIBUTING,
    DOCS,
    README,
    anchors,
    below,
    block,
    blocks,
    links,
    page,
    pages,
    shown,
    table,
)
from tests.support.projects import GIT, copy_sample, replace_once
from tests.support.replayed_sample import write_sample
from tests.support.repository import ROOT
from tests.support.streams import Capsys
from tests.support.two_companies import write_companies
from tests.support.workload_tls import authority

STACK = ROOT / "kong_oam" / "access" / "settings" / "stack.schema.json"


@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11),
    reason="argparse of other versions lays its help out otherwise",
)
@pytest.mark.parametrize(
    "file",
    sorted((DOCS / "reference").glob("*.md")),
    ids=lambda file: file.stem,
)
def test_reference_blocks_are_current(file: Path) -> None:
    """`make reference` writes these blocks from schemas, tables of the code and the help of commands."""
    text = file.read_text("utf-8")
    assert reference.written(text) == text, "run `make reference`"


def test_every_part_of_the_reference_has_its_block() -> None:
    """The parts are commands, traits with a schema, and tables of the code."""
    pages_ = [
        file.read_text("utf-8") for file in (DOCS / "reference").glob("*.md")
    ]
    named = re.findall(
        r"^<!-- reference: (.+) -->$", "\n".join(pages_), re.MULTILINE
    )
    wanted = {
        "codes",
        "policies",
        "kong versions",
        "lint",
        "settings",
        "invariants",
        "verbs",
        *(f"trait {name}" for name in ("external", *TRAIT_TYPES)),
    }
    wanted |= {
        *(f"help {command.name}" for command in COMMANDS),
        "help emergency -s STACK open",
        "help adopt kong",
        "help adopt compare",
        "help adopt retire",
        "help audit record",
        "help audit verify",
        "help audit uses",
        "help audit replay",
        "help audit unused",
        "help audit impact",
        "help audit report",
        "help audit attest",
    }
    assert set(named) == wanted
    assert len(named) == len(wanted)


def test_every_kind_of_client_is_documented() -> None:
    """The rows have the order of the schema."""
    rows = "\n".join(
        table(page("reference/clients.md"), "| kind | who calls |")
    )
    schema = json.loads(
        (ROOT / "definitions" / "client.schema.json").read_text()
    )
    assert (
        re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE)
        == schema["properties"]["kind"]["enum"]
    )


def test_every_deviation_that_verify_finds_is_documented() -> None:
    """The worst deviation comes first."""
    rows = table(page("how-to/verify.md"), "| finding | the call |")
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == list(
        VERIFIED
    )


def test_every_kind_of_change_is_documented() -> None:
    """The worst kind comes first."""
    rows = table(
        page("reference/what-a-change-prints.md"), "| change | what it says"
    )
    assert (
        tuple(row.split(" | ")[0].removeprefix("| ") for row in rows) == CHANGES
    )


def test_every_command_has_a_section() -> None:
    """The list of commands has each, in the same order."""
    text = page("reference/cli.md")
    listed = re.findall(r"^\| \[`(\w+)`\]\(#(\w+)\) \|", text, re.MULTILINE)
    assert (
        [name for name, _ in listed]
        == [anchor for _, anchor in listed]
        == [command.name for command in COMMANDS]
    )


# Output of commands. Each command runs on the edits that the page describes before it.


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the sample Applications, and copy them again into the folder `before`."""
    for folder in (tmp_path, tmp_path / "before"):
        copy_sample(folder)
        shutil.copytree(ROOT / "examples", folder / "examples")
        shutil.copy(ROOT / "invariants.yaml", folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edit(file: str, old: str, new: str) -> None:
    replace_once(Path("applications", file), old, new)


def as_it_is() -> None: ...


def with_a_typo() -> None:
    """Make the two edits of the tutorial."""
    tutorial = page("tutorial.md")
    path = Path("applications/hello.yaml")
    path.write_text(
        path.read_text("utf-8")
        + block(below(tutorial, "Give it an access trait:"), "yaml"),
        "utf-8",
    )
    calls = block(
        below(tutorial, "replace the `calls:` line of `checkout` by:"), "yaml"
    )
    edit(
        "shop.yaml",
        "            calls: [{component: orders/api, scopes: [orders.read]}]\n",
        calls,
    )


def without_the_typo() -> None:
    with_a_typo()
    edit("hello.yaml", "checkot", "checkout")


def test_the_edit_of_the_tutorial_breaks_an_invariant(
    project: Path, capsys: Capsys
) -> None:
    """The printed command shows that the request is allowed. An exception ends the error."""
    rest = below(page("tutorial.md"), "Correct `checkot` to `checkout`")
    _prints(rest, "check", without_the_typo, 1, capsys)
    explained = re.search(r"kong_oam (explain .*)", rest)
    assert explained
    assert main(explained.group(1).split()) == 0
    assert capsys.readouterr().out.startswith("200 ")
    with_exception = block(rest, "yaml")
    path = Path("invariants.yaml")
    lines = path.read_text("utf-8").splitlines(keepends=True)
    [number] = [at for at, line in enumerate(lines) if "- never" in line]
    lines[number] = with_exception
    path.write_text("".join(lines), "utf-8")
    assert main(["check"]) == 0


def prices() -> None:
    """Let `support` read orders, publish prices, and remove the call of `checkout`."""
    edit("orders.yaml", "groups: [sales]", "groups: [sales, support]")
    health = "              - {paths: [/orders/health]"
    public = '{reason: price list, until: "2027-12-31"}'
    edit(
        "orders.yaml",
        health,
        f"              - {{paths: [/orders/prices], methods: [GET], public: {public}}}\n{health}",
    )
    edit(
        "shop.yaml",
        "            calls: [{component: orders/api, scopes: [orders.read]}]\n",
        "            calls: []\n",
    )


def subnet() -> None:
    """Add a subnet of the gateway, and shorten tokens to half an hour."""
    path = Path("stacks/Pulumi.aws.yaml")
    text = path.read_text("utf-8").replace(
        "cidrs: [10.20.250.0/27, ", "cidrs: [10.20.251.0/27, 10.20.250.0/27, "
    )
    path.write_text(
        text.replace(
            "      type: okta\n",
            "      type: okta\n      accessTokenMinutes: 30\n",
        ),
        "utf-8",
    )


def loose() -> None:
    """Add a public rule without an end date, and an unused grant."""
    edit("orders.yaml", ', until: "2027-12-31"', "")
    edit(
        "orders.yaml",
        "[shop/checkout, shop/web]",
        "[shop/checkout, shop/web, reports/renderer]",
    )


def without_a_grant() -> None:
    """Revoke the grant of `checkout`, and keep its call."""
    edit("orders.yaml", "[shop/checkout, shop/web]", "[shop/web]")


def more_for_closing() -> None:
    """Let `ledger/closing` write entries, too."""
    ledger = Path("examples/own-types/applications/ledger.yaml")
    replace_once(
        ledger,
        "{scopes: [entries.read], components",
        "{scopes: [entries.read, entries.write], components",
    )
    replace_once(
        ledger,
        "ledger/book, scopes: [entries.read]",
        "ledger/book, scopes: [entries.read, entries.write]",
    )


def blog(*, grants: int = 0) -> None:
    """Write the Application of the page, with so many grants."""
    parts = blocks(page("how-to/connect-inside-the-cluster.md"), "yaml")
    text = "".join(parts[: 1 + grants])
    Path("applications/blog.yaml").write_text(text, "utf-8")


def connected() -> None:
    """Give the Application of the page the first grant."""
    blog()
    shutil.copy("applications/blog.yaml", "before/applications")
    blog(grants=1)


def old_kong() -> None:
    """Write the old Kong of the page."""
    text = page("how-to/compare-an-old-kong.md")
    Path("kong.yaml").write_text(block(text, "yaml"), "utf-8")


def kong_to_adopt() -> None:
    """Write the decK file of the page, without its indentation."""
    text = dedent(page("how-to/adopt-a-kong.md").partition("```yaml\n")[2])
    Path("kong.yaml").write_text(text.partition("```")[0], "utf-8")


def test_the_adopted_files_are_as_on_the_page(
    project: Path, capsys: Capsys
) -> None:
    """The page has lines of the report. The files have no finding."""
    name = "how-to/adopt-a-kong.md"
    _prints(page(name), "adopt kong", kong_to_adopt, 1, capsys)
    rows = dedent(page(name).partition("```text\n")[2].partition("```")[0])
    report = Path("adopted/adopt-report.md").read_text("utf-8").splitlines()
    assert {*filter(None, rows.splitlines())} <= {*report}
    capsys.readouterr()
    os.chdir("adopted")
    assert main(["check", "--stack", "prod"]) == 0


def outside() -> None:
    """Write the page's Application, without the settings."""
    application, *_ = blocks(page("how-to/call-a-server-outside.md"), "yaml")
    Path("applications/legacy.yaml").write_text(application, "utf-8")


def outside_with_an_address() -> None:
    outside()
    _, settings, *_ = blocks(page("how-to/call-a-server-outside.md"), "yaml")
    replace_once(
        Path("stacks/Pulumi.bare-metal.yaml"), "  kong-oam:gateway:\n", settings
    )
    Path("stacks/outside.pem").write_text(authority("ca").certificate, "utf-8")


@pytest.mark.parametrize(
    ("name", "command", "change", "status"),
    [
        ("how-to/call-a-server-outside.md", "check", outside, 1),
        (
            "how-to/call-a-server-outside.md",
            "who",
            outside_with_an_address,
            0,
        ),
        ("how-to/bring-your-own-definitions.md", "explain", as_it_is, 0),
        ("how-to/bring-your-own-definitions.md", "diff", more_for_closing, 0),
        ("../README.md", "matrix --component orders/api", as_it_is, 0),
        ("tutorial.md", "check", with_a_typo, 1),
        (
            "how-to/check-while-you-type.md",
            "check applications/orders.yaml",
            without_a_grant,
            0,
        ),
        (
            "how-to/check-while-you-type.md",
            "check applications/shop.yaml",
            without_a_grant,
            1,
        ),
        ("how-to/ask-who-may-call-what.md", "explain", as_it_is, 0),
        ("how-to/ask-who-may-call-what.md", "who GET", as_it_is, 0),
        (
            "how-to/ask-who-may-call-what.md",
            "who --component orders/api",
            as_it_is,
            0,
        ),
        ("how-to/ask-who-may-call-what.md", "what shop/web", as_it_is, 0),
        (
            "how-to/ask-who-may-call-what.md",
            "what --user-in sales",
            as_it_is,
            0,
        ),
        ("how-to/ask-who-may-call-what.md", "matrix", as_it_is, 0),
        ("how-to/connect-inside-the-cluster.md", "check", blog, 1),
        (
            "how-to/connect-inside-the-cluster.md",
            "who --component blog/mysql",
            connected,
            0,
        ),
        ("how-to/connect-inside-the-cluster.md", "diff", connected, 0),
        ("how-to/compare-an-old-kong.md", "adopt compare", old_kong, 1),
        ("how-to/see-what-a-change-does.md", "diff", prices, 0),
        (
            "how-to/see-what-a-change-does.md",
            "diff --stack aws --exit-code",
            subnet,
            1,
        ),
        ("how-to/add-a-component.md", "new", as_it_is, 0),
        ("reference/lint.md", "check", loose, 1),
    ],
)
def test_a_command_prints_the_output_on_its_page(
    project: Path,
    name: str,
    command: str,
    change: Callable[[], None],
    status: int,
    capsys: Capsys,
) -> None:
    """In a page, `...` replaces omitted lines. `diff` compares with the folder `before`, in place of a commit."""
    _prints(page(name), command, change, status, capsys)


def _prints(
    text: str,
    command: str,
    change: Callable[[], None],
    status: int,
    capsys: Capsys,
) -> None:
    arguments, expected = shown(text, command)
    change()
    assert (
        main(
            [
                *arguments[:1],
                *(["before", "."] if arguments[0] == "diff" else []),
                *arguments[1:],
            ]
        )
        == status
    )
    output = "\n".join(
        line.rstrip()
        for line in capsys.readouterr().out.strip("\n").split("\n")
    )
    output = output.replace("kong_oam diff before . ", "kong_oam diff HEAD . ")
    pattern = r"\n.*\n".join(
        map(re.escape, "\n".join(expected).split("\n...\n"))
    )
    assert re.fullmatch(pattern, output, re.DOTALL), output


def test_logs_are_replayed_as_on_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capsys
) -> None:
    """A gate decided three calls wrongly, and two records are missing."""
    pytest.importorskip("duckdb", reason="the extra `audit` is not installed")
    monkeypatch.chdir(tmp_path)
    write_sample(tmp_path)
    text = dedent(page("how-to/replay-logs.md").replace("\n       ", "\n    "))
    _prints(text, "audit uses", as_it_is, 0, capsys)
    _prints(text, "audit replay", as_it_is, 1, capsys)
    assert main(["audit", "unused", "uses.parquet", "--runs", "records"]) == 1
    unused = capsys.readouterr().out.splitlines()
    [row] = [line for line in text.splitlines() if "shop/web has" in line]
    assert row.strip() in unused
    rule = "methods: [GET], scopes: [orders.read]}"
    orders = Path("applications/orders.yaml")
    replace_once(orders, rule, rule.replace("read", "write"))
    assert main(["audit", "impact", "uses.parquet"]) == 1
    impact = capsys.readouterr().out.splitlines()
    shown_lines = [line for line in text.splitlines() if "would have" in line]
    assert [line.strip() for line in shown_lines] == impact[-2:]


def test_two_estates_are_merged_as_on_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capsys
) -> None:
    """After the patch and the copied settings, nothing collides and nothing crosses."""
    monkeypatch.chdir(tmp_path)
    write_companies(tmp_path, "ours", "acme")
    text = page("how-to/merge-two-estates.md")
    _prints(text, "merge", as_it_is, 1, capsys)
    git = ["git", "apply", "../merge.patch"]
    subprocess.run(git, cwd="acme", check=True, env=GIT, timeout=60)
    assert main(["merge", "ours", "acme"]) == 0
    assert capsys.readouterr().out == "no collision\n"
    shutil.copytree("ours", "both")
    shutil.copy("acme/applications/shop.yaml", "both/applications/acme.yaml")
    _copy_settings(
        Path("acme/stacks/Pulumi.local.yaml"),
        Path("both/stacks/Pulumi.local.yaml"),
    )
    arguments, expected = shown(text, "diff")
    assert main(arguments) == 0
    assert capsys.readouterr().out.splitlines() == expected == []


def _copy_settings(source: Path, target: Path) -> None:
    """Copy the entries that the page lists from one stack's file to another."""
    ours = yaml.safe_load(target.read_text("utf-8"))
    acme = yaml.safe_load(source.read_text("utf-8"))
    config, others = ours["config"], acme["config"]
    config["kong-oam:identityProviders"] += others["kong-oam:identityProviders"]
    for setting, field in (("cluster", "peers"), ("gateway", "upstreams")):
        entries = others[f"kong-oam:{setting}"][field]
        config[f"kong-oam:{setting}"][field] |= entries
    config["kong-oam:knownGroups"] += others["kong-oam:knownGroups"]
    target.write_text(yaml.safe_dump(ours), "utf-8")


def test_a_stack_gives_the_peers_of_the_page_their_pods(
    project: Path, capsys: Capsys
) -> None:
    """Without the setting, the entry for peers is an error."""
    cli = Cli(capsys)
    blog(grants=2)
    text = below(
        page("how-to/connect-inside-the-cluster.md"), "maps the name to pods."
    )
    assert " ACC255: " in cli("check", status=1)
    stack = Path("stacks/Pulumi.local.yaml")
    replace_once(stack, "\nconfig:\n", f"\nconfig:\n{block(text, 'yaml')}")
    printed = cli("who", "--component", "blog/mysql")
    assert "peer monitoring connects to 9104, no token" in printed


def test_a_revoked_connection_has_the_command_of_the_page(
    project: Path, capsys: Capsys
) -> None:
    """The command restarts the called pods."""
    connected()
    assert main(["diff", ".", "before"]) == 0
    *_, command = capsys.readouterr().err.strip().split(": ")
    text = page("how-to/connect-inside-the-cluster.md")
    assert f"\n    {command}\n" in text


def test_the_picture_of_a_page_is_the_output_of_the_command(
    project: Path, capsys: Capsys
) -> None:
    """The page shows the file that the first command writes."""
    text = page("how-to/draw-access.md")
    for command in ("graph --application orders", "graph --principal"):
        arguments, expected = shown(text, command)
        assert main(arguments) == 0
        assert capsys.readouterr().out.splitlines() == expected
    picture = (DOCS / "how-to" / "orders.svg").read_text("utf-8")
    assert Path("orders.svg").read_text("utf-8") == picture


def test_pictures_need_no_network() -> None:
    """Pictures are files that load nothing. A browser would draw Mermaid with a script."""
    pages = "".join(file.read_text("utf-8") for file in DOCS.rglob("*.md"))
    drawn = "".join(file.read_text("utf-8") for file in DOCS.rglob("*.svg"))
    assert "\n```mermaid" not in pages
    assert drawn.count("</svg>") == pages.count(".svg)") == 2
    assert not re.search(r"script|href|url\(|@import|var\(", drawn)


def test_a_comparison_of_equal_stacks_prints_nothing(
    project: Path, capsys: Capsys
) -> None:
    """The page says so."""
    sentence = "`diff stack:aws stack:bare-metal` prints nothing"
    assert sentence in page("how-to/see-what-a-change-does.md")
    assert main(sentence.partition("`")[2].partition("`")[0].split()) == 0
    assert capsys.readouterr().out == ""


def test_the_review_begins_as_the_page_shows() -> None:
    """The worst change comes first, then each stack."""
    lines = [
        line.strip() for line in page("how-to/review-in-ci.md").splitlines()
    ]
    composed = compose(
        [
            ReviewedStack(
                "aws",
                access=AccessChange(
                    0, "newly public: GET https://x.test/", "| table |"
                ),
            )
        ]
    )
    begun = [
        line.partition(" `")[0]
        for line in composed.splitlines()
        if line.startswith(("**Access**", "### "))
    ]
    assert begun == ["**Access** ·", "### Stack"]
    assert all(
        any(line.startswith(beginning) for line in lines) for beginning in begun
    )


def test_a_kind_of_provider_has_the_documented_functions() -> None:
    """The parameters are the same as in CONTRIBUTING."""
    text = below(CONTRIBUTING.read_text("utf-8"), "## Your first provider")
    documented_there = _parameters("".join(blocks(text, "python")))
    for kind in KINDS_OF_PROVIDERS:
        resources = ROOT / "components" / "identity"
        files = [
            *resources.glob(f"{kind.type}.py"),
            *(resources / kind.type).glob("*.py"),
            *(ROOT / "kong_oam" / "identity" / kind.type).glob("*.py"),
        ]
        found = _parameters(
            "\n".join(file.read_text("utf-8") for file in files)
        )
        of_all = ["describe", "inspect", "provision"]
        if (
            kind.type != "oidc"
        ):  # a run makes no resources at an existing issuer
            of_all += ["find", "client_resource"]
        assert {name: found.get(name) for name in of_all} == {
            name: documented_there[name] for name in of_all
        }, kind


def _parameters(source: str) -> dict[str, list[str]]:
    """Return the names of parameters by function."""
    functions = (
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
    )
    return {
        function.name: [argument.arg for argument in function.args.args]
        for function in functions
    }


# The pages themselves


def test_the_readme_is_short_and_begins_with_what_to_do() -> None:
    """The first screen names the reader, the reason, the first command and the first output."""
    text = README.read_text("utf-8")
    assert len(text.split()) <= 700
    first = text.splitlines()[:40]
    assert first[2].startswith("For platform engineers ")
    words = "\n".join(first)
    assert re.findall(r"\*\*(\w+)\.\*\*", words) == ["Why", "How"]
    assert re.findall(r"^    (make \w+) ", words, re.MULTILINE) == [
        "make look",
        "make demo",
    ]
    assert "Python 3.11" in words
    assert "matrix --component orders/api" in words


def test_code_lines_of_the_readme_fit_in_80_columns() -> None:
    """A narrow window shows them without scrolling."""
    text = README.read_text("utf-8")
    code = [
        *re.findall(r"^    .*$", text, re.MULTILINE),
        *block(text, "yaml").splitlines(),
    ]
    assert len(code) > 30
    assert [line for line in code if len(line) > 80] == []


def test_the_readme_shows_the_first_line_of_a_review(
    project: Path, capsys: Capsys
) -> None:
    """The comparison of `make look` prints this line."""
    edit("orders.yaml", *look.EDIT)
    assert main(["diff", "before", "."]) == 0
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith("newly public: ")
    quoted = README.read_text("utf-8").replace("\n> ", " ")
    assert f" `{line}`\n" in quoted


def test_every_link_has_a_target() -> None:
    """A target is a file of the repository, and a heading if the link has an anchor. Headings of a page differ."""
    dead = [
        f"{file.relative_to(ROOT)}: {path.name}#{anchor}"
        for file in pages()
        for path, anchor in links(file)
        if not (path.is_relative_to(ROOT) and path.exists())
        or (anchor and anchor not in anchors(path))
    ]
    assert dead == []
    assert [
        file.name
        for file in pages()
        if len(set(anchors(file))) < len(anchors(file))
    ] == []


def test_the_index_lists_every_page() -> None:
    """The list makes the site's navigation, so each page is in it once. README links to the index."""
    index = DOCS / "index.md"
    listed = re.findall(
        r"^- \[.*\]\((.*)\)$", index.read_text("utf-8"), re.MULTILINE
    )
    assert sorted((DOCS / name).resolve() for name in listed) == sorted(
        {*pages()} - {README, index}
    )
    assert index in {path for path, _ in links(README)}


def test_docs_have_at_most_40_000_words_by_hand() -> None:
    """Readers stop at long pages. Generated reference blocks do not count."""
    words = 0
    for file in pages():
        if file.is_relative_to(DOCS) or file == README:
            by_hand = re.sub(
                r"<!-- reference: .*?<!-- end -->",
                "",
                file.read_text("utf-8"),
                flags=re.DOTALL,
            )
            words += len(by_hand.split())
    assert words <= 40_000


def test_a_command_runs_in_the_virtual_environment() -> None:
    """The Python on the PATH has no package of the program. Generated help names no environment."""
    bare = re.compile(
        r"^\s*(\$ )?(python -m kong_oam|pulumi -s) .*$", re.MULTILINE
    )
    assert {
        file.name: found
        for file in pages()
        if file.name != "cli.md"
        and (found := [m[0] for m in bare.finditer(file.read_text("utf-8"))])
    } == {}


def test_the_page_says_what_installs_each_lock() -> None:
    """`make setup` installs tests too, and the workflow only the program."""
    text = CONTRIBUTING.read_text("utf-8")
    rows = table(text, "| lock file | for |")
    listed = {}
    for row in rows:
        lock, _, by = (cell.strip(" `") for cell in row.strip("|").split("|"))
        listed[lock] = by
    assert listed.keys() == {
        file.name
        for file in ROOT.glob("requirements*.lock")
        if file.name != "requirements-docs.lock"
    }
    makefile = (ROOT / "Makefile").read_text("utf-8")
    workflow = (ROOT / listed["requirements.lock"]).read_text("utf-8")
    built = "requirements-built.lock"
    assert f"$(STAMP): requirements-dev.lock {built}\n" in makefile
    assert f"--requirement {built}\n" in workflow
    assert "--requirement requirements.lock\n" in workflow
    assert "requirements-dev.lock" not in workflow


def test_named_files_tests_and_targets_exist() -> None:
    """The files that a reader writes are exceptions: `test_first_trait` writes them."""
    text = "\n".join(file.read_text("utf-8") for file in pages())
    text = re.sub(r"/traits/(retries|timeout)/", "/traits/limits/", text)
    text = text.replace("test_retries.py", "")
    tests = {file.name for file in (ROOT / "tests").rglob("test_*.py")}
    assert set(re.findall(r"\btest_\w+\.py\b", text)) <= tests
    paths = set(
        re.findall(
            r"`((?:kong_oam|components|policies|sandbox|tests|\.github)/[\w./-]*)`",
            text,
        )
    )
    assert [
        path
        for path in paths
        if "KIND" not in path and not (ROOT / path).exists()
    ] == []
    targets = set(
        re.findall(
            r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE
        )
    )
    assert (
        set(
            re.findall(r"(?:^    (?:\$ )?|`)make ([a-z-]+)", text, re.MULTILINE)
        )
        <= targets
    )


_NAMED = re.compile(r"\b(docs/[\w/-]+\.md)(?:#([\w-]+))?")


def test_pages_that_code_names_exist() -> None:
    """A name behind `#` is a heading of the page."""
    folders = [
        folder
        for folder in ROOT.iterdir()
        if folder.is_dir()
        and folder.name[0] != "."
        and folder.name not in ("docs", "build")
    ]
    sources = [
        ROOT / "__main__.py",
        *(
            file
            for folder in folders
            for file in folder.rglob("*")
            if file.suffix in (".py", ".lua")
        ),
    ]
    named = {
        (file, *found)
        for file in sources
        for found in _NAMED.findall(file.read_text("utf-8"))
    }
    assert named
    dead = [
        (file.name, name, anchor)
        for file, name, anchor in named
        if not (ROOT / name).is_file()
        or (anchor and anchor not in anchors(ROOT / name))
    ]
    assert dead == []
