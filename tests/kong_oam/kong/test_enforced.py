"""The enforced model is read back from the state exactly, whatever the outputs say, on generated
estates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given

from kong_oam.access.callers import Callers, principal_of
from kong_oam.access.data import TLS, PathSegments
from kong_oam.access.diff.change import OPENING, Change, Difference
from kong_oam.access.diff.compare import diff, diff_from_any
from kong_oam.access.diff.model import empty
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.hosts import host_patterns
from kong_oam.access.model import ClientKind, Component, Estate, Stack, signs_in
from kong_oam.access.principals import Access, Principal
from kong_oam.access.sites import SitesByHost, path_classes_by_site
from kong_oam.engine.state import PLUGIN, ROUTE, Resource
from kong_oam.kong.enforced import enforced_models
from tests.support import estates as written
from tests.support.components import with_fields
from tests.support.diffs import requests
from tests.support.enforced_state import plugins_of, routes_of, state
from tests.support.small_estates import MANY, estates, model, pairs


def compiles(estate: Estate) -> bool:
    """Whether clients call components of their own provider only, as all that compile do."""
    return all(
        estate.components[call.component].identity.provider == client.provider
        for client in estate.clients
        for call in client.calls
        if call.component in estate.components
    )


@MANY
@given(estates().filter(compiles))
def test_what_is_deployed_whole_is_what_was_meant(estate: Estate) -> None:
    """Gates and admission agree, so it is one model, and no access differs in either direction."""
    wanted = model(estate)
    (found,) = enforced_models(state(estate), wanted)
    assert diff(found, wanted) == diff(wanted, found) == ()


@MANY
@given(pairs().filter(lambda pair: all(map(compiles, pair))))
def test_a_change_is_told_as_if_both_estates_were_known(
    pair: tuple[Estate, Estate],
) -> None:
    """All changes are shown, even if the outputs already contain them, as after a failed run.
    Components that accept any token are an exception, since no gate knows their callers."""
    old, new = map(model, pair)
    (found,) = enforced_models(state(pair[0]), old)
    expected = diff(old, new)
    assert diff_from_any([found], new) == expected
    (found,) = enforced_models(state(pair[0]), new)
    if all(
        rule.public or rule.scopes
        for estate in pair
        for component in estate.exposed
        for rule in component.exposure.rules
    ):
        lost = [
            change
            for change in requests(expected)
            if change not in diff_from_any([found], new)
        ]
        assert [change for change in lost if change.kind in OPENING] == []


@MANY
@given(pairs().filter(lambda pair: all(map(compiles, pair))))
def test_what_admission_keeps_closed_opens_with_the_next_run(
    pair: tuple[Estate, Estate],
) -> None:
    """A run that got as far as admission closed what the estate before had open: going back opens that again."""
    old, new = map(model, pair)
    found = enforced_models(_half(*pair), new)
    opened = [
        change
        for change in requests(diff(new, old))
        # The old gate sends requests already as the estate before.
        if change.kind in OPENING and change.kind != "answered by"
        if _stays(pair, change)
    ]
    assert [
        change
        for change in opened
        if not _is_told(change, diff_from_any(found, old))
    ] == []


@MANY
@given(
    pairs(kinds=("rules", "roles", "from", "clients")).filter(
        lambda pair: all(map(compiles, pair))
    )
)
def test_every_port_is_read(pair: tuple[Estate, Estate]) -> None:
    """Ports have their own tables after a run that left some out, here all except 80. Their callers are the callers of the old estate. Components that accept any token are an exception. So are
    assignments to clients, since only the provider decides them. Both estates therefore have the
    same assignments.
    """
    old, new = map(_on_two_ports, pair)
    new = _assigned_as(old, new)
    if any(
        not (rule.public or rule.scopes)
        for estate in pair
        for component in estate.exposed
        for rule in component.exposure.rules
    ):
        return
    (found,) = enforced_models(_one_port(old, new), model(new))
    sites = SitesByHost(found.estate)
    callers = {
        id(estate): Callers(estate) for estate in (old, new, found.estate)
    }
    for site, classes in path_classes_by_site(
        sites, SitesByHost(old), SitesByHost(new)
    ):
        for family in classes:
            leading = _leading(
                found.estate, sites.host(site, family.path) or "", family.path
            )
            made_from = old if leading and leading[0].port == 80 else new
            assert _callers(
                found.estate, callers, site, family.path
            ) == _callers(made_from, callers, site, family.path)


def _on_two_ports(estate: Estate) -> Estate:
    """The estate, with every second endpoint of a component behind another port than the first."""

    def component(old_component: Component) -> Component:
        ends = (
            replace(end, port=80 + index % 2)
            for index, end in enumerate(old_component.exposure.endpoints)
        )
        return with_fields(old_component, endpoints=tuple(ends))

    applications = (
        replace(
            application,
            components=tuple(map(component, application.components)),
        )
        for application in estate.applications
    )
    return replace(estate, applications=tuple(applications))


def _assigned_as(old: Estate, new: Estate) -> Estate:
    """Return the new estate with the old groups that sign in through common clients."""
    groups = {principal_of(client): client.groups for client in old.clients}

    def component(old_component: Component) -> Component:
        clients = (
            replace(
                client,
                groups=groups.get(principal_of(client), client.groups),
            )
            for client in old_component.identity.clients
        )
        return old_component.with_clients(clients)

    applications = (
        replace(
            application,
            components=tuple(map(component, application.components)),
        )
        for application in new.applications
    )
    return replace(new, applications=tuple(applications))


def _callers(
    estate: Estate,
    callers: Mapping[int, Callers],
    site: str,
    path: PathSegments,
) -> Mapping[str, Access] | None:
    component = SitesByHost(estate).component(site, path)
    return callers[id(estate)].at(component, path) if component else None


def _leading(
    estate: Estate, host: str, path: PathSegments
) -> tuple[Endpoint, Component] | None:
    return next(
        filter(
            None,
            (estate.endpoint_on(name, path) for name in host_patterns(host)),
        ),
        None,
    )


def _one_port(old: Estate, new: Estate) -> list[Resource]:
    """Return the state after `up --target` of everything except the plugins of port 80."""
    made = {resource.name: resource for resource in state(new)}
    return [
        resource if "-80-" in resource.name else made[resource.name]
        for resource in state(old)
    ]


def test_two_ports_of_one_component_are_told_apart() -> None:
    """A rule stays public at a port that a run left out, so the next run still has to close it. A
    comparison of stacks shows this too, although it compares ports by their component."""
    old, new = (
        _two_ports(needed) for needed in ("public: {reason: x}", "scopes: [r]")
    )
    mixed = _one_port(old, new)
    (found,) = enforced_models(mixed, model(new))
    expected = [
        (change.kind, change.site, change.methods)
        for change in requests(diff_from_any([found], model(new)))
    ]
    assert expected == [("revoked", "a.test", ("GET", "HEAD"))]
    (found,) = enforced_models(_one_port(new, old), model(new))
    elsewhere = _two_ports(
        "scopes: [r]", replace(written.STACK, name="elsewhere")
    )
    expected = [
        (change.kind, change.site, change.methods)
        for change in requests(diff_from_any([found], model(elsewhere)))
    ]
    assert expected == [("revoked", "orders/api:8081", ("GET", "HEAD"))]


def test_a_client_of_another_kind_is_told_apart_at_each_port() -> None:
    """A service becomes a native application. At the port that the run left out it still calls as
    itself. `diff` still has to show both: the client loses access, and its users get it."""
    old, new = _called_by("service"), _called_by("native")
    (found,) = enforced_models(_one_port(old, new), model(new))
    expected = [
        (change.kind, caller.principal, change.region.subtree.path)
        for change in requests(diff_from_any([found], model(new)))
        for caller in change.callers
    ]
    itself, users = (
        Principal("orders/api", "main", users) for users in (False, True)
    )
    assert expected == [("granted", users, ("a",)), ("revoked", itself, ("a",))]
    (found,) = enforced_models(state(old), model(new))
    assert [
        change.callers
        for change in requests(diff_from_any([found], model(new)))
    ] == [change.callers for change in requests(diff(model(old), model(new)))]
    assert [principal_of(client) for client in found.estate.clients] == [itself]


def test_of_groups_at_some_gates_only_nothing_is_sure() -> None:
    """An old gate lists staff as a group that may sign in, but no gate knows whether the provider
    allows it. The change must be shown for both ports."""
    old, new = (_called_by("native", staff) for staff in ("", "orders/api"))
    for mixed in (_one_port(old, new), _one_port(new, old)):
        (found,) = enforced_models(mixed, model(new))
        expected = requests(diff_from_any([found], model(new)))
        assert [change.kind for change in expected] == ["widened"] * 2
        assert expected == requests(diff(model(old), model(new)))


def _called_by(kind: ClientKind, staff: str = "") -> Estate:
    """Return the estate of a component with two ports, and of a client of this kind.

    `staff`: the groups that may sign in through the client.
    """
    access = (
        "{owner: t, scopes: {r: r}, rules: [{paths: [/a, /b], methods: [GET], scopes: [r]}], "
        "roles: {reader: {scopes: [r], groups: [sales], components: [orders/api]}, "
        f"staff: {{scopes: [r], groups: [staff], components: [{staff}]}}}}}}"
    )
    signing_in = ", redirectUris: [com.example.app:/done]"
    client = f"{{kind: {kind}{signing_in if signs_in(kind) else ''}, calls: [{{component: orders/api, scopes: [r]}}]}}"
    return written.estate(
        written.api(domain="a.test", http="{/a: 80, /b: 8081}", access=access)
        + f"        - type: client\n          properties: {client}\n"
    )


def test_tokens_for_a_component_are_for_each_of_its_ports() -> None:
    """If a provider's tokens are for a single API each, the model adds no API for a port."""
    provider = replace(written.PROVIDER, per_api=True)
    old, new = (
        _two_ports(needed, replace(written.STACK, providers={"main": provider}))
        for needed in ("public: {reason: x}", "scopes: [r]")
    )
    (found,) = enforced_models(_one_port(old, new), model(new))
    assert list(found.estate.components) == ["orders/api", "orders/api:8081"]
    assert {provider.audience_of(key) for key in found.estate.components} == {
        "api://tests/orders/api"
    }


@pytest.mark.parametrize("tls", ["tls", "mtls"])
def test_a_port_is_the_same_one_over_tls(tls: TLS) -> None:
    """Where stacks are compared by component and port, one of which speaks clear text to the workload."""
    plain = _two_ports(
        "public: {reason: x}", replace(written.STACK, name="elsewhere")
    )
    (application,) = (estate := _two_ports("public: {reason: x}")).applications
    (component,) = application.components
    component = with_fields(
        component,
        endpoints=tuple(
            replace(end, tls=tls) for end in component.exposure.endpoints
        ),
    )
    secured = replace(
        estate, applications=(replace(application, components=(component,)),)
    )
    (found,) = enforced_models(state(secured), model(secured))
    assert requests(diff(found, model(plain))) == []


def _two_ports(needed: str, stack: Stack = written.STACK) -> Estate:
    rule = f"{{paths: [/a, /b], methods: [GET], {needed}}}"
    access = f"{{owner: t, scopes: {{r: r}}, rules: [{rule}]}}"
    text = written.api(
        domain="a.test", http="{/a: 80, /b: 8081}", access=access
    )
    return written.estate(text, stack=stack)


def _half(old: Estate, new: Estate) -> list[Resource]:
    """Routes and gates as they were; admission is new, where there was one before."""
    old_names = {plugin.name for plugin in plugins_of(old, "admission")}
    admissions = [
        plugin
        for plugin in plugins_of(new, "admission")
        if plugin.name in old_names
    ]
    unchanged = [
        plugin
        for plugin in plugins_of(old, "admission")
        if plugin.name not in {admission.name for admission in admissions}
    ]
    return [*plugins_of(old, "gate"), *admissions, *unchanged, *routes_of(old)]


def _stays(pair: tuple[Estate, Estate], change: Change) -> bool:
    """Whether the component is before the same ports in both, so that a run has its admission to change."""
    return {
        key: component.backends for key, component in pair[0].components.items()
    } == {
        key: component.backends for key, component in pair[1].components.items()
    }


def _is_told(change: Change, found: Iterable[Difference]) -> bool:
    """Where it is, or at the wildcard above it, where neither estate names the host; of several regions in one."""
    return any(
        earlier.kind in OPENING and _covers(earlier.site, change.site)
        for earlier in requests(found)
    )


def _covers(site: str, other: str) -> bool:
    return site == other or (site.startswith("*.") and other.endswith(site[1:]))


def test_a_group_whose_name_now_stands_for_another_is_read_as_it_was() -> None:
    """The gate lists `sales`, which the stack maps to `staff` from now on: who is in that gets in with the next run."""
    access = (
        "{owner: t, scopes: {r: r}, rules: [{paths: [/orders], methods: [GET], scopes: [r]}], "
        "roles: {reader: {scopes: [r], groups: [sales], components: [orders/api]}}}"
    )
    calls = "calls: [{component: orders/api, scopes: [r]}]"
    client = f"{{kind: native, redirectUris: [com.example.app:/done], {calls}}}"
    text = (
        written.api(access=access)
        + f"        - type: client\n          properties: {client}\n"
    )
    old = written.estate(text)
    provider = replace(written.PROVIDER, groups={"sales": "staff"})
    wanted = model(
        written.estate(
            text, stack=replace(written.STACK, providers={"main": provider})
        )
    )
    (found,) = enforced_models(state(old), wanted)
    assert diff_from_any([found], wanted) == diff(model(old), wanted)
    assert [
        change.kind for change in requests(diff_from_any([found], wanted))
    ] == [
        "widened",
        "narrowed",
    ]


def test_without_a_gate_or_without_a_route_nothing_is_open() -> None:
    """A run that made one and not the other: the next one opens all that they lead to."""
    estate = _an_estate()
    wanted = model(estate)
    for resources in (
        [],
        list(routes_of(estate)),
        [*plugins_of(estate, "gate"), *plugins_of(estate, "admission")],
    ):
        (found,) = enforced_models(resources, wanted)
        assert (
            requests(diff(found, wanted))
            == requests(diff(empty(wanted), wanted))
            != []
        )


def test_a_gate_of_an_earlier_version_says_too_little() -> None:
    """Then the stack's own outputs are what there is; so, too, where its script cannot be read."""
    estate = _an_estate()
    for config in (
        '{"access": ["local TABLE = [==[{}]==]\\n"]}',
        '{"access": []}',
        "{}",
        "",
        None,
        7,
    ):
        resources = [
            replace(resource, outputs={"configJson": config})
            if resource.name.endswith("-gate")
            else resource
            for resource in state(estate)
        ]
        wanted = model(estate)
        assert enforced_models(resources, wanted) == (wanted,)


def _an_estate() -> Estate:
    access = "{owner: t, scopes: {r: r}, rules: [{paths: [/orders], methods: [GET], public: {reason: x}}]}"
    return written.estate(written.api(access=access))


def test_plugins_and_routes_of_others_are_not_looked_at() -> None:
    """A plugin of a route, say, and resources of other kinds."""
    estate = _an_estate()
    others = [
        Resource(
            PLUGIN, "orders/api-optional-public-1-8080", {"configJson": "{}"}
        ),
        Resource("kubernetes:apps/v1:Deployment", "orders/api-gate", {}),
        Resource(
            ROUTE,
            "theirs",
            {"name": "a.b.c.d.e", "hosts": ["x.test"], "paths": ["~/"]},
        ),
    ]
    (found,) = enforced_models([*state(estate), *others], model(estate))
    assert diff(found, model(estate)) == ()
