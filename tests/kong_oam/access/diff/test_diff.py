"""What a change does to access, by cases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from kong_oam.access.diff.change import Change, Difference, Setting, Subject, Whom
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.snapshot import (
    AccessModel,
    ModelError,
    dump_model,
    empty,
    load_model,
)
from kong_oam.access.diff.wording import (
    headline,
    row,
    until,
    where,
    whom,
    worth_telling,
)
from kong_oam.access.principals import ITSELF, Principal
from tests.support.diffs import API, BEFORE, SHOP, edited, model, settings
from tests.support.estates import api


def told(changes: Iterable[Difference]) -> list[tuple[str, ...]]:
    return [
        (c.kind, *row(c, "https")[:3], until(c) if isinstance(c, Change) else "")
        for c in worth_telling(list(changes))
    ]


def after(*edits: tuple[str, str]) -> list[tuple[str, ...]]:
    """What is told of edits, each of which is in one of the two Applications."""
    texts = [
        edited(text, *(edit for edit in edits if edit[0] in text))
        for text in (API, SHOP)
    ]
    return told(diff(BEFORE, model(*texts)))


@pytest.mark.parametrize(
    "edits",
    [
        [("probes", "probes of the load balancer")],
        [("viewer", "reader")],
        [("read", "orders.view"), ("scopes: {orders.view: Read", "scopes: {orders.view: View")],
        [("orders/api", "purchases/service"), ("name: orders}", "name: purchases}"), ("name: api", "name: service")],
        [("shop/checkout", "shop/till"), ("name: checkout", "name: till")],
        [("shop/", "store/"), ("name: shop,", "name: store,"), ("properties: {http", "properties: {domain: web-shop.apps.example.com, http")],
        [("paths: [/orders], methods: [GET]", "methods: [GET]")],
        [("methods: [POST], scopes: [read, write]", "methods: [POST], scopes: [write, read]")],
    ],
    ids=["reason", "role", "scope", "API and application", "client", "clients' application", "default paths", "order"],
)  # fmt: skip
def test_names_and_words_are_no_access(edits: list[tuple[str, str]]) -> None:
    """Whoever may call what keeps doing so, whatever it is called and wherever it stands."""
    assert after(*edits) == []
    assert told(diff(BEFORE, model(SHOP, API))) == []


@pytest.mark.parametrize(
    "rule",
    [
        "{paths: [/orders], methods: [POST], scopes: [write]}",
        "{paths: [/orders/late], methods: [GET], scopes: [write]}",
    ],
    ids=["method", "path"],
)
def test_tokens_of_before_are_told_of_where_any_method_or_path_of_a_row_takes_them(
    rule: str,
) -> None:
    """Nobody of sales gets a token through the shop any more; those of before count where a role still gives write."""
    ours = (
        "{scopes: [read, write], groups: [desk], components: [shop/checkout, shop/web]}"
    )
    rules = ("{paths: [/orders], methods: [POST], scopes: [read, write]}", rule)
    editor = ("{scopes: [write], groups: [desk], components: [shop/web]}", ours)
    viewer = "{scopes: [read], groups: [sales], components: [shop/checkout, shop/web]}"
    sales = "{scopes: [read, write], groups: [sales], components: [shop/web]}"
    before = model(edited(API, rules, editor, (viewer, sales)), SHOP)
    after = model(
        edited(API, rules, editor, (viewer, "{scopes: [write], groups: [sales]}")), SHOP
    )
    (change,) = diff(before, after)
    assert isinstance(change, Change)
    assert change.kind == "narrowed"
    assert change.minutes == 60


def test_tokens_of_before_live_on_where_users_are_in_more_groups_than_they_needed() -> (
    None
):
    """Of sales, nobody gets a token through the shop any more. Tokens of those in audit, too, still count."""
    people = "{scopes: [read], groups: [audit]}"
    clients = "clients: {scopes: [read], components: [shop/checkout, shop/web]}"
    viewer = "{scopes: [read], groups: [sales], components: [shop/checkout, shop/web]}"
    after = edited(API, (viewer, f"{people}\n              {clients}"))
    found = [
        one
        for one in diff(model(API, SHOP), model(after, SHOP))
        if isinstance(one, Change)
    ]
    assert {
        one.minutes
        for one in found
        if one.kind == "narrowed" and one.methods[0] == "GET"
    } == {60}


def test_another_workload_of_the_same_access_is_another_principal() -> None:
    """What runs there, or where it runs, is who can call."""
    gone = (
        "revoked",
        "shop/checkout",
        "GET,HEAD",
        "https://orders.example.com/orders but not /orders/health",
        "at once",
    )
    come = (
        "granted",
        "shop/till",
        "GET,HEAD",
        "https://orders.example.com/orders but not /orders/health",
        "",
    )
    assert after(
        ("shop/checkout", "shop/till"),
        ("name: checkout", "name: till"),
        ("image: checkout", "image: till"),
    ) == [come, gone]
    elsewhere = (
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: other, namespace: other}\nspec:\n  components:\n"
        + SHOP[SHOP.index("    - name: checkout") : SHOP.index("    - name: web")]
    )
    moved = model(
        edited(API, ("shop/checkout", "other/checkout")),
        elsewhere,
        SHOP[: SHOP.index("    - name: checkout")]
        + SHOP[SHOP.index("    - name: web") :],
    )
    assert [change[:2] for change in told(diff(BEFORE, moved))] == [
        ("granted", "other/checkout"),
        ("revoked", "shop/checkout"),
    ]


def shops(owner: str) -> AccessModel:
    """The orders with a client `till`, which an Application of this owner has in the shop's namespace."""
    client = SHOP[SHOP.index("    - name: checkout") : SHOP.index("    - name: web")]
    name = f"{owner.removeprefix('team-')}s"
    metadata = (
        f"metadata: {{name: {name}, namespace: shop, annotations: {{owner: {owner}}}}}"
    )
    head = f"apiVersion: core.oam.dev/v1beta1\nkind: Application\n{metadata}\nspec:\n  components:\n"
    granted = edited(
        API,
        ("shop/checkout, shop/web", f"{name}/checkout"),
        ("components: [shop/web]", "components: []"),
    )
    return model(granted, head + client)


def test_a_client_that_another_team_gets_under_another_name_is_another_client() -> None:
    """The same workload with the same rights: both owners are named. Within a team it is a rename."""
    where = ("GET,HEAD", "https://orders.example.com/orders but not /orders/health")
    assert told(diff(shops("team-a"), shops("team-b"))) == [
        ("granted", "bs/checkout (team-b)", *where, ""),
        ("revoked", "as/checkout (team-a)", *where, "at once"),
    ]
    changes = diff(load_model(dump_model(shops("team-a"))), shops("team-b"))
    assert (
        headline(changes[:1], "https")
        == f"granted to bs/checkout (team-b): {' '.join(where)}"
    )


def test_another_owner_is_told_of_below_what_opens() -> None:
    """Who answers for an API, or for a client, as an Application or a trait says; also against what is deployed."""
    sold = ("owner: team-orders", "owner: team-sales")
    assert after(sold) == [("owner", "orders/api", "", "team-orders -> team-sales", "")]
    (change,) = changes = diff(
        load_model(dump_model(BEFORE)), model(edited(API, sold), SHOP)
    )
    assert change == Setting(
        "owner", Subject("orders/api"), "owner", "team-orders", "team-sales"
    )
    assert (
        headline(changes, "https") == "owner of orders/api: team-orders -> team-sales"
    )
    annotated = (
        "metadata: {name: shop,",
        "metadata: {name: shop, annotations: {owner: team-new},",
    )
    assert after(annotated) == [("owner", "shop/checkout", "", "none -> team-new", "")]
    less = ("scopes: [read], groups: [sales]", "scopes: [read], groups: []")
    more = (
        "scopes: [write], groups: [desk]",
        "scopes: [write, read], groups: [desk, audit]",
    )
    assert [change[0] for change in after(sold, less, more)] == [
        "widened",
        "owner",
        "narrowed",
    ]


def test_the_owner_of_what_another_stack_deploys_is_not_compared() -> None:
    """A run knows no owner of it, before or after a component moves there."""
    (shop,) = BEFORE.estate.applications[1:]
    (orders,) = BEFORE.estate.applications[:1]
    foreign = tuple(replace(component, owner=None) for component in shop.components)
    part = replace(
        BEFORE,
        estate=replace(
            BEFORE.estate, applications=(orders,), foreign=foreign, role="partition"
        ),
    )
    exported = load_model(dump_model(part))
    for old, new in ((BEFORE, part), (exported, BEFORE)):
        assert [change for change in diff(old, new) if change.kind == "owner"] == []


def test_another_version_of_a_renamed_workload_is_the_same_principal() -> None:
    """As it is without the rename; another image, or one of another registry, is another workload."""
    renamed = (("shop/checkout", "shop/till"), ("name: checkout", "name: till"))
    for image in ("checkout:2.0", "checkout@sha256:0a", "checkout:2.0@sha256:0a"):
        assert after(*renamed, ("image: checkout", f"image: {image}")) == [], image
    for image in ("elsewhere/checkout:2.0", "elsewhere:5000/checkout", "checkout-2"):
        assert len(after(*renamed, ("image: checkout", f"image: {image}"))) == 2, image


def test_a_rename_that_gains_access_is_told_of_as_another_client() -> None:
    """The same workload under another name is the same client only as long as it may do the same."""
    said = after(
        ("shop/checkout", "shop/till"),
        ("name: checkout", "name: till"),
        ("components: [shop/web]", "components: [shop/web, shop/till]"),
        (
            "calls: [{component: orders/api, scopes: [read]}]",
            "calls: [{component: orders/api, scopes: [read, write]}]",
        ),
    )
    assert [change[:3] for change in said] == [
        ("granted", "shop/till", "GET,HEAD,POST"),
        ("revoked", "shop/checkout", "GET,HEAD"),
    ]


def test_the_worst_is_first_and_in_the_headline() -> None:
    """Public, then who is let in, then who is kept out."""
    edits = [
        (
            "{paths: [/orders/health], methods: [GET], public",
            "{paths: [/orders/health, /orders/news], methods: [GET], public",
        ),
        ("scopes: [write], groups: [desk]", "scopes: [write], groups: [desk, sales]"),
        ("components: [shop/checkout, shop/web]", "components: [shop/web]"),
        ("calls: [{component: orders/api, scopes: [read]}]", "calls: []"),
    ]
    changes = diff(BEFORE, model(edited(API, *edits[:3]), edited(SHOP, edits[3])))
    assert [change[0] for change in told(changes)] == [
        "newly public",
        "widened",
        "revoked",
        "revoked",
    ]
    assert (
        headline(changes, "https")
        == "newly public: GET,HEAD https://orders.example.com/orders/news (and 3 more changes of access)"
    )
    assert (
        headline(changes[1:2], "https")
        == "widened to shop/web for users in sales: POST https://orders.example.com/orders but not /orders/health, /orders/news"
    )
    assert headline([], "https") == ""


def test_everybody_whom_a_row_concerns_is_named() -> None:
    """However many clients there are, and however many groups of their users."""
    clients = [f"shop/{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    assert whom(
        [Whom(Principal(client, "okta"), ITSELF) for client in clients]
    ) == ", ".join(clients)
    groups = [f"g{number:02}" for number in range(12)] + ["zz-all-staff"]
    condition = frozenset(frozenset({group}) for group in groups)
    users = whom([Whom(Principal("shop/web", "okta", users=True), condition)])
    assert users == f"shop/web for users in {' or '.join(groups)}"


def test_two_groups_that_suffice_together_are_told_together() -> None:
    """POST needs what one group reads by and what another writes by."""
    changes = diff(model(edited(API, ("[POST]", "[PUT]")), SHOP), BEFORE)
    assert told(changes)[0][:3] == (
        "granted",
        "shop/web for users in desk and sales",
        "POST",
    )


def test_a_client_is_kept_out_at_once() -> None:
    """What it was granted is looked up at each call, as groups and rules are, whatever its tokens list."""
    (call,) = after(("calls: [{component: orders/api, scopes: [read]}]", "calls: []"))
    assert (call[0], call[1], call[4]) == ("revoked", "shop/checkout", "at once")
    (group,) = after(("scopes: [write], groups: [desk]", "scopes: [write], groups: []"))
    assert (group[0], group[1], group[4]) == (
        "revoked",
        "shop/web for users in desk and sales",
        "at once",
    )
    (users,) = after(("scopes: [read, write]}]", "scopes: [read]}]"))
    assert (users[0], users[1], users[4]) == (
        "revoked",
        "shop/web for users in desk and sales",
        "at once",
    )


def test_old_tokens_live_on_where_any_token_will_do() -> None:
    """Of a client that has none any more, and of users who may no longer sign in through theirs."""
    hello = api("hello", domain="hello.example.com", http="{/: 80}")
    without = edited(
        SHOP, ("calls: [{component: orders/api, scopes: [read]}]", "calls: []")
    )
    said = told(diff(model(API, SHOP, hello), model(API, without, hello)))
    assert [(change[0], change[1], change[4]) for change in said] == [
        ("revoked", "shop/checkout", "tokens of before live up to 60 minutes"),
        ("revoked", "shop/checkout", "at once"),
    ]
    nobody = edited(
        API, ("scopes: [read], groups: [sales]", "scopes: [read], groups: []")
    )
    said = told(diff(model(API, SHOP, hello), model(nobody, SHOP, hello)))
    assert {change[3]: change[4] for change in said} == {
        "https://hello.example.com/": "tokens of before live up to 60 minutes",
        "https://orders.example.com/orders but not /orders/health": "at once",
    }
    short = settings(
        providers=[{"name": "okta", "type": "okta", "accessTokenMinutes": 5}]
    )
    changed, _ = diff(
        model(API, SHOP, hello, on=short), model(API, without, hello, on=short)
    )
    assert changed.minutes == 5
    longer, changed, _ = diff(
        model(API, SHOP, hello, on=short), model(API, without, hello)
    )
    assert longer == Setting(
        "may widen", Subject(provider="okta"), "accessTokenMinutes", 5, 60
    )
    assert changed.minutes == 5, "tokens of before are those of the old lifetime"


def test_a_scope_that_moves_is_no_way_in_for_tokens_of_before() -> None:
    """Who had it at the one component is kept out there at once; at the other, nobody is told of but who is granted it."""
    offering = """
            owner: team
            scopes: {%s: r}
            rules: [{scopes: [%s]}]
            roles: {all: {scopes: [%s], components: [shop/%s]}}
"""

    def scopes(at_a: str, at_b: str, calls: str) -> AccessModel:
        a = api(
            "a",
            domain="a.example.com",
            http="{/: 80}",
            access=offering % (at_a, at_a, at_a, "checkout"),
        )
        b = api(
            "b",
            domain="b.example.com",
            http="{/: 80}",
            access=offering % (at_b, at_b, at_b, "web"),
        )
        shop = edited(
            SHOP, ("[{component: orders/api, scopes: [read]}]", calls), ("orders/api, scopes: [read, write]", f"b/api, scopes: [{at_b}]")
        )  # fmt: skip
        return model(a, b, shop)

    before = scopes("data.read", "b.read", "[{component: a/api, scopes: [data.read]}]")
    said = told(diff(before, scopes("a.read", "data.read", "[]")))
    assert said == [
        ("revoked", "shop/checkout", "*", "https://a.example.com/", "at once")
    ]


def test_other_spellings_are_told_of_where_nothing_else_is() -> None:
    """/Admin and `/admin.` are refused as long as /admin has a rule. They open with /admin, and alone where /admin was open before."""
    public = "paths: [/], methods: [GET], public: {reason: all}"
    text = edited(
        API,
        ("/orders: 8080", "/: 8080"),
        ("paths: [/orders], methods: [GET], scopes: [read]", public),
    )
    protected = edited(
        text,
        (
            "/orders/health], methods: [GET], public: {reason: probes}",
            "/admin], scopes: [read]",
        ),
    )
    without = edited(protected, ("- {paths: [/admin], scopes: [read]}", ""))
    both = diff(model(protected, SHOP), model(without, SHOP))
    assert [where(change, "https") for change in both] == [
        "https://orders.example.com/admin",
        "https://orders.example.com/admin. and other spellings",
        "https://orders.example.com/admin",
    ]
    assert [change[3] for change in told(both)] == [
        "https://orders.example.com/admin"
    ] * 2
    redundant = edited(
        protected,
        ("/admin], scopes: [read]", "/admin], methods: [GET], public: {reason: same}"),
    )
    (alone,) = told(diff(model(redundant, SHOP), model(without, SHOP)))
    assert alone[0:4:3] == (
        "newly public",
        "https://orders.example.com/admin. and other spellings",
    )


def test_the_providers_groups_count_within_a_stack() -> None:
    """A mapping that is changed lets others in, though no Application says so."""
    mapped = settings(
        providers=[{"name": "okta", "type": "okta", "groups": {"desk": "Everyone"}}]
    )
    kinds = [
        (change[0], change[1])
        for change in told(diff(BEFORE, model(API, SHOP, on=mapped)))
    ]
    assert kinds == [
        ("widened", "shop/web for users in Everyone and sales"),
        ("narrowed", "shop/web for users in desk and sales"),
    ]


def test_a_first_deployment_grants_everything() -> None:
    """Compared with nothing, on the same stack."""
    assert [change.kind for change in diff(empty(BEFORE), BEFORE)] == [
        "newly public"
    ] * 2 + ["granted"] * 2


def test_a_change_is_a_value() -> None:
    """Comparable to a literal, with the place of the rule that opens."""
    (change,) = diff(
        BEFORE,
        model(
            edited(API, ("methods: [GET], public", "methods: [GET, POST], public")),
            SHOP,
        ),
    )
    assert (change.kind, change.whom, change.methods, change.site) == (
        "newly public",
        (Whom(None),),
        ("POST",),
        "orders.example.com",
    )
    assert (change.place.file, change.place.line) == ("app0.yaml", 20)
    assert change.example.principal is None
    (granted,) = diff(
        BEFORE, model(edited(API, ("methods: [POST]", "methods: [POST, PUT]")), SHOP)
    )
    assert granted.whom == (
        Whom(
            Principal("shop/web", "okta", users=True),
            frozenset({frozenset({"desk", "sales"})}),
        ),
    )


def test_what_is_exported_says_no_more_than_access() -> None:
    """The same for what is worded or placed otherwise, and without a word of the Application's own."""
    assert dump_model(
        model(SHOP, edited(API, ("probes", "other words"), ("Read", "See")))
    ) == dump_model(BEFORE)
    assert "probes" not in dump_model(BEFORE)
    lines = dump_model(BEFORE).split("\n")
    assert [line.split(" ")[0] for line in lines] == [
        "1",
        "stack",
        "orders/api",
        "shop/checkout",
        "shop/web",
    ]


@pytest.mark.parametrize(
    "data",
    [None, {}, [], "", 7, "1", "1\nstack {}", "1\nstack nonsense", "1\nstack 7", "1\n"],
)
def test_what_is_no_model_is_refused(data: object) -> None:
    """With words, not a traceback."""
    with pytest.raises(ModelError, match="exports as its model"):
        load_model(data)


def test_a_model_of_another_format_is_refused() -> None:
    """Both formats are named."""
    with pytest.raises(ModelError, match="format 2, and read in 1"):
        load_model("2\nstack {}")
