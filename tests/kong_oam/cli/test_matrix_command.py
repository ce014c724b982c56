"""`matrix` of two Applications: its formats, its files and its parts."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from kong_oam import __version__
from kong_oam.access.matrix.sheet import COLUMNS
from kong_oam.cli.revisions import revision
from tests.support.cli import Cli
from tests.support.projects import git

ORDERS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: orders, ports: [{port: 8080}]}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders: 8080}}
        - type: access
          properties:
            owner: team-orders
            scopes: {read: Read, write: Write}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [read]}
              - {paths: [/orders], methods: [POST], scopes: [write]}
              - {paths: [/orders/health], methods: [GET], public: {reason: probes}}
            roles:
              viewer: {scopes: [read], groups: [sales], components: [shop/checkout, shop/web]}
              editor: {scopes: [read, write], groups: [desk], components: [shop/web]}
"""
SHOP = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: checkout
      type: worker
      properties: {image: checkout}
      traits:
        - {type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [read]}]}}
    - name: web
      type: webservice
      properties: {image: web, ports: [{port: 3000}]}
      traits:
        - type: gateway
          properties: {domain: shop.example.com, http: {/: 3000}}
        - type: access
          properties: {owner: team-shop, rules: [{methods: [GET], public: {reason: pages}}]}
        - type: client
          properties: {kind: web, redirectPaths: [/callback], calls: [{component: orders/api, scopes: [read, write]}]}
"""
STACK = """
config:
  kong-oam:cloud: local
  kong-oam:asOf: "2026-11-25"
  kong-oam:gateway: {namespace: kong, podLabels: {app: kong}}
  kong-oam:identityProviders: [{name: okta, type: okta}]
"""
PRINCIPALS = ["anonymous", "shop/checkout", "shop/web"]


@pytest.fixture(autouse=True)
def project(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project of these two Applications, in the working directory."""
    folder = tmp_path_factory.mktemp("project")
    for file, text in {
        "applications/orders.yaml": ORDERS,
        "applications/shop.yaml": SHOP,
        "stacks/Pulumi.local.yaml": STACK,
    }.items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(text)
    monkeypatch.chdir(folder)
    calendar = SimpleNamespace(today=lambda: "2026-12-01")
    monkeypatch.setattr("kong_oam.cli.matrix.date", calendar)


def cells(cli: Cli, *arguments: str) -> list[dict[str, str]]:
    return list(
        csv.DictReader(
            io.StringIO(
                cli("matrix", "--format", "csv", *arguments), newline=""
            )
        )
    )


def test_who_what_and_matrix_say_the_same(
    cli: Cli,
) -> None:
    """In JSON, a row of the matrix equals a row of `who`, and a principal has the endpoints of
    `what`."""
    whole = cli.json("matrix", "--json")["endpoints"]
    components = sorted({row["component"] for row in whole})
    called = cli.json("who", "--component", components[0], "--json")
    assert called["endpoints"] == [
        row for row in whole if row["component"] == components[0]
    ]
    for principal in PRINCIPALS:
        answer = cli.json("what", principal, "--public", "--json")
        listed = answer["endpoints"]
        part = cli.json("matrix", "--json", "--principal", principal)
        for row in listed:
            del row["usersIn"]
        for row in part["endpoints"]:
            del row["principals"]
        ours = map(str, part["endpoints"])
        assert sorted(ours) == sorted(map(str, listed))


def test_a_file_has_its_source(tmp_path: Path, cli: Cli) -> None:
    """Files that the command does not read, such as an earlier matrix, are no source."""

    def source(*arguments: str) -> str:
        cli("matrix", "--output", "m.txt", *arguments)
        return Path("m.txt").read_text("utf-8").splitlines()[-1]

    begin, end = "stack local, 2026-12-01, ", f", Kong-OAM {__version__}"
    assert source() == f"{begin}no git revision{end}"
    git("init", "--initial-branch", "main")
    git("add", ".")
    git("commit", "--message", "first")
    committed = f"{begin}git revision {revision('HEAD').commit}"
    assert source() == source() == committed + end
    changed = f"{committed} and uncommitted changes{end}"
    shop = tmp_path / "shop.yaml"
    shop.write_text(SHOP)
    assert source("-f", "applications/orders.yaml", str(shop)) == changed
    Path("groups.yaml").touch()
    assert source() == changed


def test_csv_has_all_principals(cli: Cli) -> None:
    """In columns after the endpoint's columns."""
    assert cli("matrix", "--format", "csv").splitlines() == [
        "component,owner,host,path,but not,methods,from,anonymous,shop/checkout,shop/web",
        'orders/api,team-orders,orders.example.com,/orders,/orders/health,"GET,HEAD",,,itself,users in desk or sales',
        "orders/api,team-orders,orders.example.com,/orders,/orders/health,POST,,,,users in desk",
        'orders/api,team-orders,orders.example.com,/orders/health,,"GET,HEAD",,everybody,everybody,everybody',
        'shop/web,team-shop,shop.example.com,/,,"GET,HEAD",,everybody,everybody,everybody',
    ]


@pytest.mark.parametrize(
    ("arguments", "components", "principals"),
    [
        (["--component", "orders/api"], {"orders/api"}, ["anonymous", "shop/checkout", "shop/web"]),
        (["--application", "shop"], {"shop/web"}, ["anonymous"]),
        (["--application", "orders", "--component", "shop/web"], {"orders/api", "shop/web"}, ["anonymous", "shop/checkout", "shop/web"]),
        (["--principal", "shop/checkout", "--component", "orders/api"], {"orders/api"}, ["shop/checkout"]),
        (["--principal", "anonymous", "--principal", "shop/web", "--component", "orders/api"], {"orders/api"}, ["anonymous", "shop/web"]),
    ],
)  # fmt: skip
def test_names_select_a_part(
    arguments: list[str],
    components: set[str],
    principals: list[str],
    cli: Cli,
) -> None:
    """Components and Applications together. Principals are columns. Standard output has no date, so
    that equal Applications give equal text."""
    rows = cells(cli, *arguments)
    assert {row["component"] for row in rows} == components
    assert list(rows[0])[len(COLUMNS) :] == principals


@pytest.mark.parametrize(
    ("name", "arguments", "begins"),
    [
        (
            "m.csv",
            [],
            "component,owner,host,path,but not,methods,from,anonymous",
        ),
        ("M.HTML", [], "<!doctype html>"),
        ("m.txt", [], "        "),
        ("m.csv", ["--format", "html"], "<!doctype html>"),
    ],
)
def test_the_ending_of_a_file_selects_the_format(
    name: str,
    arguments: list[str],
    begins: str,
    tmp_path: Path,
    cli: Cli,
) -> None:
    """Unless there is a format option."""
    file = tmp_path / name
    printed = cli("matrix", "--output", str(file), *arguments)
    assert printed == f"{file}: 4 endpoint(s), 3 principal(s)\n"
    assert file.read_text("utf-8").startswith(begins)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--principal", "shop/wob"],
            "unknown principal 'shop/wob'; did you mean 'shop/web'?",
        ),
        (
            ["--principal", "anonymus"],
            "unknown principal 'anonymus'; did you mean 'anonymous'?",
        ),
        (
            ["--component", "orders"],
            "unknown component 'orders'; did you mean 'orders/api'?",
        ),
        (
            ["--application", "order"],
            "unknown Application 'order'; did you mean 'orders'?",
        ),
        (
            ["--output", "m.pdf"],
            "no format for 'm.pdf': use the ending .txt/.csv/.html/.htm, or add --format",
        ),
        (["--output", "matrix"], "no format for 'matrix'"),
        (
            ["--output", "nowhere/at/all.csv"],
            "nowhere/at/all.csv: No such file or directory",
        ),
    ],
)
def test_wrong_usage_is_2(arguments: list[str], words: str, cli: Cli) -> None:
    """In one line."""
    printed = cli.usage("matrix", *arguments)
    assert printed.startswith(words)
    assert printed.count("\n") == 1
    assert not Path("m.pdf").exists() and not Path("matrix").exists()


def test_json_has_no_format(cli: Cli) -> None:
    failure = cli.json("matrix", "--json", "--format", "csv", status=2)
    assert failure["error"].startswith("--json prints to standard output")
