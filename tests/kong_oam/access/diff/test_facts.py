"""Which fields are compared as they stand, which are not and why, and what a model without them is compared by."""

from __future__ import annotations

import importlib
import typing
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import combinations

import pytest

from kong_oam.access.diff import facts
from kong_oam.access.diff.change import Setting, Subject
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.facts import (
    LEFT_OUT,
    NOT_KNOWN,
    facts_of,
    settings_changed,
)
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.diff.snapshot import dump_model, load_model
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.model import (
    Application,
    Call,
    Estate,
    Public,
    Role,
    Rule,
    Waiver,
)
from kong_oam.access.providers import ClaimMapping, Listing, Provider, TokenType
from kong_oam.access.rotation import Schedule
from kong_oam.access.settings.values import ProviderSettings, Settings
from kong_oam.traits.cors.value import Cors
from kong_oam.traits.headers.value import Headers
from kong_oam.traits.key import Key, Traits
from kong_oam.traits.kong_plugin.value import PluginWaiver
from kong_oam.traits.limits.value import Limits, Retries
from kong_oam.traits.meanings import MEANINGS
from kong_oam.traits.rate_limit.value import RateLimit
from tests.support.diffs import API, BEFORE, SHOP, edited, model, settings

WHOLE = {
    ClaimMapping,
    Cors,
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
    Endpoint: "host path port position certificate service apart tls",
    Rule: "path methods scopes public position",
    Role: "name scopes groups components position",
    Call: "component scopes roles position",
    Public: "reason until",
    Waiver: "finding reason until position",
}
"""What `decide` reads of these is compared request by request, and the rest bears on nobody's access."""


def reachable(root: type, seen: set[type]) -> set[type]:
    """Every dataclass that a value of this one can hold."""
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


def values_of_traits() -> typing.Iterator[type]:
    """Every dataclass that the value of a trait can hold. Its module says the type of its key."""
    for meaning in MEANINGS:
        module = f"kong_oam.traits.{meaning.key.name.replace('-', '_')}.value"
        for hint in typing.get_type_hints(
            importlib.import_module(module)
        ).values():
            for inner in parts(hint):
                if is_dataclass(inner) and inner is not Key:
                    yield from reachable(inner, set())


def parts(hint: typing.Any) -> typing.Iterator[typing.Any]:
    yield hint
    for inner in typing.get_args(hint):
        yield from parts(inner)


def test_every_field_of_settings_and_estates_is_compared_or_said_why_not() -> (
    None
):
    """A class or a field that is added makes somebody say which it is."""
    found = (
        reachable(Settings, set())
        | reachable(Estate, set())
        | {*values_of_traits()}
    )
    assert found - {Traits} == {*LEFT_OUT, *WHOLE, *BY_REQUEST}
    for kind, names in BY_REQUEST.items():
        assert [field.name for field in fields(kind)] == names.split(), kind
    for kind, reasons in LEFT_OUT.items():
        assert {*reasons} <= {field.name for field in fields(kind)}, kind


def test_these_are_compared() -> None:
    """A name that is new here has been looked at: `_kind` says what another value of it can do."""
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


def test_a_field_that_is_added_is_told_of_as_what_may_let_somebody_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody has to remember it: here a provider's settings have one more."""

    @dataclass(frozen=True, slots=True)
    class Later(ProviderSettings):
        trusted_by: str = "nobody"

    monkeypatch.setattr(
        facts, "LEFT_OUT", {**LEFT_OUT, Later: LEFT_OUT[ProviderSettings]}
    )

    def later(trusted_by: str):
        on = replace(
            settings(),
            providers=(
                Later(
                    "okta", "okta", "api://kong-oam/prod", trusted_by=trusted_by
                ),
            ),
        )
        return replace(BEFORE, facts=facts_of(BEFORE.estate, on))

    setting = Setting(
        "may widen", Subject(provider="okta"), "trustedBy", "nobody", "all"
    )
    assert diff(later("nobody"), later("all")) == (setting,)
    assert diff(later("nobody"), load_model(dump_model(later("all")))) == (
        setting,
    )
    assert diff(BEFORE, later("nobody")) == (
        replace(setting, was=NOT_KNOWN, now="nobody"),
    ), "deployed without it"


def test_how_a_kind_of_provider_spells_tokens_is_compared_where_both_sides_know_it() -> (
    None
):
    """The command does not ask the kinds; the program does, and an upgrade of it may bring another spelling."""

    def described(spelling: ClaimMapping):
        providers = {"okta": Provider("okta", "api://kong-oam/prod", spelling)}
        estate = replace(
            BEFORE.estate,
            stack=replace(BEFORE.estate.stack, providers=providers),
        )
        return replace(
            BEFORE, estate=estate, facts=facts_of(estate, settings())
        )

    cid, azp = (replace(facts.PLAIN, client=claim) for claim in ("cid", "azp"))
    told = (
        Setting(
            "may widen", Subject(provider="okta"), "tokens.client", "cid", "azp"
        ),
    )
    assert diff(load_model(dump_model(described(cid))), described(azp)) == told
    assert diff(load_model(dump_model(described(cid))), BEFORE) == ()
    assert diff(BEFORE, described(cid)) == ()


def test_a_provider_and_its_clients_are_compared_under_their_new_name() -> None:
    """What they are called decides nothing; what else changes does."""
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
    assert [(change.of, change.name) for change in diff(before, moved)] == [
        (Subject(provider="sso"), "audience"),
        (Subject("shop/web", "sso"), "redirectUris"),
    ]


NONE, CORS, MORE = (
    "",
    "cors: {origins: [https://a.example]}",
    "cors: {origins: [https://a.example, https://b.example]}",
)
LIMIT, BODY = (
    "rate-limit: {per: client, requests: {minute: 60}}",
    "limits: {body: 2Ki}",
)
ORIGINS, AGE, REQUESTS = (
    "edge.cors.origins",
    "edge.cors.maxAge",
    "edge.rateLimit.requests",
)
COUNT, METHODS = "edge.limits.retries.count", "edge.limits.retries.methods"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (NONE, CORS, [("may widen", ORIGINS), ("changed", AGE)]),
        (CORS, NONE, [("may narrow", ORIGINS), ("changed", AGE)]),
        (CORS, MORE, [("may widen", ORIGINS)]),
        (MORE, CORS, [("may narrow", ORIGINS)]),
        (
            CORS,
            "cors: {origins: [https://a.example], credentials: true}",
            [("may widen", "edge.cors.credentials")],
        ),
        (
            CORS,
            "cors: {origins: [https://a.example], headers: [X-A]}",
            [("may widen", "edge.cors.headers")],
        ),
        (
            CORS,
            "cors: {origins: [https://a.example], maxAge: 5}",
            [("changed", AGE)],
        ),
        (NONE, BODY, [("may narrow", "edge.limits.body")]),
        (BODY, "limits: {body: 1Ki}", [("may narrow", "edge.limits.body")]),
        (BODY, NONE, [("changed", "edge.limits.body")]),
        (
            NONE,
            "limits: {timeouts: {read: 5s}}",
            [("changed", "edge.limits.read")],
        ),
        (
            NONE,
            "limits: {retries: {count: 1}}",
            [("changed", COUNT), ("changed", METHODS)],
        ),
        (
            NONE,
            "headers: {response: {set: {X-A: b}}}",
            [("changed", "edge.headers.set")],
        ),
        (
            NONE,
            "headers: {response: {remove: [X-B]}}",
            [("changed", "edge.headers.remove")],
        ),
        (
            NONE,
            "headers: {preset: secure}",
            [("changed", "edge.headers.secure")],
        ),
        (
            NONE,
            "headers: {request: {set: {X-Tenant: a}}}",
            [("may widen", "edge.headers.request")],
        ),
        (
            "headers: {request: {set: {X-Tenant: a}}}",
            NONE,
            [("may widen", "edge.headers.request")],
        ),
        (
            NONE,
            LIMIT,
            [
                ("may narrow", REQUESTS),
                ("changed", "edge.rateLimit.per"),
                ("changed", "edge.rateLimit.policy"),
            ],
        ),
        (
            LIMIT,
            "rate-limit: {per: client, requests: {minute: 30}}",
            [("may narrow", REQUESTS)],
        ),
        (
            LIMIT,
            "rate-limit: {per: client, requests: {minute: 60, day: 100}}",
            [("may narrow", REQUESTS)],
        ),
        (
            LIMIT,
            "rate-limit: {per: client, requests: {minute: 90}}",
            [("changed", REQUESTS)],
        ),
        (
            LIMIT,
            "rate-limit: {per: client, requests: {hour: 60}}",
            [("changed", REQUESTS)],
        ),
        (
            LIMIT,
            "rate-limit: {per: user, requests: {minute: 60}}",
            [("changed", "edge.rateLimit.per")],
        ),
    ],
)
def test_a_trait_is_told_of_by_what_it_can_do(
    before: str, after: str, expected: list[tuple[str, str]]
) -> None:
    """Pages of other origins read more; a limit lets through fewer of those who may call; the rest decides nothing."""

    def having(trait: str) -> AccessModel:
        kind, _, properties = trait.partition(": ")
        text = (
            f"        - {{type: {kind}, properties: {properties}}}\n"
            if trait
            else ""
        )
        return model(API + text, SHOP)

    found = diff(load_model(dump_model(having(before))), having(after))
    assert [
        (diagnostic.kind, diagnostic.name)
        for diagnostic in found
        if isinstance(diagnostic, Setting)
    ] == expected
    assert {
        diagnostic.of for diagnostic in found if isinstance(diagnostic, Setting)
    } == {Subject("orders/api")}


def test_a_limit_is_compared_between_stacks_as_well() -> None:
    """Applications say it, whatever the stack."""
    limit = "        - {type: rate-limit, properties: {per: client, requests: {minute: %d}}}\n"
    found = diff(
        model(API + limit % 60, SHOP),
        model(API + limit % 30, SHOP, on=settings("staging")),
    )
    assert [
        (diagnostic.name, diagnostic.was, diagnostic.now)
        for diagnostic in found
        if isinstance(diagnostic, Setting)
    ] == [(REQUESTS, {"minute": 60}, {"minute": 30})]


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
def test_a_plugin_that_goes_or_stands_by_a_waiver_may_let_somebody_in(
    before: str, after: str, kind: str
) -> None:
    """One that went may have refused; one that comes without a waiver refuses further or looks on."""
    (told,) = diff(
        load_model(dump_model(model(API + before, SHOP))),
        model(API + after, SHOP),
    )
    assert isinstance(told, Setting)
    assert (told.kind, told.of, told.name) == (
        kind,
        Subject("orders/api"),
        "edge.kongPlugins",
    )


def kinds_of(
    name: str, was: typing.Any, now: typing.Any, *, between_stacks: bool = False
) -> list[str]:
    """What is told of a fact that is `was` on one side and `now` on the other."""
    old, new = {Subject(): {name: was}}, {Subject(): {name: now}}
    return [
        change.kind
        for change in settings_changed(
            old, new, {}, between_stacks=between_stacks
        )
    ]


@pytest.mark.parametrize(
    ("name", "one", "other", "there", "back"),
    [
        ("accessTokenMinutes", 5, 60, "may widen", "may narrow"),
        ("cluster.allow", {}, {"PodMonitor": "x"}, "may widen", "may narrow"),
        (
            "cluster.allow",
            {"PodMonitor": "x"},
            {"PodMonitor": "y"},
            "changed",
            "changed",
        ),
        ("cluster.rbac", False, True, "may widen", "may narrow"),
        ("cluster.serviceTypes", [], ["NodePort"], "may widen", "may narrow"),
        ("edge.cors.credentials", None, True, "may widen", "may narrow"),
        (
            "edge.rateLimit.requests",
            {"minute": 60, "day": 100},
            {"minute": 30, "day": 200},
            "changed",
            "changed",
        ),
        (
            "edge.rateLimit.requests",
            {"minute": 60, "day": 100},
            {"minute": 30, "day": 100},
            "may narrow",
            "changed",
        ),
        ("edge.upstreamTls.ports", None, [8080], "may narrow", "may widen"),
        ("forwardToken", False, True, "may widen", "may narrow"),
        ("gateway.scheme", "https", "http", "may widen", "may narrow"),
        ("gateway.stripHeaders", [], ["X-A"], "may narrow", "may widen"),
        (
            "gateway.upstreamTls.ca",
            ["one"],
            ["one", "other"],
            "may widen",
            "may narrow",
        ),
        (
            "gateway.upstreamTls.clientCertificate",
            "one",
            "other",
            "changed",
            "changed",
        ),
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
    assert (kinds_of(name, one, other), kinds_of(name, other, one)) == (
        [there],
        [back],
    )


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
    """Whatever another value can do, one of both directions is not told of as closing alone."""
    for name in NAMES:
        for one, other in combinations(values, 2):
            assert [kinds_of(name, one, other), kinds_of(name, other, one)] != [
                ["may narrow"]
            ] * 2, (name, one, other)


def test_between_stacks_what_applications_say_is_compared() -> None:
    """All else differs by what the stacks are."""
    compared = [
        name
        for name in NAMES
        if kinds_of(name, ["/a"], ["/b"], between_stacks=True)
    ]
    said = [
        "forwardToken",
        "jwksUri",
        "kind",
        "redirectUris",
        "refresh",
        "waivers",
    ]
    assert [name for name in compared if not name.startswith("edge.")] == said
