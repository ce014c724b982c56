"""Evidence of real runs: three changes by three people and an emergency are recorded. `audit verify`
finds an edited record, a removed record and a state that no update wrote."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from kong_oam.audit.history.read import models_by_revision, read_runs
from sandbox.kong.http import Request, Response
from sandbox.local import STACK, Local
from tests.support.documentation import page
from tests.support.engine.deployment import AT_ONCE
from tests.support.engine.partitions import kong_oam
from tests.support.faults.interruptions import PARTITIONS, start_project
from tests.support.faults.stacks import Empty, Stack
from tests.support.faults.tiny import PROTECTED, SERVICE, TINY

APPLICATION = "applications/app0.yaml"
RULE = "{paths: [/things], methods: [GET], scopes: [things.read]}"
LONGER = "{paths: [/things, /more], methods: [GET], scopes: [things.read]}"
PUBLIC = "{paths: [/more], methods: [GET], public: {reason: open data}}"
CHANGES = (
    ("ann", "", ""),
    ("bob", "scopes: {things.read: Read things}", "scopes: {things.read: See}"),
    ("eve", RULE, f"{RULE}\n              - {PUBLIC}"),
)
"""Each person with a change; the first run deploys everything."""


def command(stack: Stack, *arguments: str) -> CompletedProcess[str]:
    return stack.module("kong_oam", *arguments)


def commit(stack: Stack, person: str) -> str:
    """Commit everything as this person. Return the commit."""
    git = (
        "git",
        "-c",
        f"user.name={person}",
        "-c",
        f"user.email={person}@example.com",
    )
    for words in (("add", "-A"), ("commit", "-qm", f"change of {person}")):
        subprocess.run([*git, *words], cwd=stack.folder, check=True)
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        cwd=stack.folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def deploy(stack: Stack, person: str, old: str, new: str) -> str:
    """Change the Application, deploy the commit and record the run. Return the commit."""
    if old:
        stack.edit(APPLICATION, old, new)
    made = commit(stack, person)
    stack.run("up")
    recorded = command(stack, "audit", "record", "-s", stack.name)
    assert recorded.returncode == 0, recorded.stderr
    assert shown(re.sub("00000[0-9]", "000006", recorded.stdout.rstrip()))
    commit(stack, person)
    return made


def shown(line: str) -> bool:
    """Return whether the how-to page shows a line."""
    return f"    {line}\n" in page("how-to/keep-evidence.md")


def verified(stack: Stack) -> list[str]:
    """Return the lines of `audit verify`, without the changing text of times."""
    done = command(stack, "audit", "verify", "evidence", "-s", stack.name)
    assert not done.stderr, done.stderr
    times = re.compile(r"[0-9-]{10}T[0-9:.]+Z")
    return times.sub("TIME", done.stdout).splitlines()


@pytest.fixture
def stack(empty: Empty) -> Stack:
    text = TINY.replace("{/things: 8080}", "{/things: 8080, /more: 8080}")
    made = empty(applications=[text])
    settings = made.folder / f"stacks/Pulumi.{made.name}.yaml"
    settings.write_text(
        settings.read_text("utf-8").replace(
            "  kong-oam:cloud:",
            "  kong-oam:evidence: evidence\n  kong-oam:cloud:",
        ),
        "utf-8",
    )
    assert "evidence" in settings.read_text("utf-8")
    subprocess.run(
        ["git", "init", "-q", "-b", "main"], cwd=made.folder, check=True
    )
    return made


def test_records_show_an_edit_a_loss_and_a_changed_state(stack: Stack) -> None:
    """Each attack alone is found, and the untouched folder has no finding."""
    evidence = stack.folder / "evidence"
    commits = [deploy(stack, *change) for change in CHANGES]
    opening = (
        "open",
        "tiny/api",
        PROTECTED,
        "--reason",
        "INC-4711: Okta is down",
    )
    opened = command(stack, "emergency", "-s", stack.name, *opening)
    assert opened.returncode == 0, opened.stderr
    assert "evidence/000004.json: the record; commit it\n" in opened.stdout
    closed = command(stack, "emergency", "-s", stack.name, "close")
    assert closed.returncode == 0, closed.stderr
    commit(stack, "ops")

    runs = read_runs(evidence)
    assert [run.kind for run in runs] == ["run", "run", "run", "open", "close"]
    facts = [
        (update.facts["git.author"], update.facts["git.head"])
        for run in runs[:3]
        for update in run.stacks["local"].updates
    ]
    assert facts == list(zip(("ann", "bob", "eve"), commits, strict=True))
    assert runs[3].openings[0].reason == "INC-4711: Okta is down"
    assert [run.data["access"]["changes"] == [] for run in runs[:3]] == [
        False,
        True,
        False,
    ]
    assert [run.data["verify"] for run in runs[:3]] == [{"findings": []}] * 3
    assert runs[2].data["positions"]["tiny/api"]["/more"]["GET"] == [
        "applications/app0.yaml:18"
    ]
    assert len(models_by_revision(runs)) == 2
    text = "".join(file.read_text("utf-8") for file in evidence.iterdir())
    for name in (
        "KONG_ADMIN_TOKEN",
        "OKTA_API_TOKEN",
        "PULUMI_CONFIG_PASSPHRASE",
    ):
        assert stack.local.env[name] not in text
    whole = "5 record(s) in evidence: complete, unchanged, and in order"
    assert verified(stack) == [whole]
    assert f"       {whole}\n" in page("how-to/keep-evidence.md")
    again = command(stack, "audit", "record", "-s", stack.name)
    assert (
        again.stdout == "nothing happened since the last record in evidence\n"
    )

    second = evidence / "000002.json"
    original = second.read_bytes()
    second.write_bytes(original.replace(b'"bob"', b'"ann"'))
    edited, *others = verified(stack)
    assert shown(edited)
    assert [edited, *others] == [
        "evidence/000002.json:1:1: error AUD603: the record was changed after it was written",
        "evidence/000003.json:1:1: error AUD604: the record does not follow 000002.json, as that file is now",
        "evidence/000002.json:1:1: error AUD603: the engine has other facts about the update of TIME",
        "3 finding(s) about 5 record(s) in evidence",
    ]
    second.unlink()
    missing, *others = verified(stack)
    assert shown(missing)
    assert [missing, *others] == [
        "evidence/000003.json:1:1: error AUD602: 000002.json is missing",
        "error AUD605: stack 'local': no record has the update of TIME; run `kong-oam audit record`",
        "2 finding(s) about 4 record(s) in evidence",
    ]
    second.write_bytes(original)
    third = evidence / "000003.json"
    third.rename(evidence / "000006.json")
    assert [line.partition(": ")[2][:13] for line in verified(stack)[:-1]] == [
        "error AUD602:",
        "error AUD604:",
        "error AUD604:",
    ]
    (evidence / "000006.json").rename(third)

    (route, *_) = (
        resource["urn"]
        for resource in stack.state()
        if resource["type"] == "kong:index/route:Route"
    )
    stack.pulumi("state", "delete", route, "--yes")
    changed, *others = verified(stack)
    assert shown(changed)
    assert [changed, *others] == [
        "error AUD606: stack 'local': the state differs from the last record, and no update wrote it; "
        "compare it with a copy of the state",
        "1 finding(s) about 5 record(s) in evidence",
    ]
    assert hidden_edit(stack) == (
        "evidence/000006.json:1:1: warning AUD606: stack 'local': its updates explain 36 resources, "
        "and the state has 35; ask who changed the state before an update"
    )


def hidden_edit(stack: Stack) -> str:
    """Remove the lost route at Kong, too, so that the next run creates it again. Return the first
    finding after the record of this run."""
    known = {
        resource.get("id")
        for resource in stack.state()
        if resource["type"] == "kong:index/route:Route"
    }
    routes = stack.kong("GET", "/routes")["data"]
    (lost,) = (route["id"] for route in routes if route["id"] not in known)
    stack.kong("DELETE", f"/routes/{lost}")
    stack.run("up")
    recorded = command(stack, "audit", "record", "-s", stack.name)
    assert recorded.returncode == 0, recorded.stderr
    return verified(stack)[0]


def test_a_run_with_uncommitted_files_is_a_warning(stack: Stack) -> None:
    """The past cannot be corrected, so the exit status stays 0."""
    commit(stack, "ann")
    stack.edit(APPLICATION, "team-tiny", "team-other")
    stack.run("up")
    assert verified_before_a_record(stack) == 2
    recorded = command(
        stack, "audit", "record", "-s", stack.name, "--to", "evidence"
    )
    assert recorded.returncode == 0, recorded.stderr
    done = command(stack, "audit", "verify", "-s", stack.name)
    assert done.returncode == 0
    assert "warning AUD607: the update of 20" in done.stdout


def verified_before_a_record(stack: Stack) -> int:
    return command(
        stack, "audit", "verify", "evidence", "-s", stack.name
    ).returncode


def test_a_failed_run_records_the_revisions_that_it_wanted(
    stack: Stack,
) -> None:
    """Some gates may have them, so their requests can be replayed."""
    deploy(stack, *CHANGES[0])
    stack.edit(APPLICATION, RULE, f"{RULE}\n              - {PUBLIC}")
    commit(stack, "bob")
    gate = stack.plugin("post-function", SERVICE)["id"]

    def broken(request: Request, answer: Callable[[], Response]) -> Response:
        failing = (request.method, request.target) == (
            "PATCH",
            f"/plugins/{gate}",
        )
        return Response(500, (), b"{}") if failing else answer()

    stack.local.kong.faults = broken
    assert stack.run("up", check=False).returncode != 0
    stack.local.kong.faults = None
    recorded = command(stack, "audit", "record", "-s", stack.name)
    assert recorded.returncode == 0, recorded.stderr
    first, second = read_runs(stack.folder / "evidence")
    port = ("tiny/api", "8080")
    assert second.revisions == first.revisions
    assert second.attempted[port] != first.revisions[port]
    assert len(models_by_revision((first, second))) == 2
    data = json.loads(Path(second.file).read_bytes())
    assert data["stacks"]["local"]["updates"][0]["result"] == "failed"


def test_one_record_has_all_stacks_of_an_estate(tmp_path: Path) -> None:
    """Each partition has its updates and its state; model and revisions are joined."""
    with Local(lags=AT_ONCE) as local:
        deployment = start_project(local, tmp_path / "project")
        kong_oam(deployment, "up", "-s", STACK, "--yes", status=0)
        record = ("audit", "record", "-s", STACK, "--to", "evidence")
        kong_oam(deployment, *record, status=0)
        kong_oam(
            deployment, "audit", "verify", "evidence", "-s", STACK, status=0
        )
    (run,) = read_runs(deployment.folder / "evidence")
    stacks = {STACK, *(f"{STACK}-{name}" for name in PARTITIONS)}
    assert {*run.stacks} == stacks
    assert all(part.updates for part in run.stacks.values())
    estate = run.estate()
    assert estate
    exposed = {component.key for component in estate.exposed}
    assert {component for component, _ in run.revisions} == exposed
    assert run.data["verify"] == {"findings": []}
