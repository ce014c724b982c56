"""The graph's scopes agree exactly with `who` and the gate, on generated estates."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from kong_oam.access.callers import Callers, principal_of
from kong_oam.access.graph.build import graph_of
from kong_oam.access.graph.graph import Graph, users_in
from kong_oam.access.graph.view import of_principal
from kong_oam.access.model import Component, Estate
from kong_oam.access.principals import Access, Groups
from kong_oam.access.providers import Provider
from tests.support.components import with_fields
from tests.support.small_estates import (
    KEYS,
    MANY,
    SCOPES,
    estates,
    pairs_with_old_callers,
)


def itself(_: Provider, group: str) -> Groups:
    """Return the group's name in Applications."""
    return frozenset({group})


def with_members(estate: Estate) -> Estate:
    """Return the estate with components in some roles, as far as these are clients."""
    clients = {client.component for client in estate.clients}

    def component(source: Component) -> Component:
        roles = (
            replace(r, components=tuple(clients & {*KEYS[n : n + 2]}))
            for n, r in enumerate(source.identity.roles)
        )
        return with_fields(source, roles=tuple(roles))

    applications = (
        replace(a, components=tuple(map(component, a.components)))
        for a in estate.applications
    )
    return replace(estate, applications=tuple(applications))


def having(graph: Graph, component: str, scope: str) -> set[str]:
    """The ids of all that a scope of the component leads back to, by lines on which its evaluation exceeds."""
    roles = {
        edge.source
        for edge in graph.entering.get(f"scope:{component}:{scope}", ())
    }
    return {
        edge.source
        for role in roles
        for edge in graph.entering.get(role, ())
        if scope in edge.items
    }


def check(estate: Estate) -> None:
    graph, callers = graph_of(estate), Callers(estate, itself)
    for component in estate.components.values():
        at_it = [
            client
            for client in estate.clients
            if client.provider == component.identity.provider
        ]
        for scope in SCOPES:
            access, ids = (
                callers.principals_with(component, frozenset({scope})),
                having(graph, component.key, scope),
            )
            shown = {
                client
                for client in at_it
                if f"client:{client.component}" in ids
            }
            assert {principal_of(client) for client in shown} == {
                *access.principals
            }
            groups = {
                id_.removeprefix("group:")
                for id_ in ids
                if id_.startswith("group:")
            }
            for client in (node for node in shown if node.user_facing):
                alone = {group for group in groups if group in client.groups}
                assert alone == {
                    groups
                    for sets in access.principals[principal_of(client)]
                    if len(sets) == 1
                    for groups in sets
                }
            holding = {
                g
                for role in component.identity.roles
                if scope in role.scopes
                for g in role.groups
            }
            assert groups == (
                holding
                if any(client.user_facing for client in shown)
                else set()
            )
        check_any_token(
            estate,
            component,
            graph,
            callers.principals_with(component, frozenset()),
        )


def check_old_callers(
    component: Component, graph: Graph, callers: Callers
) -> None:
    """Check that each caller with an old credential leads to its scopes."""
    for scope in SCOPES:
        access = callers.principals_with(component, frozenset({scope}))
        shown = {
            id_.removeprefix("consumer:")
            for id_ in having(graph, component.key, scope)
            if id_.startswith("consumer:")
        }
        assert shown == {each.client for each in access.until}


def check_any_token(
    estate: Estate, component: Component, graph: Graph, access: Access
) -> None:
    """Check that every client that can get a token leads to a rule for any token, with its groups."""
    tokens = [
        edge.source
        for edge in graph.entering.get(f"component:{component.key}", ())
        if graph.by_id[edge.source].kind == "token"
    ]
    assert bool(tokens) == any(
        not rule.public and not rule.scopes for rule in component.exposure.rules
    )
    for token in tokens:
        shown = {
            edge.source.removeprefix("client:"): {*edge.items}
            for edge in graph.entering.get(token, ())
        }
        expected = {
            principal.client: {
                users_in(group) for sets in condition for group in sets
            }
            or {"any token"}
            for principal, condition in access.principals.items()
        }
        assert shown == expected


@MANY
@given(estates())
def test_who_has_a_scope_is_who_may_call_with_it(estate: Estate) -> None:
    """The roles have no holders, as in an exported model."""
    check(estate)


@MANY
@given(estates())
def test_who_has_a_scope_by_a_role_is_who_may_call_with_it(
    estate: Estate,
) -> None:
    """Components have roles, with or without a request for their scopes."""
    check(with_members(estate))


@MANY
@given(pairs_with_old_callers())
def test_callers_with_an_old_credential_are_drawn(
    pair: tuple[Estate, Estate],
) -> None:
    estate, _ = pair
    graph, callers = graph_of(estate), Callers(estate, itself)
    for component in estate.components.values():
        check_old_callers(component, graph, callers)


@MANY
@given(estates())
def test_of_a_client_all_groups_are_drawn_that_its_users_may_need(
    estate: Estate,
) -> None:
    """This includes clients for other groups: a user in both groups has the scope."""
    graph, callers = graph_of(estate), Callers(estate, itself)
    for client in estate.clients:
        drawn = of_principal(
            graph, [graph.by_id[f"client:{client.component}"]]
        ).by_id
        for component in estate.components.values():
            for needed in (frozenset(SCOPES), *map(frozenset, SCOPES)):
                condition = callers.principals_with(
                    component, needed
                ).principals.get(principal_of(client), ())
                holding = {
                    g
                    for role in component.identity.roles
                    if needed & {*role.scopes}
                    for g in role.groups
                }
                assert {
                    f"group:{group}"
                    for groups in condition
                    for group in groups & holding
                } <= {*drawn}


@MANY
@given(estates())
def test_every_rule_is_in_the_graph(estate: Estate) -> None:
    """Each rule has its methods, path and scopes: at its scopes, at anybody, or at any token."""
    graph = graph_of(with_members(estate))
    for component in estate.components.values():
        if not component.exposure.endpoints:
            continue
        entering = graph.entering.get(f"component:{component.key}", ())
        shown = {
            (edge.source, item) for edge in entering for item in edge.items
        }
        for rule in component.exposure.rules:
            sources = [
                f"scope:{component.key}:{scope}" for scope in rule.scopes
            ] or [
                "public:",
                "token:",
            ]
            path = f" /{'/'.join(rule.path)}"
            for method in rule.methods:
                for source in (
                    sources
                    if rule.scopes
                    else sources[:1]
                    if rule.public
                    else sources[1:]
                ):
                    assert any(
                        id_.startswith(source)
                        and item.startswith(method + path)
                        for id_, item in shown
                    )
