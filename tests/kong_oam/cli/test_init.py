"""`init`: the files of a new repository. Existing files stay unchanged."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from kong_oam import __version__
from kong_oam.__main__ import main
from kong_oam.access.settings.stack import read_file
from kong_oam.cli.init import STARTERS
from tests.support.cli import Cli
from tests.support.documentation import page
from tests.support.new_component import NEW
from tests.support.projects import git
from tests.support.repository import ROOT
from tests.support.streams import Capsys


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path = Path()) -> list[str]:
    return sorted(
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file()
    )


def test_a_team_has_only_applications(
    capsys: Capsys,
    cli: Cli,
) -> None:
    """No stack and no program. `new` adds a component, and all queries work without a stack."""
    assert main(["init"]) == 0
    assert files() == [
        ".github/workflows/access.yaml",
        ".gitignore",
        ".pre-commit-config.yaml",
        ".vscode/settings.json",
        "README.md",
        "application.schema.json",
        "applications/none.yaml",
        "requirements.txt",
    ]
    capsys.readouterr()
    assert cli("check").startswith(
        "0 application(s), 0 component(s): no errors; without a stack"
    )
    assert cli(*NEW).endswith("next: python -m kong_oam check\n")
    assert cli("check").splitlines() == [
        "1 application(s), 1 component(s): no errors; without a stack, hosts, providers and groups are not checked",
        "nobody may call billing/invoices yet: add its scopes to `calls` of a client, and the client to a role",
    ]
    assert "billing/invoices" in cli(
        "who", "GET", "https://billing.example.com/"
    )


def test_diff_works_without_a_stack(
    capsys: Capsys,
    cli: Cli,
) -> None:
    """Against a revision that has no stack either."""
    main(["init"])
    main([*NEW])
    git("init", "--initial-branch", "main")
    assert (
        cli.error("diff")
        == "OLD (HEAD): no commit yet: commit the files to compare with\n"
    )
    for arguments in (["add", "."], ["commit", "--message", "first"]):
        git(*arguments)
    assert main(["diff", "--exit-code"]) == 0
    file = Path("applications/billing.yaml")
    rule = "              - methods: [GET]\n                scopes: [invoices.read]\n"
    assert file.read_text().count(rule) == 1
    public = "              - methods: [GET]\n                public: {reason: open data, until: 2099-01-01}\n"
    file.write_text(file.read_text().replace(rule, public))
    capsys.readouterr()
    assert cli("diff", "--exit-code", status=1).startswith("newly public: GET")


def test_missing_applications_are_not_checked(
    capsys: Capsys,
    cli: Cli,
) -> None:
    """Calls and roles may name missing Applications, and a note lists them. A component of a
    present Application must exist."""
    main(["init"])
    main([*NEW])
    main(
        [
            "new",
            "--app",
            "billing",
            "--component",
            "nightly",
            "--type",
            "worker",
            "--image",
            "i",
            "--owner",
            "team-billing",
        ]
    )
    file = Path("applications/billing.yaml")
    client = "      traits:\n        - {type: client, properties: {kind: service, calls: [{component: CALLEE, scopes: [s.read]}]}}\n"
    text = file.read_text().replace(
        "groups: [sales]",
        "groups: [sales]\n                components: [shop/web]",
    )
    file.write_text(text + client.replace("CALLEE", "orders/api"))
    capsys.readouterr()
    assert cli("check").splitlines()[-2:] == [
        "Applications without files here are not checked: orders, shop; add their folders with -f",
        "applications/billing.yaml:30:17: role 'editor' names shop/web, which no Application here has; if it was deleted, remove it from "
        "the role",
    ]
    file.write_text(text + client.replace("CALLEE", "billing/api"))
    assert "error ACC203: component 'billing/api' does not exist" in cli(
        "check", status=1
    )


def test_a_missing_application_can_be_called(
    capsys: Capsys,
    cli: Cli,
) -> None:
    """A note names the team that has to grant the call. With that team's checkout, the grant is
    written there."""
    main(["init"])
    nightly = (
        "new",
        "--app",
        "billing",
        "--component",
        "nightly",
        "--type",
        "worker",
        "--image",
        "i",
        "--owner",
        "o",
    )
    calls = ("--calls", "orders/api:orders.read")
    assert main([*nightly, "--calls", "billing/api:s.read"]) == 2, (
        "that one would be here"
    )
    assert "error OAM103" in cli.error(*nightly, "--calls", "orders:s.read")
    assert cli(*nightly, *calls).splitlines()[-2:] == [
        "orders/api has no files here: ask its team to add billing/nightly to a role with orders.read; "
        "`check -f applications ../orders/applications` checks both",
        "next: python -m kong_oam check",
    ]
    billing, theirs = (
        Path("applications/billing.yaml"),
        Path("theirs/orders.yaml"),
    )
    assert (
        "- component: orders/api\n                scopes: [orders.read]\n"
        in billing.read_text("utf-8")
    )
    assert main(["check"]) == 0
    billing.unlink()
    theirs.parent.mkdir()
    theirs.write_bytes(
        (ROOT / "applications/orders.yaml")
        .read_bytes()
        .replace(b", components: [shop/web]", b"")
    )
    capsys.readouterr()
    assert "not here" not in cli(
        *nightly, *calls, "-f", "applications", "theirs"
    )
    assert "[shop/checkout, shop/web, billing/nightly]" in theirs.read_text(
        "utf-8"
    )
    assert billing.exists()


def test_where_a_stack_says_what_there_is_nothing_else_is_called(
    cli: Cli,
) -> None:
    main(["init", "--platform", "--stack", "local"])
    assert "'orders/api' offers no scopes" in cli.error(
        *NEW, "--calls", "orders/api:orders.read"
    )


def test_a_platform_has_a_usable_stack() -> None:
    """With the name from the command line."""
    assert main(["init", "--platform", "platform", "--stack", "prod-eu"]) == 0
    settings = read_file(Path("platform/stacks/Pulumi.prod-eu.yaml"))
    assert (settings.stack.name, settings.applications) == (
        "prod-eu",
        ("applications",),
    )
    assert {
        "Pulumi.yaml",
        "__main__.py",
        "policies/__main__.py",
        "requirements.txt",
    } <= {*files(Path("platform"))}


CHART = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: search}
spec:
  components:
"""
COMPONENT = """\
    - name: index
      type: helm
      properties: {url: "https://charts.example.com", chart: index, version: 1.2.0}
      traits:
        - type: gateway
          properties: {domain: search.example.com, existingServiceName: index-http, http: {/: 9200}}
        - type: access
          properties:
            owner: team-search
            service: {name: index-http, port: 9200, podLabels: {app.kubernetes.io/instance: index}}
            scopes: {search.read: Search}
            rules: [{methods: [GET], scopes: [search.read]}]
"""


def test_a_new_platform_deploys_a_chart_through_flux(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The definition makes a release and its repository. `access.service` exposes the chart's
    Service."""
    assert main(["init", "--platform", "--with", "fluxcd"]) == 0
    Path("applications/none.yaml").write_text(CHART + COMPONENT)
    capsys.readouterr()
    assert main(["check"]) == 0
    assert main(["render", "search"]) == 0
    objects = capsys.readouterr().out
    assert "kind: HelmRelease\n" in objects
    assert "  selector:\n    app.kubernetes.io/instance: index\n" in objects


@pytest.mark.parametrize("name", ["Pulumi.yaml", "applications"])
def test_an_existing_repository_gets_only_definitions(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its stacks have other names, and a team has no stack. The page shows the output, and the
    component of the test above."""
    Path(name).mkdir()
    main(["init", "--platform", "--with", "fluxcd", "--with", "terraform"])
    shown = ["$ kong-oam init --platform --with fluxcd --with terraform"]
    shown += capsys.readouterr().out.splitlines()
    text = page("how-to/bring-your-own-definitions.md")
    assert "".join(f"    {line}\n" for line in shown) in text
    assert f"```yaml\n{COMPONENT}```" in text


@pytest.mark.parametrize("kind", [[], ["--platform"]])
def test_written_files_are_complete(kind: list[str]) -> None:
    """No placeholder is left, and YAML files are valid."""
    assert main(["init", *kind]) == 0
    for name in files():
        text = Path(name).read_text("utf-8")
        assert not re.search("@[A-Z]+@", text + name)
        if name.endswith(".json"):
            assert json.loads(text)
        if name.endswith((".yaml", ".yml")):
            assert yaml.safe_load(text) or name == "applications/none.yaml"
    assert {path.suffix for path in STARTERS.rglob("*") if path.is_file()} == {
        ".template"
    }


def test_a_readme_has_the_addresses_of_pages(
    folder: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    """The address is in the metadata of the wheel. Without a wheel, the page has its path."""
    cli("init", "--platform")
    assert "(docs/how-to/deploy.md lists" in Path("README.md").read_text()
    about = folder / "kong_oam-1.0.dist-info"
    about.mkdir()
    about.joinpath("METADATA").write_text(
        "Name: kong-oam\nProject-URL: Homepage, https://git.test/oam\n"
        "Project-URL: Documentation, https://git.test/oam/v1/docs/index.md\n"
    )
    monkeypatch.syspath_prepend(folder)
    cli("init", "--platform", "new")
    page = "(https://git.test/oam/v1/docs/how-to/deploy.md lists"
    assert page in Path("new/README.md").read_text()


def test_existing_files_stay(cli: Cli) -> None:
    """Also links. Other files are written. A second run changes nothing, and lists the same files."""
    Path("README.md").write_text("ours")
    Path("requirements.txt").symlink_to("nowhere")
    lines = cli("init").splitlines()
    stays = [
        f"{name}: exists, unchanged"
        for name in ("README.md", "requirements.txt")
    ]
    assert [line for line in lines if line.endswith("unchanged")] == stays
    assert "README.md: new" not in lines
    assert ".pre-commit-config.yaml: new" in lines
    assert Path("README.md").read_text() == "ours"
    assert not Path("nowhere").exists()
    assert lines[-1] == "next: read README.md, then: kong-oam new"
    assert cli("init").splitlines() == [
        line
        if line.startswith("next: ")
        else line.replace(": new", ": exists, unchanged")
        for line in lines
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["file"],
        ["--platform", "--stack", "../x"],
        ["--platform", "--stack", ""],
    ],
)
def test_a_failed_write_is_reported(cli: Cli, arguments: list[str]) -> None:
    """With status 2, and in one line."""
    Path("file").touch()
    assert len(cli.error("init", *arguments).splitlines()) == 1
    assert files() == ["file"]


def pip(*arguments: str) -> tuple[bool, str]:
    """Return whether pip installs these arguments without an index, and its output."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--dry-run",
        "--no-index",
        "--no-deps",
    ]
    completed = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=100
    )
    return completed.returncode == 0, completed.stdout + completed.stderr


@pytest.mark.deep
@pytest.mark.parametrize(
    ("kind", "name"), [([], "kong-oam"), (["--platform"], "kong-oam[deploy]")]
)
def test_nothing_is_installed_before_a_wheel_is_named(
    kind: list[str], name: str, folder: Path
) -> None:
    """Never by name, which anybody could register at an index. Then by its hash, or from a folder."""
    main(["init", *kind])
    file = Path("requirements.txt")
    text = file.read_text("utf-8")
    (line,) = [line for line in text.splitlines() if not line.startswith("#")]
    assert (
        line
        == f"{name} @ <address of the wheel of release {__version__}>#sha256=<its sha256>"
    )
    installs, errors = pip("--requirement", "requirements.txt")
    assert not installs and f"Invalid requirement: '{line}'" in errors
    wheel = folder / f"wheels/kong_oam-{__version__}-py3-none-any.whl"
    wheel.parent.mkdir()
    about = f"kong_oam-{__version__}.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(
            f"{about}/METADATA",
            f"Metadata-Version: 2.1\nName: kong-oam\nVersion: {__version__}\n",
        )
        archive.writestr(
            f"{about}/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{about}/RECORD", "")
    for sha256, expected in (
        (hashlib.sha256(wheel.read_bytes()).hexdigest(), True),
        ("0" * 64, False),
    ):
        file.write_text(
            text.replace(line, f"{name} @ {wheel.as_uri()}#sha256={sha256}"),
            "utf-8",
        )
        installs, errors = pip("--requirement", "requirements.txt")
        assert installs == expected, errors
    committed = re.findall(r"\./wheels/\S+", text)
    assert (
        len(committed) == 1 and pip(committed[0].replace("PLATFORM", "any"))[0]
    )


@pytest.mark.parametrize("status", [0, 2])
def test_a_failed_diff_fails_the_workflow(status: int, folder: Path) -> None:
    """GitHub runs a script without a shell option with `bash -e`. The output of diff is in the
    summary and the log."""
    main(["init"])
    workflow = yaml.safe_load(
        Path(".github/workflows/access.yaml").read_text("utf-8")
    )
    scripts = [
        step["run"]
        for step in workflow["jobs"]["check"]["steps"]
        if "diff" in step.get("run", "")
    ]
    stand_in = folder / "kong-oam"
    stand_in.write_text(
        f"#!/bin/sh\necho newly public\nexit {status}\n", "utf-8"
    )
    stand_in.chmod(0o755)
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "RUNNER_TEMP": str(folder),
        "GITHUB_STEP_SUMMARY": "summary",
    }
    completed = subprocess.run(
        ["bash", "-e", "-c", *scripts],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert completed.returncode == status
    if status == 0:
        assert (
            completed.stdout
            == Path("summary").read_text("utf-8")
            == "newly public\n"
        )


INSTALL = """\
      - name: install
        run: |
          python -m venv .venv
          .venv/bin/python -m pip install --quiet --requirement requirements.txt
"""


@pytest.mark.parametrize(
    "name", ["partitions.yaml", "preview.yaml", "rotate.yaml"]
)
def test_a_platform_has_the_workflows_of_this_repository(name: str) -> None:
    """With its own stack and requirements. All other lines are the same."""
    main(["init", "--platform", "--stack", "staging"])
    written = Path(".github/workflows", name).read_text("utf-8")
    assert "staging" in written
    assert INSTALL in written
    ours = (ROOT / ".github/workflows" / name).read_text("utf-8")
    ours = ours.replace(
        "--stack aws --stack gcp --stack bare-metal", "--stack staging"
    )
    ours = ours.replace('ESTATE: "aws"', 'ESTATE: "staging"')
    ours = ours.replace("[aws, gcp, bare-metal]", '["staging"]').replace(
        "      - run: make setup\n", INSTALL
    )
    step = r"      - name: install .*?(?=\n      - )|      - name: install\n.*?(?=\n      - )"
    assert re.sub(step, INSTALL.rstrip("\n"), ours, flags=re.DOTALL) == written


def test_an_editor_finds_the_schema(capsys: Capsys) -> None:
    """The schema of the same version, at the place in the settings, for the files that are read."""
    main(["init"])
    capsys.readouterr()
    ((schema, patterns),) = json.loads(
        Path(".vscode/settings.json").read_text()
    )["yaml.schemas"].items()
    main(["schema"])
    assert Path(schema).read_text() == capsys.readouterr().out
    assert patterns == ["applications/**/*.yaml", "applications/**/*.yml"]


def test_the_page_shows_the_real_output(
    capsys: Capsys,
) -> None:
    """Line by line."""
    main(["init", "billing"])
    printed = "".join(
        f"       {line}\n" for line in capsys.readouterr().out.splitlines()
    )
    text = page("how-to/bring-your-own-applications.md")
    assert f"       $ kong-oam init billing\n{printed}\n" in text
