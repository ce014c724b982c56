"""Verbs on Applications with custom types: they work as for all others, and find the definitions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kong_oam.__main__ import main
from tests.support.cli import Cli
from tests.support.custom_types import (
    LEDGER,
    PRIORITY,
    STATEFUL_APP,
    commit,
    write_custom,
)
from tests.support.projects import replace_once
from tests.support.rendering import written
from tests.support.repository import ROOT
from tests.support.streams import Capsys

LEDGER_URL = "https://ledger.example.com/entries"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project with custom types, committed, in the working directory."""
    write_custom(tmp_path)
    commit(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(capsys: Capsys, *arguments: str) -> str:
    """Return the output of a successful command."""
    assert main(arguments) in (0, 1)
    printed = capsys.readouterr()
    assert printed.err == ""
    return printed.out


def name_definitions(name: str) -> None:
    """Add these definitions to the stack's settings."""
    with Path("stacks/Pulumi.local.yaml").open("a") as stack:
        stack.write(f"  kong-oam:definitions: [{name}]\n")


def test_queries_work(capsys: Capsys) -> None:
    """The route comes from the rendered Ingress, the rule from the access trait."""
    assert "2 application(s), 2 component(s): no errors" in answer(
        capsys, "check"
    )
    explained = json.loads(
        answer(
            capsys,
            "explain",
            "GET",
            LEDGER_URL,
            "--as",
            "desk/web",
            "--user-in",
            "sales",
            "--json",
        )
    )
    assert (explained["status"], explained["component"]) == (200, "ledger/book")
    assert explained["rule"] == {
        "file": "applications/ledger.yaml",
        "line": 17,
        "column": 17,
    }
    assert "401" in answer(capsys, "explain", "GET", LEDGER_URL)
    assert "desk/web" in answer(capsys, "who", "GET", LEDGER_URL)
    assert "ledger.example.com" in answer(capsys, "what", "desk/web")
    assert "ledger/book" in answer(capsys, "matrix")
    assert "ledger.read" in answer(capsys, "graph")


def test_a_definition_that_changes_is_a_change_of_access(
    capsys: Capsys,
) -> None:
    """A revision has its own definitions, even if the Applications are the same."""
    assert answer(capsys, "diff") == ""
    replace_once(
        Path("definitions/stateful-app.yaml"),
        "host: parameter.host",
        'host: "books.example.com"',
    )
    assert "books.example.com" in answer(capsys, "diff")
    assert "books.example.com" in answer(capsys, "graph", "--since", "main")
    Path("definitions/stateful-app.yaml").rename("stateful-app.yaml")
    name_definitions("stateful-app.yaml")
    assert "books.example.com" in answer(capsys, "diff"), (
        "the stack of then names no other"
    )
    assert answer(capsys, "diff", ".", ".") == ""


def test_two_folders_have_their_own_definitions(
    capsys: Capsys,
    cli: Cli,
) -> None:
    """A folder `definitions` beside the Applications replaces the stack's definitions.
    `--definitions` adds more."""
    for name in ("before", "after"):
        Path(name).mkdir()
        shutil.copytree("applications", f"{name}/apps")
        shutil.copytree("definitions", f"{name}/definitions")
    replace_once(
        Path("after/definitions/stateful-app.yaml"),
        "host: parameter.host",
        'host: "books.example.com"',
    )
    shutil.rmtree("definitions")
    name_definitions("before/definitions")
    assert "books.example.com" in answer(capsys, "diff", "before", "after")
    assert "books.example.com" in answer(
        capsys, "diff", "before", "after", "--applications", "apps"
    )
    for name in ("before", "after"):
        Path(name, "definitions/priority.cue").rename("priority.cue")
    assert "unknown trait type 'priority'" in cli.error(
        "diff", "before", "after"
    )
    assert "books.example.com" in answer(
        capsys, "diff", "before", "after", "--definitions", "priority.cue"
    )


def test_an_error_in_an_object_names_its_definition(
    cli: Cli,
) -> None:
    """The project's own definition, because nobody could change a built-in type."""
    replace_once(
        Path("definitions/stateful-app.yaml"),
        "spec: containers:",
        "spec: hostNetwork: true, spec: containers:",
    )
    desk = Path("applications/desk.yaml")
    replace_once(
        desk,
        "- type: scaler",
        "- {type: annotations, properties: {konghq.com/plugins: x}}\n        - type: scaler",
    )
    lines = cli("check", status=1).splitlines()
    (number,) = [
        number for number, line in enumerate(lines) if "hostNetwork" in line
    ]
    assert (
        lines[number + 1]
        == "rendered by component type 'stateful-app' (definitions/stateful-app.yaml)"
    )
    assert any("konghq.com/plugins" in line for line in lines)
    assert len([line for line in lines if "rendered by" in line]) == 1


def test_definitions_are_named_on_the_command_line(
    tmp_path: Path, capsys: Capsys, cli: Cli
) -> None:
    """Instead of the definitions in the stack's settings."""
    Path("definitions").rename("types")
    assert "unknown component type 'stateful-app'" in cli("check", status=1)
    assert (
        "type:1:1: error OAM101: cannot be read: no such file or folder; check the name in --definitions"
        in cli("check", "--definitions", "type", status=1)
    )
    named = ("--definitions", "types/stateful-app.yaml", "types/*.cue")
    assert "no errors" in answer(capsys, "check", *named)
    assert "desk/web" in answer(capsys, "who", "GET", LEDGER_URL, *named)
    assert "ledger" in answer(capsys, "graph", *named)
    assert answer(capsys, "diff", ".", ".", *named) == ""
    assert main(["diff", *named]) == 2, "they lay elsewhere then"
    assert capsys.readouterr().err.startswith(
        "HEAD:types/*.cue:1:1: error OAM101: cannot be read: no YAML or CUE file"
    )
    name_definitions("types")
    assert "no errors" in answer(capsys, "check")


def test_definitions_stand_beside_applications(
    capsys: Capsys,
) -> None:
    for name in ("priority.cue", "stateful-app.yaml"):
        Path("definitions", name).unlink()
    Path("definitions").rmdir()
    priority = written(
        "Trait",
        "priority",
        PRIORITY.split("template: {\n")[1].removesuffix("}\n"),
    )
    Path("applications/ledger.yaml").write_text(
        f"{LEDGER}---\n{STATEFUL_APP}---\n{priority}"
    )
    assert "2 component(s): no errors" in answer(capsys, "check")
    assert "no errors" in answer(capsys, "check", "applications/ledger.yaml")


def test_what_is_found_in_one_file_is_told_apart(
    cli: Cli,
) -> None:
    replace_once(Path("applications/ledger.yaml"), "class: high", "clas: high")
    printed = cli(
        "check", "applications/desk.yaml", "--definitions", "definitions"
    )
    assert (
        "finding(s) elsewhere: `python -m kong_oam check --definitions definitions` prints them"
        in printed
    )


def test_a_component_is_added_beside_others(
    capsys: Capsys,
) -> None:
    """With its grant in the file of a component of a custom type."""
    arguments = "new --app report --component job --type worker --image a.example/job:1 --owner team-report --calls ledger/book:ledger.read"
    answer(capsys, *arguments.split())
    assert "report/job" in Path("applications/ledger.yaml").read_text()
    assert "3 component(s): no errors" in answer(capsys, "check")


def test_a_component_is_added_beside_a_custom_type(
    capsys: Capsys,
) -> None:
    """Even if the custom type has the name of a built-in type, and other properties."""
    Path("definitions/stateful-app.yaml").write_text(
        STATEFUL_APP.replace("name: stateful-app", "name: worker")
    )
    replace_once(
        Path("applications/ledger.yaml"), "type: stateful-app", "type: worker"
    )
    replace_once(
        Path("applications/ledger.yaml"),
        "        - type: priority\n          properties: {class: high}\n",
        "",
    )
    arguments = "new --app ledger --component page --image a.example/page:1 --owner team-ledger --port 80 --domain p.example.com --calls ledger/book:ledger.read"
    answer(capsys, *arguments.split())
    assert "ledger/page" in answer(capsys, "matrix")


@pytest.mark.parametrize(
    "watched", ["definitions/priority.cue", "applications/desk.yaml"]
)
def test_watch_notices_a_changed_definition(
    watched: str,
) -> None:
    """And a changed Application."""
    command = [sys.executable, "-u", "-m", "kong_oam", "check", "--watch"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout
            answers = (line for line in process.stdout if "error" in line)
            assert "no errors" in next(answers)
            replace_once(
                Path(watched),
                *(
                    ("class: string", "klass: string")
                    if "cue" in watched
                    else ("replicas", "replica")
                ),
            )
            assert "unknown field" in next(answers)
        finally:
            process.kill()
