"""`explain`, `who` and `what`, on the sample estate and against `decide`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from kong_oam.__main__ import main

ROOT = Path(__file__).resolve().parents[3]
ORDERS = "https://orders.example.com/orders"


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0
    return capsys.readouterr().out


def test_explain_says_decision_reason_token_and_rule(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """For a user whose groups do not hold what the token lists."""
    said = asked(
        capsys,
        "explain",
        "post",
        f"{ORDERS}/7?x=1",
        "--as",
        "shop/web",
        "--user-in",
        "sales",
    )
    assert said.splitlines()[:4] == [
        f"403 POST {ORDERS}/7?x=1 as shop/web for a user in sales",
        "  reason  needs orders.write; the token lists it, but no group of the user holds it",
        "  token   okta gives shop/web one that lists orders.read orders.write openid; of these, orders.read counts at orders/api",
        "  rule    applications/orders.yaml:25:17",
    ]


@pytest.mark.parametrize(
    ("arguments", "head", "token"),
    [
        ((ORDERS,), "401", "none"),
        ((f"{ORDERS}/health",), "200", "none"),
        ((ORDERS, "--as", "shop/checkout"), "200", "okta gives shop/checkout one that lists orders.read; of these, orders.read counts at orders/api"),
        ((ORDERS, "--as", "shop/checkout", "--user-in", "sales"), "401", "none: shop/checkout acts for itself only: users cannot sign in through it"),
        ((ORDERS, "--as", "shop/web"), "401", "none: shop/web acts for users only: somebody must sign in"),
        ((ORDERS, "--as", "shop/web", "--user-in"), "401", "none: the user is in no group that shop/web is assigned to"),
        ((f"{ORDERS}/..%2fx",), "400", "none"),
        (("orders.example.com?x",), "404", "none"),
        (("http://nobody.example.com",), "404", "none"),
    ],
)  # fmt: skip
def test_explain_says_which_token_there_is(
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    head: str,
    token: str,
) -> None:
    """Or why there is none; the URL is taken as it is written."""
    lines = asked(capsys, "explain", "GET", *arguments).splitlines()
    assert lines[0].startswith(f"{head} GET {arguments[0]}")
    assert lines[2] == f"  token   {token}"


LIBRARY = "http://reports.example.com/reports"
PAGES = "http://console-reports.sandbox.example.com"


def test_explain_judges_preflights(capsys: pytest.CaptureFixture[str]) -> None:
    """What is answered, whether the page may go on, and what the browser is told, by the rule that lists the method."""
    said = asked(
        capsys, "explain", "options", LIBRARY, "--origin", PAGES, "--asks", "put"
    ).splitlines()
    assert said[:8] == [
        f"204 OPTIONS {LIBRARY} for a page of {PAGES} that asks for PUT",
        "  reason  the gateway answers preflights here itself",
        "  page    may send PUT: these are pages of reports/console",
        f"          Access-Control-Allow-Origin: {PAGES}",
        "          Access-Control-Allow-Methods: PUT",
        "          Access-Control-Allow-Headers: Authorization, Content-Type",
        "          Access-Control-Max-Age: 600",
        "  rule    applications/reports.yaml:31:17",
    ]
    found = json.loads(
        asked(
            capsys,
            "explain",
            "OPTIONS",
            LIBRARY,
            "--origin",
            PAGES,
            "--asks",
            "PATCH",
            "--json",
        )
    )
    assert (found["status"], found["allowed"], found["token"]) == (204, False, None)
    assert found["page"] == {
        "origin": PAGES, "asks": "PATCH", "mayRead": False, "reason": "no rule on /reports lists PATCH", "headers": {}
    }  # fmt: skip
    said = asked(
        capsys, "explain", "OPTIONS", ORDERS, "--origin", PAGES, "--asks", "GET"
    ).splitlines()
    assert said[0].startswith("401 ")
    assert said[2].startswith(
        "  page    not judged: the gateway says nothing of pages of other origins here"
    )


def test_explain_says_whether_a_page_reads_the_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A refusal, too; what a terminal is shown of the origin is no escape."""
    for origin, may in (
        (PAGES, "may read the answer"),
        ("http://x.example\x1b[31m", "may not read the answer"),
    ):
        status, *said = asked(
            capsys, "explain", "GET", LIBRARY, "--origin", origin
        ).splitlines()
        assert status.startswith("401 GET ")
        assert "\x1b" not in "".join([status, *said])
        assert said[2].startswith(f"  page    {may}: ")


def test_who_says_whose_pages_read_the_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where somebody's of another origin do."""
    line = f"the answer may be read by pages of {PAGES}"
    assert asked(capsys, "who", "GET", LIBRARY).splitlines()[-1] == line
    assert json.loads(asked(capsys, "who", "GET", LIBRARY, "--json"))["pages"] == [
        PAGES
    ]
    assert "pages" not in asked(capsys, "who", "PATCH", LIBRARY)
    assert "pages" not in json.loads(asked(capsys, "who", "GET", ORDERS, "--json"))


def test_groups_are_called_as_applications_call_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On aws, `sales` is another name at the provider."""
    url = "https://orders.aws.example.net/orders"
    assert (
        asked(
            capsys,
            "explain",
            "GET",
            url,
            "--stack",
            "aws",
            "--as",
            "shop/web",
            "--user-in",
            "sales",
        )[:3]
        == "200"
    )
    said = json.loads(
        asked(
            capsys,
            "explain",
            "GET",
            url,
            "--stack",
            "aws",
            "--as",
            "shop/web",
            "--user-in",
            "sales",
            "--json",
        )
    )
    assert (said["status"], said["allowed"], said["token"]["groups"]) == (
        200,
        True,
        ["AWS Sales"],
    )
    assert said["rule"] == {
        "file": "applications/orders.yaml",
        "line": 24,
        "column": 17,
    }
    assert json.loads(
        asked(
            capsys,
            "explain",
            "GET",
            url,
            "--stack",
            "aws",
            "--as",
            "shop/web",
            "--json",
        )
    )["token"]["refused"]


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("https://order.example.com/orders", "; did you mean 'orders.example.com'?"),
        ("HTTPS://Orders.example.com/orders", "; did you mean 'orders.example.com'?"),
        ("https://orders.example.com:8443/Orders", "; this host has /orders"),
        ("https://reports.example.com", "; this host has /docs, /reports"),
        ("https://quite.another.test", ""),
    ],
)
def test_where_nothing_is_reached_the_nearest_is_named(
    capsys: pytest.CaptureFixture[str], url: str, hint: str
) -> None:
    """To `explain` and to `who`, as text and as JSON."""
    reason = f"no component is exposed on this host and path{hint}"
    assert asked(capsys, "explain", "GET", url).splitlines()[1] == f"  reason  {reason}"
    assert (
        json.loads(asked(capsys, "explain", "GET", url, "--json"))["reason"] == reason
    )
    assert asked(capsys, "who", "GET", url).splitlines()[1] == f"nobody: 404, {reason}"
    assert json.loads(asked(capsys, "who", "GET", url, "--json"))["withoutToken"] == {
        "status": 404,
        "reason": reason,
    }


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (("POST", ORDERS), [f"POST {ORDERS}: orders/api, applications/orders.yaml:25:17", "CLIENT    USERS IN    TOKENS OF", "shop/web  order-desk  okta"]),
        (("GET", f"{ORDERS}/health"), [f"GET {ORDERS}/health: orders/api, applications/orders.yaml:26:17", "everybody (public: probes of the load balancer)"]),
        (("POST", f"{ORDERS}/health"), [f"POST {ORDERS}/health: orders/api, applications/orders.yaml:26:17", "nobody"]),
        (("GET", "https://x.test/"), ["GET https://x.test/", "nobody: 404, no component is exposed on this host and path"]),
        (("GET", f"{ORDERS}/%5c"), [f"GET {ORDERS}/%5c", "nobody: 400, the path contains '%5c' at 8"]),
        (("TRACE", ORDERS), [f"TRACE {ORDERS}: orders/api", "nobody: 404, the gateway does not listen to TRACE"]),
    ],
)  # fmt: skip
def test_who_lists_the_callers_of_a_request(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, str], lines: list[str]
) -> None:
    """Or says that it is everybody or nobody, and why."""
    assert asked(capsys, "who", *arguments).splitlines() == lines


def test_what_lists_the_endpoints_of_a_principal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As itself or as its users, and what is public."""
    rows = [line.split("  ") for line in asked(capsys, "what", "shop/web").splitlines()]
    told = [[cell.strip() for cell in row if cell] for row in rows]
    assert told[0] == ["METHODS", "WHERE", "AS", "COMPONENT"]
    assert [
        "POST,PUT,DELETE",
        "http://orders.example.com/orders but not /orders/health",
        "users in order-desk",
        "orders/api",
    ] in told
    assert ["*", "http://shop.example.com/", "everybody", "shop/web"] in told
    anonymous = asked(capsys, "what", "anonymous").splitlines()[1:]
    assert len(anonymous) == 5
    assert all(" everybody " in line for line in anonymous)


USERS_OF = [
    (("--user-in", "sales"), {"hello/hello-world": "reports/console or shop/web", "orders/api": "shop/web", "reports/library": "reports/console"}),
    (("shop/web", "--user-in", "sales", "order-desk"), {"hello/hello-world": "shop/web", "orders/api": "shop/web"}),
    (("reports/console", "--user-in"), {}),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "through"), USERS_OF)
def test_what_lists_the_endpoints_of_a_user(
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    through: dict[str, str],
) -> None:
    """Who is in these groups and in no other, by any client or by the one that is named; with what is public."""
    rows = [
        [cell.strip() for cell in line.split("  ") if cell]
        for line in asked(capsys, "what", *arguments).splitlines()
    ]
    assert rows[0] == ["METHODS", "WHERE", "AS", "COMPONENT"]
    assert {row[3]: row[2] for row in rows[1:] if row[2] != "everybody"} == {
        component: f"user of {clients}" for component, clients in through.items()
    }
    assert sum(row[2] == "everybody" for row in rows) == 5
    said = json.loads(asked(capsys, "what", *arguments, "--json"))
    assert [[one["client"] for one in row["through"]] for row in said] == [
        [] if row[2] == "everybody" else row[2].removeprefix("user of ").split(" or ")
        for row in rows[1:]
    ]


def test_who_lists_the_callers_of_a_component(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A line each, of which the first of an endpoint says which."""
    assert asked(capsys, "who", "--component", "orders/api").splitlines() == [
        "orders/api, with tokens of okta, applications/orders.yaml:7:7",
        "METHODS          WHERE                                                    CLIENT         USERS IN",
        "GET,HEAD         http://orders.example.com/orders but not /orders/health  shop/checkout  -",
        "                                                                          shop/web       order-desk or sales",
        "POST,PUT,DELETE  http://orders.example.com/orders but not /orders/health  shop/web       order-desk",
        "GET,HEAD         http://orders.example.com/orders/health                  everybody      -",
    ]
    said = json.loads(asked(capsys, "who", "--component", "orders/api", "--json"))
    assert [(row["methods"], row["everybody"], len(row["principals"])) for row in said] == [
        (["GET", "HEAD"], False, 2), (["POST", "PUT", "DELETE"], False, 1), (["GET", "HEAD"], True, 0)
    ]  # fmt: skip


def test_who_says_where_nobody_may(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By a rule whose scope nobody was given, and of a component that is exposed nowhere."""
    text = (ROOT / "applications" / "orders.yaml").read_text("utf-8")
    file = tmp_path / "orders.yaml"
    file.write_text(
        text.replace(
            "groups: [order-desk], components: [shop/web]", "groups: [order-desk]"
        ),
        "utf-8",
    )
    shop = tmp_path / "shop.yaml"
    text = (ROOT / "applications" / "shop.yaml").read_text("utf-8")
    shop.write_text(
        text.replace("scopes: [orders.read, orders.write]", "scopes: [orders.read]"),
        "utf-8",
    )
    lines = asked(
        capsys, "who", "--component", "orders/api", "--applications", str(tmp_path)
    ).splitlines()
    assert [
        line.split()[0] for line in lines if line.split()[-2:] == ["nobody", "-"]
    ] == ["POST,PUT,DELETE"]
    assert asked(capsys, "who", "--component", "shop/checkout").splitlines() == [
        "shop/checkout, applications/shop.yaml:8:7",
        "nobody: it is exposed nowhere",
    ]


def test_where_no_client_signs_users_in_a_user_has_what_everybody_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And it says why that is all."""
    orders = tmp_path / "orders.yaml"
    text = (ROOT / "applications/orders.yaml").read_text("utf-8")
    orders.write_text(re.sub(r", components: \[[^]]*\]", "", text), "utf-8")
    arguments = ("what", "--user-in", "sales", "-f", str(orders))
    listed = asked(capsys, *arguments).splitlines()
    assert [line.split()[-2:] for line in listed[1:-1]] == [["everybody", "orders/api"]]
    assert (
        listed[-1]
        == "no client signs users in: a user reaches only what everybody does"
    )
    (entry,) = json.loads(asked(capsys, *arguments, "--json"))
    assert (entry["path"], entry["everybody"], entry["through"]) == (
        "/orders/health",
        True,
        [],
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["what", "shop/wob"], "no component 'shop/wob' is a client; did you mean 'shop/web'?"),
        (["what"], "say of whom: application/component, anonymous, or a user with --user-in GROUP"),
        (["what", "anonymous", "--user-in", "sales"], "'anonymous' acts for itself only"),
        (["what", "shop/checkout", "--user-in", "sales"], "'shop/checkout' acts for itself only: users cannot sign in through it"),
        (["what", "--user-in", "salse"], "no role names a group 'salse'; did you mean 'sales'?"),
        (["what", "--user-in", "sales", "shop/web"], "no role names a group 'shop/web'; known: order-desk, sales"),
        (["who", "--component", "orders"], "there is no component 'orders'; did you mean 'orders/api'?"),
        (["who", "--component", "order/api"], "there is no component 'order/api'; did you mean 'orders/api'?"),
        (["who"], "say METHOD and URL of a request, or --component NAME"),
        (["who", ORDERS], "say METHOD and URL of a request, or --component NAME"),
        (["who", "orders/api"], "say METHOD and URL of a request, or --component NAME"),
        (["who", "orders/api", ORDERS], "'ORDERS/API' is no method of HTTP"),
        (["who", "GET", ORDERS, "--component", "orders/api"], "--component asks about every request: leave METHOD and URL out"),
        (["explain", "GET", ORDERS, "--as", "shop/x"], "no component 'shop/x' is a client"),
        (["explain", "GET", ORDERS, "--user-in", "sales"], "--user-in needs --as"),
        (["explain", "GET", ORDERS, "--origin", "https://x.example", "--asks", "PUT"], "--asks is for preflights: write OPTIONS"),
        (["explain", "OPTIONS", ORDERS, "--asks", "PUT"], "--asks is for preflights: write OPTIONS, and --origin"),
        (["explain", "OPTIONS", ORDERS, "--origin", "https://x.example", "--asks", "PUT", "--as", "shop/web"], "browsers send no token in a preflight"),
        (["explain", "--request", "1", "--logs", "x", "--origin", "https://x.example"], "a record says who called what"),
        (["explain", "GET", ORDERS, "--as", "shop/web", "--user-in", "sale"], "no role names a group 'sale'; did you mean 'sales'?"),
        (["explain", "GET", ORDERS, "--as", "shop/web", "--user-in", "sales", ""], "no role names a group ''; known: order-desk, sales"),
        (["explain", "G T", ORDERS], "'G T' is no method of HTTP"),
        (["explain", "", ORDERS], "'' is no method of HTTP"),
        (["explain", "GET", ""], "'' is no host"),
        (["explain", "GET", "https://:443/"], "':443' is no host"),
        (["explain", "GET", "https://me:secret@orders.example.com/"], "'me:secret@orders.example.com' is no host"),
        (["who", "GET", "https://orders.example.com:655360/"], "'orders.example.com:655360' is no host"),
        (["who", "GET", "https://[::1]/"], "'[::1]' is no host"),
        (["who", "GET", "http://orders.aws.example.net/orders/health", "--stack", "aws"], "stack 'aws' lets nothing in by plain http: write https"),
        (["explain", "GET", "ftp://x/"], "'ftp://x/' is no URL of the gateway"),
        (["who", "GET", "/orders"], "'' is no host"),
        (["who", "GET", ORDERS, "--applications", "nowhere"], "nowhere:1:1: error OAM101"),
    ],
)  # fmt: skip
def test_a_question_that_means_nothing_is_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    """With what to write instead."""
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(words)
