"""Which callers a gateway is asked about: one of each class that somebody tells apart."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping

from kong_oam.access.data import Names, Network, PathSegments
from kong_oam.access.tokens import Claims
from kong_oam.verify.classes import classes
from kong_oam.verify.live_gateway import LiveGateway
from kong_oam.verify.old_credentials import Pair
from kong_oam.verify.questions import Call, Caller, HostRules, Verdict
from tests.support.estates import api, estate

ACCESS = """
            owner: team
            scopes: {read: r}
            rules: [{scopes: [read]}]
            roles: {reader: {scopes: [read], components: [shop/one, shop/two]}}
"""
SERVICE = """
    - name: %s
      type: worker
      properties: {image: x}
      traits: [{type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [read]}]}}]
"""
SHOP = (
    "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: shop, namespace: shop}\n"
    f"spec:\n  components:{SERVICE % 'one'}{SERVICE % 'two'}"
)
ESTATE = estate(api(access=ACCESS), SHOP)


class Telling(LiveGateway):
    """A gateway that only lists its classes of callers."""

    def __init__(
        self, granted: Mapping[str, Hashable], scopes: Iterable[str] = ()
    ) -> None:
        self._speech = HostRules(
            frozenset(scopes), groups=frozenset({"sales"}), granted=granted
        )

    def hosts(self) -> Iterable[str]:
        return ()

    def methods(self) -> frozenset[str]:
        return frozenset()

    def paths(self, host: str) -> Iterator[PathSegments]:
        return iter(())

    def tools(self, host: str) -> Iterator[tuple[PathSegments, Names]]:
        return iter(())

    def refused_texts(self, host: str) -> Iterator[str]:
        return iter(())

    def old_credentials(self, host: str) -> Iterator[Pair]:
        return iter(())

    def networks(self, host: str) -> Iterator[Network]:
        return iter(())

    def host_rules(self, host: str) -> HostRules:
        return self._speech

    def strangers(self) -> Iterator[Caller]:
        return iter(())

    def verdicts(self, call: Call, caller: Caller) -> tuple[Verdict, ...]:
        return ()


def callers(
    granted: Mapping[str, Hashable],
) -> dict[tuple[str, ...], tuple[str, tuple[str, ...]]]:
    """By their names, the client and the scopes of the token that stands for them."""
    return {
        names: (token.client, token.scopes) for names, token in tokens(granted)
    }


def tokens(
    granted: Mapping[str, Hashable], scopes: Iterable[str] = ()
) -> set[tuple[tuple[str, ...], Claims]]:
    """Names and tokens of the callers on the API's host."""
    classes_of_callers = classes(ESTATE, Telling(granted, scopes))
    found = {
        caller
        for call, caller, _ in classes_of_callers
        if call.host == "orders.example.com"
    }
    return {
        (caller.names, caller.token)
        for caller in found
        if isinstance(caller.token, Claims)
    }


def test_clients_of_the_same_grants_are_one_caller() -> None:
    """And every client that the estate does not have is another, whatever its tokens list."""
    assert callers({"shop/one": ("read",), "shop/two": ("read",)}) == {
        ("shop/one", "shop/two"): ("shop/one", ("read",)),
        ("any other client of main",): ("", ("read",)),
    }


def test_clients_that_the_gateway_tells_apart_are_asked_about_one_by_one() -> (
    None
):
    """Such as where a grant was taken out of its table by hand."""
    assert callers({"shop/two": ("read",)}).keys() == {
        ("shop/one",),
        ("shop/two",),
        ("any other client of main",),
    }


def test_tokens_list_every_scope_that_is_spoken_of() -> None:
    """One of before may: so a scope that the gateway grants somebody by hand is asked for, whoever issues it now."""
    found = tokens({}, ["write"])
    assert {token.client for _, token in found} == {"shop/one", ""}
    assert {token.scopes for _, token in found} == {("read", "write")}


def test_clients_of_others_call_as_themselves_and_for_users_in_every_group() -> (
    None
):
    """Their grants are unknown, so the tokens have all scopes."""
    others = {token for _, token in tokens({}) if not token.client}
    assert {(token.user, token.scopes, token.groups) for token in others} == {
        (False, ("read",), ()),
        (True, ("read",), ("sales",)),
    }
