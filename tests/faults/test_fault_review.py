"""A quarter of a real estate: changes by three people, an emergency, and calls. The review removes an
unused grant, then a revoked grant, and the next report shows the run that did it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.browser import browser
from tests.support.engine.calls import service_token
from tests.support.faults.stacks import Empty, Stack
from tests.support.faults.tiny import HOST, PROTECTED, PUBLIC
from tests.support.json_object import JsonObject
from tests.support.pages import IN_A_BROWSER
from tests.support.projects import replace_once
from tests.support.reviewing import revoking

pytest.importorskip("duckdb", reason="the extra `audit` is not installed")

APPLICATION = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: tiny}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: registry.example.com/tiny, ports: [{port: 8080}]}
      traits:
        - type: gateway
          properties: {domain: tiny.example.com, http: {/things: 8080, /more: 8080}}
        - type: access
          properties:
            owner: team-tiny
            scopes: {things.read: Read things, things.write: Change things}
            rules:
              - {paths: [/things], methods: [GET], scopes: [things.read]}
              - {paths: [/things], methods: [POST], scopes: [things.write]}
              - {paths: [/things/health], methods: [GET], public: {reason: probes}}
            roles:
              reader: {scopes: [things.read], components: [tiny/job, tiny/report]}
              writer: {scopes: [things.write], components: [tiny/job]}
    - name: job
      type: worker
      properties: {image: registry.example.com/job}
      traits:
        - type: client
          properties: {kind: service, calls: [{component: tiny/api, scopes: [things.read, things.write]}]}
    - name: report
      type: worker
      properties: {image: registry.example.com/report}
      traits:
        - type: client
          properties: {kind: service, calls: [{component: tiny/api, scopes: [things.read]}]}
"""
HEALTH = "              - {paths: [/things/health], methods: [GET], public: {reason: probes}}\n"
MORE = "              - {paths: [/more], methods: [GET], public: {reason: open data}}\n"
# Each person with a change; the first run deploys everything.
CHANGES = (
    ("ann", "", ""),
    ("bob", "Change things", "Add and change things"),
    ("eve", HEALTH, HEALTH + MORE),
)
FILE = "applications/app0.yaml"


@pytest.fixture
def stack(empty: Empty) -> Stack:
    """A repository whose stack keeps records of runs and of calls."""
    made = empty(applications=[APPLICATION])
    settings = made.folder / f"stacks/Pulumi.{made.name}.yaml"
    cloud = "  kong-oam:cloud: local\n"
    replace_once(settings, cloud, f"{cloud}  kong-oam:evidence: evidence\n")
    scheme = "    scheme: http\n"
    logs = f"    logs: {{file: {made.folder}/requests.jsonl}}\n"
    replace_once(settings, scheme, scheme + logs)
    (made.folder / ".gitignore").write_text("requests.jsonl\n*.parquet\n")
    git(made, "init", "-q", "-b", "main")
    return made


def git(stack: Stack, *words: str, text: str = "") -> None:
    subprocess.run(
        ["git", *words],
        cwd=stack.folder,
        input=text.encode(),
        check=True,
    )


def commit(stack: Stack, person: str) -> None:
    git(stack, "add", "-A")
    author = ("-c", f"user.name={person}", "-c", "user.email=x@example.com")
    git(stack, *author, "commit", "-qm", f"change of {person}")


def deploy(stack: Stack, person: str) -> None:
    """Deploy the working directory as a commit of this person, and record the run."""
    commit(stack, person)
    stack.run("up")
    tool(stack, "audit", "record", "-s", stack.name)
    commit(stack, person)


def tool(stack: Stack, *arguments: str, status: int = 0) -> str:
    """Run a command of the project. Return its standard output."""
    done = stack.module("kong_oam", *arguments)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def replayed(stack: Stack) -> JsonObject:
    """Aggregate all calls, and return their replay, which has no finding."""
    uses = ("uses.parquet", "-s", stack.name)
    tool(stack, "audit", "uses", "requests.jsonl", "-o", *uses)
    found: JsonObject = json.loads(
        tool(stack, "audit", "replay", *uses, "--json")
    )
    return found


def used(stack: Stack) -> dict[str, int]:
    """Make the calls of a working day. Return their statuses."""
    local = stack.local
    job, report = (service_token(local, name) for name in ("job", "report"))
    return {
        "job reads": stack.status("GET", HOST, PROTECTED, job),
        "report reads": stack.status("GET", HOST, f"{PROTECTED}/7", report),
        "probe": stack.status("GET", HOST, PUBLIC),
        "open data": stack.status("GET", HOST, "/more"),
        "stranger": stack.status("GET", HOST, PROTECTED),
    }


ALLOWED = {
    "job reads": 200,
    "report reads": 200,
    "probe": 200,
    "open data": 200,
    "stranger": 401,
}


@pytest.mark.deep
@pytest.mark.timeout(600)
@IN_A_BROWSER
def test_a_review_removes_what_nobody_uses_and_what_the_reviewer_revokes(
    stack: Stack, tmp_path: Path
) -> None:
    """Each step reads only what the steps before it wrote."""
    for person, old, new in CHANGES:
        if old:
            stack.edit(FILE, old, new)
        deploy(stack, person)
    emergency = ("emergency", "-s", stack.name)
    opened = ("open", "tiny/api", PROTECTED, "--reason", "INC-4711")
    tool(stack, *emergency, *opened)
    assert stack.status("GET", HOST, PROTECTED) == 200
    tool(stack, *emergency, "close")
    commit(stack, "ops")
    assert used(stack) == ALLOWED
    found = replayed(stack)
    assert found["differences"] == found["unrecordedOpenings"] == []

    unused = ("audit", "unused", "uses.parquet", "--since", "1d")
    listed = json.loads(
        tool(stack, *unused, "-s", stack.name, "--json", status=1)
    )
    assert [
        (each["kind"], each["holder"], each["detail"])
        for each in listed["unused"]
    ] == [("grant", "tiny/job", "things.write")]
    assert listed["refused"] == 0
    git(stack, "apply", "-p0", "-", text="".join(listed["patches"]))
    deploy(stack, "ann")
    assert used(stack) == ALLOWED
    job = service_token(stack.local, "job")
    assert stack.status("POST", HOST, PROTECTED, job) == 403
    replayed(stack)

    report = ("audit", "report", "-o", "report.html", "-s", stack.name)
    tool(stack, *report, "--uses", "uses.parquet")
    with browser(tmp_path / "browser") as page:
        page.open(stack.folder / "report.html")
        summary = page.run(revoking("team-tiny", "tiny/report", "moved"))
        assert summary.endswith("revoked 1, without a decision 0")
        decisions = stack.folder / "decisions.json"
        page.downloaded().rename(decisions)
        assert page.pdf().startswith(b"%PDF-")
    attest = ("audit", "attest", "decisions.json", "--report", "report.html")
    patch = tool(stack, *attest, "-s", stack.name, "--name", "Ann Lee")
    old_token = service_token(stack.local, "report")
    git(stack, "apply", "-", text=patch)
    deploy(stack, "bob")
    assert stack.status("GET", HOST, PROTECTED, old_token) == 403

    replayed(stack)
    tool(stack, *report, "--uses", "uses.parquet")
    with browser(tmp_path / "again") as page:
        page.open(stack.folder / "report.html")
        text = page.run("document.body.innerText")
    (line,) = re.findall("removed by run [0-9]+ of [^\n]*", text)
    assert re.match(
        "removed by run 8 of [0-9-]{10}, commit [0-9a-f]{7,}; 1 calls denied since",
        line,
    )
    whole = "8 record(s) in evidence: complete, unchanged, and in order\n"
    assert tool(stack, "audit", "verify", "-s", stack.name) == whole
