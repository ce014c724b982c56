"""`python -m kong_oam graph`: its content, its formats and its errors."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from kong_oam.__main__ import main
from kong_oam.access.diff.snapshot import dump_model
from tests.support.cli import Cli
from tests.support.diffs import API, SHOP, model
from tests.support.graphs import read_mermaid
from tests.support.projects import replace_once, write_project
from tests.support.streams import Capsys

ORDERS_FILE = Path("applications/orders.yaml")
SHOP_FILE = Path("applications/shop.yaml")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository with one commit, in the working directory."""
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, orders=API, shop=SHOP)


def printed(capsys: Capsys, *arguments: str) -> str:
    assert main(["graph", *arguments]) == 0
    streams = capsys.readouterr()
    assert streams.err == ""
    return streams.out


def graph_json(capsys: Capsys, *arguments: str) -> Any:
    return json.loads(printed(capsys, *arguments, "--json"))


def test_mermaid_is_the_default(
    capsys: Capsys,
) -> None:
    """With its title and the stack."""
    read = read_mermaid(printed(capsys))
    assert (
        read.nodes["client_shop_web"]
        == "shop/web\nweb application\nfor desk, sales"
    )
    assert ("client_shop_checkout", "role_orders_api_viewer", "") in read.edges
    assert read.nodes["notes"] == "Access graph: stack local"


@pytest.mark.parametrize(
    ("name", "begins"),
    [("a.svg", "<svg "), ("a.SVG", "<svg "), ("a.mmd", "%%{"), ("a.mermaid", "%%{"), ("a.md", "```mermaid\n%%{")],
)  # fmt: skip
def test_the_ending_of_a_file_selects_the_format(
    capsys: Capsys, name: str, begins: str
) -> None:
    """One line reports the file and its size."""
    assert printed(capsys, "--output", name) == f"{name}: 12 boxes, 11 lines\n"
    assert Path(name).read_text("utf-8").startswith(begins)


def test_the_format_option_overrides_the_ending(
    capsys: Capsys,
) -> None:
    """Without a file, the same text is printed."""
    printed(capsys, "--format", "svg", "--output", "graph.txt")
    assert Path("graph.txt").read_text("utf-8") == printed(
        capsys, "--format", "svg"
    )
    ElementTree.fromstring(Path("graph.txt").read_text("utf-8"))
    printed(capsys, "--output", "block.md")
    assert (
        Path("block.md").read_text("utf-8")
        == f"```mermaid\n{printed(capsys)}```\n"
    )


def test_json_has_nodes_and_lines(capsys: Capsys) -> None:
    """With stable ids, requests and changes."""
    graph = graph_json(capsys, "--principal", "shop/checkout")
    assert graph["title"] == "Access graph: stack local, shop/checkout"
    assert graph["notes"] == [
        "Public endpoints are not drawn: --principal anonymous draws them."
    ]
    assert graph["nodes"][0] == {
        "id": "client:shop/checkout", "kind": "client", "name": "shop/checkout", "component": None, "details": ["service"], "change": None,
    }  # fmt: skip
    assert graph["edges"][0] == {
        "source": "client:shop/checkout", "target": "role:orders/api:viewer", "items": ["read"], "label": [], "change": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "callers"),
    [
        (
            ["--application", "shop"],
            {
                "client:shop/checkout",
                "client:shop/web",
                "group:desk",
                "group:sales",
            },
        ),
        (["--principal", "group:desk"], {"client:shop/web", "group:desk"}),
        (["--principal", "shop/checkout"], {"client:shop/checkout"}),
        (["--principal", "anonymous"], set()),
        (
            ["--principal", "group:desk", "--application", "orders"],
            {"client:shop/web", "group:desk"},
        ),
    ],
)
def test_a_part_is_drawn(
    capsys: Capsys, arguments: list[str], callers: set[str]
) -> None:
    """An Application, a principal, or the part that both share."""
    nodes = graph_json(capsys, *arguments)["nodes"]
    assert {
        node["id"] for node in nodes if node["kind"] in ("client", "group")
    } == callers
    assert any(node["kind"] == "component" for node in nodes)


def test_changes_since_a_revision_are_drawn(
    capsys: Capsys,
    cli: Cli,
) -> None:
    """With the text of `diff` below."""
    replace_once(ORDERS_FILE, "groups: [sales]", "groups: [sales, support]")
    replace_once(
        ORDERS_FILE, "methods: [GET], public", "methods: [GET, POST], public"
    )
    replace_once(
        SHOP_FILE,
        "calls: [{component: orders/api, scopes: [read]}]}",
        "calls: []}",
    )
    graph = graph_json(capsys, "--since", "main")
    changes = {
        (edge["change"], edge["source"], *edge["items"])
        for edge in graph["edges"]
        if edge["change"]
    }
    assert changes == {
        ("added", "group:support", "read"),
        ("added", "public:orders/api:anybody", "POST /orders/health"),
        ("removed", "client:shop/checkout", "read"),
    }
    assert graph["title"] == "Access changes since main: stack local"
    assert graph["notes"][:2] == [
        "The same change in diff:",
        "+ newly public: everybody: POST https://orders.example.com/orders/health",
    ]
    kinds = [
        change["kind"]
        for change in cli.json("diff", "main", "--json")["changes"]
    ]
    assert {"newly public", "widened", "revoked"} <= {*kinds}
    assert {note.split(":")[0][2:] for note in graph["notes"][1:]} <= {*kinds}


def test_a_saved_model_can_be_compared(
    capsys: Capsys,
) -> None:
    """It has no names of roles, so roles are no change."""
    Path("outputs.json").write_text(
        json.dumps({"__model": dump_model(model(API, SHOP))}), "utf-8"
    )
    replace_once(ORDERS_FILE, "groups: [sales]", "groups: [sales, support]")
    graph = graph_json(capsys, "--since", "outputs.json")
    assert [edge["source"] for edge in graph["edges"] if edge["change"]] == [
        "group:support"
    ]


def test_an_estate_without_callers_has_a_note(
    capsys: Capsys,
) -> None:
    """An empty picture would look like an error."""
    replace_once(ORDERS_FILE, ORDERS_FILE.read_text("utf-8"), WORKER)
    SHOP_FILE.unlink()
    graph = graph_json(capsys)
    assert (graph["nodes"], graph["notes"]) == (
        [],
        ["Nobody may call anything here."],
    )


WORKER = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: alone}
spec:
  components: [{name: worker, type: worker, properties: {image: x}}]
"""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--application", "shup"], "unknown Application 'shup'; did you mean 'shop'?"),
        (["--principal", "shop/wob"], "unknown principal 'shop/wob'; did you mean 'shop/web'?"),
        (["--principal", "group:salse"], "unknown principal 'group:salse'; did you mean 'group:sales'?"),
        (["--principal", "sales"], "unknown principal 'sales'; did you mean 'group:sales'?"),
        (["--since", "nope"], "--since (nope): no such file, folder or git revision"),
        (["--output", "a.png"], "no format for 'a.png': use the ending .mmd/.mermaid/.md/.svg, or add --format"),
        (["--output", "none/a.svg"], "none/a.svg: No such file or directory"),
    ],
)  # fmt: skip
def test_an_impossible_graph_is_an_error(
    capsys: Capsys, arguments: list[str], words: str
) -> None:
    """In one line on standard error, with status 2."""
    assert main(["graph", *arguments]) == 2
    streams = capsys.readouterr()
    assert (streams.out, streams.err) == ("", f"{words}\n")


def test_json_has_no_format(cli: Cli) -> None:
    failure = cli.json("graph", "--json", "--format", "svg", status=2)
    assert failure["error"] == (
        "--json prints to standard output: leave --format and --output out"
    )
