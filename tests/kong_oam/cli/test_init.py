"""`init`: the files of a new repository, and nothing that is there is touched."""

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
from tests.support.projects import git

ROOT = Path(__file__).resolve().parents[3]
NEW = (
    *(
        "new",
        "--app",
        "billing",
        "--component",
        "invoices",
        "--image",
        "registry.example.com/billing:1.0",
    ),
    *(
        "--owner",
        "team-billing",
        "--port",
        "8080",
        "--domain",
        "billing.example.com",
        "--group",
        "sales",
    ),
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, which is empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path = Path()) -> list[str]:
    return sorted(
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file()
    )


def test_a_team_begins_with_nothing_but_applications(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No stack, no program; `new` fills it, and every question is answered without a stack."""
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
    assert main(["check"]) == 0
    assert capsys.readouterr().out.startswith(
        "0 application(s), 0 component(s): no errors; no stack is here"
    )
    assert main([*NEW]) == 0
    assert capsys.readouterr().out.endswith("next: python -m kong_oam check\n")
    assert main(["check"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 application(s), 1 component(s): no errors; no stack is here, so that none says what hosts, providers and "
        "groups there are",
        "nobody may call billing/invoices yet: a client asks for its scopes in `calls`, and a role of it names that "
        "client",
    ]
    assert main(["who", "GET", "https://billing.example.com/"]) == 0
    assert "billing/invoices" in capsys.readouterr().out


def test_what_a_team_s_change_does_is_told_without_a_stack(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Against a revision that has none either."""
    main(["init"])
    main([*NEW])
    git("init", "--initial-branch", "main")
    assert main(["diff"]) == 2
    assert (
        capsys.readouterr().err
        == "OLD (HEAD): nothing is committed here yet; commit what it is to be compared with\n"
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
    assert main(["diff", "--exit-code"]) == 1
    assert capsys.readouterr().out.startswith("newly public: GET")


def test_what_another_team_offers_need_not_be_here(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nor whom a role names elsewhere: what is not judged is said. A component of an Application that is here has to be."""
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
    assert main(["check"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "not judged, since it is not here: orders, shop; -f takes its folder, too"
    )
    file.write_text(text + client.replace("CALLEE", "billing/api"))
    assert main(["check"]) == 1
    assert (
        "error ACC203: component 'billing/api' does not exist"
        in capsys.readouterr().out
    )


def test_what_another_team_offers_is_called_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And who has to grant it is said; where that team's checkout is named, the grant is written there."""
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
    assert main([*nightly, "--calls", "orders:s.read"]) == 2
    assert "error OAM103" in capsys.readouterr().err
    assert main([*nightly, *calls]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "orders/api is not here, and not judged: its team has to name billing/nightly in a role that grants "
        "orders.read, in its own file (`check -f applications ../orders/applications` judges both)",
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
    assert main([*nightly, *calls, "-f", "applications", "theirs"]) == 0
    assert "not here" not in capsys.readouterr().out
    assert "[shop/checkout, shop/web, billing/nightly]" in theirs.read_text(
        "utf-8"
    )
    assert billing.exists()


def test_where_a_stack_says_what_there_is_nothing_else_is_called(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["init", "--platform", "--stack", "local"])
    assert main([*NEW, "--calls", "orders/api:orders.read"]) == 2
    assert "'orders/api' offers no scopes" in capsys.readouterr().err


def test_a_platform_begins_with_a_stack_that_can_be_used() -> None:
    """Under the name that was asked for."""
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


@pytest.mark.parametrize("kind", [[], ["--platform"]])
def test_what_is_written_is_complete(kind: list[str]) -> None:
    """Nothing is left to fill in, and YAML is YAML."""
    assert main(["init", *kind]) == 0
    for name in files():
        text = Path(name).read_text("utf-8")
        assert "@VERSION@" not in text
        assert "@STACK@" not in text + name
        assert "@TODAY@" not in text
        if name.endswith(".json"):
            assert json.loads(text)
        if name.endswith((".yaml", ".yml")):
            assert yaml.safe_load(text) or name == "applications/none.yaml"
    assert {path.suffix for path in STARTERS.rglob("*") if path.is_file()} == {
        ".template"
    }


def test_what_is_there_stays(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever it is; the rest is written, and a second run changes nothing, and lists all the same."""
    Path("README.md").write_text("ours")
    Path("requirements.txt").symlink_to("nowhere")
    assert main(["init"]) == 0
    lines = capsys.readouterr().out.splitlines()
    stays = [
        f"{name}: is there, and stays"
        for name in ("README.md", "requirements.txt")
    ]
    assert [line for line in lines if line.endswith("stays")] == stays
    assert "README.md: new" not in lines
    assert ".pre-commit-config.yaml: new" in lines
    assert Path("README.md").read_text() == "ours"
    assert not Path("nowhere").exists()
    assert lines[-1] == "next: read README.md, then: kong-oam new"
    assert main(["init"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        line
        if line.startswith("next: ")
        else line.replace(": new", ": is there, and stays")
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
def test_what_cannot_be_written_is_said(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """With status 2, and in one line."""
    Path("file").touch()
    assert main(["init", *arguments]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert files() == ["file"]


def pip(*arguments: str) -> tuple[bool, str]:
    """Whether pip would install what it is asked to, from no index, and what it says."""
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
def test_nothing_is_installed_until_it_is_said_which_file(
    kind: list[str], name: str, folder: Path
) -> None:
    """Never by a name, which an index gives to whoever registers it; then by its contents, or from a folder here."""
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
def test_a_diff_that_failed_fails_the_workflow(
    status: int, folder: Path
) -> None:
    """As GitHub runs a script that says no shell: `bash -e`. What a diff says is in the summary and in the log."""
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
    """With its own stack, and what is installed from its own requirements; all else is the same, line by line."""
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


def test_an_editor_finds_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    """That of the version that wrote it, at the place that the settings name, and for the files that are read."""
    main(["init"])
    capsys.readouterr()
    ((schema, patterns),) = json.loads(
        Path(".vscode/settings.json").read_text()
    )["yaml.schemas"].items()
    main(["schema"])
    assert Path(schema).read_text() == capsys.readouterr().out
    assert patterns == ["applications/**/*.yaml", "applications/**/*.yml"]


def test_the_page_shows_what_is_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Line by line."""
    main(["init", "billing"])
    printed = "".join(
        f"       {line}\n" for line in capsys.readouterr().out.splitlines()
    )
    page = (ROOT / "docs/how-to/bring-your-own-applications.md").read_text(
        "utf-8"
    )
    assert f"       $ kong-oam init billing\n{printed}\n" in page
