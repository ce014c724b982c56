"""Connections inside the cluster in the outputs of `diff`, and the command that ends open connections."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kong_oam.access.diff.change import Setting, Subject
from kong_oam.access.model import FurtherTarget
from kong_oam.cli.changes import document
from kong_oam.cli.restarts import restart_notes
from kong_oam.oam.position import NO_POSITION
from kong_oam.objects.selection import NamedService
from tests.support.cli import Cli
from tests.support.components import with_fields
from tests.support.diffs import edited
from tests.support.projects import write_project
from tests.support.rendered_components import component as rendered_component
from tests.support.rendered_components import estate_of

BLOG = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: blog, namespace: blog}
spec:
  components:
    - {name: wordpress, type: worker, properties: {image: wordpress}}
    - name: mysql
      type: webservice
      properties: {image: mysql, ports: [{port: 3306}]}
      traits:
        - type: access
          properties:
            owner: team-blog
            internal:
              - {port: 3306, components: [blog/wordpress]}
"""
FILE = Path("applications/blog.yaml")
LINE = "connects to 3306 of blog/mysql, no token, not recorded"


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, blog=BLOG)


def test_a_granted_connection_is_in_every_output(cli: Cli) -> None:
    """It counts for --exit-code. JSON and SARIF have its place."""
    FILE.write_text(
        edited(BLOG, ("[blog/wordpress]", "[blog/wordpress, blog/backup]"))
        + "    - {name: backup, type: worker, properties: {image: backup}}\n"
    )
    printed = cli("diff", "--exit-code", "--sarif", "out.sarif", status=1)
    assert printed.splitlines()[::3] == [
        f"granted to blog/backup: {LINE}",
        f"granted  blog/backup           {LINE}  applications/blog.yaml:15:59",
    ]
    (change,) = cli.json("diff", "--json")["changes"]
    assert change["for"] == [{"component": "blog/backup"}]
    assert change["new"] == ["own pods"]
    place = {"file": "applications/blog.yaml", "line": 15, "column": 59}
    assert change["rule"] == place
    sarif = Path("out.sarif").read_text("utf-8")
    assert '"ruleId": "granted"' in sarif
    assert '"startLine": 15' in sarif


def test_a_revoked_connection_comes_with_a_command(cli: Cli) -> None:
    """The review prints the Markdown."""
    FILE.write_text(BLOG.partition("      traits:")[0])
    note = (
        "open connections to blog/mysql in blog may last until its pods restart: "
        "kubectl --namespace=blog rollout restart deployment/mysql"
    )
    assert cli.error("diff", status=0) == f"{note}\n"
    assert cli("diff", "--markdown").splitlines()[-3:] == [
        f"| revoked | `blog/wordpress` |  | `{LINE}` | `HEAD:applications/blog.yaml:15:43` |",
        "",
        f"`{note}`",
    ]


REVOKED = Setting(
    "revoked",
    Subject("orders/api"),
    "internal",
    ["own pods"],
    None,
    connection=("53/UDP", "peer dns"),
)


def test_a_peer_is_named_as_a_peer() -> None:
    """With the number of the port, and its protocol."""
    (change,) = document([REVOKED], "https")["changes"]
    assert change["for"] == [{"peer": "dns"}]
    assert change["connection"] == {
        "component": "orders/api",
        "port": 53,
        "protocol": "UDP",
    }


def notes(**workload: Any) -> list[str]:
    """Return the notes for a component with this workload and without known objects."""
    application, component = rendered_component("")
    changed = with_fields(component, **workload)
    of = replace(application, components=(changed,))
    return [*restart_notes([REVOKED, REVOKED], estate_of(of))]


def test_pods_of_other_workloads_are_selected_by_labels() -> None:
    """An operator or a chart makes the pods behind `access.service`. All places are named, with the
    command for the first place. An exported model has no place, and a removed component no pods."""
    assert notes(namespace="") == []
    assert [*restart_notes([REVOKED], estate_of())] == []
    start = "open connections to orders/api in orders"
    command = "may last until its pods restart: kubectl --namespace=orders delete pods --selector="
    assert notes() == [
        f"{start} {command}app.oam.dev/name=orders,app.oam.dev/component=api"
    ]
    labels = {"app": "db", "tier": "x"}
    chart = NamedService("db", 80, 80, labels, "", NO_POSITION)
    west = FurtherTarget("west", "orders")
    assert notes(named_service=chart, further_targets=(west,)) == [
        f"{start}, west/orders {command}app=db,tier=x"
    ]
