"""`explain`, `who` and `what` against an oracle: `decide` on the tokens of `issue`."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from kong_oam.__main__ import main
from kong_oam.access.callers import logical_groups
from kong_oam.access.decide import Request, component_of, decide
from kong_oam.access.issue import User, issue
from kong_oam.access.model import Client, Component, Estate
from kong_oam.access.networks import admits, fewest, network
from kong_oam.access.paths import read, read_text
from kong_oam.access.request_classes import Subtree
from kong_oam.access.sites import SitesByHost
from kong_oam.access.tokens import Refusal
from tests.support.small_estates import (
    REQUESTS,
    SETS_OF_GROUPS,
    Tokens,
    allowed,
    estates,
    lies_in,
    narrowness,
    site_of,
    tokens_of,
)
from tests.support.tiers import examples

MANY = settings(
    max_examples=examples(200),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=set(Phase) - {Phase.explain},
)
REQUESTED = st.lists(REQUESTS, min_size=1, max_size=12)


def json_of(estate: Estate, *arguments: str) -> Any:
    """Return the command's JSON for the estate, which replaces the Applications."""
    verb, printed = arguments[0], io.StringIO()
    with (
        patch(f"kong_oam.cli.{verb}.estate_from", lambda _: estate),
        contextlib.redirect_stdout(printed),
    ):
        assert main([*arguments, "--json"]) == 0
    return json.loads(printed.getvalue())


def url(request: Request) -> str:
    return f"{request.host}{request.target.decode()}"


def source(request: Request) -> tuple[str, str]:
    assert request.address
    return "--from", request.address


def user_in(
    estate: Estate, client: Client, groups: Sequence[str] | None
) -> User | None:
    """Return a user in these groups, by their names in Applications. None for a client that calls
    as itself."""
    provider = estate.stack.providers[client.provider]
    return (
        None
        if groups is None
        else User("user", tuple(map(provider.group, groups)))
    )


def tokens(
    estate: Estate,
    client: Client,
    groups: Sequence[str] | None,
    api: Component | None,
) -> Tokens:
    """Return the tokens that the client can send to `api`."""
    return tokens_of(estate, client, user_in(estate, client, groups), api)


def sets_of_groups(
    estate: Estate, client: Client
) -> list[tuple[str, ...] | None]:
    """Return sets of groups that make a difference. None for a client that calls as itself."""
    if not client.user_facing:
        return [None]
    return [
        tuple(sorted(groups))
        for groups in SETS_OF_GROUPS
        if groups <= logical_groups(estate)
    ]


@MANY
@given(estates(), REQUESTED)
def test_who_lists_exactly_the_callers_that_decide_allows(
    estate: Estate, requests: list[Request]
) -> None:
    """For all clients, and users in every set of groups. Everybody, if no token is needed."""
    for request in requests:
        answer = json_of(
            estate, "who", request.method, url(request), *source(request)
        )
        note(f"{request} {answer}")
        assert answer["everybody"] == allowed(estate, request, (None,))
        listed_groups = {
            (principal["client"], principal["provider"]): principal["usersIn"]
            for principal in answer["principals"]
        }
        api = component_of(estate, request.host, read(request.target))
        for client in estate.clients:
            conditions = listed_groups.get((client.component, client.provider))
            for groups in sets_of_groups(estate, client):
                may = conditions is not None and any(
                    set(condition) <= set(groups or ())
                    for condition in conditions or [[]]
                )
                assert (answer["everybody"] or may) == allowed(
                    estate, request, tokens(estate, client, groups, api)
                )


@MANY
@given(estates(), REQUESTED)
def test_what_lists_exactly_the_requests_that_decide_allows(
    estate: Estate, requests: list[Request]
) -> None:
    """Each row for its methods, at all paths of its part without its exceptions."""
    sites = SitesByHost(estate)
    listed: Mapping[str, Any] = {
        key: json_of(estate, "what", key, "--public")["endpoints"]
        for key in {client.component for client in estate.clients}
    }
    anybody = json_of(estate, "what", "anonymous")["endpoints"]
    for request in requests:
        declared = (
            set(sites.declared(site))
            if (site := site_of({*estate.by_host}, request.host))
            else set()
        )
        path = read(request.target)
        api = component_of(estate, request.host, path)

        def rows(
            of: list[Any],
            site: str = site,
            declared: Any = declared,
            request: Request = request,
        ) -> list[Any]:
            return [
                row
                for row in of
                if row["host"] == site and _covers(row, request, declared)
            ]

        note(f"{request} {listed}")
        assert bool(rows(anybody)) == allowed(estate, request, (None,))
        for client in estate.clients:
            if api and client.provider != api.identity.provider:
                continue
            rows_of_client = rows(listed[client.component])
            for groups in sets_of_groups(estate, client):
                may = any(
                    row["everybody"]
                    or any(
                        set(condition) <= set(groups or ())
                        for condition in row["usersIn"] or [[]]
                    )
                    for row in rows_of_client
                )
                assert may == allowed(
                    estate, request, tokens(estate, client, groups, api)
                )


def _covers(
    row: Mapping[str, Any], request: Request, declared: set[Any]
) -> bool:
    parts = [_subtree(region) for region in [row, *row["except"]]]
    path = read_text(request.target)
    longest = max(
        (part for part in parts if lies_in(part, path, declared)),
        key=narrowness,
        default=None,
    )
    networks = fewest(map(network, row.get("from", ())))
    from_there = request.address is not None and admits(
        networks, request.address
    )
    return (
        request.method in row["methods"] and longest == parts[0] and from_there
    )


def _subtree(region: Mapping[str, Any]) -> Subtree:
    elements = region["path"].split("/")[1:]
    form = region.get("form", "")
    # A text may end with a slash.
    path = elements if form else filter(None, elements)
    return Subtree(tuple(path), region["otherSpellings"], form)


@pytest.mark.deep
@MANY
@given(estates(), REQUESTED, st.data())
def test_explain_prints_the_answer_of_decide(
    estate: Estate, requests: list[Request], data: st.DataObject
) -> None:
    """For the token that the provider of the called component issues, with the deciding rule."""
    for request in requests:
        explained = json_of(
            estate, "explain", request.method, url(request), *source(request)
        )
        decision = decide(estate, request, None)
        assert (explained["status"], explained["allowed"]) == (
            decision.status,
            decision.allowed,
        )
        client = data.draw(st.sampled_from(estate.clients))
        if (
            decision.component
            and client.provider != decision.component.identity.provider
        ):
            continue
        for groups in sets_of_groups(estate, client):
            users = [] if groups is None else ["--user-in", *groups]
            explained = json_of(
                estate,
                "explain",
                request.method,
                url(request),
                *source(request),
                "--as",
                client.component,
                *users,
            )
            provider, audience = (
                estate.stack.providers[client.provider],
                estate.token_api_at(decision.component, client),
            )
            token = issue(
                provider, client, user_in(estate, client, groups), api=audience
            )
            note(f"{request} {client} {groups} {explained}")
            if decision.component:
                assert explained["token"].get("refused") == (
                    token.reason if isinstance(token, Refusal) else None
                )
            # The command prints an IPv4 address in IPv6 as the IPv4 address.
            printed = replace(request, address=explained["from"])
            answer = decide(estate, printed, token)
            assert explained["allowed"] == allowed(
                estate,
                request,
                tokens(estate, client, groups, decision.component),
            )
            key = answer.component.key if answer.component else None
            assert (
                explained["status"],
                explained["component"],
                explained["reason"].startswith(answer.reason),
            ) == (
                answer.status,
                key,
                True,
            )
