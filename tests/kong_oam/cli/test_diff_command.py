"""`python -m kong_oam diff`: its operands, its output and its exit statuses."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from kong_oam.__main__ import main
from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.snapshot import dump_model
from kong_oam.cli.estates import estate_of, settings_of
from kong_oam.engine.state import Resource
from kong_oam.oam.application import read_files
from tests.support.cli import Cli
from tests.support.diffs import API, SHOP
from tests.support.enforced_state import state
from tests.support.projects import STACK, commit_all, git, write_project
from tests.support.streams import Capsys

OPENED = ("methods: [GET], public", "methods: [GET, POST], public")
HEADLINE = "newly public: POST https://orders.example.com/orders/health"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, in the working directory."""
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, orders=API, shop=SHOP)
    return tmp_path


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def open_health() -> None:
    """Add POST to the public rule of the orders."""
    edit(Path("applications/orders.yaml"), *OPENED)


def test_the_working_directory_is_compared_with_the_last_commit(
    project: Path, cli: Cli
) -> None:
    """Without changes nothing is printed. Otherwise the worst change comes first, with the rule and
    its line."""
    assert cli("diff") == ""
    open_health()
    lines = cli("diff").splitlines()
    assert lines[0] == HEADLINE
    assert lines[3].split() == ["newly", "public", "everybody", "POST", "https://orders.example.com/orders/health", "applications/orders.yaml:20:17"]  # fmt: skip
    cli("diff", "--exit-code", status=1)
    cli("diff", "main", "HEAD", "--exit-code")


def test_a_deleted_application_loses_its_access_while_roles_name_it(
    project: Path, capsys: Capsys
) -> None:
    """A note lists each such role, because `check` rejects it. A typing error stays an error."""
    Path("applications/shop.yaml").unlink()
    assert main(["diff"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(
        "revoked from shop/checkout, shop/web (team-shop) for users in sales: GET,HEAD "
    )
    assert [line.partition("; ")[0] for line in printed.err.splitlines()] == [
        "applications/orders.yaml:22:23: role 'viewer' names shop/checkout, shop/web, which no Application here has",
        "applications/orders.yaml:23:23: role 'editor' names shop/web, which no Application here has",
    ]
    edit(Path("applications/orders.yaml"), "shop/web", "orders/web")
    assert main(["diff"]) == 2
    assert "'orders/web' does not exist" in capsys.readouterr().err


def test_unrelated_settings_of_the_engine_are_ignored(
    project: Path, capsys: Capsys, cli: Cli
) -> None:
    """On both sides."""
    file = project / "Pulumi.yaml"
    file.write_text("name: kong-oam\nstackConfigDir: conf\n")
    assert main(["diff"]) == main(["check"]) == 2
    assert (
        capsys.readouterr().err.count(
            "Pulumi.yaml makes the engine read other files"
        )
        == 2
    )
    commit_all("elsewhere")
    file.write_text("name: kong-oam\nstackConfigDir: stacks\n")
    assert main(["diff", ".", "."]) == 0
    assert (
        "OLD (HEAD): stack 'local': HEAD:Pulumi.yaml makes the engine read"
        in cli.error("diff")
    )


def test_revisions_have_their_own_stacks(project: Path, cli: Cli) -> None:
    """Another default domain is another host. Files of a revision have its name as prefix."""
    edit(
        project / "stacks/Pulumi.local.yaml",
        "apps.example.com",
        "web.example.com",
    )
    open_health()
    git("commit", "--all", "--message", "second")
    changes = cli.json("diff", "HEAD~1", "HEAD", "--json")
    assert [
        (change["kind"], change.get("site") or change["setting"])
        for change in changes["changes"]
    ] == [
        ("newly public", "orders.example.com"),
        ("newly public", "web-shop.web.example.com"),
        ("may widen", "redirectUris"),
        ("revoked", "web-shop.apps.example.com"),
    ]
    assert changes["changes"][0]["rule"] == {
        "file": "HEAD:applications/orders.yaml",
        "line": 20,
        "column": 17,
    }


def _name_applications(project: Path, *names: str) -> None:
    (project / "stacks/Pulumi.local.yaml").write_text(
        f"{STACK}  kong-oam:applications: [{', '.join(names)}]\n"
    )


def test_a_revision_has_the_applications_that_its_stack_names(
    project: Path, cli: Cli
) -> None:
    """From any place of the repository, also by a glob."""
    (project / "applications").rename(project / "apis")
    _name_applications(project, '"*is/**/*.yaml"')
    commit_all("moved")
    cli("diff", "main~1", "HEAD", "--exit-code")
    edit(project / "apis/orders.yaml", *OPENED)
    printed = cli("diff")
    assert printed.startswith(HEADLINE)
    assert "apis/orders.yaml:20:17" in printed


def test_applications_of_another_repository_are_read_in_their_current_state(
    project: Path,
    cli: Cli,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """On both sides, because a revision of this repository does not have them. `-f` and the stack
    can name them."""
    team = tmp_path_factory.mktemp("team")
    (project / "applications/orders.yaml").rename(team / "orders.yaml")
    _name_applications(project, "applications", str(team))
    git("commit", "--all", "--message", "another repository")
    assert main(["diff", "HEAD~1", "HEAD", "--exit-code"]) == 0
    edit(team / "orders.yaml", *OPENED)
    assert main(["diff", "--exit-code"]) == 0
    assert (
        cli("diff", "HEAD", ".", "--exit-code", "-f", "applications", str(team))
        == ""
    )
    assert cli("diff", "HEAD~1", ".").startswith(HEADLINE)


def test_files_outside_the_revision_are_listed(
    project: Path,
    capsys: Capsys,
    cli: Cli,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """By name, once, including nested repositories. There is no remark if the revision has all
    files."""
    assert cli.error("diff", status=0) == ""
    team, inner = (
        tmp_path_factory.mktemp("team"),
        project / "applications/inner",
    )
    (project / "applications/orders.yaml").rename(team / "orders.yaml")
    inner.mkdir()
    (inner / "none.yaml").touch()
    git("init", str(inner))
    _name_applications(project, "applications", str(team))
    git("commit", "--all", "--message", "another repository")
    edit(team / "orders.yaml", *OPENED)
    assert (
        main(["diff", "HEAD", "."])
        == main(["graph", "--since", "HEAD", "--json"])
        == 0
    )
    note = (
        f"outside this repository, so read in the current state: applications/inner, {team}; to compare versions, "
        "compare two folders"
    )
    assert capsys.readouterr().err.splitlines() == [
        f"OLD (HEAD): {note}",
        f"--since (HEAD): {note}",
    ]


@pytest.mark.parametrize(
    "words",
    [
        "main before -f applications/orders.yaml applications/shop.yaml",
        "main -f applications --exit-code before",
    ],
)
def test_operands_come_before_applications_or_after_another_option(
    project: Path, words: str, capsys: Capsys
) -> None:
    """OLD is the commit, and NEW opens a path."""
    shutil.copytree(project / "applications", project / "before/applications")
    edit(project / "before/applications/orders.yaml", *OPENED)
    main(["diff", *words.split()])
    assert capsys.readouterr().out.startswith(HEADLINE)


@pytest.mark.parametrize(
    "words",
    [
        "-f applications before after",
        "-f applications HEAD --stack local before",
        "main -f applications after",
        "-f a.yaml . . .",
    ],
)
def test_ambiguous_operands_are_rejected(
    project: Path, words: str, cli: Cli
) -> None:
    """So that the comparison is the intended one."""
    for name in ("before", "after"):
        shutil.copytree(project / "applications", project / name)
    assert cli.error("diff", *words.split()).endswith(" after -f: OLD and NEW, or Applications; write OLD and NEW before -f\n")  # fmt: skip


def test_a_link_to_a_folder_is_followed_in_a_revision_as_here(
    project: Path, cli: Cli
) -> None:
    """Also by a glob. Only YAML files are taken from the commit."""
    (project / "all/teams/orders").mkdir(parents=True)
    (project / "applications").rename(project / "all/shared")
    (project / "all/teams/orders/apps").symlink_to(
        "../../shared", target_is_directory=True
    )
    _name_applications(project, "all/*/*/apps")
    commit_all("links")
    cli("diff", "HEAD", ".", "--exit-code")
    edit(project / "all/shared/orders.yaml", *OPENED)
    git("commit", "--all", "--message", "opened")
    assert cli("diff", "HEAD~1", "HEAD").startswith(HEADLINE)


@pytest.mark.parametrize("name", ["..apps", "HERE/..apps"])
def test_a_folder_is_found_in_the_repository_under_any_path(
    project: Path,
    cli: Cli,
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
) -> None:
    """With two dots in front, or by a link to the working tree."""
    link = tmp_path_factory.mktemp("links") / "here"
    link.symlink_to(project, target_is_directory=True)
    (project / "applications").rename(project / "..apps")
    _name_applications(project, name.replace("HERE", str(link)))
    commit_all("moved")
    edit(project / "..apps/orders.yaml", *OPENED)
    assert cli("diff").startswith(HEADLINE)


@pytest.mark.parametrize("name", ["teams/orders/oam", "teams/*/oam", "teams"])
def test_a_nested_repository_is_read_in_its_current_state(
    project: Path, cli: Cli, name: str
) -> None:
    """It is ignored by this repository, so its changes are not changes of this repository."""
    team = project / "teams/orders"
    (team / "oam").mkdir(parents=True)
    (project / "applications/orders.yaml").rename(team / "oam/orders.yaml")
    git("-C", str(team), "init", "--initial-branch", "main")
    (project / ".gitignore").write_text("teams/\n")
    _name_applications(project, "applications", name)
    commit_all("ignored")
    cli("diff", "--exit-code")
    edit(team / "oam/orders.yaml", *OPENED)
    cli("diff", "--exit-code")
    assert cli("diff", "HEAD~1", ".").startswith(HEADLINE)


def test_a_revision_has_the_submodules_of_its_own(
    project: Path,
    cli: Cli,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """In the recorded commit, independent of the checked-out commit. A missing commit is reported."""
    team = tmp_path_factory.mktemp("team")
    (team / "oam").mkdir()
    (project / "applications/orders.yaml").rename(team / "oam/orders.yaml")
    for arguments in (
        ["init", "--initial-branch", "main"],
        ["add", "."],
        ["commit", "--message", "first"],
    ):
        git("-C", str(team), *arguments)
    git(
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "add",
        str(team),
        "teams/orders",
    )
    _name_applications(project, "applications", "teams/*/oam")
    commit_all("submodule")
    cli("diff", "HEAD~1", "HEAD", "--exit-code")
    edit(project / "teams/orders/oam/orders.yaml", *OPENED)
    git("-C", "teams/orders", "commit", "--all", "--message", "second")
    git("commit", "--all", "--message", "moved on")
    printed = cli("diff", "HEAD~1", "HEAD")
    assert printed.startswith(HEADLINE)
    assert "HEAD:teams/orders/oam/orders.yaml:20:17" in printed


def test_an_ambiguous_name_is_rejected(project: Path, cli: Cli) -> None:
    """A folder with the name of a branch. Otherwise one of them would be compared with itself."""
    git("branch", "applications")
    open_health()
    assert cli.error("diff", "applications") == (
        "OLD (applications): ambiguous: a revision and a file; write git:applications or ./applications\n"
    )
    assert cli("diff", "git:applications").startswith(HEADLINE)
    assert cli("diff", "./applications") == ""


def test_a_link_in_a_revision_is_followed_as_here(
    project: Path, capsys: Capsys, cli: Cli
) -> None:
    """Inside the folder. A link that leaves the folder is an error in both."""
    (project / "applications/orders.yaml").rename(
        project / "applications/orders.txt"
    )
    (project / "applications/orders.yaml").symlink_to("orders.txt")
    commit_all("links")
    assert main(["diff", "HEAD~1", "HEAD", "--exit-code"]) == 0
    assert cli("diff", "HEAD", ".", "--exit-code") == ""
    (project / "applications/away.yaml").symlink_to(
        "../stacks/Pulumi.local.yaml"
    )
    commit_all("away")
    assert main(["diff", "HEAD~1", "HEAD", "--exit-code"]) == 2
    note = "cannot be read: this link to ../stacks/Pulumi.local.yaml leaves"
    assert (
        f"HEAD:applications/away.yaml:1:1: error OAM101: {note}"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    "links",
    [
        {"applications/team": "../other"},
        {"applications/team": "../here/deep", "here": "other"},
        {"applications/team": "../here", "here": "there", "there": "other"},
        {"applications/team": "OUTSIDE"},
    ],
    ids=[
        "a folder",
        "through a link",
        "to a link",
        "another folder of the machine",
    ],
)
def test_a_link_to_a_folder_elsewhere_is_an_error_in_a_revision_as_here(
    project: Path,
    cli: Cli,
    tmp_path_factory: pytest.TempPathFactory,
    links: dict[str, str],
) -> None:
    """Otherwise the Applications behind the link would be missing without an error."""
    outside = tmp_path_factory.mktemp("outside")
    (project / "other/deep").mkdir(parents=True)
    for folder in (project / "other", project / "other/deep", outside):
        (folder / "more.yaml").write_text("", "utf-8")
    for link, target in links.items():
        target = (
            os.path.relpath(outside, project / "applications")
            if target == "OUTSIDE"
            else target
        )
        (project / link).symlink_to(target, target_is_directory=True)
    # A link that points to no folder is ignored.
    (project / "applications/LICENSE").symlink_to("../other/more.yaml")
    commit_all("links")
    assert "applications/team:1:1: error OAM101: " in cli("check", status=1)
    (project / "applications/team").unlink()
    assert (
        "HEAD:applications/team:1:1: error OAM101: cannot be read: this link to"
        in cli.error("diff", "HEAD", ".")
    )


@pytest.mark.parametrize(
    ("arguments", "side", "words"),
    [
        ([""], "OLD ()", "empty name: write . for the working directory"),
        (["no\n::pe\x1b"], "OLD (no?::pe?)", "no such file, folder or git revision"),
        (["main", "--stack", "prod"], "OLD (main)", "no stack 'prod' in main:stacks; known: local"),
        (["main", "stack:prod"], "NEW (stack:prod)", "no stack 'prod' in stacks; known: local"),
        (["deep.json"], "OLD (deep.json)", "invalid JSON"),
        (["outputs.json"], "OLD (outputs.json)", "of format 1 x"),
        (["deployed:prod"], "OLD (deployed:prod)", "`pulumi stack export` failed: no such stack"),
        (["state.json"], "OLD (state.json)", "no output of `pulumi stack export`"),
        (["nothing.json"], "OLD (nothing.json)", "not a model that a stack exports"),
    ],
)  # fmt: skip
def test_an_error_names_its_side(
    project: Path,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    side: str,
    words: str,
) -> None:
    """On standard error, with status 2."""
    (project / "outputs.json").write_text('{"__model": "1 x"}')
    (project / "state.json").write_text('{"deployment": []}')
    (project / "nothing.json").write_text('{"deployment": {}}')
    (project / "deep.json").write_text("[" * 100_000)
    _pulumi(
        project / "bin",
        monkeypatch,
        'case "$*" in *prod*) echo "no such stack" >&2; exit 1;; esac; echo nonsense',
    )
    printed = cli.usage("diff", *arguments)
    assert printed.startswith(f"{side}: {words}")


@pytest.mark.parametrize(
    ("arguments", "side", "finding"),
    [
        (["main", "empty"], "NEW (empty)", "empty:1:1: error OAM101: cannot be read: this folder has no YAML file"),
        (["main", "broken.yaml"], "NEW (broken.yaml)", "broken.yaml:1:1: error OAM105: "),
        (["bare"], "OLD (bare)", "bare:applications:1:1: error OAM101: cannot be read: no such file or folder"),
        (["wrong"], "OLD (wrong)", "wrong:applications/orders.yaml:1:1: error OAM105: "),
    ],
)  # fmt: skip
def test_broken_applications_are_listed_above_their_side(
    project: Path, cli: Cli, arguments: list[str], side: str, finding: str
) -> None:
    """With status 2. Files of a revision have its name as prefix."""
    (project / "empty").mkdir()
    (project / "broken.yaml").write_text("kind: Application")
    git("switch", "--create", "wrong")
    (project / "applications/orders.yaml").write_text("kind: Application")
    git("commit", "--all", "--message", "wrong")
    git("switch", "--create", "bare")
    git("rm", "-r", "applications")
    git("commit", "--message", "bare")
    git("switch", "main")
    first, *_, last = cli.usage("diff", *arguments).splitlines()
    assert first.startswith(finding)
    summary = rf"{re.escape(side)}: \d error\(s\): these Applications cannot be deployed"
    assert re.match(summary, last)


def test_the_output_has_one_form(project: Path, cli: Cli) -> None:
    failure = cli.json("diff", "--json", "--markdown", status=2)
    assert failure["error"] == "use --json or --markdown, not both"


def test_a_stack_that_is_not_committed_is_said_to_be_none(
    project: Path, cli: Cli
) -> None:
    (project / "stacks/Pulumi.mine.yaml").write_text(STACK)
    assert cli.error("diff", "--stack", "mine") == (
        "OLD (HEAD): no stack 'mine' in HEAD:stacks; known: local\n"
    )


def test_a_rule_with_too_many_group_sets_is_named(
    project: Path, cli: Cli
) -> None:
    """With status 2, as for all unusable input."""
    for role, group in (("[sales]", "r"), ("[desk]", "w")):
        edit(
            project / "applications/orders.yaml",
            role,
            f"[{', '.join(f'{group}{n}' for n in range(300))}]",
        )
    printed = cli.usage("diff")
    assert printed.startswith(
        "'orders/api' (applications/orders.yaml:7:7) has a rule that users meet through more"
    )


def test_outside_of_git_there_are_no_revisions(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cli: Cli,
) -> None:
    """With a message, with or without git."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "revisions need a git repository" in cli.error("diff", "main")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "git, which is not installed" in cli.error("diff", "main")
    assert "`pulumi` is not on the PATH" in cli.error("diff", "deployed:prod")


def _pulumi(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Install a stand-in for the Pulumi CLI that runs `script`."""
    folder.mkdir()
    (folder / "pulumi").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_the_deployed_state_is_compared_with_the_working_directory(
    project: Path,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the state from the CLI or a file, and by saved outputs: all outputs, or only the model."""
    settings = settings_of("local")
    estate = estate_of(read_files([project / "applications"]), settings)
    output = dump_model(model_of(estate, settings))
    (project / "model.json").write_text(json.dumps(output))
    (project / "outputs.json").write_text(
        json.dumps({"access": "", "__model": output})
    )
    rows = [
        Resource("pulumi:pulumi:Stack", "kong-oam-local", {"__model": output}),
        *state(estate),
    ]
    resources = [
        {
            "type": row.type,
            "urn": f"urn:pulumi::{row.name}",
            "outputs": row.outputs,
        }
        for row in rows
    ]
    (project / "state.json").write_text(
        json.dumps({"version": 3, "deployment": {"resources": resources}})
    )
    _pulumi(project / "bin", monkeypatch, f"cat {project}/state.json")
    for operand in (
        "deployed",
        "deployed:local",
        "state.json",
        "model.json",
        "outputs.json",
    ):
        assert cli("diff", operand, "--exit-code") == ""
    edit(
        project / "applications/shop.yaml",
        "calls: [{component: orders/api, scopes: [read]}]",
        "calls: []",
    )
    lines = cli("diff", "deployed").splitlines()
    assert (
        lines[0]
        == "revoked from shop/checkout: GET,HEAD https://orders.example.com/orders but not /orders/health"
    )
    assert lines[3].endswith("at once")


def test_markdown_shows_names_as_code(project: Path, cli: Cli) -> None:
    """So that the name of a group cannot contain markup. Without changes, one line says so."""
    assert cli("diff", "--markdown") == "No change of access.\n"
    edit(
        project / "applications/orders.yaml",
        "groups: [sales]",
        'groups: [sales, "a`|<b>\\u001b[31m"]',
    )
    lines = cli("diff", "--markdown").splitlines()
    assert (
        lines[0]
        == "**`widened to shop/web for users in a'\\|<b>?[31m: GET,HEAD https://orders.example.com/orders but not /orders/health`** (and 1 more change)".replace(
            "`** (and 1 more change)", " (and 1 more change of access)`**"
        )
    )
    assert (
        lines[4]
        == "| widened | `shop/web for users in a'\\|<b>?[31m` | `GET,HEAD` | `https://orders.example.com/orders but not /orders/health` | `applications/orders.yaml:18:17` |"
    )


def test_another_component_that_answers_is_a_change(
    project: Path, capsys: Capsys, cli: Cli
) -> None:
    """It counts for --exit-code. JSON, Markdown and SARIF have it, with both owners."""
    edit(project / "applications/orders.yaml", "/orders: 8080", "/orders: 9090")
    moved = "orders/api:8080 (team-orders) -> orders/api:9090 (team-orders)"
    url = "https://orders.example.com/orders/health"
    printed = cli("diff", "--exit-code", "--sarif", "out.sarif", status=1)
    assert printed.startswith(
        "now answered by orders/api for shop/checkout, shop/web for users in sales: GET,HEAD https:"
    )
    assert f"{url}: {moved} " in printed
    assert main(["diff", "--markdown"]) == 0
    row = f"| `now answered by orders/api` | `everybody` | `GET,HEAD` | `{url}: {moved}` | `applications/orders.yaml:"
    assert row in capsys.readouterr().out
    *_, change = cli.json("diff", "--json")["changes"]
    assert (change["kind"], change["for"]) == (
        "answered by",
        [{"everybody": True}],
    )
    answer = {"component": "orders/api", "owner": "team-orders"}
    assert change["answeredBy"] == {
        "old": {
            **answer,
            "port": "8080",
            "pods": "own pods in default at 8080 (Deployment api)",
        },
        "new": {
            **answer,
            "port": "9090",
            "pods": "own pods in default at 9090 (Deployment api)",
        },
    }
    (run,) = json.loads(Path("out.sarif").read_text("utf-8"))["runs"]
    *_, last = run["results"]
    assert (last["ruleId"], last["level"]) == ("answered-by", "warning")
    assert (
        last["message"]["text"]
        == f"now answered by orders/api for everybody: GET,HEAD {url}: {moved}"
    )
    position = last["locations"][0]["physicalLocation"]
    assert position["artifactLocation"]["uri"] == "applications/orders.yaml"


def test_another_owner_is_a_change(
    project: Path, capsys: Capsys, cli: Cli
) -> None:
    """It counts for --exit-code. JSON, Markdown and SARIF have it."""
    edit(
        project / "applications/orders.yaml",
        "owner: team-orders",
        "owner: team-sales",
    )
    assert cli(
        "diff", "--exit-code", "--sarif", "out.sarif", status=1
    ).startswith("owner of orders/api: team-orders -> team-sales\n")
    assert main(["diff", "--markdown"]) == 0
    row = "| owner | `orders/api` |  | `team-orders -> team-sales` | `applications/orders.yaml:7:7` |\n"
    assert capsys.readouterr().out.endswith(row)
    (change,) = cli.json("diff", "--json")["changes"]
    assert change == {
        "kind": "owner",
        "opens": False,
        "for": [{"component": "orders/api"}],
        "setting": "owner",
        "old": "team-orders",
        "new": "team-sales",
    }
    (run,) = json.loads(Path("out.sarif").read_text("utf-8"))["runs"]
    (result,) = run["results"]
    assert (result["ruleId"], result["level"], len(result["locations"])) == (
        "owner",
        "warning",
        1,
    )


def test_json_has_the_owner_of_a_new_or_removed_client(
    project: Path, cli: Cli
) -> None:
    """As the table."""
    shop = project / "applications/shop.yaml"
    shop.write_text(
        shop.read_text("utf-8").replace(
            "metadata: {", "metadata: {annotations: {owner: team-shop}, "
        )
    )
    git("commit", "--all", "--message", "owned")
    edit(shop, "name: checkout", "name: till")
    edit(project / "applications/orders.yaml", "shop/checkout", "shop/till")
    edit(shop, "owner: team-shop}", "owner: team-evil}")
    changes = cli.json("diff", "--json")["changes"]
    named = [
        (change["kind"], change["for"][0]["client"], change["for"][0]["owner"])
        for change in changes
        if "site" in change
    ]
    assert {*named} == {
        ("granted", "shop/till", "team-evil"),
        ("revoked", "shop/checkout", "team-shop"),
    }


def test_stacks_of_one_project_are_compared_by_component(
    project: Path, cli: Cli
) -> None:
    """Their hosts differ, but their access does not."""
    other = STACK.replace(
        "apps.example.com",
        "dc.example.net, suffixes: {example.com: dc.example.net}",
    )
    (project / "stacks/Pulumi.dc.yaml").write_text(other)
    assert cli("diff", "stack:local", "stack:dc", "--exit-code") == ""


def test_only_changes_that_open_access_count_for_exit_code_opening(
    project: Path, cli: Cli
) -> None:
    """Each change in JSON has `opens`. A plain --exit-code counts all changes."""
    folder = project / "applications"
    shutil.copytree(folder, project / "open/applications")
    edit(project / "open/applications/orders.yaml", *OPENED)
    opening = ("--exit-code", "opening")

    wider = cli.json("diff", ".", "open", *opening, "--json", status=1)
    assert {change["opens"] for change in wider["changes"]} == {True}

    narrower = cli.json("diff", "open", ".", *opening, "--json")
    assert {change["opens"] for change in narrower["changes"]} == {False}
    cli("diff", "open", ".", "--exit-code", status=1)
    assert cli("diff", ".", ".", *opening) == ""


def test_a_changed_setting_says_whether_it_may_open(
    project: Path, cli: Cli
) -> None:
    """A further range of trusted gateway addresses may widen access. A new owner does not."""
    stack = project / "stacks/Pulumi.local.yaml"
    edit(stack, "[192.0.2.0/24]", "[192.0.2.0/24, 198.51.100.0/24]")
    (further,) = cli.json("diff", "--exit-code", "opening", "--json", status=1)[
        "changes"
    ]
    assert (further["kind"], further["opens"]) == ("may widen", True)
    edit(stack, ", 198.51.100.0/24", "")
    edit(
        project / "applications/orders.yaml",
        "owner: team-orders",
        "owner: team-sales",
    )
    (owner,) = cli.json("diff", "--exit-code", "opening", "--json")["changes"]
    assert (owner["kind"], owner["opens"]) == ("owner", False)


@pytest.mark.parametrize(
    "words",
    [
        ". open --exit-code",
        ". --exit-code open",
        "--exit-code . open",
        "--exit-code opening . open",
        ". --exit-code opening open",
    ],
)
def test_operands_may_follow_exit_code(
    project: Path, words: str, cli: Cli
) -> None:
    """The order of OLD and NEW counts."""
    shutil.copytree(project / "applications", project / "open/applications")
    edit(project / "open/applications/orders.yaml", *OPENED)
    printed = cli("diff", *words.split(), status=1)
    assert printed.startswith(HEADLINE)


def test_exit_code_opening_is_rejected_with_a_list_that_has_no_changes(
    project: Path, cli: Cli
) -> None:
    """--crossing compares two estates, and says nothing about a change."""
    message = cli.usage("diff", "--crossing", "--exit-code", "opening")
    assert "write --exit-code without 'opening'" in message
