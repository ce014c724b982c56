"""`check --since`: what is found now and was not found at a git revision."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kong_oam.__main__ import main
from tests.support.projects import git, write_project

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
"""Lint finds a public rule without an end."""
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
"""Its path lies below that of another owner."""


@pytest.fixture(autouse=True)
def orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the orders, in a repository with one commit."""
    write_project(tmp_path, orders=ORDERS, pages=PAGES)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "applications/orders.yaml"


def codes(
    capsys: pytest.CaptureFixture[str], *arguments: str
) -> dict[str, bool]:
    """The codes of all that is found, each with whether it is new."""
    main(["check", "--since", "HEAD", "--json", *arguments])
    document = json.loads(capsys.readouterr().out)
    return {
        diagnostic["code"]: diagnostic["new"]
        for diagnostic in (*document["diagnostics"], *document["findings"])
    }


def test_a_warning_that_a_change_brings_is_new(
    orders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What lint found before is not new, wherever its lines are now."""
    assert codes(capsys) == {"LINT306": False}
    orders.with_name("evil.yaml").write_text(EVIL)
    orders.write_text(f"\n\n{ORDERS}")
    assert codes(capsys) == {"ACC219": True, "LINT306": False}
    git("add", ".")
    git("commit", "--quiet", "-m", "evil")
    assert codes(capsys) == {"ACC219": False, "LINT306": False}


def test_only_new_findings_are_printed_and_count(
    orders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the others there is a number; an error is printed and counts in any case."""
    assert main(["check"]) == 1
    assert capsys.readouterr().out.count("warning LINT306") == 2
    assert main(["check", "--since", "HEAD"]) == 0
    printed = capsys.readouterr().out
    assert "LINT" not in printed
    assert printed.endswith(
        "2 finding(s) at HEAD, too: check without --since prints them\n"
    )
    orders.write_text(
        ORDERS.replace("GET], scopes: [read]", "GET], scopes: [reed]")
    )
    git("commit", "--quiet", "-a", "-m", "wrong")
    assert main(["check", "--since", "HEAD"]) == 1
    assert "error ACC201" in capsys.readouterr().out


@pytest.mark.parametrize("revision", ["nope", "--upload-pack"])
def test_what_cannot_be_read_at_the_revision_is_new(
    revision: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A remark says so: no finding is taken for known."""
    assert main(["check", f"--since={revision}", "--json"]) == 1
    printed = capsys.readouterr()
    assert all(
        finding["new"] for finding in json.loads(printed.out)["findings"]
    )
    assert f"REVISION ({revision}): " in printed.err and printed.err.endswith(
        "; everything counts as new\n"
    )


def test_of_two_findings_alike_one_is_new(
    orders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second rule without an end in the same file; a rule of another file had none before, too."""
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


def test_a_watch_compares_with_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Both options together are wrong usage."""
    assert main(["check", "--watch", "--since", "HEAD"]) == 2
    assert "--since or --watch, not both" in capsys.readouterr().err
