"""`python -m kong_oam diff` of settings and clients, where no single request shows the change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kong_oam.__main__ import main
from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.snapshot import dump_model
from kong_oam.cli.estates import estate_of, settings_of
from kong_oam.oam.application import read_files
from tests.support.cli import Cli
from tests.support.streams import Capsys

STACK = """
config:
  kong-oam:cloud: aws
  kong-oam:asOf: "2026-11-25"
  kong-oam:gateway: {cidrs: [192.0.2.0/24], reach: loadBalancer, hstsSeconds: 600}
  kong-oam:identityProviders: [{name: corp, type: okta, audience: api://orders}]
"""
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
          properties: {domain: orders.example.com, http: {/: 8080}}
        - type: access
          properties:
            owner: team-orders
            rules: [{public: {reason: pages}}]
        - type: client
          properties: {kind: web, redirectPaths: [/callback]}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in `before`, and the same project in `after`, the working directory."""
    for side in ("before", "after"):
        for folder in ("applications", "stacks"):
            (tmp_path / side / folder).mkdir(parents=True)
        (tmp_path / side / "applications/orders.yaml").write_text(ORDERS)
        (tmp_path / side / "stacks/Pulumi.local.yaml").write_text(STACK)
    monkeypatch.chdir(tmp_path / "after")
    return tmp_path


def test_another_setting_is_printed_and_counts_for_the_exit_status(
    project: Path, cli: Cli
) -> None:
    """In the first line and in JSON, in both directions, and in a comparison with the deployed
    state."""
    settings = settings_of("local")
    estate = estate_of(read_files([Path("applications")]), settings)
    deployed = project / "deployed.json"
    deployed.write_text(json.dumps(dump_model(model_of(estate, settings))))
    assert main(["diff", "../before", ".", "--exit-code"]) == 0
    assert cli("diff", str(deployed), ".", "--exit-code") == ""
    Path("stacks/Pulumi.local.yaml").write_text(
        STACK.replace("//orders", "//all")
    )
    line = "may widen for clients of corp: identityProviders.corp.audience: api://orders -> api://all"
    for before in ("../before", str(deployed)):
        assert (
            cli("diff", before, ".", "--exit-code", status=1).splitlines()[0]
            == line
        )
        assert cli.json("diff", before, ".", "--json")["headline"] == line
        back = cli("diff", ".", before, "--exit-code", status=1).splitlines()[0]
        assert back.endswith("audience: api://all -> api://orders")


def test_each_kind_of_subject_has_a_form_in_json(
    project: Path, capsys: Capsys, cli: Cli
) -> None:
    """Everybody, a provider, a client, a component. The worst change comes first."""
    Path("stacks/Pulumi.local.yaml").write_text(
        STACK.replace("hstsSeconds: 600", "hstsSeconds: 700").replace(
            "//orders", "//all"
        )
    )
    Path("applications/orders.yaml").write_text(
        ORDERS.replace("kind: web,", "kind: web, refresh: true,").replace(
            "owner: team-orders\n",
            "owner: team-orders\n            waivers: [{finding: LINT301, reason: tidied soon, until: 2027-01-31}]\n",
        )
    )
    assert cli.json("diff", "../before", ".", "--json")["changes"] == [
        {
            "kind": "may widen",
            "opens": True,
            "for": [{"provider": "corp"}],
            "setting": "audience",
            "old": "api://orders",
            "new": "api://all",
        },
        {
            "kind": "may widen",
            "opens": True,
            "for": [{"client": "orders/api", "provider": "corp"}],
            "setting": "refresh",
            "old": False,
            "new": True,
        },
        {
            "kind": "changed",
            "opens": False,
            "for": [{"everybody": True}],
            "setting": "gateway.hstsSeconds",
            "old": 600,
            "new": 700,
        },
        {
            "kind": "changed",
            "opens": False,
            "for": [{"component": "orders/api"}],
            "setting": "waivers",
            "old": [],
            "new": ["LINT301 until 2027-01-31"],
        },
    ]
    assert main(["diff", "../before", ".", "--markdown"]) == 0
    row = "| may widen | `clients of corp` |  | `identityProviders.corp.audience: api://orders -> api://all` |  |"
    assert row in capsys.readouterr().out.splitlines()
