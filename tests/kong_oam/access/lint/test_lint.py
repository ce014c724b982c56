"""Lint: its findings, and suggested diffs that correct exactly one finding."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from kong_oam.access.lint.finding import LintFinding
from kong_oam.access.upstream import Target, Upstream
from tests.support.diffs import edited
from tests.support.estates import STACK, external
from tests.support.lint_estates import STYLES, answers, linted, styled

ORDERS = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders, namespace: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders: 8080}}
        - type: access
          properties:
            owner: team-orders
            scopes: {read: Read orders, write: Change orders}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [read]}
              - {paths: [/orders], methods: [POST, PUT], scopes: [write]}
            roles:
              viewer: {scopes: [read], groups: [sales], components: [shop/job, shop/web]}
              editor: {scopes: [read, write], groups: [desk], components: [shop/web]}
"""
SHOP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop, annotations: {owner: team-shop}}
spec:
  components:
    - name: job
      type: worker
      properties: {image: x}
      traits:
        - {type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [read]}]}}
    - name: idle
      type: worker
      properties: {image: x}
      traits:
        - {type: client, properties: {kind: service}}
    - name: web
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: shop.example.com, http: {/: 3000}}
        - type: access
          properties:
            owner: team-shop
            rules:
              - {methods: [GET, POST], public: {reason: pages, until: "2027-06-30"}}
        - type: client
          properties: {kind: web, redirectPaths: [/cb], calls: [{component: orders/api, scopes: [read, write]}]}
"""
"""Both Applications are correct and have no findings."""
WITHOUT_WEB = edited(ORDERS, (", shop/web]", "]"), ("[shop/web]", "[]"))
WITH_V1_AT_SHOP = edited(
    SHOP,
    (
        "        - type: client\n          properties: {kind: web,",
        "        - {type: gateway, properties: {name: v1, domain: orders.example.com, http: {/orders/v1: 80}}}\n"
        "        - type: client\n          properties: {kind: web,",
    ),
)
"""Requests for /orders/v1 go to `shop/web`."""
FOR_EVER = edited(SHOP, (', until: "2027-06-30"', ""))

Case = tuple[str, str, str, str]
"""The two Applications, a code and a message."""


def with_rule(rule: str) -> str:
    """Return `ORDERS` with one more rule at the end."""
    return edited(
        ORDERS,
        (
            "            roles:\n",
            f"              - {rule}\n            roles:\n",
        ),
    )


def with_role(role: str) -> str:
    """Return `ORDERS` with one more role at the end."""
    return f"{ORDERS}              {role}\n"


def with_audit(text: str) -> str:
    """Return `ORDERS` with one more scope, which no rule asks for."""
    return edited(
        text,
        (
            "write: Change orders}",
            "write: Change orders, audit: Read who did what}",
        ),
    )


def of_pages(lines: str, text: str = SHOP) -> str:
    """Return `SHOP` with these lines in the access trait of `shop/web`."""
    return edited(
        text,
        (
            "            owner: team-shop\n",
            f"            owner: team-shop\n            {lines}\n",
        ),
    )


def waiving(text: str, *waivers: str) -> str:
    """Return `SHOP` with waivers of these codes and days in the access trait of `shop/web`."""
    listed = []
    for waiver in waivers:
        code, _, day = waiver.partition(" until ")
        listed.append(f'{{finding: {code}, reason: known, until: "{day}"}}')
    return of_pages(f"waivers: [{', '.join(listed)}]", text)


WITH_LOGIN = edited(
    SHOP,
    (
        '"2027-06-30"}}\n',
        '"2027-06-30"}}\n              - {paths: [/in], methods: [GET], scopes: [pages]}\n',
    ),
)
"""With a rule at /in that asks for the scope `pages`."""

MENDED: dict[str, Case] = {
    "a component asks for none of a role's scopes": (
        edited(ORDERS, ("shop/job, shop/web", "shop/job, shop/idle, shop/web")),
        SHOP,
        "LINT301",
        "'shop/idle' holds role 'viewer', but asks for none of its scopes",
    ),
    "the last component of a role": (
        edited(ORDERS, ("shop/job, shop/web", "shop/job, shop/web, shop/idle")),
        SHOP,
        "LINT301",
        "'shop/idle' holds role 'viewer', but asks for none of its scopes",
    ),
    "the only component of a role": (
        with_role("writer: {scopes: [write], components: [shop/job]}"),
        SHOP,
        "LINT301",
        "'shop/job' holds role 'writer', but asks for none of its scopes",
    ),
    "the only component beside a group": (
        with_role("writer: {scopes: [write], components: [shop/job], groups: [desk]}"),
        SHOP,
        "LINT301",
        "'shop/job' holds role 'writer', but asks for none of its scopes",
    ),
    "an empty role before others": (
        edited(ORDERS, ("roles:\n", "roles:\n              nobody: {scopes: [read]}\n")),
        SHOP,
        "LINT302",
        "no group and no component holds role 'nobody'",
    ),
    "an empty role alone": (
        ORDERS,
        of_pages("roles: {nobody: {scopes: [pages]}}\n            scopes: {pages: Pages}", WITH_LOGIN),
        "LINT302",
        "no group and no component holds role 'nobody'",
    ),
    "a scope beside others": (
        with_audit(ORDERS),
        SHOP,
        "LINT303",
        "no rule asks for scope 'audit'",
    ),
    "a scope alone": (
        ORDERS,
        of_pages("scopes: {audit: Read who did what}"),
        "LINT303",
        "no rule asks for scope 'audit'",
    ),
    "a stricter rule before": (
        edited(ORDERS, ("rules:\n", "rules:\n              - {paths: [/orders], methods: [GET, PUT], scopes: [write, read]}\n")),
        SHOP,
        "LINT304",
        "never decides: GET, HEAD /orders needs only read (line N)",
    ),
    "a stricter rule with a scope of its own": (
        with_audit(with_rule("{paths: [/orders], methods: [GET], scopes: [read, audit]}")),
        SHOP,
        "LINT304",
        "never decides: GET, HEAD /orders needs only read (line N)",
    ),
    "the same rule": (
        with_rule("{paths: [/orders], methods: [GET], scopes: [read]}"),
        SHOP,
        "LINT304",
        "never decides: GET, HEAD /orders needs only read (line N)",
    ),
    "the same rule for HEAD": (
        with_rule("{paths: [/orders], methods: [HEAD], scopes: [read]}"),
        SHOP,
        "LINT304",
        "never decides: GET, HEAD /orders needs only read (line N)",
    ),
    "one of two paths": (
        with_rule("{paths: [/orders/x, /orders], methods: [GET], scopes: [read, write]}"),
        SHOP,
        "LINT304",
        "never decides on /orders: GET, HEAD /orders needs only read (line N)",
    ),
    "a public rule twice": (
        ORDERS,
        edited(SHOP, ('"2027-06-30"}}\n', '"2027-06-30"}}\n              - {methods: [POST, GET], public: {reason: again, until: "2027-01-01"}}\n')),
        "LINT304",
        "never decides: GET, HEAD, POST / is public already (line N)",
    ),
    "a waiver whose day is over": (
        ORDERS,
        waiving(FOR_EVER, "LINT306 until 2026-11-24"),
        "LINT309",
        "LINT306 was accepted until 2026-11-24 (known); today is 2026-11-25",
    ),
    "a waiver of nothing": (
        ORDERS,
        waiving(SHOP, "LINT306 until 2027-01-01"),
        "LINT310",
        "LINT306 is waived (known), but not found here",
    ),
    "a waiver of nothing beside another waiver": (
        ORDERS,
        waiving(FOR_EVER, "LINT306 until 2026-11-24", "LINT305 until 2020-01-01"),
        "LINT310",
        "LINT305 is waived (known), but not found here",
    ),
}  # fmt: skip
UNDECIDED: dict[str, Case] = {
    "a scope that a role grants": (
        edited(with_audit(ORDERS), ("scopes: [read, write], groups", "scopes: [read, write, audit], groups")),
        SHOP,
        "LINT303",
        "no rule asks for scope 'audit'",
    ),
    "a longer path of another component": (
        with_rule("{paths: [/orders/v1], methods: [GET], scopes: [write]}"),
        WITH_V1_AT_SHOP,
        "LINT304",
        "never decides: requests for /orders/v1 go to 'shop/web'",
    ),
    "public for all methods": (
        ORDERS,
        edited(SHOP, ("methods: [GET, POST], public", "public")),
        "LINT305",
        "public rule without methods: POST, PUT, PATCH, DELETE are public, too",
    ),
    "public at the root, beside a protected path": (
        ORDERS,
        edited(
            of_pages("scopes: {admin: Administer}"),
            ('"2027-06-30"}}\n', '"2027-06-30"}}\n              - {paths: [/admin], scopes: [admin]}\n'),
        ),
        "LINT305",
        "public rule without paths: all paths without a longer rule are public, new paths included",
    ),
    "public for ever": (
        ORDERS,
        FOR_EVER,
        "LINT306",
        "public without an end date (pages)",
    ),
    "public for too long": (
        ORDERS,
        edited(SHOP, ("2027-06-30", "2026-11-24")),
        "LINT307",
        "public until 2026-11-24 (pages), but still public on 2026-11-25",
    ),
    "no client asks for a scope of the role": (
        edited(
            with_audit(with_rule("{paths: [/orders/audit], methods: [GET], scopes: [audit]}")),
            ("roles:\n", "roles:\n              auditor: {scopes: [audit], groups: [audit]}\n"),
        ),
        SHOP,
        "LINT312",
        "no client that signs in users of role 'auditor' asks for 'audit'",
    ),
    "no client for these users": (
        with_role("support: {scopes: [read], groups: [helpers]}"),
        SHOP,
        "LINT312",
        "no client that signs in users of role 'support' asks for 'read'",
    ),
    "no group with the scope of the only client": (
        edited(
            ORDERS,
            ("groups: [sales], components: [shop/job, shop/web]", "components: [shop/web]"),
            ("[read, write], groups: [desk], components: [shop/web]", "[write], groups: [desk]"),
        ),
        edited(SHOP, ("scopes: [read, write]", "scopes: [read]"), (", calls: [{component: orders/api, scopes: [read]}]}}\n    - name: idle", "}}\n    - name: idle")),
        "LINT312",
        "no client that signs in users of role 'editor' asks for 'write'",
    ),
    "no client for users": (
        WITHOUT_WEB,
        SHOP.partition("        - type: client\n")[0],
        "LINT312",
        "no client that signs in users of role 'editor' asks for 'read' or 'write'",
    ),
    "no owner of clients": (
        ORDERS,
        edited(SHOP, (", annotations: {owner: team-shop}", "")),
        "LINT308",
        "no owner of 'job', 'idle'",
    ),
    "no owner at all": (
        WITHOUT_WEB,
        edited(SHOP.partition("        - type: access\n")[0], (", annotations: {owner: team-shop}", "")),
        "LINT308",
        "no owner of 'job', 'idle', 'web'",
    ),
}  # fmt: skip


def messages(findings: tuple[LintFinding, ...]) -> list[tuple[str, str]]:
    """Return codes and messages, with `N` for line numbers."""
    return sorted(
        (finding.code, re.sub(r"\(line \d+\)", "(line N)", finding.message))
        for finding in findings
    )


def found_in(orders: str, shop: str = SHOP) -> list[tuple[str, str]]:
    return messages(linted({"orders.yaml": orders, "shop.yaml": shop})[1])


@pytest.mark.parametrize("style", STYLES)
def test_an_estate_that_is_right_has_no_findings(style: str) -> None:
    assert messages(linted(styled(ORDERS, SHOP, style))[1]) == []


@pytest.mark.parametrize(
    ("rule", "shop"),
    [
        ("{paths: [/orders], methods: [GET, DELETE], scopes: [read]}", SHOP),
        ("{paths: [/orders], methods: [GET], scopes: [write]}", SHOP),
        ("{paths: [/orders/x], methods: [GET], scopes: [read]}", SHOP),
        ("{paths: [/orders/v1], methods: [GET], scopes: [write]}", WITH_V1_AT_SHOP),
    ],
    ids=["one more method", "another scope", "a path below", "some requests go elsewhere"],
)  # fmt: skip
def test_a_rule_that_decides_something_is_no_finding(
    rule: str, shop: str
) -> None:
    orders = edited(
        with_rule(rule),
        ("{/orders: 8080}", "{/orders: 8080, /orders/v1/own: 8080}"),
    )
    assert found_in(orders, shop) == []


@pytest.mark.parametrize(
    ("role", "mended"),
    [
        ("writer: {scopes: [write], components: [shop/job]}", ORDERS),
        (
            "writer: {scopes: [write], components: [shop/job], groups: [desk]}",
            with_role("writer: {scopes: [write], groups: [desk]}"),
        ),
    ],
    ids=["no other holder", "a group"],
)
def test_a_role_that_a_group_holds_stays(role: str, mended: str) -> None:
    """Only its unused component is removed. A role without another holder is removed as a whole."""
    (finding,) = linted({"orders.yaml": with_role(role), "shop.yaml": SHOP})[1]
    assert finding.change
    assert finding.change() == mended


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("orders", "shop", "code", "message"), MENDED.values(), ids=MENDED
)
def test_the_suggested_diff_mends_the_finding_and_nothing_else(
    orders: str, shop: str, code: str, message: str, style: str, tmp_path: Path
) -> None:
    """`patch -p0` and `git apply -p0` accept it. Then the finding is gone; other findings and all
    decisions are unchanged."""
    files = styled(orders, shop, style)
    estate, findings = linted(files)
    assert (code, message) in messages(findings)
    finding = next(
        finding
        for finding in findings
        if finding.code == code
        and re.sub(r"line \d+", "line N", finding.message) == message
    )
    diff = finding.suggestion()
    assert diff is not None
    patched = _applied(
        diff, files, tmp_path / "patch", "patch", "-p0", "--binary"
    )
    assert (
        _applied(diff, files, tmp_path / "git", "git", "apply", "-p0")
        == patched
    )
    after, unfixed = linted(patched)
    remaining = messages(findings)
    remaining.remove((code, message))
    assert messages(unfixed) == remaining
    assert answers(after) == answers(estate)
    if style == "commented":
        _only_whole_lines(files, patched)


def _applied(
    diff: str, files: dict[str, str], folder: Path, *command: str
) -> dict[str, str]:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())
    ran = subprocess.run(
        command,
        input=diff.encode(),
        cwd=folder,
        capture_output=True,
        timeout=30,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return {name: (folder / name).read_bytes().decode() for name in files}


def _only_whole_lines(before: dict[str, str], after: dict[str, str]) -> None:
    """Check that the diff only removes or adds whole lines, and keeps comments."""
    for name, text in before.items():
        shorter, longer = sorted(
            (text.splitlines(), after[name].splitlines()), key=len
        )
        lines = iter(longer)
        assert all(line in lines for line in shorter)


@pytest.mark.parametrize("style", ["flow", "commented"])
@pytest.mark.parametrize(
    ("orders", "shop", "code", "message"), UNDECIDED.values(), ids=UNDECIDED
)
def test_where_no_change_is_certain_none_is_suggested(
    orders: str, shop: str, code: str, message: str, style: str
) -> None:
    """The finding has a remedy in words."""
    _, findings = linted(styled(orders, shop, style))
    (finding,) = [
        finding
        for finding in findings
        if (finding.code, finding.message) == (code, message)
    ]
    assert finding.suggestion() is None
    assert finding.remedy


def test_a_finding_stands_where_it_is_written() -> None:
    """The position is the name in the role, not the role."""
    orders = edited(
        ORDERS, ("[shop/job, shop/web]", "[shop/job, shop/idle, shop/web]")
    )
    _, (finding,) = linted({"orders.yaml": orders, "shop.yaml": SHOP})
    assert str(finding.diagnostic).startswith(
        "orders.yaml:20:80: warning LINT301: "
    )


def test_a_waived_finding_is_none_until_its_day_is_over() -> None:
    """The last day counts. Afterwards the finding is back, and the waiver is a finding, too."""
    in_time = waiving(FOR_EVER, "LINT306 until 2026-11-25")
    assert found_in(ORDERS, in_time) == []
    late = waiving(FOR_EVER, "LINT306 until 2026-11-24")
    assert [code for code, _ in found_in(ORDERS, late)] == [
        "LINT306",
        "LINT309",
    ]


def test_a_waiver_is_for_its_own_component_and_code() -> None:
    """A waiver in `orders/api` does not cover a finding in `shop/web`."""
    orders = edited(
        ORDERS,
        (
            "owner: team-orders",
            "owner: team-orders\n"
            '            waivers: [{finding: LINT306, reason: known, until: "2027-01-01"}]',
        ),
    )
    assert [code for code, _ in found_in(orders, FOR_EVER)] == [
        "LINT306",
        "LINT310",
    ]


def test_aliases_make_every_edit_uncertain() -> None:
    """One text is used in two places, so an edit by position is not safe."""
    orders = with_audit(ORDERS)
    aliased = edited(
        orders,
        ("scopes: [read]}", "scopes: &read [read]}"),
        ("viewer: {scopes: [read]", "viewer: {scopes: *read"),
    )
    (finding,) = linted({"orders.yaml": orders, "shop.yaml": SHOP})[1]
    assert finding.suggestion() is not None
    (finding,) = linted({"orders.yaml": aliased, "shop.yaml": SHOP})[1]
    assert (finding.code, finding.suggestion()) == ("LINT303", None)


def test_a_reason_cannot_talk_to_the_terminal() -> None:
    """Messages replace control characters of a reason by spaces, and shorten a long reason."""
    loud = edited(
        FOR_EVER, ("reason: pages", f'reason: "\\e[31mred\\n{"x" * 200}"')
    )
    ((_, message),) = found_in(ORDERS, loud)
    assert message.startswith("public without an end date ([31mred xxx")
    assert message.isprintable()
    assert len(message) < 120


@pytest.mark.parametrize(
    ("upstream", "found"),
    [
        (
            Upstream((Target("a.net"), Target("10.0.0.1")), "http"),
            ["calls go to a.net by plain http; any server could answer them"],
        ),
        (Upstream((Target("10.0.0.1"), Target("fd12::1")), "http"), []),
        (Upstream((Target("a.net"),), "https", "a.net"), []),
    ],
)
def test_plain_http_to_a_name_is_found(
    upstream: Upstream, found: list[str]
) -> None:
    access = "        - {type: access, properties: {owner: o, rules: []%s}}\n"
    stack = replace(
        STACK, upstreams={"legacy/crm": upstream}, upstream_tls="tls"
    )
    until = ", waivers: [{finding: LINT316, reason: r, until: '2026-12-01'}]"
    for waiver, expected in (
        (("", found), (until, [])) if found else (("", []),)
    ):
        _, findings = linted(
            {"legacy.yaml": external(more=access % waiver)}, stack
        )
        assert [finding.message for finding in findings] == expected
