"""Connections inside the cluster in the output of `who`, `what`, `matrix` and `graph`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from kong_oam.access.diff.snapshot import dump_model
from tests.support.cli import Cli
from tests.support.diffs import model, settings
from tests.support.graphs import read_mermaid
from tests.support.pages import IN_A_BROWSER, dumped
from tests.support.projects import commit_all, replace_once, write_project

BLOG = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: blog, namespace: blog}
spec:
  components:
    - name: wordpress
      type: webservice
      properties: {image: "wordpress:6", ports: [{port: 80}]}
    - name: mysql
      type: webservice
      properties: {image: "mysql:8", ports: [{port: 3306}, {port: 53, protocol: UDP}]}
      traits:
        - type: access
          properties:
            owner: team-blog
            internal:
              - {port: 3306, components: [blog/wordpress, shop/web], peers: [monitoring]}
              - {port: 53, protocol: UDP, components: [blog/wordpress]}
"""
SHOP = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: web
      type: webservice
      properties: {image: web, ports: [{port: 3000}]}
      traits:
        - type: gateway
          properties: {domain: shop.example.com, http: {/: 3000}}
        - type: access
          properties: {owner: team-shop, scopes: {read: Read}, rules: [{methods: [GET], scopes: [read]}], roles: {reader: {scopes: [read], components: [shop/web]}}}
        - type: client
          properties: {kind: service, calls: [{component: shop/web, scopes: [read]}]}
"""
PEERS = "\n  kong-oam:cluster: {peers: {monitoring: {namespace: monitoring, podLabels: {app: prometheus}}}}\n"
HTTP = "GET,HEAD  https://shop.example.com/  itself  shop/web"
TO_MYSQL = "connects to 3306 of blog/mysql, no token, not recorded"
TO_DNS = "connects to 53/UDP of blog/mysql, no token, not recorded"
AT_3306 = "connects to 3306, no token, not recorded"
AT_53 = "connects to 53/UDP, no token, not recorded"


def entry(caller: str, port: int = 3306, **more: Any) -> dict[str, Any]:
    """Return a connection to blog/mysql as JSON."""
    fields = {"component": "blog/mysql", "port": port, "protocol": "TCP"}
    return {"caller": caller, **fields, **more}


WORDPRESS = entry("blog/wordpress")
WORDPRESS_DNS = entry("blog/wordpress", 53, protocol="UDP")
WEB = entry("shop/web")
MONITORING = entry("monitoring", peer=True)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository of these Applications, in the working directory."""
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, blog=BLOG, shop=SHOP)
    stack = Path("stacks/Pulumi.local.yaml")
    stack.write_text(stack.read_text("utf-8") + PEERS, "utf-8")
    commit_all("peers")


def test_who_lists_the_callers_of_a_component_without_routes(cli: Cli) -> None:
    """By port, platform peers last. Its head names no provider, for a connection has no token."""
    assert cli("who", "--component", "blog/mysql").splitlines() == [
        "blog/mysql, applications/blog.yaml:10:7",
        f"blog/wordpress {AT_53}",
        f"blog/wordpress {AT_3306}",
        f"shop/web {AT_3306}",
        f"peer monitoring {AT_3306}",
    ]
    assert cli.json("who", "--component", "blog/mysql", "--json") == {
        "component": "blog/mysql",
        "endpoints": [],
        "connections": [WORDPRESS_DNS, WORDPRESS, WEB, MONITORING],
    }
    assert "not recorded" not in cli("who", "--component", "shop/web")
    unexposed = "nobody: the component is not exposed"
    assert unexposed in cli("who", "--component", "blog/wordpress")


@pytest.mark.parametrize(
    ("caller", "lines", "connections"),
    [
        ("blog/wordpress", [TO_DNS, TO_MYSQL], [WORDPRESS_DNS, WORDPRESS]),
        ("peer:monitoring", [TO_MYSQL], [MONITORING]),
        ("shop/web", ["METHODS   WHERE                      AS      COMPONENT", HTTP, TO_MYSQL], [WEB]),
    ],
)  # fmt: skip
def test_what_lists_the_connections_of_a_caller(
    caller: str,
    lines: list[str],
    connections: list[dict[str, Any]],
    cli: Cli,
) -> None:
    """The caller need not be a client. A client also has its endpoints."""
    assert cli("what", caller).splitlines() == lines
    listed = cli.json("what", caller, "--json")
    assert listed["connections"] == connections
    assert len(listed["endpoints"]) == (1 if caller == "shop/web" else 0)


def test_what_lists_connections_of_their_caller_only(cli: Cli) -> None:
    """No user connects to a database. A component without connections is no caller."""
    assert "connects" not in cli("what", "anonymous")
    nothing = {"endpoints": [], "public": 0, "connections": []}
    assert cli.json("what", "anonymous", "--json") == nothing
    for caller in ("blog/wordpress", "shop/web"):
        error = f"'{caller}' calls only as itself: leave --user-in out\n"
        assert cli.usage("what", caller, "--user-in") == error
    for caller in ("blog/mysql", "peer:backup"):
        error = f"unknown client '{caller}'; known: shop/web\n"
        assert cli.usage("what", caller) == error


def test_the_matrix_has_connections_below_the_endpoints(cli: Cli) -> None:
    """As text."""
    assert cli("matrix").splitlines() == [
        "               1  2",
        "shop/web  https://shop.example.com",
        "  GET,HEAD  /  .  x",
        "",
        "1  anonymous",
        "2  shop/web",
        "",
        "x  as itself",
        "",
        "Connections inside the cluster",
        f"  blog/wordpress {TO_DNS}",
        f"  blog/wordpress {TO_MYSQL}",
        f"  shop/web {TO_MYSQL}",
        f"  peer monitoring {TO_MYSQL}",
    ]


def test_csv_has_a_line_per_connection(cli: Cli) -> None:
    """Without a host, a path, and an entry of a principal."""
    assert cli("matrix", "--format", "csv").splitlines() == [
        "component,owner,host,path,but not,methods,from,anonymous,shop/web",
        'shop/web,team-shop,shop.example.com,/,,"GET,HEAD",,,itself',
        f'blog/mysql,team-blog,,,,"{AT_53}",blog/wordpress,,',
        f'blog/mysql,team-blog,,,,"{AT_3306}",blog/wordpress,,',
        f'blog/mysql,team-blog,,,,"{AT_3306}",shop/web,,',
        f'blog/mysql,team-blog,,,,"{AT_3306}",peer monitoring,,',
    ]
    printed = cli("matrix", "--output", "m.csv")
    assert printed == "m.csv: 1 endpoint(s), 2 principal(s), 4 connection(s)\n"


@pytest.mark.parametrize(
    ("arguments", "connections"),
    [
        ([], [WORDPRESS_DNS, WORDPRESS, WEB, MONITORING]),
        (["--component", "blog/mysql"], [WORDPRESS_DNS, WORDPRESS, WEB, MONITORING]),
        (["--application", "shop"], []),
        (["--principal", "shop/web"], [WEB]),
        (["--principal", "peer:monitoring", "--principal", "shop/web"], [WEB, MONITORING]),
        (["--principal", "anonymous"], []),
        (["--principal", "blog/wordpress", "--component", "blog/mysql"], [WORDPRESS_DNS, WORDPRESS]),
    ],
)  # fmt: skip
def test_names_select_connections(
    arguments: list[str], connections: list[dict[str, Any]], cli: Cli
) -> None:
    """Callers by `--principal`, called components by the other options."""
    matrix = cli.json("matrix", "--json", *arguments)
    assert matrix["connections"] == connections


def test_a_matrix_of_connections_alone_has_no_table(cli: Cli) -> None:
    """A caller without a client sends requests without a token."""
    component = "--component", "blog/mysql"
    principal = "--principal", "peer:monitoring"
    assert cli("matrix", *component, *principal).splitlines() == [
        "Connections inside the cluster",
        f"  peer monitoring {TO_MYSQL}",
    ]
    matrix = cli.json("matrix", *component, *principal, "--json")
    assert matrix["principals"] == ["anonymous"]


def test_only_a_page_with_connections_has_their_script(cli: Cli) -> None:
    """An estate without connections gets the same page as before."""
    assert "connections" in cli("matrix", "--format", "html")
    page = cli("matrix", "--format", "html", "--application", "shop")
    assert "connections" not in page


@IN_A_BROWSER
@pytest.mark.parametrize(
    ("query", "callers"),
    [
        ("", ["blog/wordpress", "blog/wordpress", "shop/web", "peer monitoring"]),
        ("component=blog/mysql&principal=peer", ["peer monitoring"]),
        ("q=53/udp", ["blog/wordpress"]),
        ("component=shop/web", []),
        ("access=protected", []),
        ("host=shop.example.com", []),
    ],
)  # fmt: skip
def test_a_browser_shows_the_connections_that_are_asked_for(
    query: str, callers: list[str], tmp_path: Path, cli: Cli
) -> None:
    """In a table below the endpoints."""
    html = dumped(tmp_path, cli("matrix", "--format", "html"), query)
    found = re.findall(r"<b>([^<]*)</b> (connects [^<]*)<", html)
    assert [caller for caller, _ in found] == callers
    assert f"{len(callers)} connection{'s' * (len(callers) != 1)} of 4" in html


def test_the_graph_draws_connections_from_pods(cli: Cli) -> None:
    """Mermaid ends them in a circle. A client has another box, because tokens lead elsewhere."""
    text = cli("graph")
    read = read_mermaid(text)
    assert read.nodes["pods_blog_wordpress"] == "blog/wordpress\npods"
    assert read.nodes["peer_monitoring"] == "monitoring\npeer"
    assert read.nodes["client_shop_web"] == "shop/web\nservice"
    mysql = "component_blog_mysql"
    assert read.nodes[mysql] == "blog/mysql\nnot exposed"
    assert [edge for edge in read.edges if edge[1] == mysql] == [
        ("peer_monitoring", mysql, AT_3306),
        ("pods_blog_wordpress", mysql, f"{AT_53}\n{AT_3306}"),
        ("pods_shop_web", mysql, AT_3306),
    ]
    assert text.count(" --o|") == 3
    graph = cli.json("graph", "--json")
    connections = [edge for edge in graph["edges"] if "kind" in edge]
    assert connections[0] == {
        "source": "peer:monitoring", "target": "component:blog/mysql", "items": [AT_3306], "label": [AT_3306], "change": None, "kind": "connection",
    }  # fmt: skip
    assert len(connections) == 3


def test_the_svg_says_what_its_lines_mean(cli: Cli) -> None:
    """Only a drawing of connections has their style."""
    text = cli("graph", "--format", "svg")
    assert text.count('<path class="connection"') == 3
    assert ".wire .connection { stroke-dasharray" in text
    assert ">Dash-dotted: a connection inside the cluster" in text
    assert f"<title>monitoring to blog/mysql: {AT_3306}</title>" in text
    assert "monitoring: connects to 3306, no" in text
    mysql = text.index("<title>component blog/mysql")
    assert mysql < text.index("<title>component shop/web"), "in order"
    without = cli("graph", "--format", "svg", "--principal", "anonymous")
    assert "connection" not in without


@pytest.mark.parametrize(
    ("arguments", "sources"),
    [
        (["--principal", "peer:monitoring"], {"peer:monitoring"}),
        (["--principal", "blog/wordpress"], {"pods:blog/wordpress"}),
        (["--principal", "shop/web"], {"pods:shop/web", "client:shop/web", "role:shop/web:reader", "scope:shop/web:read"}),
        (["--application", "shop"], {"pods:shop/web", "client:shop/web", "role:shop/web:reader", "scope:shop/web:read"}),
        (["--application", "blog"], {"peer:monitoring", "pods:blog/wordpress", "pods:shop/web"}),
    ],
)  # fmt: skip
def test_a_part_of_the_graph_has_its_connections(
    arguments: list[str], sources: set[str], cli: Cli
) -> None:
    """A caller leads to its callees, and an Application has its callers."""
    edges = cli.json("graph", "--json", *arguments)["edges"]
    assert {edge["source"] for edge in edges} == sources


def test_the_graph_of_a_change_marks_connections(cli: Cli) -> None:
    """A further port of a caller is a further line."""
    blog = Path("applications/blog.yaml")
    replace_once(blog, "blog/wordpress, shop/web]", "blog/wordpress]")
    replace_once(
        blog, "UDP, components: [blog/wordpress]", "UDP, peers: [monitoring]"
    )
    edges = cli.json("graph", "--since", "main", "--json")["edges"]
    assert [(edge["change"], edge["source"], edge["label"]) for edge in edges] == [
        ("added", "peer:monitoring", [AT_53]),
        ("removed", "pods:blog/wordpress", [AT_53]),
        ("removed", "pods:shop/web", [AT_3306]),
    ]  # fmt: skip


def test_a_saved_model_has_connections(cli: Cli) -> None:
    """It names callers, and no places: a revoked connection has no position."""
    peer = {"namespace": "monitoring", "podLabels": {"app": "prometheus"}}
    on = settings("local", cluster={"peers": {"monitoring": peer}})
    saved = dump_model(model(BLOG, SHOP, on=on))
    Path("outputs.json").write_text(json.dumps({"__model": saved}), "utf-8")
    compared = cli.json("graph", "--since", "outputs.json", "--json")["edges"]
    assert [edge for edge in compared if "kind" in edge] == []
    blog = Path("applications/blog.yaml")
    replace_once(blog, ", peers: [monitoring]", "")
    replace_once(
        blog, "UDP, components: [blog/wordpress]", "UDP, components: [shop/web]"
    )
    edges = cli.json("graph", "--since", "outputs.json", "--json")["edges"]
    assert [
        (edge["change"], edge["source"], edge["label"]) for edge in edges
    ] == [
        ("removed", "peer:monitoring", [AT_3306]),
        ("removed", "pods:blog/wordpress", [AT_53]),
        ("added", "pods:shop/web", [AT_53]),
    ]
    listed = cli.json("diff", "outputs.json", ".", "--json")["changes"]
    assert [each["rule"] for each in listed if each["kind"] == "revoked"] == [
        None,
        None,
    ]
