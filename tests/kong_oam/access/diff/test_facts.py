"""Settings that `diff` compares as named values: which fields they are, and the kind of each change."""

from __future__ import annotations

import typing
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import combinations

import pytest

from kong_oam.access.before import Acceptance, Before, OldCaller
from kong_oam.access.diff import facts
from kong_oam.access.diff.change import Setting, Subject
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.facts import (
    LEFT_OUT,
    NOT_KNOWN,
    facts_of,
    settings_changed,
)
from kong_oam.access.diff.kind import Kind
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.diff.snapshot import dump_model, load_model
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.forward import Forward
from kong_oam.access.internal import Connection, PodGroup
from kong_oam.access.model import (
    Application,
    Call,
    Estate,
    Exposure,
    FurtherTarget,
    Public,
    Role,
    Rule,
    Waiver,
    WorkloadSpec,
)
from kong_oam.access.providers import ClaimMapping, Listing, Provider, TokenType
from kong_oam.access.refusals import Refusals
from kong_oam.access.rotation import Schedule
from kong_oam.access.settings.dbless import (
    DblessSettings,
    DocumentSecret,
    NodePods,
)
from kong_oam.access.settings.logs import (
    HttpSink,
    LogSettings,
    OtlpSink,
    TcpSink,
)
from kong_oam.access.settings.redis import RedisSettings
from kong_oam.access.settings.values import (
    ClusterSettings,
    ProviderSettings,
    Settings,
)
from kong_oam.access.stack import Peer, Records
from kong_oam.access.upstream import Target, Upstream
from kong_oam.traits.key import Traits
from kong_oam.traits.meanings import MEANINGS
from tests.support.diffs import API, BEFORE, SHOP, edited, model, settings

# All fields of these are compared.
WHOLE = {ClaimMapping, Listing, Schedule, TokenType}

# A new field of these fails a test here.
NO_FACTS = {
    # `decide` reads these, and they are compared request by request.
    Estate: "stack applications unjudged role foreign",
    Application: "name namespace labels annotations components",
    Endpoint: "host path port position certificate service apart tls",
    Rule: "path methods scopes public position refusals",
    Refusals: "exactly begins",
    Forward: "port path target position",
    Role: "name scopes groups components position",
    Call: "component scopes roles position",
    Public: "reason until",
    # Compared caller by caller.
    Peer: "namespace labels",
    PodGroup: "cluster namespace labels",
    Connection: "port protocol caller is_peer pods position",
    OldCaller: "client consumer by until scopes",
    # Their effects are compared by the callers.
    Before: "consumer by until reason calls registered position",
    Acceptance: "by until reason names places position",
    Exposure: "endpoints services rules upstream forwards",
    # A text of them is compared request by request; `health` is about outages.
    Upstream: "targets scheme server_name health balanced host_header",
    Target: "host port",
    Waiver: "finding reason until position",
    # Compared field by field, or by their effects; `cloud`, `as_of`, `partition`, `evidence` and
    # `invariants` are no rules.
    Settings: "stack cloud as_of cluster gateway providers applications definitions partition evidence invariants",
    # Software and its place; compared as part of a component's namespace.
    ClusterSettings: "context contexts images pull_secrets account_annotations create_namespaces",
    WorkloadSpec: "namespace cluster depends_on rendered named_service further_targets further_target properties label",
    FurtherTarget: "cluster namespace suffix rendered",
    # Storage of rate limits, and contents of logs; they do not affect callers.
    RedisSettings: "host port database tls server_name username password away",
    LogSettings: "http tcp file otlp",
    HttpSink: "url headers",
    TcpSink: "host port tls",
    OtlpSink: "logs traces headers queue",
    Records: "query subject_key otlp",
    # Where the nodes and their document are.
    DblessSettings: "urls file pods secret context",
    NodePods: "namespace labels port",
    DocumentSecret: "namespace name",
}


def reachable(root: type, seen: set[type]) -> set[type]:
    """Every dataclass that a value of this class can hold."""
    seen.add(root)
    for hint in typing.get_type_hints(root).values():
        for inner in parts(hint):
            if (
                is_dataclass(inner)
                and inner not in seen
                and inner.__module__.startswith(
                    ("kong_oam.access.", "kong_oam.traits.")
                )
            ):
                reachable(inner, seen)
    return seen


def parts(hint: typing.Any) -> typing.Iterator[typing.Any]:
    yield hint
    for inner in typing.get_args(hint):
        yield from parts(inner)


def test_every_field_is_compared_or_left_out_for_a_reason() -> None:
    """A class or field that somebody adds fails here until a list names it. Values of traits are
    compared unless their meaning leaves them out."""
    found = reachable(Settings, set()) | reachable(Estate, set())
    of_traits = set[type]().union(*(meaning.left_out for meaning in MEANINGS))
    assert found - {Traits} == {*LEFT_OUT, *WHOLE, *NO_FACTS} - of_traits
    for kind, names in NO_FACTS.items():
        assert [field.name for field in fields(kind)] == names.split(), kind
    for kind, reasons in LEFT_OUT.items():
        assert {*reasons} <= {field.name for field in fields(kind)}, kind


def test_all_names_of_compared_values() -> None:
    """Each name here was checked against the kind that `_kind` returns."""
    spelled = replace(
        BEFORE.estate.stack.default_provider,
        spelling=replace(facts.PLAIN, own_value="app"),
    )
    on = replace(
        BEFORE.estate.stack,
        providers={"okta": spelled},
        allowed={"PodMonitor": "reads"},
        rbac=True,
    )
    on = replace(
        on,
        service_types=("NodePort",),
        operator_labels={"x.org/Any": "x.org/name"},
        rights={"a/b": ("c d",)},
        metadata={"a.b": "c"},
    )
    estate = replace(BEFORE.estate, stack=on)
    found = facts_of(estate, settings())
    names = {
        subject: " ".join(sorted(values)) for subject, values in found.items()
    }
    assert names[Subject()] == (
        "cluster.allow cluster.metadata cluster.operatorLabels cluster.rbac cluster.rights cluster.serviceTypes gateway.cidrs "
        "gateway.edition gateway.hstsSeconds gateway.namespace gateway.nodeAddress gateway.plainHttp gateway.podLabels gateway.reach gateway.scheme "
        "gateway.serviceAnnotations gateway.stripHeaders rotation.every rotation.overlap"
    )
    assert names[Subject(provider="okta")] == (
        "accessTokenMinutes audience clientSecrets clusterIssuer issuer sharedOrigins tokens.accessToken tokens.client "
        "tokens.groups tokens.overage tokens.scopes.claim tokens.scopes.form tokens.scopes.prefix tokens.service.claim "
        "tokens.service.value tokens.serviceScopes.claim tokens.serviceScopes.form tokens.serviceScopes.prefix "
        "tokens.subject tokens.user type"
    )
    assert names[Subject("shop/web", "okta")] == (
        "certificates id jwksUri kind namespace redirectUris refresh rotateEvery secret"
    )
    assert names[Subject("shop/web")] == "forwardToken hostCertificates waivers"


def test_a_field_that_is_added_later_may_widen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The provider's settings get a field `trusted_by`, which no other code knows."""

    @dataclass(frozen=True, slots=True)
    class Later(ProviderSettings):
        trusted_by: str = "nobody"

    monkeypatch.setattr(
        facts, "LEFT_OUT", {**LEFT_OUT, Later: LEFT_OUT[ProviderSettings]}
    )

    def trusting(trusted_by: str) -> AccessModel:
        on = replace(
            settings(),
            providers=(
                Later(
                    "okta", "okta", "api://kong-oam/prod", trusted_by=trusted_by
                ),
            ),
        )
        return replace(BEFORE, facts=facts_of(BEFORE.estate, on))

    okta = Subject(provider="okta")
    setting = Setting("may widen", okta, "trustedBy", "nobody", "all")
    assert diff(trusting("nobody"), trusting("all")) == (setting,)
    assert diff(
        trusting("nobody"), load_model(dump_model(trusting("all")))
    ) == (setting,)
    assert diff(BEFORE, trusting("nobody")) == (
        Setting("may widen", okta, "trustedBy", NOT_KNOWN, "nobody"),
    ), "the deployed model has no such field"


def test_claims_of_a_kind_of_provider_are_compared_where_both_sides_know_them() -> (
    None
):
    """The program asks the kind of provider, whose next version may answer otherwise. The command
    does not ask."""

    def described(spelling: ClaimMapping) -> AccessModel:
        providers = {"okta": Provider("okta", "api://kong-oam/prod", spelling)}
        estate = replace(
            BEFORE.estate,
            stack=replace(BEFORE.estate.stack, providers=providers),
        )
        return replace(
            BEFORE, estate=estate, facts=facts_of(estate, settings())
        )

    by_cid = described(replace(facts.PLAIN, client="cid"))
    by_azp = described(replace(facts.PLAIN, client="azp"))
    exported = load_model(dump_model(by_cid))
    okta = Subject(provider="okta")
    assert diff(exported, by_azp) == (
        Setting("may widen", okta, "tokens.client", "cid", "azp"),
    )
    assert diff(exported, BEFORE) == ()
    assert diff(BEFORE, by_cid) == ()


def test_a_provider_and_its_clients_are_compared_under_their_new_name() -> None:
    """The name decides nothing; other settings that change with the name do."""
    before = model(
        API, SHOP, on=settings(providers=[{"name": "okta", "type": "okta"}])
    )
    renamed = model(
        API, SHOP, on=settings(providers=[{"name": "sso", "type": "okta"}])
    )
    assert diff(before, renamed) == ()
    moved = model(
        API,
        edited(SHOP, ("[/callback]", "[/callback, /new]")),
        on=settings(
            providers=[{"name": "sso", "type": "okta", "audience": "api://all"}]
        ),
    )
    callback = "https://web-shop.apps.example.com/callback"
    assert diff(before, moved) == (
        Setting(
            "may widen",
            Subject(provider="sso"),
            "audience",
            "api://kong-oam/prod",
            "api://all",
        ),
        Setting(
            "may widen",
            Subject("shop/web", "sso"),
            "redirectUris",
            [callback],
            [callback, "https://web-shop.apps.example.com/new"],
        ),
    )


def orders(trait: str) -> AccessModel:
    """Return the model of `API` and `SHOP`, with a further trait for `orders/api`."""
    return model(API + (f"        - {trait}\n" if trait else ""), SHOP)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "",
            "{type: cors, properties: {origins: [https://a.example]}}",
            [("may widen", "edge.cors.origins", None, ["https://a.example"]), ("changed", "edge.cors.maxAge", None, 600)],
        ),
        (
            "{type: cors, properties: {origins: [https://a.example]}}",
            "",
            [("may narrow", "edge.cors.origins", ["https://a.example"], None), ("changed", "edge.cors.maxAge", 600, None)],
        ),
        (
            "{type: cors, properties: {origins: [https://a.example]}}",
            "{type: cors, properties: {origins: [https://a.example, https://b.example]}}",
            [("may widen", "edge.cors.origins", ["https://a.example"], ["https://a.example", "https://b.example"])],
        ),
        (
            "{type: cors, properties: {origins: [https://a.example, https://b.example]}}",
            "{type: cors, properties: {origins: [https://a.example]}}",
            [("may narrow", "edge.cors.origins", ["https://a.example", "https://b.example"], ["https://a.example"])],
        ),
        (
            "{type: cors, properties: {origins: [https://a.example]}}",
            "{type: cors, properties: {origins: [https://a.example], credentials: true}}",
            [("may widen", "edge.cors.credentials", None, True)],
        ),
        (
            "{type: cors, properties: {origins: [https://a.example]}}",
            "{type: cors, properties: {origins: [https://a.example], headers: [X-A]}}",
            [("may widen", "edge.cors.headers", None, ["X-A"])],
        ),
        (
            "{type: cors, properties: {origins: [https://a.example]}}",
            "{type: cors, properties: {origins: [https://a.example], maxAge: 5}}",
            [("changed", "edge.cors.maxAge", 600, 5)],
        ),
        (
            "",
            "{type: limits, properties: {body: 2Ki}}",
            [("may narrow", "edge.limits.body", None, 2048)],
        ),
        (
            "{type: limits, properties: {body: 2Ki}}",
            "{type: limits, properties: {body: 1Ki}}",
            [("may narrow", "edge.limits.body", 2048, 1024)],
        ),
        (
            "{type: limits, properties: {body: 2Ki}}",
            "",
            [("changed", "edge.limits.body", 2048, None)],
        ),
        (
            "",
            "{type: limits, properties: {timeouts: {read: 5s}}}",
            [("changed", "edge.limits.read", None, 5000)],
        ),
        (
            "",
            "{type: limits, properties: {retries: {count: 1, methods: [GET]}}}",
            [("changed", "edge.limits.retries.count", None, 1), ("changed", "edge.limits.retries.methods", None, ["GET"])],
        ),
        (
            "",
            "{type: headers, properties: {response: {set: {X-A: b}}}}",
            [("changed", "edge.headers.set", None, {"X-A": "b"})],
        ),
        (
            "",
            "{type: headers, properties: {response: {remove: [X-B]}}}",
            [("changed", "edge.headers.remove", None, ["X-B"])],
        ),
        (
            "",
            "{type: headers, properties: {preset: secure}}",
            [("changed", "edge.headers.secure", None, True)],
        ),
        (
            "",
            "{type: headers, properties: {request: {set: {X-Tenant: a}}}}",
            [("may widen", "edge.headers.request", None, {"X-Tenant": "a"})],
        ),
        (
            "{type: headers, properties: {request: {set: {X-Tenant: a}}}}",
            "",
            [("may widen", "edge.headers.request", {"X-Tenant": "a"}, None)],
        ),
        (
            "",
            "{type: rate-limit, properties: {per: client, requests: {minute: 60}}}",
            [("may narrow", "edge.rateLimit.requests", None, {"minute": 60}), ("changed", "edge.rateLimit.per", None, "client"), ("changed", "edge.rateLimit.policy", None, "local")],
        ),
        (
            "{type: rate-limit, properties: {per: client, requests: {minute: 60}}}",
            "{type: rate-limit, properties: {per: client, requests: {minute: 30}}}",
            [("may narrow", "edge.rateLimit.requests", {"minute": 60}, {"minute": 30})],
        ),
        (
            "{type: rate-limit, properties: {per: client, requests: {minute: 60}}}",
            "{type: rate-limit, properties: {per: client, requests: {minute: 60, day: 100}}}",
            [("may narrow", "edge.rateLimit.requests", {"minute": 60}, {"minute": 60, "day": 100})],
        ),
        (
            "{type: rate-limit, properties: {per: client, requests: {minute: 60}}}",
            "{type: rate-limit, properties: {per: client, requests: {minute: 90}}}",
            [("changed", "edge.rateLimit.requests", {"minute": 60}, {"minute": 90})],
        ),
        (
            "{type: rate-limit, properties: {per: client, requests: {minute: 60}}}",
            "{type: rate-limit, properties: {per: client, requests: {hour: 60}}}",
            [("changed", "edge.rateLimit.requests", {"minute": 60}, {"hour": 60})],
        ),
        (
            "{type: rate-limit, properties: {per: client, requests: {minute: 60}}}",
            "{type: rate-limit, properties: {per: user, requests: {minute: 60}}}",
            [("changed", "edge.rateLimit.per", "client", "user")],
        ),
    ],
)  # fmt: skip
def test_a_trait_that_changes_is_a_change_of_each_value(
    before: str, after: str, expected: list[tuple[Kind, str, object, object]]
) -> None:
    """Pages of other origins read more; a lower limit allows fewer requests; other values decide
    nothing."""
    changes = tuple(
        Setting(kind, Subject("orders/api"), name, was, now)
        for kind, name, was, now in expected
    )
    exported = load_model(dump_model(orders(before)))
    assert diff(exported, orders(after)) == changes


def test_a_limit_is_compared_between_stacks_as_well() -> None:
    """An Application states its limit for every stack."""
    sixty = "        - {type: rate-limit, properties: {per: client, requests: {minute: 60}}}\n"
    thirty = "        - {type: rate-limit, properties: {per: client, requests: {minute: 30}}}\n"
    production = model(API + sixty, SHOP)
    staging = model(API + thirty, SHOP, on=settings("staging"))
    assert diff(production, staging) == (
        Setting(
            "may narrow",
            Subject("orders/api"),
            "edge.rateLimit.requests",
            {"minute": 60},
            {"minute": 30},
        ),
    )


ACL = "{type: kong-plugin, properties: {name: acl}}"


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("", ACL, "may narrow"),
        (ACL, "", "may widen"),
        (ACL, "{type: kong-plugin, properties: {name: acl, config: {allow: [a]}}}", "may widen"),
        (ACL, f"{ACL}\n        - {{type: kong-plugin, properties: {{name: bot-detection}}}}", "may narrow"),
        (
            "",
            "{type: kong-plugin, properties: {name: redirect, waiver: {reason: moved, until: 2999-12-31}}}",
            "may widen",
        ),
        (
            "{type: kong-plugin, properties: {name: redirect, waiver: {reason: moved, until: 2999-12-31}}}",
            "{type: kong-plugin, properties: {name: redirect, waiver: {reason: moved, until: 3000-12-31}}}",
            "may widen",
        ),
    ],
)  # fmt: skip
def test_a_plugin_that_goes_or_stands_by_a_waiver_may_widen(
    before: str, after: str, kind: str
) -> None:
    """A removed plugin may have denied calls; a new plugin without a waiver denies more, or only
    observes."""
    (change,) = diff(load_model(dump_model(orders(before))), orders(after))
    assert isinstance(change, Setting)
    assert (change.kind, change.of, change.name) == (
        kind,
        Subject("orders/api"),
        "edge.kongPlugins",
    )


def kinds_of(
    name: str, was: typing.Any, now: typing.Any, *, between_stacks: bool = False
) -> list[str]:
    """Return the kinds of changes if one value of a stack changes from `was` to `now`."""
    old, new = {Subject(): {name: was}}, {Subject(): {name: now}}
    return [
        change.kind
        for change in settings_changed(
            old, new, {}, between_stacks=between_stacks
        )
    ]


@pytest.mark.parametrize(
    ("name", "was", "now", "kind", "kind_of_way_back"),
    [
        ("accessTokenMinutes", 5, 60, "may widen", "may narrow"),
        ("cluster.allow", {}, {"PodMonitor": "x"}, "may widen", "may narrow"),
        ("cluster.allow", {"PodMonitor": "x"}, {"PodMonitor": "y"}, "changed", "changed"),
        ("cluster.rbac", False, True, "may widen", "may narrow"),
        ("cluster.serviceTypes", [], ["NodePort"], "may widen", "may narrow"),
        ("edge.cors.credentials", None, True, "may widen", "may narrow"),
        ("edge.rateLimit.requests", {"minute": 60, "day": 100}, {"minute": 30, "day": 200}, "changed", "changed"),
        ("edge.rateLimit.requests", {"minute": 60, "day": 100}, {"minute": 30, "day": 100}, "may narrow", "changed"),
        ("edge.upstreamTls.ports", None, [8080], "may narrow", "may widen"),
        ("forwardToken", False, True, "may widen", "may narrow"),
        ("gateway.adopted.until", None, "2030-01-01", "may widen", "may narrow"),
        ("gateway.adopted.until", "2030-01-01", "2030-01-02", "may widen", "may narrow"),
        ("gateway.scheme", "https", "http", "may widen", "may narrow"),
        ("gateway.stripHeaders", [], ["X-A"], "may narrow", "may widen"),
        ("gateway.upstreamTls.ca", ["a"], ["a", "b"], "may widen", "may narrow"),
        ("gateway.upstreamTls.clientCertificate", "a", "b", "changed", "changed"),
        ("gateway.upstreamTls.depth", 1, 2, "may widen", "may narrow"),
        ("issuer", "https://a", "https://b", "may widen", "may widen"),
        ("refresh", False, True, "may widen", "may narrow"),
        ("tokens.overage", [], ["more"], "may narrow", "may widen"),
    ],
)  # fmt: skip
def test_another_value_may_widen_or_narrow_by_its_name(
    name: str,
    was: typing.Any,
    now: typing.Any,
    kind: str,
    kind_of_way_back: str,
) -> None:
    assert kinds_of(name, was, now) == [kind]
    assert kinds_of(name, now, was) == [kind_of_way_back]


NAMES = sorted(
    {name for values in BEFORE.facts.values() for name in values}
    | {"cluster.allow", "cluster.rbac", "edge.cors.origins", "edge.limits.body"}
    | {
        "edge.rateLimit.requests",
        "edge.upstreamTls.ports",
        "gateway.upstreamTls.clientCertificate",
        "added.later",
    }
)


@pytest.mark.parametrize(
    "values",
    [
        (False, True),
        (1, 2),
        (None, "http", "https", "one"),
        (None, ["a"], ["b"], ["a", "b"]),
    ],
)
def test_no_change_and_its_way_back_both_narrow(
    values: tuple[typing.Any, ...],
) -> None:
    """Otherwise a change and its reversal would seem to close twice and open once."""
    for name in NAMES:
        for was, now in combinations(values, 2):
            kinds = kinds_of(name, was, now) + kinds_of(name, now, was)
            assert kinds != ["may narrow", "may narrow"], (name, was, now)


def test_between_stacks_values_of_applications_are_compared() -> None:
    """All other values differ between stacks by their nature."""
    compared = {
        name
        for name in NAMES
        if kinds_of(name, ["/a"], ["/b"], between_stacks=True)
    }
    assert {name for name in compared if not name.startswith("edge.")} == {
        "forwardToken",
        "jwksUri",
        "kind",
        "redirectUris",
        "refresh",
        "waivers",
    }
