"""Which fields are compared as they stand, which are not and why, and what a model without them is compared by."""

from __future__ import annotations

import typing
from dataclasses import dataclass, fields, is_dataclass, replace

import pytest

from kong_oam.access.diff import facts
from kong_oam.access.diff.change import Setting, Subject
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.facts import LEFT_OUT, NOT_COMPARED, NOT_KNOWN, facts_of
from kong_oam.access.diff.snapshot import dump_model, load_model
from kong_oam.access.diff.wording import headline
from kong_oam.access.model import Application, Call, Endpoint, Estate, Public, Role, Rule, Waiver
from kong_oam.access.providers import ClaimMapping, Listing, Provider, TokenType
from kong_oam.access.rotation import Schedule
from kong_oam.access.settings.stack import ProviderSettings, Settings
from tests.support.diffs import API, BEFORE, EARLIER, SHOP, edited, model, settings

WHOLE = {ClaimMapping, Listing, TokenType, Schedule}
"""All fields of these are compared."""

BY_REQUEST = {
    Estate: "stack applications unjudged",
    Application: "name namespace labels annotations components",
    Endpoint: "host path port place certificate",
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
    estate = replace(BEFORE.estate, stack=replace(BEFORE.estate.stack, providers={"okta": spelled}))
    found = facts_of(estate, settings())
    names = {subject: " ".join(sorted(values)) for subject, values in found.items()}
    assert names[Subject()] == (
        "gateway.cidrs gateway.edition gateway.hstsSeconds gateway.namespace gateway.nodeAddress gateway.plainHttp "
        "gateway.podLabels gateway.reach gateway.scheme gateway.serviceAnnotations gateway.stripHeaders rotation.every "
        "rotation.overlap"
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
    assert names[Subject("shop/web")] == "forwardToken waivers"


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


def test_a_model_of_an_earlier_version_is_compared_as_far_as_it_goes() -> None:
    """By requests; and that there is more, of which it says nothing, is told as what it may be."""
    assert diff(load_model(EARLIER), BEFORE) == (NOT_COMPARED,)
    assert headline([NOT_COMPARED], "https") == (
        "may widen for everybody: settings and clients cannot be compared: an earlier version exported neither"
    )
    opened = model(edited(API, ("methods: [GET], public", "methods: [GET, POST], public")), SHOP)
    assert [change.kind for change in diff(load_model(EARLIER), opened)] == ["newly public", "may widen"]


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
