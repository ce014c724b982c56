"""`check --since`: findings that a git revision does not have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kong_oam.__main__ import main
from tests.support.cli import Cli
from tests.support.projects import git, write_project
from tests.support.streams import Capsys

ORDERS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: orders}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders: 8080}}
        - type: access
          properties:
            owner: team-orders
            scopes: {read: Read}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [read]}
              - {paths: [/orders/health], methods: [GET], public: {reason: probes}}
            roles:
              viewer: {scopes: [read], groups: [sales]}
"""
"""A public rule without an end, which lint reports."""
PAGES = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: pages, namespace: pages}
spec:
  components:
    - name: web
      type: webservice
      properties: {image: web}
      traits:
        - type: gateway
          properties: {domain: pages.example.com, http: {/: 3000}}
        - type: access
          properties: {owner: team-pages, rules: [{methods: [GET], public: {reason: pages}}]}
"""
"""Another public rule without an end."""
EVIL = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: evil, namespace: evil}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders/login: 8080}}
        - type: access
          properties: {owner: e, rules: [{methods: [GET], public: {reason: x, until: 2027-01-01}}]}
"""
"""Its path is below a path of another owner."""


@pytest.fixture(autouse=True)
def orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the orders, in a repository with one commit."""
    write_project(tmp_path, orders=ORDERS, pages=PAGES)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "applications/orders.yaml"


def codes(capsys: Capsys, *arguments: str) -> dict[str, bool]:
    """Return the codes of all findings, and whether they are new."""
    main(["check", "--since", "HEAD", "--json", *arguments])
    document = json.loads(capsys.readouterr().out)
    return {
        diagnostic["code"]: diagnostic["new"]
        for diagnostic in (*document["diagnostics"], *document["findings"])
    }


def test_a_warning_of_the_change_is_new(orders: Path, capsys: Capsys) -> None:
    """Earlier findings of lint are not new, even on other lines."""
    assert codes(capsys) == {"LINT306": False}
    orders.with_name("evil.yaml").write_text(EVIL)
    orders.write_text(f"\n\n{ORDERS}")
    assert codes(capsys) == {"ACC219": True, "LINT306": False}
    git("add", ".")
    git("commit", "--quiet", "-m", "evil")
    assert codes(capsys) == {"ACC219": False, "LINT306": False}


def test_only_new_findings_are_printed_and_counted(
    orders: Path, cli: Cli
) -> None:
    """Other findings are counted in a note. Errors are always printed and counted."""
    assert cli("check", status=1).count("warning LINT306") == 2
    printed = cli("check", "--since", "HEAD")
    assert "LINT" not in printed
    assert printed.endswith(
        "2 finding(s) already at HEAD: check without --since prints them\n"
    )
    orders.write_text(
        ORDERS.replace("GET], scopes: [read]", "GET], scopes: [reed]")
    )
    git("commit", "--quiet", "-a", "-m", "wrong")
    assert "error ACC201" in cli("check", "--since", "HEAD", status=1)


@pytest.mark.parametrize("revision", ["nope", "--upload-pack"])
def test_without_a_readable_revision_all_findings_are_new(
    revision: str, capsys: Capsys
) -> None:
    """A note says so."""
    assert main(["check", f"--since={revision}", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert all(finding["new"] for finding in answer["findings"])
    note = answer["notes"][-1]
    assert note.startswith(f"REVISION ({revision}): ")
    assert note.endswith("; all findings count as new")
    main(["check", f"--since={revision}"])
    assert note in capsys.readouterr().err


def test_a_second_equal_finding_is_new(orders: Path, capsys: Capsys) -> None:
    """A second rule without an end in the same file. Another file had such a rule before."""
    orders.write_text(
        ORDERS.replace("            roles:", READY + "            roles:")
    )
    main(["check", "--since", "HEAD", "--json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert sorted(
        (finding["code"], finding["new"]) for finding in findings
    ) == [
        ("LINT306", False),
        ("LINT306", False),
        ("LINT306", True),
    ]


READY = "              - {paths: [/orders/ready], methods: [GET], public: {reason: probes}}\n"


def test_watch_and_since_exclude_each_other(
    cli: Cli,
) -> None:
    """Both options together are wrong usage."""
    assert "use --since or --watch, not both" in cli.error(
        "check", "--watch", "--since", "HEAD"
    )
