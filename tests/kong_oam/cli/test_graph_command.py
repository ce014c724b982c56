"""`python -m kong_oam graph`: what is drawn, in which form, and what it says where it cannot."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from kong_oam.__main__ import main
from kong_oam.access.diff.snapshot import dump_model
from tests.support.diffs import API, SHOP, model
from tests.support.graphs import read_mermaid
from tests.support.projects import replace_once, write_project

ORDERS_FILE = Path("applications/orders.yaml")
SHOP_FILE = Path("applications/shop.yaml")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository with one commit; the tests run in it."""
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, orders=API, shop=SHOP)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["graph", *arguments]) == 0
    streams = capsys.readouterr()
    assert streams.err == ""
    return streams.out


def graph_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(printed(capsys, *arguments, "--json"))


def test_mermaid_is_printed_where_nothing_else_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With its title, and the stack that it is of."""
    read = read_mermaid(printed(capsys))
    assert (
        read.nodes["client_shop_web"]
        == "shop/web\nweb application\nfor desk, sales"
    )
    assert ("client_shop_checkout", "role_orders_api_viewer", "") in read.edges
    assert read.nodes["notes"] == "Who may call what: stack local"


@pytest.mark.parametrize(
    ("name", "begins"),
    [("a.svg", "<svg "), ("a.SVG", "<svg "), ("a.mmd", "%%{"), ("a.mermaid", "%%{"), ("a.md", "```mermaid\n%%{")],
)  # fmt: skip
def test_the_ending_of_a_file_is_its_form(
    capsys: pytest.CaptureFixture[str], name: str, begins: str
) -> None:
    """What was written is said, and how much it is."""
    assert printed(capsys, "--output", name) == f"{name}: 12 boxes, 11 lines\n"
    assert Path(name).read_text("utf-8").startswith(begins)


def test_a_form_that_is_said_goes_before_the_ending(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And is printed where there is no file; all of it is what the file has."""
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


def test_json_has_nodes_and_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """With ids that stay, what passes, and what changed."""
    graph = graph_json(capsys, "--principal", "shop/checkout")
    assert graph["title"] == "Who may call what: stack local, shop/checkout"
    assert graph["notes"] == [
        "What needs no token is not drawn: --principal anonymous has it."
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
    capsys: pytest.CaptureFixture[str], arguments: list[str], callers: set[str]
) -> None:
    """Of an Application, of a principal, or what both have."""
    nodes = graph_json(capsys, *arguments)["nodes"]
    assert {
        node["id"] for node in nodes if node["kind"] in ("client", "group")
    } == callers
    assert any(node["kind"] == "component" for node in nodes)


def test_what_changed_since_a_revision_is_drawn(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With what diff says of it below."""
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
    assert (
        graph["title"]
        == "What changed since main in who may call what: stack local"
    )
    assert graph["notes"][:2] == [
        "What diff says of it:",
        "+ newly public: everybody: POST https://orders.example.com/orders/health",
    ]
    assert main(["diff", "main", "--json"]) == 0
    kinds = [
        change["kind"]
        for change in json.loads(capsys.readouterr().out)["changes"]
    ]
    assert {"newly public", "widened", "revoked"} <= {*kinds}
    assert {note.split(":")[0][2:] for note in graph["notes"][1:]} <= {*kinds}


def test_what_was_exported_can_be_compared_with(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It knows no roles by name, so these are no change."""
    Path("outputs.json").write_text(
        json.dumps({"__model": dump_model(model(API, SHOP))}), "utf-8"
    )
    replace_once(ORDERS_FILE, "groups: [sales]", "groups: [sales, support]")
    graph = graph_json(capsys, "--since", "outputs.json")
    assert [edge["source"] for edge in graph["edges"] if edge["change"]] == [
        "group:support"
    ]


def test_an_estate_in_which_nobody_calls_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A picture of nothing would be taken for an error."""
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
        (["--application", "shup"], "no Application 'shup' calls or is called; did you mean 'shop'?"),
        (["--principal", "shop/wob"], "no client and no group 'shop/wob'; did you mean 'shop/web'?"),
        (["--principal", "group:salse"], "no client and no group 'group:salse'; did you mean 'group:sales'?"),
        (["--principal", "sales"], "no client and no group 'sales'; did you mean 'group:sales'?"),
        (["--since", "nope"], "--since (nope): neither a file nor a folder, and no revision that git knows"),
        (["--output", "a.png"], "'a.png' does not say which format: end it on .mmd/.mermaid/.md/.svg, or add --format"),
        (["--output", "none/a.svg"], "none/a.svg: No such file or directory"),
        (["--json", "--format", "svg"], "--json, or --format and --output, not both"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_said(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    """In one line on standard error, with status 2."""
    assert main(["graph", *arguments]) == 2
    streams = capsys.readouterr()
    assert (streams.out, streams.err) == ("", f"{words}\n")
