"""The matrix as text, CSV and HTML, also with names that try to inject code."""

from __future__ import annotations

import csv
import io
import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kong_oam.access.matrix.page import page
from kong_oam.access.matrix.sheet import COLUMNS, sheet
from kong_oam.access.matrix.table import Matrix, Row
from kong_oam.access.matrix.text import plain, text
from kong_oam.access.model import METHODS, Public
from kong_oam.access.principals import (
    EVERYBODY,
    ITSELF,
    NOBODY,
    Access,
    Principal,
)
from kong_oam.access.request_classes import Region, Subtree
from kong_oam.diagnostics import printable
from tests.support.pages import IN_A_BROWSER, dumped

JOB, WEB = (
    Principal("shop/job", "okta"),
    Principal("shop/web", "okta", users=True),
)
ORDERS = Region(
    Subtree(("orders",)),
    (Subtree(("orders", "health")), Subtree(("orders", "x."), True)),
)
HOSTILE = st.text(min_size=1, max_size=12) | st.sampled_from(
    (
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "]]><img src=x onerror=alert(1)>",
        '" onmouseover="alert(1)',
        "$script",
        "\u2028&amp;\u202e",
        "=cmd|' /C calc'!A0",
        ';=HYPERLINK("https://x.test")',
        '\t@SUM(1;-2)";+3',
        "\uff1d1+1",
        "a,b\r\n=2",
    )
)


def matrix_of(
    group: str = "sales",
    reason: str = "probes",
    owner: str | None = "team-orders",
    stack: str = "local",
) -> Matrix:
    """Return a matrix of two principals and anonymous, and an API with a public path and a path for
    nobody."""
    users = frozenset({frozenset({group}), frozenset({"audit", "desk"})})
    health = Region(Subtree(("orders", "health")))
    rows = (
        Row(
            "orders.test",
            ORDERS,
            ("GET", "HEAD"),
            "orders/api",
            Access(principals={JOB: ITSELF, WEB: users}),
        ),
        Row("orders.test", ORDERS, ("POST",), "orders/api", NOBODY),
        Row(
            "orders.test",
            health,
            METHODS,
            "orders/api",
            EVERYBODY,
            (Public(reason, "2027-12-31"),),
        ),
    )
    owners = {"orders/api": owner}
    source = f"of {stack}"
    return Matrix(stack, "https", (None, JOB, WEB), rows, owners, source)


def test_text_has_a_mark_for_every_cell() -> None:
    """A legend below explains numbers and marks. The source is the last line."""
    assert plain(matrix_of()).split("\n") == [
        "                                            1  2  3",
        "orders/api  https://orders.test",
        "  GET,HEAD  /orders but not /orders/health  .  x  a",
        "  POST      /orders but not /orders/health  .  .  .",
        "  *         /orders/health                  +  +  +",
        "",
        "1  anonymous",
        "2  shop/job",
        "3  shop/web, for its users",
        "",
        "+  everybody, without a token",
        "a  users in sales or (audit and desk)",
        "x  as itself",
        "",
        "of local",
        "",
    ]


def test_more_conditions_than_letters_have_marks_of_their_own() -> None:
    """No mark has two meanings."""
    cells = {
        Principal(f"a/{number:03}", "okta", users=True): frozenset(
            {frozenset({f"g{number}"})}
        )
        for number in range(60)
    }
    rows = (Row("a.test", ORDERS, ("GET",), "a/api", Access(principals=cells)),)
    lines = list(text(Matrix("local", "https", tuple(cells), rows, {})))
    marks = re.split(r"\s+", lines[2].partition("/health")[2].strip())
    assert len({*marks}) == 60
    assert not {"x", ".", "+"} & {*marks}
    assert [line.split()[0] for line in lines if " users in g" in line] == marks


def test_nothing_to_show_is_said() -> None:
    """The estate has endpoints that nobody may call."""
    assert list(text(Matrix("local", "https", (None,), (), {}))) == [
        "Nobody may call anything here."
    ]


def test_csv_has_a_line_per_endpoint_and_a_column_per_principal() -> None:
    """Lines and quotes follow RFC 4180. Each line has the source."""
    assert sheet(matrix_of()) == (
        "component,owner,host,path,but not,methods,from,anonymous,shop/job,shop/web,source\r\n"
        'orders/api,team-orders,orders.test,/orders,/orders/health,"GET,HEAD",,,itself,users in sales or (audit and desk),of local\r\n'
        "orders/api,team-orders,orders.test,/orders,/orders/health,POST,,,,,of local\r\n"
        "orders/api,team-orders,orders.test,/orders/health,,*,,everybody,everybody,everybody,of local\r\n"
    )


@given(HOSTILE, HOSTILE)
@example("=1+1", ';"=1')
def test_no_name_is_a_formula(group: str, owner: str) -> None:
    """Spreadsheets may separate by commas or semicolons. Read with commas, cells only gain an
    apostrophe."""
    written = sheet(matrix_of(group, owner=owner))
    for separator in (",", ";"):
        for line in csv.reader(
            io.StringIO(written, newline=""), delimiter=separator
        ):
            assert not any(
                re.match(r'[\s"]*[=+\-@\uff1d\uff0b\uff0d\uff20]', cell)
                for cell in line
            )
    lines = list(csv.reader(io.StringIO(written, newline="")))
    assert len(lines) == 4 and {len(line) for line in lines} == {
        len(COLUMNS) + 4
    }
    assert lines[1][1].replace("'", "") == printable(owner).replace("'", "")
    assert printable(group).replace("'", "") in lines[1][-2].replace("'", "")


def test_providers_are_named_where_there_are_several() -> None:
    """A component may be a client of each provider."""
    columns = (
        None,
        Principal("shop/job", "okta"),
        Principal("shop/job", "partner"),
    )
    assert Matrix("local", "https", columns, (), {}).names() == (
        "anonymous",
        "shop/job at okta",
        "shop/job at partner",
    )


class Elements(HTMLParser):
    """The parts of a page as an HTML parser reads them: tags with attributes, texts, comments."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.texts: dict[str, str] = {}
        self.comments: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        self.tags.append((tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append((f"/{tag}", []))

    def handle_data(self, data: str) -> None:
        tag, attributes = self.tags[-1] if self.tags else ("", [])
        name = "data" if ("id", "data") in attributes else tag
        self.texts[name] = self.texts.get(name, "") + data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_no_name_is_html(
    group: str, reason: str, owner: str, stack: str
) -> None:
    """Names add no elements and no attributes, and the data have the original names."""
    found, plain = (
        Elements(page(matrix_of(group, reason, owner, stack))),
        Elements(page(matrix_of())),
    )
    assert found.tags == plain.tags
    assert found.comments == plain.comments == []
    written = found.texts.pop("data")
    del plain.texts["data"]
    assert found.texts == plain.texts
    assert not {*"<>&"} & {*written}
    data = json.loads(written)
    assert data["stack"] == printable(stack)
    assert data["components"] == [
        {"name": "orders/api", "owner": printable(owner)}
    ]
    assert data["source"] == f"of {stack}"
    assert printable(group) in data["conditions"][1]["groups"]
    assert data["rows"][2]["reasons"] == [
        f"{printable(reason)} (until 2027-12-31)"
    ]


def test_the_page_runs_its_own_script_and_nothing_else() -> None:
    """Its Content-Security-Policy names script and style by their digests. The page loads nothing
    and has no links."""
    found = Elements(page(matrix_of()))
    (policy,) = [
        dict(pairs)["content"]
        for tag, pairs in found.tags
        if ("http-equiv", "Content-Security-Policy") in pairs
    ]
    digests = {
        name: b64encode(sha256(found.texts[name].encode()).digest()).decode()
        for name in ("script", "style")
    }
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{digests['script']}'; style-src 'sha256-{digests['style']}'; "
        "base-uri 'none'; form-action 'none'"
    )
    attributes = {name for _, pairs in found.tags for name, _ in pairs}
    assert not attributes & {"src", "href", "srcset", "style", "action"}
    assert not [name for name in attributes if name.startswith("on")]
    assert page(
        matrix_of()
    ).isascii()  # so that the digests hold in any encoding
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|url\(|@import",
        page(matrix_of()),
    )


def test_the_page_has_every_cell() -> None:
    """Cells are numbers of principals and conditions; a public cell is everybody's."""
    data = json.loads(Elements(page(matrix_of())).texts["data"])
    names = [principal["name"] for principal in data["principals"]]
    words = [groups["words"] for groups in data["conditions"]]
    cells = [
        None
        if row["access"] < 0
        else {
            names[principal]: words[met]
            for principal, met in data["accesses"][row["access"]]
        }
        for row in data["rows"]
    ]
    assert cells == [
        {
            "shop/job": "as itself",
            "shop/web": "users in sales or (audit and desk)",
        },
        {},
        None,
    ]
    assert [row["methods"] for row in data["rows"]] == [
        ["GET", "HEAD"],
        ["POST"],
        list(METHODS),
    ]
    assert {row["host"] for row in data["rows"]} == {"orders.test"}
    assert data["conditions"][1]["groups"] == ["audit", "desk", "sales"]


@IN_A_BROWSER
@pytest.mark.parametrize("view", ["list", "matrix"])
def test_a_browser_shows_every_row(view: str, tmp_path: Path) -> None:
    """Names are shown as text."""
    hostile = "<img src=x onerror=document.title='run'>"
    html = page(matrix_of(hostile, hostile, hostile, hostile))
    found = Elements(dumped(tmp_path, html, f"view={view}"))
    tags = [tag for tag, _ in found.tags]
    assert "img" not in tags
    assert tags.count("tr") == 5  # the head, the component, and three rows
    assert [
        dict(attributes)["class"]
        for tag, attributes in found.tags
        if tag == "table"
    ] == [view]
    assert found.texts["title"] == f"Who may call what: {hostile}"
    assert found.texts["b"].count("everybody") == 1
    assert f"of {hostile}" in found.texts["p"]
    assert "3 endpoints of 3" in found.texts["p"]
    filters = str(found.tags)
    assert "'value', 'audit'" in filters and "'value', 'orders.t" in filters


@IN_A_BROWSER
@pytest.mark.parametrize(
    ("query", "rows", "principals"),
    [
        ("access=public", 1, ["anonymous"]),
        ("access=protected", 2, ["anonymous", "shop/job", "shop/web"]),
        ("principal=shop/job", 2, ["shop/job"]),
        ("group=desk", 1, ["shop/web"]),
        ("method=POST", 2, ["anonymous"]),
        ("q=nobody", 1, ["anonymous"]),
        ("q=PROBES+health", 1, ["anonymous"]),
        (
            "component=orders&host=orders.test&q=shop/web",
            1,
            ["anonymous", "shop/job", "shop/web"],
        ),
        ("host=elsewhere", 0, []),
    ],
)
def test_a_browser_shows_what_is_asked_for(
    query: str, rows: int, principals: list[str], tmp_path: Path
) -> None:
    """Filters in the address narrow the rows, and the columns to those with entries."""
    html = dumped(tmp_path, page(matrix_of()), f"view=matrix&{query}")
    found = Elements(html)
    scopes = [
        dict(attributes).get("scope")
        for tag, attributes in found.tags
        if tag == "th"
    ]
    assert scopes.count("row") == rows
    assert scopes.count("col") == (len(principals) + 1 if rows else 0)
    assert f"{rows} endpoint{'' if rows == 1 else 's'} of 3" in found.texts["p"]
    names = found.texts.get("th", "") + found.texts.get("wbr", "")
    assert all(part in names for name in principals for part in name.split("/"))
