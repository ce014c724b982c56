"""Connections inside the cluster in the outputs of `diff`, and the command that ends open connections."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kong_oam.access.diff.change import Setting, Subject
from kong_oam.access.model import FurtherTarget
from kong_oam.cli.restarts import restart_notes
from kong_oam.oam.position import NO_POSITION
from kong_oam.objects.selection import NamedService
from tests.support.cli import Cli
from tests.support.diffs import edited
from tests.support.projects import STACK, git, write_project
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
              - {port: 3306, components: [blog/wordpress], peers: [monitoring]}
"""
PEER = "{peers: {monitoring: {namespace: monitoring, podLabels: {app: prometheus}}}}"
NOTE = (
    "open connections to blog/mysql in blog may last until its pods restart: "
    "kubectl --namespace=blog rollout restart deployment/mysql"
)
FILE = Path("applications/blog.yaml")


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stack = f"{STACK}  kong-oam:cluster: {PEER}\n"
    write_project(tmp_path, blog=BLOG)
    Path("stacks/Pulumi.local.yaml").write_text(stack)
    git("commit", "--all", "--message", "peer")


def test_a_granted_connection_is_in_every_output(cli: Cli) -> None:
    """It counts for --exit-code. JSON and SARIF have its place."""
    FILE.write_text(
        edited(BLOG, ("[blog/wordpress]", "[blog/wordpress, blog/backup]"))
        + "    - {name: backup, type: worker, properties: {image: backup}}\n"
    )
    printed = cli("diff", "--exit-code", "--sarif", "out.sarif", status=1)
    assert printed.splitlines() == [
        "granted to blog/backup: connects to 3306 of blog/mysql, no token, not recorded",
        "",
        "CHANGE   FOR          METHODS  WHERE",
        "granted  blog/backup           connects to 3306 of blog/mysql, no token, not recorded  applications/blog.yaml:15:59",
    ]
    assert cli.json("diff", "--json")["changes"] == [
        {
            "kind": "granted",
            "for": [{"component": "blog/backup"}],
            "setting": "internal",
            "old": None,
            "new": ["own pods"],
            "connection": {
                "component": "blog/mysql",
                "port": 3306,
                "protocol": "TCP",
            },
            "rule": {
                "file": "applications/blog.yaml",
                "line": 15,
                "column": 59,
            },
        }
    ]
    (run,) = json.loads(Path("out.sarif").read_text("utf-8"))["runs"]
    (result,) = run["results"]
    (location,) = result["locations"]
    assert result["ruleId"] == "granted"
    assert location["physicalLocation"]["region"] == {
        "startLine": 15,
        "startColumn": 59,
    }


def test_a_peer_is_named_as_a_peer(cli: Cli) -> None:
    """Also with UDP."""
    port = "{port: 53, protocol: UDP, peers: [monitoring]}"
    FILE.write_text(
        edited(
            BLOG,
            ("ports: [", "ports: [{port: 53, protocol: UDP}, "),
            ("internal:\n", f"internal:\n              - {port}\n"),
        )
    )
    (change,) = cli.json("diff", "--json")["changes"]
    assert change["for"] == [{"peer": "monitoring"}]
    assert change["connection"] == {
        "component": "blog/mysql",
        "port": 53,
        "protocol": "UDP",
    }


def test_a_revoked_connection_comes_with_a_command_once(cli: Cli) -> None:
    """Two callers are revoked. The review prints the Markdown."""
    FILE.write_text(BLOG.partition("      traits:")[0])
    assert cli.error("diff", status=0).splitlines() == [NOTE]
    *table, empty, note = cli("diff", "--markdown").splitlines()
    assert (empty, note) == ("", f"`{NOTE}`")
    row = "connects to 3306 of blog/mysql, no token, not recorded"
    assert table[-2:] == [
        f"| revoked | `blog/wordpress` |  | `{row}` | `HEAD:applications/blog.yaml:15:43` |",
        f"| revoked | `peer monitoring` |  | `{row}` | `HEAD:applications/blog.yaml:15:68` |",
    ]


REVOKED = Setting(
    "revoked",
    Subject("orders/api"),
    "internal",
    ["own pods"],
    None,
    connection=("80", "shop/web"),
)


def deployed(kind: str, name: str = "api") -> str:
    """Return an object with pods."""
    pods = "{template: {spec: {containers: [{name: c, image: i}]}}}"
    return f"apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {pods}\n"


BY_LABELS = (
    "delete pods --selector=app.oam.dev/name=orders,app.oam.dev/component=api"
)
CHART = NamedService("db", 80, 80, {"app": "db", "tier": "x"}, "", NO_POSITION)


def notes(objects: str, **workload: Any) -> list[str]:
    """Return the notes for a component with these objects, without their common beginning."""
    application, component = rendered_component(objects)
    spec = replace(component.workload, **workload)
    of = replace(application, components=(replace(component, workload=spec),))
    return [
        note.removeprefix("open connections to orders/api in orders")
        for note in restart_notes([REVOKED, REVOKED], estate_of(of))
    ]


@pytest.mark.parametrize(
    ("objects", "workload", "command"),
    [
        (
            f"{deployed('StatefulSet')}---\n{deployed('DaemonSet', 'log')}",
            {},
            "rollout restart statefulset/api daemonset/log",
        ),
        ("", {}, BY_LABELS),
        (
            deployed("Deployment"),
            {"named_service": CHART},
            "delete pods --selector=app=db,tier=x",
        ),
    ],
)
def test_the_command_names_workloads_or_labels(
    objects: str, workload: dict[str, Any], command: str
) -> None:
    """An operator or a chart makes the pods behind `access.service`."""
    start = " may last until its pods restart: kubectl --namespace=orders "
    assert notes(objects, **workload) == [start + command]


def test_every_place_is_named() -> None:
    """The command is for the first place."""
    west = FurtherTarget("west", "orders")
    (note,) = notes("", further_targets=(west,))
    assert note.startswith(", west/orders may last until")


def test_removed_components_and_exported_models_have_no_command() -> None:
    """The pods end, or their place is unknown."""
    assert [*restart_notes([REVOKED], estate_of())] == []
    assert notes("", namespace="") == []
