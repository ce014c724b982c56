"""Every verb with --json: JSON only, in its schema, on success and on failure."""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
from argparse import ArgumentParser
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import kong_oam.verify.stack
from kong_oam.__main__ import _parser, main
from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.snapshot import dump_model
from kong_oam.cli.command import verbs_of
from kong_oam.cli.estates import read_estate, settings_of
from kong_oam.kong.revisions import revisions
from kong_oam.verify.deviations import AffectedCalls, Deviation
from kong_oam.verify.stack import Altered, Reason, Result, Workloads
from tests.support.cli import Cli
from tests.support.estates import api
from tests.support.history import write_chain
from tests.support.json_object import JsonObject
from tests.support.projects import commit_all, git, replace_once
from tests.support.recorded_calls import (
    ACCESS,
    BEHIND,
    CLIENTS,
    IP_ALLOW,
    records,
    write_log,
)
from tests.support.streams import Capsys

pytest.importorskip("duckdb", reason="the extra `audit` is not installed")

URL = "https://orders.example.com/orders"
STACK = """\
config:
  kong-oam:cloud: local
  kong-oam:asOf: "2026-11-25"
  kong-oam:evidence: runs
  kong-oam:gateway: {namespace: kong, podLabels: {app: kong}}
  kong-oam:identityProviders: [{name: okta, type: okta}]
"""
KONG = """\
_format_version: "3.0"
services:
- name: orders
  url: http://api.orders:8080
  plugins: [{name: key-auth}]
  routes: [{name: orders, hosts: [orders.example.com], paths: [/orders]}]
- name: crm
  url: http://crm
  routes: [{name: crm, hosts: [crm.example.com]}]
consumers: [{username: acme, keyauth_credentials: [{key: hunter2}]}]
"""
ORDERS = Path("applications/orders.yaml")
# No recorded call needs the group `idle`.
IDLE = ACCESS.replace("groups: [sales]", "groups: [sales, idle]")

SUCCESS: dict[str, list[tuple[int, str]]] = {
    "check": [(1, "check"), (0, "check --since HEAD")],
    "diff": [
        (0, "diff"),
        (0, "diff . after"),
        (0, "diff . after --crossing"),
        (0, "diff . renamed --crossing"),
    ],
    "merge": [(1, "merge . after")],
    "explain": [
        (0, f"explain GET {URL}"),
        (0, f"explain GTE {URL} --origin https://shop.example.com"),
        (0, f"explain GET {URL} --as shop/job --from 192.0.2.7"),
        (0, f"explain POST {URL} --as shop/web --user-in sales desk"),
        (0, f"explain GET {URL} --consumer acme"),
        (0, "explain --request REQUEST --logs log.jsonl"),
    ],
    "who": [
        (0, f"who GET {URL}"),
        (0, f"who GET {URL}/health"),
        (0, "who --component orders/api"),
    ],
    "what": [
        (0, "what shop/web"),
        (0, "what anonymous"),
        (0, "what --user-in desk --public"),
    ],
    "matrix": [(0, "matrix")],
    "graph": [(0, "graph"), (0, "graph --since HEAD")],
    "render": [(0, "render orders")],
    "new": [
        (
            0,
            "new --app billing --component nightly --type worker --image i --owner team",
        )
    ],
    "verify": [(1, "verify")],
    "adopt kong": [(0, "adopt kong kong.yaml --until 2099-01-01 -o adopted")],
    "adopt compare": [(1, "adopt compare kong.yaml")],
    "adopt retire": [(1, "adopt retire kong.yaml")],
    "audit uses": [(1, "audit uses log.jsonl -o again.parquet")],
    "audit replay": [(1, "audit replay uses.parquet")],
    "audit unused": [(1, "audit unused uses.parquet --since 30d")],
    "audit impact": [(1, "audit impact uses.parquet --old . --new after")],
}
"""Calls of each verb, with their exit status."""

MISSING = {
    "check": "check none.yaml",
    "diff": "diff none.yaml .",
    "merge": "merge . none",
    "explain": "explain --request x --logs none",
    "who": f"who GET {URL} -f none.yaml",
    "what": "what shop/web -f none.yaml",
    "matrix": "matrix -f none.yaml",
    "graph": "graph --since none",
    "render": "render orders -f none.yaml",
    "new": "new --app a --component b --type worker --image i --owner t -f none",
    "verify": "verify -f none.yaml",
    "adopt kong": "adopt kong none.yaml --until 2099-01-01 -o adopted",
    "adopt compare": "adopt compare none.yaml",
    "adopt retire": "adopt retire none.yaml",
    "audit uses": "audit uses none -o again.parquet",
    "audit replay": "audit replay none",
    "audit unused": "audit unused none",
    "audit impact": "audit impact none",
}
"""A call of each verb that names a missing file."""

# These verbs read no Application, or a broken Application does not matter.
READS_NONE = {"adopt kong"}
# Their option for a stack writes a new stack.
NEW_STACK = {"adopt kong"}


def parsers() -> dict[str, ArgumentParser]:
    """Return the parsers of all verbs with --json, by the name of the verb."""
    return {
        name: parser
        for name, parser in verbs_of(_parser())
        if "--json" in parser._option_string_actions
    }


VERBS = pytest.mark.parametrize("verb", parsers())


def write_run() -> None:
    settings = settings_of("local")
    estate = read_estate(None, settings)
    model = dump_model(model_of(estate, settings)).splitlines()
    gates = revisions(estate, settings.gateway.edition)
    write_chain(
        Path("runs"),
        {"time": "2026-07-01T10:00:00Z", "model": model, "revisions": gates},
    )


def write_records() -> None:
    """Write a log: some decisions are wrong, a number is missing, and the last line is torn."""
    settings = settings_of("local")
    estate = read_estate(None, settings)
    gates = revisions(estate, settings.gateway.edition)
    made = records(estate, 500)
    for fields in made:
        ((fields["port"], fields["revision"]),) = gates[
            fields["component"]
        ].items()
    made[3] |= {"decision": "allowed", "code": "opened"}
    made[5] |= {"revision": "0123456789ab"}
    del made[7]
    write_log(Path("log.jsonl"), made)
    SUCCESS["explain"][-1] = (
        0,
        f"explain --request {made[0]['requestId']} --logs log.jsonl",
    )
    with Path("log.jsonl").open("a") as log:
        log.write("{torn\n")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with findings, a changed copy, a record of a run, a log and an old Kong."""
    folder = tmp_path_factory.mktemp("template")
    with contextlib.chdir(folder):
        write_template()
    return folder


def write_template() -> None:
    for file, text in {
        "applications/orders.yaml": api(access=IDLE) + IP_ALLOW,
        "applications/behind.yaml": BEHIND,
        "applications/shop.yaml": CLIENTS,
        "stacks/Pulumi.local.yaml": STACK,
        "kong.yaml": KONG,
    }.items():
        Path(file).parent.mkdir(exist_ok=True)
        Path(file).write_text(text)
    for copy in ("after", "renamed"):
        shutil.copytree("applications", f"{copy}/applications")
        shutil.copytree("stacks", f"{copy}/stacks")
    replace_once(
        "after" / ORDERS,
        "methods: [GET], scopes: [orders.read]",
        "methods: [PUT], scopes: [orders.read]",
    )
    replace_once("after" / ORDERS, "reason: probes", "reason: open")
    for name in ("orders", "behind", "shop"):
        file = Path(f"renamed/applications/{name}.yaml")
        text = file.read_text().replace("orders", "billing")
        file.write_text(text.replace("shop", "store"))
    git("init", "--initial-branch=main")
    commit_all("first")
    replace_once(ORDERS, "owner: team-orders", "owner: team-sales")
    write_run()
    write_records()
    main(["audit", "uses", "log.jsonl", "-o", "uses.parquet"])


@pytest.fixture(autouse=True)
def project(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of the project, with findings of `verify`."""
    shutil.copytree(template, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    exposure = AffectedCalls(("everybody",), ("GET",), (URL,))
    reason = Reason("a route", "remove it", "other", ("another",))
    found = ((Deviation("opened", (), (exposure,)), (reason,)),)
    monkeypatch.setattr(
        kong_oam.verify.stack, "verify", lambda *_: Result(found, 1)
    )
    altered = Altered("Service 'default/api'", (Reason("a port", "close it"),))
    monkeypatch.setattr(
        kong_oam.verify.stack, "workloads", lambda *_: Workloads((altered,), 1)
    )


def answer(cli: Cli, verb: str, words: list[str], status: int) -> JsonObject:
    """Return the JSON of a call, after a check against the schema of the verb."""
    printed: JsonObject = cli.json(*words, "--json", status=status)
    schema = json.loads(cli("schema", *verb.split()))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(printed)
    return printed


def failure(cli: Cli, verb: str, *words: str) -> JsonObject:
    """Return the JSON of a failed call. Nothing is printed on standard error."""
    printed = answer(cli, verb, [*words], 2)
    assert [*printed] == ["error", "findings"]
    return printed


def test_each_verb_with_json_has_a_case() -> None:
    assert {*parsers()} == {*SUCCESS} == {*MISSING}


@VERBS
def test_an_answer_has_the_schema_of_its_verb(verb: str, cli: Cli) -> None:
    """With a limit, too. All lists are cut then, and `left` counts the other entries."""
    for status, words in SUCCESS[verb]:
        assert "error" not in answer(cli, verb, shlex.split(words), status)
        Path("applications/billing.yaml").unlink(missing_ok=True)
        shutil.rmtree("adopted", ignore_errors=True)
        Path("again.parquet").unlink(missing_ok=True)
        cut = [*shlex.split(words), "--limit", "1"]
        assert "error" not in answer(cli, verb, cut, status)
        Path("applications/billing.yaml").unlink(missing_ok=True)


@VERBS
def test_broken_applications_are_findings_with_positions(
    verb: str, cli: Cli
) -> None:
    """`check` answers with them. Other verbs fail."""
    text = ORDERS.read_text()
    ORDERS.write_text(text.replace("scopes: [orders.read]}", "scopes: [x]}", 1))
    words = shlex.split(SUCCESS[verb][0][1])
    if verb == "check":
        findings = answer(cli, verb, words, 1)["diagnostics"]
        findings = [each for each in findings if each["severity"] == "error"]
    elif verb in READS_NONE:
        return
    else:
        printed = failure(cli, verb, *words)
        assert "1 error(s)" in printed["error"]
        findings = printed["findings"]
    [finding] = findings
    assert finding["code"] == "ACC201"
    assert finding["file"].endswith("applications/orders.yaml")
    assert (finding["severity"], finding["line"]) == ("error", 14)


@VERBS
def test_a_missing_file_is_a_failure(verb: str, cli: Cli) -> None:
    """`check` answers with it."""
    words = shlex.split(MISSING[verb])
    if verb == "check":
        [finding] = answer(cli, verb, words, 1)["diagnostics"]
        assert (finding["code"], finding["file"]) == ("OAM101", "none.yaml")
        return
    assert "none" in json.dumps(failure(cli, verb, *words))


@VERBS
def test_a_wrong_stack_is_a_failure(verb: str, cli: Cli) -> None:
    if verb in NEW_STACK:
        return
    words = shlex.split(SUCCESS[verb][0][1])
    printed = failure(cli, verb, *words, "--stack", "lokal")
    assert "no stack 'lokal'" in printed["error"]
    assert "did you mean 'local'?" in printed["error"]


@VERBS
@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--limt", "3"], "unrecognized arguments: --limt"),
        (["--limit", "0"], "invalid number '0': write a number from 1"),
        (["--limit", "-1"], "invalid number '-1'"),
        (["--limit", "x\x1b"], "invalid number 'x?'"),
    ],
)
def test_wrong_usage_is_a_failure(
    verb: str, more: list[str], words: str, cli: Cli
) -> None:
    call = shlex.split(SUCCESS[verb][0][1])
    assert words in failure(cli, verb, *call, *more)["error"]


def test_a_limit_needs_json(cli: Cli) -> None:
    assert cli.usage("check", "--limit", "3") == (
        "--limit cuts JSON: add --json\n"
    )


def test_text_keeps_its_errors(cli: Cli, capsys: Capsys) -> None:
    """A usage and a message on standard error."""
    with pytest.raises(SystemExit, match="2"):
        main(["check", "--jsn"])
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("usage: ")
    assert printed.err.endswith("error: unrecognized arguments: --jsn\n")
