"""`never` and `only` by example: requests, callers, and exceptions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.estates import PROVIDER, STACK, api
from tests.support.judged_invariants import calls, judged, shop_estate

ESTATE = shop_estate()
PAGES = api(
    "pages",
    domain="*.example.com",
    http="{/: 80}",
    access="{owner: team, rules: [{public: {reason: pages}}]}",
)


@pytest.mark.parametrize(
    ("who", "may", "expected"),
    [
        ("[anybody]", "* */orders", ["GET orders.example.com/orders/health by anybody"]),
        ("[anybody]", "POST,PUT */orders", []),
        ("[anybody]", "GET */orders/healthy", []),
        ("[anybody]", "HEAD */orders/health/x/", ["HEAD orders.example.com/orders/health/x by anybody"]),
        ("[anybody]", "GET */order", []),
        ("[anybody]", "GET other.example.com/", []),
        ("[anybody]", "GET *.example.com/", ["GET orders.example.com/orders/health by anybody"]),
        ("[anybody]", "GET *.orders.example.com/", []),
        ("[shop/checkout]", "* */orders/7", ["GET orders.example.com/orders/7 by shop/checkout"]),
        ("[shop/*]", "POST */", ["POST orders.example.com/orders by shop/web for desk"]),
        ("[group sales]", "* */", ["GET orders.example.com/orders by shop/web for sales"]),
        ("[group sales]", "POST */", []),
        ("[group sales]", "* */orders/health", []),
    ],
)  # fmt: skip
def test_never_is_broken_by_a_listed_caller(
    who: str, may: str, expected: list[str]
) -> None:
    """A public request is a call of no group."""
    assert calls(ESTATE, f'never who: {who}, may: "{may}"') == expected


@pytest.mark.parametrize(
    ("who", "may", "expected"),
    [
        ("[group desk]", "POST,PUT */orders", []),
        ("[shop/web]", "POST */orders", []),
        ("[shop/*]", "GET */orders/7", []),
        ("[group desk]", "GET */orders/7", ["GET orders.example.com/orders/7 by shop/checkout"]),
        ("[group desk, shop/checkout]", "GET */orders/7", ["GET orders.example.com/orders/7 by shop/web for audit"]),
        ("[shop/*]", "GET */orders", ["GET orders.example.com/orders/health by anybody"]),
        ("[anybody, shop/*]", "GET */orders", []),
    ],
)  # fmt: skip
def test_only_is_broken_by_a_caller_that_it_does_not_list(
    who: str, may: str, expected: list[str]
) -> None:
    """A public request breaks it, unless it lists anybody."""
    assert calls(ESTATE, f'only who: {who}, may: "{may}"') == expected


def test_each_component_breaks_an_invariant_once() -> None:
    """The request is the shortest. A wildcard answers hosts that only the invariant names."""
    estate = shop_estate(PAGES)
    assert calls(estate, 'never who: [anybody], may: "* */"') == [
        "GET orders.example.com/orders/health by anybody",
        "GET _any.example.com/ by anybody",
    ]
    assert calls(estate, 'never who: [anybody], may: "* a.b.example.com/"') == [
        "GET a.b.example.com/ by anybody"
    ]
    assert calls(estate, 'never who: [anybody], may: "* *.b.example.com/"') == [
        "GET _any.b.example.com/ by anybody"
    ]


def test_the_request_is_the_shortest() -> None:
    """The first host and the first method are not always part of it."""
    access = "{owner: team, rules: [{paths: [/a/long/path], methods: [GET], public: {reason: r}}, {paths: [/a/b], methods: [POST], public: {reason: r}}]}"
    pages = api(
        "pages", domain="a-long-name.example.com", http="{/: 80}", access=access
    )
    pages = pages.replace(
        "        - type: access",
        "        - {type: gateway, properties: {name: b, domain: z.example.com, http: {/: 80}}}\n        - type: access",
    )
    assert calls(shop_estate(pages), 'never who: [anybody], may: "* */a"') == [
        "POST z.example.com/a/b by anybody"
    ]


def test_a_client_may_make_a_public_request() -> None:
    """It needs no token for it."""
    assert calls(ESTATE, 'never who: [shop/checkout], may: "* */orders/health"') == [
        "GET orders.example.com/orders/health by anybody"
    ]  # fmt: skip


def test_any_token_admits_each_client() -> None:
    """A component without an access trait has such a rule."""
    estate = shop_estate(api("hello", domain="hello.example.com", http="{/: 80}"))  # fmt: skip
    may = 'may: "* hello.example.com/"'
    assert calls(estate, f"never who: [anybody], {may}") == []
    assert calls(estate, f"only who: [shop/checkout], {may}") == [
        "GET hello.example.com/ by shop/web for audit"
    ]
    assert calls(estate, f"only who: [shop/*], {may}") == []


def test_the_stack_maps_hosts_and_groups() -> None:
    """Two names of one group at the provider are one group."""
    provider = replace(PROVIDER, groups={"sales": "s1", "audit": "s1"})
    stack = replace(
        STACK,
        providers={"main": provider},
        suffixes={"example.com": "test.example.net"},
    )
    estate = shop_estate(stack=stack)
    may = 'may: "GET orders.example.com/orders/7"'
    assert calls(estate, f"never who: [group sales], {may}") == [
        "GET orders.test.example.net/orders/7 by shop/web for audit"
    ]
    listed = "[group audit, group desk, shop/checkout]"
    assert calls(estate, f"only who: {listed}, {may}") == []


def test_a_path_covers_declared_paths_in_other_letters() -> None:
    """Some servers read both as one path."""
    pages = api("pages", domain="pages.example.com", http="{/: 80}", access="{owner: team, rules: [{paths: [/Internal], public: {reason: pages}}]}")  # fmt: skip
    estate = shop_estate(pages)
    assert calls(estate, 'never who: [anybody], may: "GET */internal/a"') == [
        "GET pages.example.com/Internal/a by anybody"
    ]
    permitted = '{may: "GET */internal", reason: r, until: "2027-01-01"}'
    never = 'never who: [anybody], may: "GET pages.example.com/"'
    assert calls(estate, f"{never}, except: [{permitted}]") == []


def test_other_letters_of_an_undeclared_path_are_another_path() -> None:
    """An invariant that names a path does not declare it."""
    access = "{owner: team, rules: [{public: {reason: pages}, refusals: {begins: [/other]}}, {paths: [/a], scopes: [s]}], scopes: {s: S}}"
    pages = api(
        "pages", domain="pages.example.com", http="{/: 80}", access=access
    )
    never = 'never who: [anybody], may: "GET pages.example.com/a/b"'
    over = '{may: "GET */A/b", reason: r, until: "2026-12-01"}'
    assert calls(shop_estate(pages), f"{never}, except: [{over}]") == []
    never = 'never who: [anybody], may: "GET pages.example.com/b"'
    permitted = '{may: "GET */B", reason: r, until: "2027-01-01"}'
    assert calls(shop_estate(pages), f"{never}, except: [{permitted}]") == [
        "GET pages.example.com/b by anybody"
    ]


def test_the_gate_denies_a_declared_path_in_other_letters() -> None:
    """The public rule above the path does not count."""
    access = "{owner: team, scopes: {s: S}, rules: [{public: {reason: pages}}, {paths: [/Secret], scopes: [s]}]}"
    pages = api(
        "pages", domain="pages.example.com", http="{/: 80}", access=access
    )
    assert (
        calls(
            shop_estate(pages),
            'never who: [anybody], may: "GET pages.example.com/secret"',
        )
        == []
    )


def test_a_refused_path_breaks_nothing() -> None:
    """Other paths of the rule still do."""
    pages = api("pages", domain="pages.example.com", http="{/: 80}", access='{owner: team, rules: [{paths: [/a], public: {reason: pages}, refusals: {begins: [/a/in]}}]}')  # fmt: skip
    estate = shop_estate(pages)
    assert calls(estate, 'never who: [anybody], may: "GET */a/internal"') == []
    assert calls(estate, 'never who: [anybody], may: "GET */a/i"') == [
        "GET pages.example.com/a/i by anybody"
    ]


def test_an_exception_permits_calls_until_its_last_day() -> None:
    """After the last day, the invariant is broken again."""
    only = 'only who: [group desk], may: "GET */orders/7"'
    permitted = "{who: [shop/checkout, group sales, group audit], reason: r"
    for until, expected in (
        ("2026-12-02", []),
        ("2026-12-01", ["GET orders.example.com/orders/7 by shop/checkout"]),
    ):
        exception = f'{permitted}, until: "{until}"}}'
        assert calls(ESTATE, f"{only}, except: [{exception}]") == expected


@pytest.mark.parametrize(
    ("exception", "expected"),
    [
        ("who: [anybody]", []),
        ('may: "GET */orders/health"', []),
        ('may: "GET */orders/health/deep"', ["GET orders.example.com/orders/health by anybody"]),
        ('may: "POST */orders/health"', ["GET orders.example.com/orders/health by anybody"]),
        ('may: "GET other.example.com/orders/health"', ["GET orders.example.com/orders/health by anybody"]),
        ("who: [shop/checkout]", ["GET orders.example.com/orders/health by anybody"]),
    ],
)  # fmt: skip
def test_an_exception_permits_only_its_calls(
    exception: str, expected: list[str]
) -> None:
    """It narrows callers, requests, or both."""
    never = 'never who: [anybody], may: "* */orders"'
    permitted = f'{{{exception}, reason: r, until: "2027-01-01"}}'
    assert calls(ESTATE, f"{never}, except: [{permitted}]") == expected


def test_idle_exceptions_and_idle_invariants_are_found() -> None:
    """An expired exception that would permit a call is not idle."""
    until = 'reason: r, until: "2026-01-01"'
    found = judged(
        ESTATE,
        f'never who: [anybody], may: "* */orders", except: [{{who: [anybody], {until}}}, {{who: [shop/web], {until}}}]',
        'never who: [anybody], may: "* none.example.com/"',
    )
    assert found.unused == ((0, 1),)
    assert found.unconcerned == (1,)
