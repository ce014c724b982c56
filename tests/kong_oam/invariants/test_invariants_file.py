"""The file of invariants: bad input has an error with a position."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date

import pytest

from kong_oam.access.settings.stack import parse
from kong_oam.diagnostics import Diagnostics
from kong_oam.invariants.file import read
from kong_oam.invariants.findings import invariant_findings
from tests.support.estates import api, estate
from tests.support.judged_invariants import shop_estate

ESTATE = shop_estate()
SETTINGS = parse(
    "tests",
    {
        "cloud": "aws",
        "asOf": "2026-12-02",
        "domains": {"default": "apps.example.com"},
        "gateway": {"cidrs": ["192.0.2.0/24"], "reach": "loadBalancer"},
        "identityProviders": [{"name": "main", "type": "oidc"}],
    },
)


def errors_of(text: str) -> Diagnostics:
    """Return the errors of a file with this text."""
    content = read("invariants.yaml", text.encode())
    return invariant_findings(SETTINGS, ESTATE, content).errors


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- never: [\n", "2:1 OAM101: did not find expected node content"),
        ("never: {}", "1:1 OAM103: invariants must be of type array, not object"),
        ("- nevr: {}", "1:3 OAM102: unknown field 'nevr' in [0]; did you mean 'never'?"),
        ("- {}", "1:3 OAM103: [0] must not be empty"),
        ("# none\n", "1:1 INV715: the file has no invariants; write a list, or remove the file"),
        ("null\n", "1:1 INV715: the file has no invariants; write a list, or remove the file"),
        ("[]\n---\n[]", "3:1 INV715: the file has several documents; write one list"),
        ('- never: {who: [anybody], may: "* */x"}', "1:10 OAM105: [0].never needs 'reason'"),
        ('- only: {who: [], may: "* */x", reason: r}', "1:15 OAM103: [0].only.who must not be empty"),
        ('- only: {who: [anybdy], may: "* */x", reason: r}', "1:16 INV712: 'anybdy' is no caller; did you mean 'anybody'?"),
        ('- only: {who: [web], may: "* */x", reason: r}', "1:16 INV712: 'web' is no caller; write anybody, group NAME, application/component or application/*"),
        ('- only: {who: [anybody], may: "*/x", reason: r}', "1:31 INV712: '*/x' is no request; write METHODS HOST/PATH, such as GET,POST *.example.com/internal"),
        ('- only: {who: [anybody], may: "* a.example.com", reason: r}', "1:31 INV712: 'a.example.com' has no path; write METHODS HOST/PATH, such as GET,POST *.example.com/internal"),
        ('- only: {who: [anybody], may: "GTE */x", reason: r}', "1:31 INV712: 'GTE' is no method; did you mean 'GET'?"),
        ('- only: {who: [anybody], may: "* A.example.com:80/x", reason: r}', "1:31 INV712: 'A.example.com:80' is no host; write *, *.example.com or a name in small letters, without a port"),
        ('- only: {who: [anybody], may: "* */internal/**/x", reason: r}', "1:31 INV712: path '/internal/**/x' is not plain; write /element/element, unencoded, of letters, digits and -._~!$&'()+,:=@, without patterns"),
        ('- separate: {roles: [orders/api editor], reason: r}', "1:21 OAM103: [0].separate.roles needs at least 2 entries"),
        ('- separate: {roles: [orders/api editor, viewer], reason: r}', "1:41 INV712: 'viewer' is no role; write application/component ROLE"),
        ('- separate: {roles: [orders/api editr, orders/api viewer], reason: r}', "1:22 INV711: orders/api has no role 'editr'; did you mean 'editor'?"),
        ('- separate: {roles: [order/api editor, orders/api viewer], reason: r}', "1:22 INV711: no component is 'order/api'; did you mean 'orders/api'?"),
        ('- only: {who: [shop/chekout], may: "* */x", reason: r}', "1:16 INV711: no component is 'shop/chekout'; did you mean 'shop/checkout'?"),
        ('- only: {who: [shp/*], may: "* */x", reason: r}', "1:16 INV711: no component is 'shp/*'; did you mean 'shop/*'?"),
        ('- only: {who: [group ghosts], may: "* */x", reason: r}', "1:16 INV711: no role names group 'ghosts'; known: audit, desk, sales"),
        ('- only: {who: [anybody], may: "* */x", reason: r, except: [{who: [group sale], reason: r, until: "2027-01-01"}]}', "1:67 INV711: no role names group 'sale'; did you mean 'sales'?"),
        ('- only: {who: [anybody], may: "* */x", reason: r, except: [{may: "* */y", until: "2027-01-01"}]}', "1:60 OAM105: [0].only.except[0] needs 'reason'"),
        ('- only: {who: [anybody], may: "* */x", reason: r, except: [{may: "* */y", reason: r}]}', "1:60 OAM105: [0].only.except[0] needs 'until'"),
        ('- only: {who: [anybody], may: "* */x", reason: r, except: [{may: "* */y", reason: r, until: "2027-02-30"}]}', "1:93 OAM103: '2027-02-30' is not a date of the calendar"),
    ],
)  # fmt: skip
def test_bad_input_has_an_error_with_a_position(
    text: str, expected: str
) -> None:
    """Its name is compared with the names of the estate."""
    error = errors_of(text)[0]
    assert error.position
    place = f"{error.position.line}:{error.position.column}"
    assert f"{place} {error.code}: {error.message}" == expected


CHECKOUT_ONLY = (
    '- only: {who: [shop/checkout], may: "GET */orders/a", reason: r}\n'
)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            '- never: {who: [shop/checkout], may: "* */orders", reason: r}\n',
            "1:16 invariants.yaml:2:10 forbids these requests to 'shop/checkout', which this invariant lists; remove it from a list",
        ),
        (
            '- never: {who: [shop/*], may: "GET */", reason: r}\n',
            "1:16 invariants.yaml:2:10 forbids these requests to 'shop/checkout', which this invariant lists; remove it from a list",
        ),
        (
            '- only: {who: [shop/web], may: "* */orders/a", reason: r}\n',
            "2:9 invariants.yaml:1:9 lists other callers for the same requests, so nobody may make them; merge the lists",
        ),
        ('- only: {who: [group sales], may: "* */orders/a", reason: r}\n', ""),
        ('- never: {who: [shop/checkout], may: "* */orders/b", reason: r}\n', ""),
        ('- never: {who: [shop/checkout], may: "POST */", reason: r}\n', ""),
        ('- never: {who: [shop/checkout], may: "* */", reason: r, except: [{may: "* */orders", reason: r, until: "2027-01-01"}]}\n', ""),
    ],
)  # fmt: skip
def test_two_invariants_may_not_contradict_each_other(
    other: str, message: str
) -> None:
    """Users of a client may be in a listed group, so a group contradicts nothing."""
    found = [
        f"{error.position.line}:{error.position.column} {error.message}"
        for error in errors_of(CHECKOUT_ONLY + other)
        if error.position and error.code == "INV713"
    ]
    assert found == ([message] if message else [])


def test_a_rule_with_too_many_sets_of_groups_cannot_be_judged() -> None:
    """Two scopes of 300 groups each have 90,000 sets."""
    roles = "\n".join(
        f"              r{scope}: {{scopes: [{scope}], groups: [{', '.join(f'{scope}{n}' for n in range(300))}], components: [shop/web]}}"
        for scope in ("a", "b")
    )
    orders = api(
        access=f"""
            owner: team
            scopes: {{a: A, b: B}}
            rules: [{{scopes: [a, b]}}]
            roles:
{roles}
"""
    )
    shop = api("shop", domain="shop.example.com").replace("name: api", "name: web").replace(
        "      traits:\n",
        "      traits:\n        - {type: client, properties: {kind: native, redirectUris: ['http://127.0.0.1/c'], calls: [{component: orders/api, scopes: [a, b]}]}}\n",
    )  # fmt: skip
    content = read(
        "invariants.yaml", b'- never: {who: [anybody], may: "* */", reason: r}'
    )
    [error] = invariant_findings(SETTINGS, estate(orders, shop), content).errors
    assert error.code == "INV714"
    assert str(error.position) == "invariants.yaml:1:10"


def test_1_000_invariants_are_judged_in_a_second() -> None:
    """Their paths and callers differ."""
    lines = []
    for number in range(1000):
        who = ("group sales", "anybody", "shop/checkout")[number % 3]
        lines.append(
            f'- never: {{who: [{who}], may: "GET */a{number}", reason: r}}\n'
        )
    started = time.process_time()
    assert errors_of("".join(lines)) == ()
    assert time.process_time() - started < 2


def test_the_day_of_the_stack_ends_an_exception() -> None:
    """The computer's clock does not matter."""
    text = b'- never: {who: [anybody], may: "* */orders", reason: r, except: [{who: [anybody], reason: r, until: "2026-12-02"}]}'  # fmt: skip
    content = read("invariants.yaml", text)
    assert invariant_findings(SETTINGS, ESTATE, content).errors == ()
    later = replace(SETTINGS, as_of=date(2026, 12, 3))
    assert len(invariant_findings(later, ESTATE, content).errors) == 1


def test_the_position_is_of_the_rule_that_decides() -> None:
    """Here a user has the scope of the second rule only."""
    orders = api(
        "more",
        domain="more.example.com",
        access="""
            owner: team
            scopes: {more.read: Read, more.write: Write}
            rules:
              - {methods: [GET], scopes: [more.write]}
              - {methods: [GET], scopes: [more.read]}
            roles:
              reader: {scopes: [more.read], groups: [few], components: [tool/api]}
""",
    )
    tool = api("tool", domain="tool.example.com").replace(
        "      traits:\n",
        "      traits:\n        - {type: client, properties: {kind: native, redirectUris: ['http://127.0.0.1/c'], calls: [{component: more/api, scopes: [more.read]}]}}\n",
    )  # fmt: skip
    text = b'- never: {who: [group few], may: "* more.example.com/", reason: r}'
    content = read("invariants.yaml", text)
    found = invariant_findings(SETTINGS, estate(orders, tool), content)
    [error] = found.errors
    assert error.position
    assert error.position.excerpt().count("more.read") == 1
    labels = [related.label for related in error.related]
    assert labels == ["invariant", "role 'reader'", "call of tool/api"]
