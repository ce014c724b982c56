"""`adopt kong`: files in a new folder, and clear errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from kong_oam.__main__ import main
from kong_oam.adopt.sync import sync_findings
from tests.support.streams import Capsys

DECK = """\
_format_version: "3.0"
services:
- name: pages
  url: http://pages
  routes: [{name: pages, paths: [/]}]
- name: crm
  url: http://crm
  plugins: [{name: key-auth}]
  routes: [{name: crm, paths: [/crm]}]
- name: jobs
  url: http://jobs
  plugins: [{name: made-up}]
  routes: [{name: jobs, hosts: [jobs.example.com]}]
consumers:
- {username: acme, keyauth_credentials: [{key: SECRET-1}]}
"""
KONG = ["adopt", "kong", "kong.yaml", "--until", "2027-03-31"]
ALL = [*KONG, "--host", "api.example.com", "--as-of", "2026-12-01", "-o", "new"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory with a decK file."""
    monkeypatch.chdir(tmp_path)
    Path("kong.yaml").write_text(DECK, "utf-8")


def test_the_files_are_listed_with_counts(capsys: Capsys) -> None:
    assert main(ALL) == 1
    assert capsys.readouterr().out.splitlines() == [
        "new/adopt-report.md: new",
        "new/applications/kong.yaml: new",
        "new/stacks/Pulumi.prod.yaml: new",
        "3 routes: 1 adopted, 1 partly, 1 left, 0 closed; 2 components, 1 clients",
    ]


def test_reasons_that_stop_a_run_are_warnings(capsys: Capsys) -> None:
    """The run beside the old Kong stops for the same reasons, with the same codes."""
    Path("kong.yaml").write_text(f"{DECK}plugins: [{{name: cors}}]\n", "utf-8")
    main(ALL)
    printed = capsys.readouterr().err
    assert "kong.yaml:16:11: warning ENV427: a run stops" in printed
    assert "kong.yaml:1:1: warning ENV428" in printed


def test_the_settings_keep_the_old_routes_and_watch_the_deck_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The files are relative to the new folder. A file without select_tags stops a run there."""
    assert main(ALL) == 1
    monkeypatch.chdir("new")
    config = yaml.safe_load(Path("stacks/Pulumi.prod.yaml").read_text())[
        "config"
    ]
    setting = config["kong-oam:gateway"]["adopted"]
    assert setting == {
        "until": "2027-03-31",
        "reason": "adopted from Kong",
        "deck": ["../kong.yaml"],
    }
    assert main(["check"]) == 0
    assert [each.code for each in sync_findings(setting["deck"])] == ["ENV428"]
    tagged = DECK + "_info: {select_tags: [old]}\n"
    Path("../kong.yaml").write_text(tagged, "utf-8")
    assert [*sync_findings(setting["deck"])] == []


def test_the_report_as_json(capsys: Capsys) -> None:
    assert main([*ALL, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["counts"] == {
        "adopted": 1,
        "partly": 1,
        "left": 1,
        "closed": 0,
    }
    (closed,) = report["closed"]
    assert closed["path"] == "/crm*"
    assert closed["place"] == "kong.yaml:9"


def test_no_credential_appears(capsys: Capsys) -> None:
    main([*ALL, "--json"])
    written = [file.read_text() for file in Path("new").rglob("*.*")]
    assert "SECRET" not in "".join([*written, *capsys.readouterr()])


def test_an_existing_file_stops_the_command(capsys: Capsys) -> None:
    Path("new/stacks").mkdir(parents=True)
    Path("new/stacks/Pulumi.prod.yaml").write_text("mine")
    assert main(ALL) == 2
    assert capsys.readouterr().err == (
        "new/stacks/Pulumi.prod.yaml exists already; choose another folder by -o\n"
    )
    assert [file.name for file in Path("new").rglob("*.*")] == [
        "Pulumi.prod.yaml"
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (KONG, "some routes have no host; name their hosts by --host"),
        ([*KONG, "--host", "API"], "--host 'API' is not a DNS name in lower case"),
        ([*KONG, "--as-of", "2027-04-01"], "--until 2027-03-31 is before 2027-04-01; write a later day"),
        ([*KONG, "--until", "2027-3-31"], "--until '2027-3-31' is not a day; write YYYY-MM-DD"),
        ([*KONG, "--application", "A b"], "invalid name 'A b': use lower-case letters, digits and dashes"),
        ([*KONG, "--stack", "A"], "invalid stack name 'A': use lower-case letters, digits and dashes"),
        ([*KONG, "--admin", "http://kong:8001"], "name decK files, or a running Kong by --admin"),
        (["adopt", "kong", "--until", "2027-03-31"], "name decK files, or a running Kong by --admin"),
        (
            ["adopt", "kong", "--until", "2027-03-31", "--admin", "http://me:SECRET@kong:8001"],
            "--admin is not http(s)://HOST[:PORT][/PATH]; put credentials into KONG_ADMIN_TOKEN or KONG_API_KEY",
        ),
        ([*KONG, "--host", "a.net", "--ca", "kong.yaml"], "--ca 'kong.yaml' has no X.509 certificate in PEM (-----BEGIN CERTIFICATE-----)"),
        (["adopt", "kong", "missing.yaml", "--until", "2027-03-31"], "missing.yaml: No such file or directory"),
    ],
)  # fmt: skip
def test_wrong_usage_writes_nothing(
    capsys: Capsys, arguments: list[str], message: str
) -> None:
    assert main([*arguments, "-o", "new"]) == 2
    assert capsys.readouterr().err == f"{message}\n"
    assert not Path("new").exists()


def test_a_broken_file_writes_nothing(capsys: Capsys) -> None:
    Path("kong.yaml").write_text("services: [")
    assert main(ALL) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("kong.yaml:2:1: error ADOPT501: ")
    assert lines[-1] == "1 error(s); nothing was written"
