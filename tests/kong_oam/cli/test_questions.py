"""`explain`, `who` and `what` on an estate of four Applications: their output and exit statuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.estates import external

ORDERS = "https://orders.example.com/orders"
ORDERS_YAML = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: orders
spec:
  components:
    - name: api
      type: webservice
      properties:
        image: registry.example.com/orders:1.4
        ports: [{port: 8080}]
      traits:
        - type: gateway                       # KubeVela's own trait: where it is exposed
          properties:
            domain: orders.example.com
            http: {/orders: 8080}
        - type: access                        # ours: its access template
          properties:
            owner: team-orders
            scopes:
              orders.read: Read orders
              orders.write: Place and change orders
            rules:
              - {paths: [/orders], methods: [GET], scopes: [orders.read]}
              - {paths: [/orders], methods: [POST, PUT, DELETE], scopes: [orders.write]}
              - {paths: [/orders/health], methods: [GET], public: {reason: probes of the load balancer, until: "2027-12-31"}}
            roles:
              viewer: {scopes: [orders.read], groups: [sales], components: [shop/checkout, shop/web]}
              editor: {scopes: [orders.read, orders.write], groups: [order-desk], components: [shop/web]}
"""
SHOP_YAML = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: shop
  annotations: {owner: team-shop}
spec:
  components:
    - name: checkout                          # a service that calls the API as itself
      type: worker
      properties:
        image: registry.example.com/checkout:2.1
      traits:
        - type: client
          properties:
            kind: service
            calls: [{component: orders/api, scopes: [orders.read]}]
    - name: web                               # a web application whose users call the API
      type: webservice
      properties:
        image: registry.example.com/shop-web:5.0
        ports: [{port: 3000}]
      traits:
        - type: gateway
          properties:
            domain: shop.example.com
            http: {/: 3000}
        - type: access
          properties:
            owner: team-shop
            rules:
              - {public: {reason: the shop's pages; the application keeps its users' sessions itself, until: "2027-12-31"}}
            waivers:
              - {finding: LINT305, reason: the methods that it takes are being listed, until: "2027-03-31"}
        - type: client
          properties:
            kind: web
            redirectPaths: [/callback]
            calls: [{component: orders/api, scopes: [orders.read, orders.write]}]
"""
REPORTS_YAML = """\
# A document service with a public page below a protected path and a protected path below a public one.
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: reports
  annotations: {owner: team-insight}          # of the components without an access trait
spec:
  components:
    - name: library
      type: webservice
      properties:
        image: registry.example.com/reports:0.9
        ports: [{port: 8000}]
        env: [{name: LOG_LEVEL, value: info}]
      dependsOn: [renderer]
      traits:
        - type: gateway
          properties:
            name: api
            domain: reports.example.com
            http: {/reports: 8000, /docs: 8000}
        - type: access
          properties:
            owner: team-insight
            scopes:
              reports.read: Read reports
              reports.publish: Publish and withdraw reports
              reports.audit: Read who read what
            rules:
              - {paths: [/reports], methods: [GET], scopes: [reports.read]}
              - {paths: [/reports], methods: [PUT, DELETE], scopes: [reports.read, reports.publish]}
              - {paths: [/reports/published], methods: [GET], public: {reason: press pages, until: "2027-12-31"}}
              - {paths: [/reports/published/drafts], methods: [GET], scopes: [reports.publish]}
              - {paths: [/docs], methods: [GET], public: {reason: documentation of the API, until: "2027-12-31"}}
              - {paths: [/docs/internal], methods: [GET], scopes: [reports.audit]}
            roles:
              reader: {scopes: [reports.read], groups: [sales, order-desk], components: [reports/console, reports/renderer]}
              publisher: {scopes: [reports.read, reports.publish], groups: [order-desk], components: [reports/console]}
              auditor: {scopes: [reports.audit], components: [reports/renderer]}
    - name: renderer                          # a service client that renders at night
      type: worker
      properties:
        image: registry.example.com/reports-renderer:0.9
        cpu: 500m
        memory: 256Mi
      traits:
        - type: client
          properties:
            kind: service
            calls: [{component: reports/library, scopes: [reports.read, reports.audit]}]
    - name: console                           # the editors' pages, on another host than the API that they call
      type: webservice
      properties:
        image: registry.example.com/reports-console:0.3
        ports: [{port: 4000}]
      traits:
        - type: gateway
          properties: {http: {/: 4000}}       # no domain: the stack gives console-reports.<its domain>
        - type: access
          properties:
            owner: team-insight
            rules:
              - {public: {reason: pages and scripts; users sign in at the provider, until: "2027-12-31"}}
            waivers:
              - {finding: LINT305, reason: which methods it takes is for its framework to say, until: "2027-06-30"}
        - type: client
          properties:
            kind: browser
            redirectPaths: [/auth/callback]
            refresh: true
            calls: [{component: reports/library, scopes: [reports.read, reports.publish]}]
"""
HELLO_YAML = """\
# Only KubeVela's own parts, and not a word about access: deploys closed to everybody who has not signed in.
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: hello
  annotations: {owner: team-hello}
spec:
  components:
    - name: hello-world
      type: webservice
      properties:
        image: crccheck/hello-world
        ports: [{port: 8000, expose: true}]
      traits:
        - type: gateway
          properties:
            domain: hello.example.com
            http: {/: 8000}
"""
LOCAL = """\
config:
  kong-oam:cloud: local
  kong-oam:asOf: "2026-11-25"
  kong-oam:domains: {default: sandbox.example.com}
  kong-oam:gateway: {scheme: http, namespace: kong, podLabels: {app: kong}}
  kong-oam:identityProviders: [{name: okta, type: okta}]
"""
AWS = """\
config:
  kong-oam:cloud: aws
  kong-oam:asOf: "2026-11-25"
  kong-oam:domains: {default: aws.example.net, suffixes: {example.com: aws.example.net}}
  kong-oam:gateway: {cidrs: [10.20.250.0/27], reach: loadBalancer}
  kong-oam:identityProviders: [{name: okta, type: okta, groups: {sales: AWS Sales}}]
"""


@pytest.fixture(autouse=True)
def project(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project of these Applications with two stacks, in the working directory."""
    folder = tmp_path_factory.mktemp("project")
    for file, text in {
        "applications/orders.yaml": ORDERS_YAML,
        "applications/shop.yaml": SHOP_YAML,
        "applications/reports.yaml": REPORTS_YAML,
        "applications/hello.yaml": HELLO_YAML,
        "stacks/Pulumi.local.yaml": LOCAL,
        "stacks/Pulumi.aws.yaml": AWS,
    }.items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(text)
    monkeypatch.chdir(folder)


def test_explain_prints_decision_reason_token_and_rule(
    cli: Cli,
) -> None:
    """For a user whose groups lack a scope of the token."""
    lines = cli(
        "explain",
        "post",
        f"{ORDERS}/7?x=1",
        "--as",
        "shop/web",
        "--user-in",
        "sales",
    )
    assert lines.splitlines()[:5] == [
        f"403 POST {ORDERS}/7?x=1 as shop/web for a user in sales",
        "  code    scope-missing",
        "  reason  needs orders.write; the token lists it, but no group of the user has it",
        "  token   okta issues shop/web a token with orders.read orders.write openid; valid at orders/api: orders.read",
        "  rule    applications/orders.yaml:25:17",
    ]


@pytest.mark.parametrize(
    ("arguments", "head", "token"),
    [
        ((ORDERS,), "401", "none"),
        ((f"{ORDERS}/health",), "200", "none"),
        ((ORDERS, "--as", "shop/checkout"), "200", "okta issues shop/checkout a token with orders.read; valid at orders/api: orders.read"),
        ((ORDERS, "--as", "shop/checkout", "--user-in", "sales"), "401", "none: shop/checkout calls only as itself: users cannot sign in through it"),
        ((ORDERS, "--as", "shop/web"), "401", "none: shop/web calls only for users: a user must sign in"),
        ((ORDERS, "--as", "shop/web", "--user-in"), "401", "none: the user is in no group that shop/web is assigned to"),
        ((f"{ORDERS}/..%2fx",), "400", "none"),
        (("orders.example.com?x",), "404", "none"),
        (("http://nobody.example.com",), "404", "none"),
    ],
)  # fmt: skip
def test_explain_prints_the_token(
    cli: Cli,
    arguments: tuple[str, ...],
    head: str,
    token: str,
) -> None:
    """Or the reason why there is no token. The URL is not changed."""
    lines = cli("explain", "GET", *arguments).splitlines()
    assert lines[0].startswith(f"{head} GET {arguments[0]}")
    assert lines[3] == f"  token   {token}"


LIBRARY = "http://reports.example.com/reports"
PAGES = "http://console-reports.sandbox.example.com"


def test_explain_answers_preflights(cli: Cli) -> None:
    """With the answer, the verdict for the page, and the headers, by the rule that lists the
    method."""
    lines = cli(
        "explain",
        "options",
        LIBRARY,
        "--origin",
        PAGES,
        "--asks",
        "put",
    ).splitlines()
    assert lines[:9] == [
        f"204 OPTIONS {LIBRARY} for a page of {PAGES} that asks for PUT",
        "  code    preflight",
        "  reason  the gateway answers preflights here itself",
        "  page    may send PUT: these are pages of reports/console",
        f"          Access-Control-Allow-Origin: {PAGES}",
        "          Access-Control-Allow-Methods: PUT",
        "          Access-Control-Allow-Headers: Authorization, Content-Type",
        "          Access-Control-Max-Age: 600",
        "  rule    applications/reports.yaml:31:17",
    ]
    found = cli.json(
        "explain",
        "OPTIONS",
        LIBRARY,
        "--origin",
        PAGES,
        "--asks",
        "PATCH",
        "--json",
    )
    assert (found["status"], found["allowed"], found["token"]) == (
        204,
        False,
        None,
    )
    assert found["page"] == {
        "origin": PAGES, "asks": "PATCH", "mayRead": False, "reason": "no rule on /reports lists PATCH", "headers": {}
    }  # fmt: skip
    lines = cli(
        "explain", "OPTIONS", ORDERS, "--origin", PAGES, "--asks", "GET"
    ).splitlines()
    assert lines[0].startswith("401 ")
    assert lines[3].startswith(
        "  page    not judged: the gateway has no cors rule for this request"
    )


def test_explain_prints_whether_a_page_may_read_the_answer(
    cli: Cli,
) -> None:
    """Also for a denial. The origin cannot control a terminal."""
    for origin, may in (
        (PAGES, "may read the answer"),
        ("http://x.example\x1b[31m", "may not read the answer"),
    ):
        status, *lines = cli(
            "explain", "GET", LIBRARY, "--origin", origin
        ).splitlines()
        assert status.startswith("401 GET ")
        assert "\x1b" not in "".join([status, *lines])
        assert lines[3].startswith(f"  page    {may}: ")


def test_who_prints_the_pages_that_may_read_the_answer(
    cli: Cli,
) -> None:
    """If pages of another origin may."""
    line = f"pages of {PAGES} may read the answer"
    assert cli("who", "GET", LIBRARY).splitlines()[-1] == line
    assert cli.json("who", "GET", LIBRARY, "--json")["pages"] == [PAGES]
    assert "pages" not in cli("who", "PATCH", LIBRARY)
    assert cli.json("who", "GET", ORDERS, "--json")["pages"] == []


def test_groups_have_the_names_of_applications(
    cli: Cli,
) -> None:
    """On aws, `sales` has another name at the provider."""
    url = "https://orders.aws.example.net/orders"
    assert (
        cli(
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
    answer = cli.json(
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
    assert (answer["status"], answer["allowed"], answer["token"]["groups"]) == (
        200,
        True,
        ["AWS Sales"],
    )
    assert answer["rule"] == {
        "file": "applications/orders.yaml",
        "line": 24,
        "column": 17,
    }
    assert cli.json(
        "explain",
        "GET",
        url,
        "--stack",
        "aws",
        "--as",
        "shop/web",
        "--json",
    )["token"]["refused"]


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        (
            "https://order.example.com/orders",
            "; did you mean 'orders.example.com'?",
        ),
        (
            "HTTPS://Orders.example.com/orders",
            "; did you mean 'orders.example.com'?",
        ),
        ("https://orders.example.com:8443/Orders", "; this host has /orders"),
        ("https://reports.example.com", "; this host has /docs, /reports"),
        ("https://quite.another.test", ""),
        ("https://unrelated.example.org/x", ""),
    ],
)
def test_similar_hosts_and_paths_are_named_for_an_unknown_url(
    cli: Cli, url: str, hint: str
) -> None:
    """By `explain` and `who`, as text and as JSON."""
    reason = f"no component is exposed on this host and path{hint}"
    assert cli("explain", "GET", url).splitlines()[2] == f"  reason  {reason}"
    assert cli.json("explain", "GET", url, "--json")["reason"] == reason
    assert cli("who", "GET", url).splitlines()[1] == f"nobody: 404, {reason}"
    assert cli.json("who", "GET", url, "--json")["withoutToken"] == {
        "status": 404,
        "code": "not-exposed",
        "reason": reason,
    }


NO_CALLER = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: none}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x}
      traits:
        - {type: gateway, properties: {domain: shop.example.com, http: {/: 80}}}
        - {type: access, properties: {owner: o, scopes: {s: S}, rules: [{paths: [/y], scopes: [s]}]}}
"""


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (("POST", ORDERS), [f"POST {ORDERS}: orders/api, applications/orders.yaml:25:17", "CLIENT    USERS IN    TOKENS OF", "shop/web  order-desk  okta"]),
        (("GET", f"{ORDERS}/health"), [f"GET {ORDERS}/health: orders/api, applications/orders.yaml:26:17", "everybody (public: probes of the load balancer)"]),
        (("POST", f"{ORDERS}/health"), [f"POST {ORDERS}/health: orders/api, applications/orders.yaml:26:17", "nobody: no rule on /orders/health lists POST"]),
        (("GET", "https://shop.example.com/x", "-f", "none.yaml"), ["GET https://shop.example.com/x: none/api", "nobody: no rule owns this path"]),
        (("GET", "https://shop.example.com/y", "-f", "none.yaml"), ["GET https://shop.example.com/y: none/api, none.yaml:11:73", "nobody: no caller meets this rule"]),
        (("GET", "https://x.test/"), ["GET https://x.test/", "nobody: 404, no component is exposed on this host and path"]),
        (("GET", f"{ORDERS}/%5c"), [f"GET {ORDERS}/%5c", "nobody: 400, the path contains '%5c' at 8"]),
        (("TRACE", ORDERS), [f"TRACE {ORDERS}: orders/api", "nobody: 404, the gateway does not listen to TRACE"]),
    ],
)  # fmt: skip
def test_who_lists_the_callers_of_a_request(
    cli: Cli,
    arguments: tuple[str, ...],
    lines: list[str],
) -> None:
    """Or prints everybody or nobody, with the reason."""
    Path("none.yaml").write_text(NO_CALLER)
    assert cli("who", *arguments).splitlines() == lines


def test_what_lists_the_endpoints_of_a_principal(
    cli: Cli,
) -> None:
    """As itself or for its users, and public endpoints if asked."""
    listed = cli("what", "shop/web", "--public")
    rows = [line.split("  ") for line in listed.splitlines()]
    cells = [[cell.strip() for cell in row if cell] for row in rows]
    assert cells[0] == ["METHODS", "WHERE", "AS", "COMPONENT"]
    assert [
        "POST,PUT,DELETE",
        "http://orders.example.com/orders but not /orders/health",
        "users in order-desk",
        "orders/api",
    ] in cells
    assert ["*", "http://shop.example.com/", "everybody", "shop/web"] in cells
    anonymous = cli("what", "anonymous").splitlines()[1:]
    assert len(anonymous) == 5
    assert all(" everybody " in line for line in anonymous)


USERS_OF = [
    (("--user-in", "sales"), {"hello/hello-world": "reports/console or shop/web", "orders/api": "shop/web", "reports/library": "reports/console"}),
    (("shop/web", "--user-in", "sales", "order-desk"), {"hello/hello-world": "shop/web", "orders/api": "shop/web"}),
    (("reports/console", "--user-in"), {}),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "through"), USERS_OF)
def test_what_lists_the_endpoints_of_a_user(
    cli: Cli,
    arguments: tuple[str, ...],
    through: dict[str, str],
) -> None:
    """In exactly these groups, by any client or by the named client, and public endpoints if
    asked."""
    rows = [
        [cell.strip() for cell in line.split("  ") if cell]
        for line in cli("what", *arguments, "--public").splitlines()
    ]
    assert rows[0] == ["METHODS", "WHERE", "AS", "COMPONENT"]
    assert {row[3]: row[2] for row in rows[1:] if row[2] != "everybody"} == {
        component: f"user of {clients}"
        for component, clients in through.items()
    }
    assert sum(row[2] == "everybody" for row in rows) == 5
    answer = cli.json("what", *arguments, "--public", "--json")["endpoints"]
    assert [
        [client["client"] for client in row["through"]] for row in answer
    ] == [
        []
        if row[2] == "everybody"
        else row[2].removeprefix("user of ").split(" or ")
        for row in rows[1:]
    ]


def test_who_lists_the_callers_of_a_component(
    cli: Cli,
) -> None:
    """A line each. The first line of an endpoint has its methods and URL."""
    assert cli("who", "--component", "orders/api").splitlines() == [
        "orders/api, with tokens of okta, applications/orders.yaml:7:7",
        "METHODS          WHERE                                                    CLIENT         USERS IN",
        "GET,HEAD         http://orders.example.com/orders but not /orders/health  shop/checkout  -",
        "                                                                          shop/web       order-desk or sales",
        "POST,PUT,DELETE  http://orders.example.com/orders but not /orders/health  shop/web       order-desk",
        "GET,HEAD         http://orders.example.com/orders/health                  everybody      -",
    ]
    answer = cli.json("who", "--component", "orders/api", "--json")["endpoints"]
    assert [(row["methods"], row["everybody"], len(row["principals"])) for row in answer] == [
        (["GET", "HEAD"], False, 2), (["POST", "PUT", "DELETE"], False, 1), (["GET", "HEAD"], True, 0)
    ]  # fmt: skip


def test_who_says_that_nothing_fences_a_host_outside(cli: Cli) -> None:
    Path("applications/legacy.yaml").write_text(external())
    upstreams = "upstreams: {legacy/crm: {host: 10.0.0.7, scheme: http}}"
    Path("stacks/Pulumi.local.yaml").write_text(
        LOCAL.replace(
            "podLabels: {app: kong}", f"podLabels: {{app: kong}}, {upstreams}"
        )
    )
    printed = cli("who", "--component", "legacy/crm", "--stack", "local")
    assert printed.splitlines()[-1] == (
        "nothing fences 10.0.0.7:8080: the host cannot tell the gateway from other callers; use "
        "scheme: https, and set gateway.upstreamTls.clientCertificate"
    )
    assert "fences" not in cli("who", "--component", "orders/api")


def test_who_prints_that_nobody_may_call(tmp_path: Path, cli: Cli) -> None:
    """For a rule with a scope that nobody has, and for a component that is not exposed."""
    (tmp_path / "orders.yaml").write_text(
        ORDERS_YAML.replace(
            "groups: [order-desk], components: [shop/web]",
            "groups: [order-desk]",
        )
    )
    (tmp_path / "shop.yaml").write_text(
        SHOP_YAML.replace(
            "scopes: [orders.read, orders.write]", "scopes: [orders.read]"
        )
    )
    lines = cli(
        "who",
        "--component",
        "orders/api",
        "--applications",
        str(tmp_path),
    ).splitlines()
    assert [
        line.split()[0]
        for line in lines
        if line.split()[-2:] == ["nobody", "-"]
    ] == ["POST,PUT,DELETE"]
    assert cli("who", "--component", "shop/checkout").splitlines() == [
        "shop/checkout, applications/shop.yaml:8:7",
        "nobody: the component is not exposed",
    ]


def test_without_sign_in_clients_a_user_has_public_endpoints(
    tmp_path: Path, cli: Cli
) -> None:
    """And a line has the reason."""
    orders = tmp_path / "orders.yaml"
    orders.write_text(re.sub(r", components: \[[^]]*\]", "", ORDERS_YAML))
    arguments = ("what", "--user-in", "sales", "--public", "-f", str(orders))
    listed = cli(*arguments).splitlines()
    assert [line.split()[-2:] for line in listed[1:-1]] == [
        ["everybody", "orders/api"]
    ]
    assert (
        listed[-1]
        == "no client signs users in: a user reaches only public endpoints"
    )
    (entry,) = cli.json(*arguments, "--json")["endpoints"]
    assert (entry["path"], entry["everybody"], entry["through"]) == (
        "/orders/health",
        True,
        [],
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["what", "shop/wob"], "unknown client 'shop/wob'; did you mean 'shop/web'?"),
        (["what", "group:sales"], "unknown client 'group:sales'; for users in a group: `python -m kong_oam what --user-in sales`; known: "),
        (["what", "sales"], "unknown client 'sales'; for users in a group: `python -m kong_oam what --user-in sales`; known: "),
        (["what", "users in order-desk", "--stack", "aws"], "unknown client 'users in order-desk'; for users in a group: `python -m kong_oam what --user-in order-desk --stack aws`; "),
        (["what", "group:sale"], "unknown group 'sale': no role names it; did you mean 'sales'?"),
        (["what", "sale"], "unknown client 'sale'; known: "),
        (["what"], "specify a principal: application/component, anonymous, or a user with --user-in GROUP"),
        (["what", "anonymous", "--user-in", "sales"], "'anonymous' calls only as itself"),
        (["what", "shop/checkout", "--user-in", "sales"], "'shop/checkout' calls only as itself: leave --user-in out"),
        (["what", "--user-in", "salse"], "unknown group 'salse': no role names it; did you mean 'sales'?"),
        (["what", "--user-in", "sales", "shop/web"], "unknown group 'shop/web': no role names it; known: order-desk, sales"),
        (["who", "--component", "orders"], "unknown component 'orders'; did you mean 'orders/api'?"),
        (["who", "--component", "order/api"], "unknown component 'order/api'; did you mean 'orders/api'?"),
        (["who"], "specify METHOD and URL, or --component NAME"),
        (["who", ORDERS], "specify METHOD and URL, or --component NAME"),
        (["who", "orders/api"], "specify METHOD and URL, or --component NAME"),
        (["who", "orders/api", ORDERS], "invalid HTTP method 'ORDERS/API'"),
        (["who", "GET", ORDERS, "--component", "orders/api"], "--component covers all requests: leave METHOD and URL out"),
        (["explain", "GET", ORDERS, "--as", "shop/x"], "unknown client 'shop/x'"),
        (["explain", "GET", ORDERS, "--user-in", "sales"], "--user-in needs --as"),
        (["explain", "GET", ORDERS, "--origin", "https://x.example", "--asks", "PUT"], "--asks is for preflights: use METHOD OPTIONS"),
        (["explain", "OPTIONS", ORDERS, "--asks", "PUT"], "--asks is for preflights: use METHOD OPTIONS, and add --origin"),
        (["explain", "OPTIONS", ORDERS, "--origin", "https://x.example", "--asks", "PUT", "--as", "shop/web"], "browsers send no token in a preflight"),
        (["explain", "--request", "1", "--logs", "x", "--origin", "https://x.example"], "--request reads these values from the record"),
        (["explain", "GET", ORDERS, "--as", "shop/web", "--user-in", "sale"], "unknown group 'sale': no role names it; did you mean 'sales'?"),
        (["explain", "GET", ORDERS, "--as", "shop/web", "--user-in", "sales", ""], "unknown group '': no role names it; known: order-desk, sales"),
        (["explain", "G T", ORDERS], "invalid HTTP method 'G T'"),
        (["explain", "", ORDERS], "invalid HTTP method ''"),
        (["explain", "GET", ""], "invalid host ''"),
        (["explain", "GET", "https://:443/"], "invalid host ':443'"),
        (["explain", "GET", "https://me:secret@orders.example.com/"], "invalid host 'me:secret@orders.example.com'"),
        (["who", "GET", "https://orders.example.com:655360/"], "invalid host 'orders.example.com:655360'"),
        (["who", "GET", "https://[::1]/"], "invalid host '[::1]'"),
        (["who", "GET", "http://orders.aws.example.net/orders/health", "--stack", "aws"], "stack 'aws' allows no plain http: write https"),
        (["explain", "GET", "ftp://x/"], "invalid URL 'ftp://x/'"),
        (["who", "GET", "/orders"], "invalid host ''"),
        (["who", "GET", ORDERS, "--applications", "nowhere"], "nowhere:1:1: error OAM101"),
    ],
)  # fmt: skip
def test_an_invalid_question_is_2(
    cli: Cli, arguments: list[str], words: str
) -> None:
    """With the remedy."""
    printed = cli.usage(*arguments)
    assert printed.startswith(words)
