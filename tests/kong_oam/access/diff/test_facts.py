"""Which fields are compared as they stand, which are not and why, and what a model without them is compared by."""

from __future__ import annotations

import typing
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import combinations

import pytest

from kong_oam.access.diff import facts
from kong_oam.access.diff.change import Setting, Subject
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.facts import LEFT_OUT, NOT_KNOWN, facts_of, settings_changed
from kong_oam.access.diff.snapshot import AccessModel, dump_model, load_model
from kong_oam.access.edge.cors import Cors
from kong_oam.access.edge.edge import Edge
from kong_oam.access.edge.headers import Headers
from kong_oam.access.edge.kong_plugin import PluginWaiver
from kong_oam.access.edge.limits import Limits, Retries
from kong_oam.access.edge.rate_limit import RateLimit
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.model import Application, Call, Estate, Public, Role, Rule, Waiver
from kong_oam.access.providers import ClaimMapping, Listing, Provider, TokenType
from kong_oam.access.rotation import Schedule
from kong_oam.access.settings.stack import ProviderSettings, Settings
from tests.support.diffs import API, BEFORE, SHOP, edited, model, settings

WHOLE = {
    ClaimMapping,
    Cors,
    Edge,
    Headers,
    Limits,
    Listing,
    PluginWaiver,
    RateLimit,
    Retries,
    Schedule,
    TokenType,
}
"""All fields of these are compared."""

BY_REQUEST = {
    Estate: "stack applications unjudged role foreign",
    Application: "name namespace labels annotations components",
    Endpoint: "host path port place certificate service apart tls",
    Rule: "path methods scopes public place",
    Role: "name scopes groups components place",
    Call: "component scopes roles place",
    Public: "reason until",
    Waiver: "finding reason until place",
}
"""What `decide` reads of these is compared request by request, and the rest bears on nobody's access."""


def reachable(root: type, seen: set[type]) -> set[type]:
    """Every dataclass that a value of this one can hold."""
    seen.add(root)
    for hint in typing.get_type_hints(root).values():
        for inner in parts(hint):
            if is_dataclass(inner) and inner not in seen and inner.__module__.startswith("kong_oam.access."):
                reachable(inner, seen)
    return seen


def parts(hint: typing.Any) -> typing.Iterator[typing.Any]:
    yield hint
    for inner in typing.get_args(hint):
        yield from parts(inner)


def test_every_field_of_settings_and_estates_is_compared_or_said_why_not() -> None:
    """A class or a field that is added makes somebody say which it is."""
    assert reachable(Settings, set()) | reachable(Estate, set()) == {*LEFT_OUT, *WHOLE, *BY_REQUEST}
    for kind, names in BY_REQUEST.items():
        assert [field.name for field in fields(kind)] == names.split(), kind
    for kind, reasons in LEFT_OUT.items():
        assert {*reasons} <= {field.name for field in fields(kind)}, kind


def test_these_are_compared() -> None:
    """A name that is new here has been looked at: `_kind` says what another value of it can do."""
    spelled = replace(BEFORE.estate.stack.default_provider, spelling=replace(facts.PLAIN, own_value="app"))
    on = replace(BEFORE.estate.stack, providers={"okta": spelled}, allowed={"PodMonitor": "reads"}, rbac=True)
    on = replace(
        on,
        service_types=("NodePort",),
        operator_labels={"x.org/Any": "x.org/name"},
        rights={"a/b": ("c d",)},
        metadata={"a.b": "c"},
    )
    estate = replace(BEFORE.estate, stack=on)
    found = facts_of(estate, settings())
    names = {subject: " ".join(sorted(values)) for subject, values in found.items()}
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


def test_a_setting_of_the_cluster_widens_where_it_is_used() -> None:
    """Its end narrows."""
    used = replace(BEFORE.estate.stack, allowed={"PodMonitor": "reads"}, rbac=True, service_types=("NodePort",))
    after = replace(BEFORE, facts=facts_of(replace(BEFORE.estate, stack=used), settings()))
    told = [
        (change.kind, change.name, change.was, change.now) for change in diff(load_model(dump_model(BEFORE)), after)
    ]
    assert told == [
        ("may widen", "cluster.allow", {}, {"PodMonitor": "reads"}),
        ("may widen", "cluster.rbac", False, True),
        ("may widen", "cluster.serviceTypes", [], ["NodePort"]),
    ]
    assert [change.kind for change in diff(after, BEFORE)] == ["may narrow"] * 3


def test_a_field_that_is_added_is_told_of_as_what_may_let_somebody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to remember it: here a provider's settings have one more."""

    @dataclass(frozen=True, slots=True)
    class Later(ProviderSettings):
        trusted_by: str = "nobody"

    monkeypatch.setattr(facts, "LEFT_OUT", {**LEFT_OUT, Later: LEFT_OUT[ProviderSettings]})

    def later(trusted_by: str):
        on = replace(settings(), providers=(Later("okta", "okta", "api://kong-oam/prod", trusted_by=trusted_by),))
        return replace(BEFORE, facts=facts_of(BEFORE.estate, on))

    setting = Setting("may widen", Subject(provider="okta"), "trustedBy", "nobody", "all")
    assert diff(later("nobody"), later("all")) == (setting,)
    assert diff(later("nobody"), load_model(dump_model(later("all")))) == (setting,)
    assert diff(BEFORE, later("nobody")) == (replace(setting, was=NOT_KNOWN, now="nobody"),), "deployed without it"


def test_how_a_kind_of_provider_spells_tokens_is_compared_where_both_sides_know_it() -> None:
    """The command does not ask the kinds; the program does, and an upgrade of it may bring another spelling."""

    def described(spelling: ClaimMapping):
        providers = {"okta": Provider("okta", "api://kong-oam/prod", spelling)}
        estate = replace(BEFORE.estate, stack=replace(BEFORE.estate.stack, providers=providers))
        return replace(BEFORE, estate=estate, facts=facts_of(estate, settings()))

    cid, azp = (replace(facts.PLAIN, client=claim) for claim in ("cid", "azp"))
    told = (Setting("may widen", Subject(provider="okta"), "tokens.client", "cid", "azp"),)
    assert diff(load_model(dump_model(described(cid))), described(azp)) == told
    assert diff(load_model(dump_model(described(cid))), BEFORE) == ()
    assert diff(BEFORE, described(cid)) == ()


def test_a_provider_and_its_clients_are_compared_under_their_new_name() -> None:
    """What they are called decides nothing; what else changes does."""
    before = model(API, SHOP, on=settings(providers=[{"name": "okta", "type": "okta"}]))
    renamed = model(API, SHOP, on=settings(providers=[{"name": "sso", "type": "okta"}]))
    assert diff(before, renamed) == ()
    moved = model(
        API,
        edited(SHOP, ("[/callback]", "[/callback, /new]")),
        on=settings(providers=[{"name": "sso", "type": "okta", "audience": "api://all"}]),
    )
    assert [(change.of, change.name) for change in diff(before, moved)] == [
        (Subject(provider="sso"), "audience"),
        (Subject("shop/web", "sso"), "redirectUris"),
    ]


LIMIT = "        - {type: rate-limit, properties: {per: client, requests: {minute: 60}}}\n        - type: access\n"
LIMITED = edited(API, ("        - type: access\n", LIMIT))


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("minute: 60", "minute: 30", "may narrow"),
        ("minute: 60", "minute: 60, day: 100", "may narrow"),
        ("minute: 60", "minute: 90", "changed"),
        ("minute: 60", "hour: 60", "changed"),
        ("per: client", "per: user", "changed"),
        (LIMIT, "        - type: access\n", "changed"),
    ],
)
def test_a_limit_is_told_of_and_decides_nothing(old: str, new: str, kind: str) -> None:
    """One that is lower lets through fewer of those who may call, and none lets anybody in."""
    found = diff(model(LIMITED, SHOP), model(edited(LIMITED, (old, new)), SHOP))
    assert {one.kind for one in found} == {kind}


def test_a_limit_more_narrows() -> None:
    """By what it counts; whose requests and where is told of beside."""
    found = diff(BEFORE, model(LIMITED, SHOP))
    assert [(one.kind, one.name, one.now) for one in found] == [
        ("may narrow", "edge.rateLimit.requests", {"minute": 60}),
        ("changed", "edge.rateLimit.per", "client"),
        ("changed", "edge.rateLimit.policy", "local"),
    ]


def test_a_limit_is_compared_between_stacks_as_well() -> None:
    """Applications say it, whatever the stack."""
    lower = edited(LIMITED, ("minute: 60", "minute: 30"))
    found = diff(model(LIMITED, SHOP), model(lower, SHOP, on=settings("staging")))
    assert [(one.name, one.was, one.now) for one in found if isinstance(one, Setting)] == [
        ("edge.rateLimit.requests", {"minute": 60}, {"minute": 30})
    ]


def test_pages_of_other_origins_are_told_of_as_what_may_read_more() -> None:
    """Without a trait there is nothing of it; how long browsers keep a preflight changes nobody's access."""
    trait = "        - type: cors\n          properties: {%s}\n        - type: access\n"
    texts = ["", "origins: ['https://a.example']", "origins: ['https://a.example', 'https://b.example']"]
    texts += [
        "origins: ['https://a.example'], credentials: true, headers: [X-A]",
        "origins: ['https://a.example'], maxAge: 5",
    ]
    none, one, two, more, pace = (
        model(edited(API, ("        - type: access\n", trait % text)) if text else API, SHOP) for text in texts
    )

    def told(before: AccessModel, after: AccessModel) -> list[tuple[str, str]]:
        return [(change.kind, change.name) for change in diff(load_model(dump_model(before)), after)]

    widens, narrows = ("may widen", "edge.cors.origins"), ("may narrow", "edge.cors.origins")
    age = ("changed", "edge.cors.maxAge")
    assert (told(none, one), told(one, none)) == ([widens, age], [narrows, age])
    assert (told(one, two), told(two, one)) == ([widens], [narrows])
    names = ("edge.cors.credentials", "edge.cors.headers")
    assert told(one, more) == [("may widen", name) for name in names]
    assert told(more, one) == [("may narrow", name) for name in names]
    assert told(one, pace) == [age]


ASKED = "        - {type: kong-plugin, properties: {name: %s}}\n"
WAIVED = "        - {type: kong-plugin, properties: {name: redirect, waiver: {reason: moved, until: 2999-12-31}}}\n"


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("", ASKED % "acl", "may narrow"),
        ("", WAIVED, "may widen"),
        (WAIVED, WAIVED.replace("2999", "3000"), "may widen"),
        (ASKED % "acl", "", "may widen"),
        (ASKED % "acl", ASKED % "acl, config: {allow: [a]}", "may widen"),
        (ASKED % "acl", ASKED % "acl" + ASKED % "bot-detection", "may narrow"),
    ],
)
def test_a_plugin_that_goes_or_stands_by_a_waiver_may_let_somebody_in(before: str, after: str, kind: str) -> None:
    """One that went may have refused; one that comes without a waiver refuses further or looks on."""
    (told,) = diff(load_model(dump_model(model(API + before, SHOP))), model(API + after, SHOP))
    assert isinstance(told, Setting)
    assert (told.kind, told.of, told.name) == (kind, Subject("orders/api"), "edge.kongPlugins")


def test_a_lower_limit_of_bodies_may_narrow_and_what_the_workload_is_told_may_widen() -> None:
    """All else of limits and headers changes nobody's access; a trait's end is told, too."""
    traits = [
        "limits\n          properties: {body: 2Ki}",
        "limits\n          properties: {body: 1Ki}",
        "limits\n          properties: {timeouts: {read: 5s}, retries: {count: 1}}",
        "headers\n          properties: {preset: secure, response: {set: {X-A: b}, remove: [X-B]}}",
        "headers\n          properties: {request: {set: {X-Tenant: a}}}",
    ]
    texts = (f"        - type: {trait}\n        - type: access\n" for trait in traits)
    none = model(API, SHOP)
    two, one, pace, marked, tells = (model(edited(API, ("        - type: access\n", text)), SHOP) for text in texts)

    def told(before: AccessModel, after: AccessModel) -> list[tuple[str, str]]:
        return [(change.kind, change.name) for change in diff(load_model(dump_model(before)), after)]

    assert told(none, two) == told(two, one) == [("may narrow", "edge.limits.body")]
    assert told(two, none) == told(one, two) == [("changed", "edge.limits.body")]
    names = ("edge.limits.read", "edge.limits.retries.count", "edge.limits.retries.methods")
    assert told(none, pace) == told(pace, none) == [("changed", name) for name in names]
    names = ("edge.headers.remove", "edge.headers.secure", "edge.headers.set")
    assert told(none, marked) == [("changed", name) for name in names]
    assert told(none, tells) == told(tells, none) == [("may widen", "edge.headers.request")]


def kinds_of(name: str, was: typing.Any, now: typing.Any, *, between_stacks: bool = False) -> list[str]:
    """What is told of a fact that is `was` on one side and `now` on the other."""
    old, new = {Subject(): {name: was}}, {Subject(): {name: now}}
    return [change.kind for change in settings_changed(old, new, {}, between_stacks=between_stacks)]


@pytest.mark.parametrize(
    ("name", "one", "other", "there", "back"),
    [
        ("accessTokenMinutes", 5, 60, "may widen", "may narrow"),
        ("cluster.allow", {}, {"PodMonitor": "x"}, "may widen", "may narrow"),
        ("cluster.allow", {"PodMonitor": "x"}, {"PodMonitor": "y"}, "changed", "changed"),
        ("cluster.rbac", False, True, "may widen", "may narrow"),
        ("edge.cors.credentials", None, True, "may widen", "may narrow"),
        ("edge.rateLimit.requests", {"minute": 60, "day": 100}, {"minute": 30, "day": 200}, "changed", "changed"),
        ("edge.rateLimit.requests", {"minute": 60, "day": 100}, {"minute": 30, "day": 100}, "may narrow", "changed"),
        ("edge.upstreamTls.ports", None, [8080], "may narrow", "may widen"),
        ("forwardToken", False, True, "may widen", "may narrow"),
        ("gateway.scheme", "https", "http", "may widen", "may narrow"),
        ("gateway.stripHeaders", [], ["X-A"], "may narrow", "may widen"),
        ("gateway.upstreamTls.ca", ["one"], ["one", "other"], "may widen", "may narrow"),
        ("gateway.upstreamTls.clientCertificate", "one", "other", "changed", "changed"),
        ("gateway.upstreamTls.depth", 1, 2, "may widen", "may narrow"),
        ("issuer", "https://one", "https://other", "may widen", "may widen"),
        ("refresh", False, True, "may widen", "may narrow"),
        ("tokens.overage", [], ["more"], "may narrow", "may widen"),
    ],
)
def test_another_value_is_told_of_by_what_it_can_do(
    name: str, one: typing.Any, other: typing.Any, there: str, back: str
) -> None:
    """There and back."""
    assert (kinds_of(name, one, other), kinds_of(name, other, one)) == ([there], [back])


NAMES = sorted(
    {name for values in BEFORE.facts.values() for name in values}
    | {"cluster.allow", "cluster.rbac", "edge.cors.origins", "edge.limits.body"}
    | {"edge.rateLimit.requests", "edge.upstreamTls.ports", "gateway.upstreamTls.clientCertificate", "added.later"}
)


@pytest.mark.parametrize(
    "values", [(False, True), (1, 2), (None, "http", "https", "one"), (None, ["a"], ["b"], ["a", "b"])]
)
def test_no_change_and_its_way_back_both_narrow(values: tuple[typing.Any, ...]) -> None:
    """Whatever another value can do, one of both directions is not told of as closing alone."""
    for name in NAMES:
        for one, other in combinations(values, 2):
            assert [kinds_of(name, one, other), kinds_of(name, other, one)] != [["may narrow"]] * 2, (name, one, other)


def test_between_stacks_what_applications_say_is_compared() -> None:
    """All else differs by what the stacks are."""
    compared = [name for name in NAMES if kinds_of(name, ["/a"], ["/b"], between_stacks=True)]
    said = ["forwardToken", "jwksUri", "kind", "redirectUris", "refresh", "waivers"]
    assert [name for name in compared if not name.startswith("edge.")] == said
