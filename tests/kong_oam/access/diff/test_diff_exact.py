"""`diff` against its oracle on generated estates: `decide` on the tokens of `issue`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from kong_oam.access.callers import principal_of
from kong_oam.access.data import PathSegments
from kong_oam.access.decide import Request, component_of
from kong_oam.access.diff import side
from kong_oam.access.diff.change import CLOSING, Change, Setting
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.snapshot import dump_model, load_model
from kong_oam.access.model import Component, Estate
from kong_oam.access.networks import Source, admits
from kong_oam.access.paths import read_text, within, written
from kong_oam.access.principals import Principal, suffices
from kong_oam.access.sites import SitesByHost, SitesByPort
from kong_oam.access.tokens import Claims, Refusal, authenticate
from tests.support.diffs import requests
from tests.support.json_object import JsonObject
from tests.support.small_estates import (
    ASSIGNED,
    GROUPS,
    KEYS,
    MANY,
    PRINCIPALS,
    REQUESTS,
    SETS_OF_GROUPS,
    TOKENS,
    Tokens,
    allowed,
    changes_at,
    connected,
    estates,
    model,
    pairs,
    site_of,
    tokens,
)
from tests.support.tiers import examples
from tests.support.tokens import HEADER, NOW, RING, token

REQUESTED = st.lists(REQUESTS, min_size=1, max_size=12)


Pods = tuple[str, dict[str, str], int]
"""The namespace of pods, their labels, and their port."""


def _pods(component: Component) -> Pods:
    assert component.workload.named_service
    return (
        component.workload.namespace,
        dict(component.workload.named_service.labels),
        component.workload.named_service.target,
    )


def _answering(
    estate: Estate, host: str, path: PathSegments
) -> tuple[str, int, Pods, str] | None:
    """Return the target of an allowed request: by the most specific host, then by the longest path.

    The last value is the path at the workload."""
    labels = host.split(".")
    for name in (
        host,
        *(f"*.{'.'.join(labels[start:])}" for start in range(1, len(labels))),
    ):
        ways = [
            (len(endpoint.path), component, endpoint.port)
            for component in estate.components.values()
            for endpoint in component.exposure.endpoints
            if endpoint.host == name
            and path[: len(endpoint.path)] == endpoint.path
        ]
        if ways:
            _, component, port = max(ways, key=lambda way: way[0])
            sent = _sent(component, str(port), path)
            return component.key, port, _pods(component), sent
    return None


def _sent(component: Component, port: str, path: PathSegments) -> str:
    """Return the path at the workload: the longest forward of the port replaces its own path."""
    fitting = [
        (len(forward.path), forward.target)
        for forward in component.exposure.forwards
        if forward.port == port and path[: len(forward.path)] == forward.path
    ]
    if not fitting:
        return written(path)
    length, target = max(fitting)
    if not path:
        return target
    rest = "".join(f"/{element}" for element in path[length:])
    return target.rstrip("/") + rest or "/"


_Ways = tuple[tuple[str, str], tuple[str, str]]
"""The old and the new component with their ports."""


def _otherwise(*answering: tuple[str, int, Pods, str] | None) -> _Ways | None:
    """Return the expected answers of a row; None if the same target answers, or if a side has no
    target."""
    before, after = answering
    if before is None or after is None or before == after:
        return None
    return (before[0], str(before[1])), (after[0], str(after[1]))


def _answers(change: Change) -> _Ways | None:
    """Return the answers in a row."""
    if change.answers is None:
        return None
    before, after = change.answers
    return (before.component, before.port), (after.component, after.port)


def _from(source: Source, address: str | None) -> bool:
    """Return whether the source contains the address."""
    assert address is not None
    return admits(source.networks, address) and not (
        source.but and admits(source.but, address)
    )


def _check(
    changes: list[Change],
    principal: Principal | None,
    groups: frozenset[str],
    address: str | None,
    was: bool,
    now: bool,
    *,
    otherwise: bool,
    lives: bool = False,
) -> None:
    """Check that every difference is reported, and that every report is a difference for this
    principal with minimal groups.

    `otherwise`: another target answers. If the request stays allowed, one change must report this.
    `lives`: the new gate accepts an old token, so a closing change must give its lifetime.
    """
    note(f"{principal} {set(groups)}: {was} -> {now}; {changes}")
    answered = [change for change in changes if change.kind == "answered by"]
    covering = [
        caller
        for change in answered
        for caller in change.callers
        if _from(caller.source, address)
        and (
            caller.principal is None
            or (
                caller.principal == principal
                and suffices(groups, caller.condition)
            )
        )
    ]
    assert len(covering) == (was and now and otherwise)
    explained = lived = False
    for change in (
        candidate for candidate in changes if candidate.kind != "answered by"
    ):
        answers = (True, False) if change.kind in CLOSING else (False, True)
        for caller in (
            candidate
            for candidate in change.callers
            if _from(candidate.source, address)
        ):
            if caller.principal is None or (
                caller.principal == principal
                and suffices(groups, caller.condition)
            ):
                explained |= answers == (was, now)
                lived |= change.minutes is not None
            if caller.principal == principal and (
                principal is None or caller.condition & {groups, frozenset()}
            ):
                assert answers == (was, now)
    assert was == now or explained
    assert not (was and not now and lives and principal) or lived


def _callers(
    old: Estate,
    new: Estate,
    apis: tuple[Component | None, Component | None],
    logical: bool = False,
) -> Iterator[tuple[Principal | None, frozenset[str], Tokens, Tokens]]:
    """Yield every possible caller of both estates, with both tokens; callers with equal tokens only
    once."""
    seen = set()
    for principal in PRINCIPALS:
        for groups in SETS_OF_GROUPS:
            if logical and not groups <= set(GROUPS):
                continue  # no Application names it
            shown = []
            for estate, api in zip((old, new), apis, strict=True):
                provider = estate.stack.providers[
                    "main"
                ]  # all providers of an estate name groups the same way
                names = (
                    frozenset(map(provider.group, groups))
                    if logical
                    else groups
                )
                shown.append(tokens(estate, principal, names, api))
            if (principal, *shown) not in seen:
                seen.add((principal, *shown))
                yield principal, groups, *shown


@MANY
@given(pairs(), REQUESTED)
def test_requests_are_answered_differently_exactly_where_the_diff_says_so(
    pair: tuple[Estate, Estate], requests: list[Request]
) -> None:
    """The check covers every principal and set of groups, from every class of addresses."""
    _checkrequests(pair, requests)


@pytest.mark.parametrize("kind", ["from", "assigned from"])
@MANY
@given(data=st.data(), requests=REQUESTED)
def test_networks_and_groups_are_reported_exactly_if_they_change_callers(
    kind: str, data: st.DataObject, requests: list[Request]
) -> None:
    """Nothing else changes."""
    old, new = data.draw(pairs(kinds=(kind,)))
    _checkrequests((connected(old), connected(new)), requests)


def _checkrequests(
    pair: tuple[Estate, Estate], requests: list[Request]
) -> None:
    old, new = pair
    changes, sides = (
        diff(model(old), model(new)),
        (SitesByHost(old), SitesByHost(new)),
    )
    for request in requests:
        site = site_of({*old.by_host, *new.by_host}, request.host)
        path = read_text(request.target)
        declared = {path for side in sides for path in side.declared(site)}
        covering = changes_at(changes, site, request.method, path, declared)
        apis = (
            component_of(old, request.host, path),
            component_of(new, request.host, path),
        )
        ways = [_answering(estate, request.host, path) for estate in pair]
        otherwise = ways[0] != ways[1]
        note(f"{request}: {covering}")
        assert {*map(_answers, covering)} <= {_otherwise(*ways)}
        for principal, groups, before, after in _callers(old, new, apis):
            was, now = (
                allowed(old, request, before),
                allowed(new, request, after),
            )
            lives = allowed(new, request, before)
            _check(
                covering,
                principal,
                groups,
                request.address,
                was,
                now,
                otherwise=otherwise,
                lives=lives,
            )


@MANY
@given(pairs(kinds=("endpoints", "pods", "components")), REQUESTED)
def test_a_changed_answer_is_reported_exactly_if_the_request_stays_allowed(
    pair: tuple[Estate, Estate], requests: list[Request]
) -> None:
    """A path leads to another component, port or pods; nothing else changes."""
    _checkrequests(pair, requests)


@MANY
@given(pairs("another"), REQUESTED)
def test_stacks_differ_exactly_where_a_component_can_be_called_by_others(
    pair: tuple[Estate, Estate], requests: list[Request]
) -> None:
    """The comparison is by component, port and path, and by logical names of groups."""
    old, new = pair
    changes, sides = (
        diff(model(old), model(new)),
        (SitesByPort(old), SitesByPort(new)),
    )
    for request in requests:
        path = read_text(request.target)
        for site in {*sides[0].names(), *sides[1].names()}:
            declared = {path for side in sides for path in side.declared(site)}
            covering = changes_at(changes, site, request.method, path, declared)
            key = site.rpartition(":")[0]
            apis = old.components.get(key), new.components.get(key)
            for principal, groups, before, after in _callers(
                old, new, apis, logical=True
            ):
                note(f"{site} {request}")
                was, now = (
                    _reached(old, site, request, before),
                    _reached(new, site, request, after),
                )
                otherwise = all(apis) and _pods(apis[0]) != _pods(apis[1])
                _check(
                    covering,
                    principal,
                    groups,
                    request.address,
                    was,
                    now,
                    otherwise=otherwise,
                )


def _reached(
    estate: Estate, site: str, request: Request, token: Tokens
) -> bool:
    """Return whether the gate accepts the token at the component's port on any host."""
    key, _, port = site.rpartition(":")
    component = estate.components.get(key)
    path = read_text(request.target)
    for endpoint in component.exposure.endpoints if component else ():
        host = endpoint.host.replace("*", "_fresh")
        owners = [
            owner
            for owner, _ in estate.by_host[endpoint.host]
            if within(path, owner.path)
        ]
        if (
            owners
            and max(owners, key=lambda owner: len(owner.path)) is endpoint
            and endpoint.port == int(port)
        ):
            assert component_of(estate, host, path) is component
            if allowed(estate, replace(request, host=host), token):
                return True
    return False


@MANY
@given(pairs())
def test_every_change_is_witnessed_by_a_request(
    pair: tuple[Estate, Estate],
) -> None:
    """For each named principal, the example's answers differ in the direction of the change."""
    old, new = pair
    for change in requests(diff(model(old), model(new))):
        example = change.example
        assert example.address == _example(change.callers[0].source)
        assert (
            example.principal,
            example.groups in change.callers[0].condition,
        ) in (
            (change.callers[0].principal, True),
            (None, False),
        )
        for caller in change.callers:
            address = _example(caller.source)
            request = Request(
                example.method,
                example.now or "",
                written(example.path).encode(),
                address or "192.0.2.9",
            )
            for groups in caller.condition or [frozenset()]:
                note(f"{change} {caller}")
                was, now = (
                    _allowed(estate, request, caller.principal, groups)
                    for estate in pair
                )
                before, after = (
                    _answering(estate, request.host, read_text(request.target))
                    for estate in pair
                )
                assert _answers(change) == _otherwise(before, after)
                if change.kind == "answered by":
                    assert (was, now) == (True, True) and change.answers
                else:
                    assert (was, now) == (
                        (True, False)
                        if change.kind in CLOSING
                        else (False, True)
                    )


def _example(source: Source) -> str | None:
    address = source.example()
    return str(address) if address else None


def _allowed(
    estate: Estate,
    request: Request,
    principal: Principal | None,
    groups: frozenset[str],
) -> bool:
    api = component_of(estate, request.host, read_text(request.target))
    return allowed(estate, request, tokens(estate, principal, groups, api))


@settings(MANY, max_examples=examples(1000))
@given(pairs(kinds=(*ASSIGNED, "roles", "rules", "from", "groups")))
def test_a_site_is_left_out_only_where_nothing_changes(
    pair: tuple[Estate, Estate],
) -> None:
    """The shortcut for sites with equal bases does not change the diff."""
    old, new = map(model, map(connected, pair))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(side.Side, "basis", lambda self, site: None)
        complete = diff(old, new)
    assert diff(old, new) == complete


@MANY
@given(estates())
def test_an_estate_equals_itself_and_its_export(
    estate: Estate,
) -> None:
    """The exported model has exactly the access of the estate."""
    own = model(estate)
    assert diff(own, own) == ()
    assert diff(own, load_model(dump_model(own))) == ()


PAYLOADS = st.fixed_dictionaries(
    {
        "exp": st.just(NOW + 60),
        "jti": st.sampled_from(("AT.1", "AT.1", "AX")),
        "cid": st.just("job"),
        "sub": st.sampled_from(("job", "job", "app")),
        "scp": st.sampled_from((["r"], ["r", "a.w"])),
    },
    optional={
        "azp": st.sampled_from(("job", "other")),
        "typ": st.just("at"),
        "uid": st.just("u1"),
        "sid": st.just("s1"),
        "scope": st.just("w"),
        "roles": st.sampled_from((["w"], "w")),
        "groups": st.just(["g1"]),
        "more": st.just("yes"),
    },
)


@MANY
@given(pairs(kinds=TOKENS), st.lists(PAYLOADS, min_size=4, max_size=8))
def test_tokens_count_differently_only_where_the_diff_says_so(
    pair: tuple[Estate, Estate], payloads: list[JsonObject]
) -> None:
    """For tokens with any claims: a token that becomes valid, or gets another meaning, may widen
    access."""
    provider_settings = [
        change
        for change in diff(*map(model, pair))
        if isinstance(change, Setting) and not change.of.component
    ]
    rings = [
        replace(
            RING,
            provider=stack.providers["main"],
            issuer=stack.providers["main"].issuer,
        )
        for stack in (pair[0].stack, pair[1].stack)
    ]
    for number, payload in enumerate(payloads):
        provider = rings[number % 2].provider
        shown = token(
            HEADER,
            {
                "iss": provider.issuer,
                "aud": provider.audience_of("app/one"),
                **payload,
            },
        )
        was, now = (
            _meaning(authenticate(shown, ring, NOW, KEYS)) for ring in rings
        )
        if was != now:
            note(f"{payload}: {was} -> {now}; {provider_settings}")
            kinds = {
                change.kind
                for change in provider_settings
                if change.of.provider == "main"
            }
            assert kinds
            assert now is None or "may widen" in kinds


def _meaning(claims: Claims | Refusal) -> Claims | None:
    return claims if isinstance(claims, Claims) else None


@MANY
@given(pairs())
def test_clients_owners_and_the_scheme_differ_exactly_where_the_diff_says_so(
    pair: tuple[Estate, Estate],
) -> None:
    """Only subjects in both estates count, and clients that keep calling as themselves or for
    users."""
    old, new = pair
    found = {
        (change.of.component, change.of.provider, change.name, change.kind)
        for change in diff(model(old), model(new))
        if isinstance(change, Setting)
        and (change.of.component or change.name == "gateway.scheme")
    }
    expected = set()
    if old.stack.scheme != new.stack.scheme:
        expected.add(
            (
                "",
                "",
                "gateway.scheme",
                "may widen" if new.stack.scheme == "http" else "may narrow",
            )
        )
    for key in old.components.keys() & new.components.keys():
        if old.components[key].owner != new.components[key].owner:
            expected.add((key, "", "owner", "owner"))
        before_fence = old.components[key].workload.named_service
        fence = new.components[key].workload.named_service
        is_routed = new.components[key].exposure.endpoints
        if before_fence and (
            not fence or (fence.labels != before_fence.labels and not is_routed)
        ):
            expected.add((key, "", "access.service", "may widen"))
    before = {principal_of(client): client for client in old.clients}
    for now in new.clients:
        was, key = before.get(principal_of(now)), (now.component, now.provider)
        if was is None:
            continue
        expected |= (
            {(*key, "kind", "may widen")} if was.kind != now.kind else set()
        )
        expected |= (
            {(*key, "jwksUri", "may widen")}
            if was.jwks_uri != now.jwks_uri
            else set()
        )
        expected |= (
            {(*key, "refresh", "may widen" if now.refresh else "may narrow")}
            if was.refresh != now.refresh
            else set()
        )
        if was.redirect_uris != now.redirect_uris:
            more = set(now.redirect_uris) - set(was.redirect_uris)
            expected.add(
                (*key, "redirectUris", "may widen" if more else "may narrow")
            )
    assert found == expected
