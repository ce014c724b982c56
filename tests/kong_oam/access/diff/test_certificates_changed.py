"""A host has one certificate: a component that names another Secret for it changes it for all components on the host."""

from __future__ import annotations

import pytest

from kong_oam.access.diff.change import OPENING, Exposer, Setting, Subject
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.diff.snapshot import dump_model, load_model
from tests.support.diffs import edited, model, settings

ORDERS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders, namespace: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: "orders.example.com", http: {/orders: 8080}}
        - type: access
          properties: {owner: team-t, rules: [{public: {reason: pages}}]}
"""
EVIL = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: evil, namespace: evil}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: "orders.example.com", http: {/other: 8080}}
        - type: access
          properties: {owner: team-e, rules: [{public: {reason: pages}}]}
"""
WITH_TLS = edited(ORDERS, (", http: {", ", secretName: tls, http: {"))
EVIL_WITH_TLS = edited(EVIL, (", http: {", ", secretName: tls, http: {"))
BY_ORDERS = Exposer("orders/api", "team-t")
BY_EVIL = Exposer("evil/api", "team-e")


def shown(
    host: str,
    was: str | None,
    now: str | None,
    before: tuple[Exposer, ...],
    after: tuple[Exposer, ...],
) -> Setting:
    """Return a change of the certificate on a host, with the components on the host before and
    after."""
    name = f"certificate of {host}"
    return Setting("may widen", Subject(), name, was, now, (before, after))


def certificates(old: AccessModel, new: AccessModel) -> list[Setting]:
    return [
        change
        for change in diff(old, new)
        if isinstance(change, Setting)
        and change.name.startswith("certificate of")
    ]


def test_a_secret_named_for_another_path_changes_the_whole_host() -> None:
    """The change affects everybody on the host, and may widen access."""
    old = model(ORDERS)
    new = model(ORDERS, EVIL_WITH_TLS)
    alone = (BY_ORDERS,)
    exposers = (BY_EVIL, BY_ORDERS)
    host = "orders.example.com"
    assert certificates(old, new) == [
        shown(host, None, "evil/tls", alone, exposers)
    ]
    assert all(change.kind in OPENING for change in diff(old, new))
    assert certificates(new, old) == [
        shown(host, "evil/tls", None, exposers, alone)
    ]


def test_another_secret_of_the_same_name_is_another_certificate() -> None:
    """The Secret is in another namespace."""
    exposers = (BY_EVIL, BY_ORDERS)
    assert certificates(
        model(WITH_TLS, EVIL), model(ORDERS, EVIL_WITH_TLS)
    ) == [
        shown(
            "orders.example.com", "orders/tls", "evil/tls", exposers, exposers
        )
    ]


def test_a_wildcard_shows_its_certificate_on_hosts_below_that_name_none() -> (
    None
):
    """A host with its own certificate keeps it."""
    wildcard = edited(EVIL, ("orders.example.com", "*.example.com"))
    wildcard_with_tls = edited(
        EVIL_WITH_TLS, ("orders.example.com", "*.example.com")
    )
    evil = (BY_EVIL,)
    exposers = (BY_EVIL, BY_ORDERS)
    below = shown("*.example.com", None, "evil/tls", evil, evil)
    assert certificates(
        model(ORDERS, wildcard), model(ORDERS, wildcard_with_tls)
    ) == [
        below,
        shown("orders.example.com", None, "evil/tls", exposers, exposers),
    ]
    own = model(WITH_TLS, wildcard)
    assert certificates(own, model(WITH_TLS, wildcard_with_tls)) == [below]


def test_a_former_owner_is_kept_beside_the_new_one() -> None:
    """The new owner in a change cannot approve the change."""
    takeover = edited(WITH_TLS, ("team-t", "team-x"))
    (change,) = certificates(model(ORDERS), model(takeover))
    before, after = change.exposers
    assert [(endpoint.component, endpoint.owner) for endpoint in before] == [
        ("orders/api", "team-t")
    ]
    assert [(endpoint.component, endpoint.owner) for endpoint in after] == [
        ("orders/api", "team-x")
    ]


IN_CLEAR = settings(
    gateway={
        "cidrs": ["192.0.2.0/24"],
        "reach": "loadBalancer",
        "scheme": "http",
    }
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (model(WITH_TLS), model(WITH_TLS, EVIL)),
        (
            model(EVIL),
            model(
                EVIL,
                edited(WITH_TLS, ("orders.example.com", "new.example.com")),
            ),
        ),
        (model(ORDERS), model(WITH_TLS, on=settings("aws"))),
        (model(ORDERS, on=IN_CLEAR), model(WITH_TLS, on=IN_CLEAR)),
    ],
    ids=["the same", "a host that comes", "another stack", "plain http"],
)
def test_a_host_that_shows_callers_no_other_certificate_is_no_change(
    old: AccessModel, new: AccessModel
) -> None:
    """A new host, a host of another stack, and a host without TLS have no certificate to compare."""
    assert certificates(old, new) == []


def test_an_exported_model_has_the_certificates_that_are_shown() -> None:
    """A run can then compare with the last deployment."""
    orders = (BY_ORDERS,)
    assert certificates(
        load_model(dump_model(model(ORDERS))), model(WITH_TLS)
    ) == [shown("orders.example.com", None, "orders/tls", orders, orders)]
    assert diff(load_model(dump_model(model(WITH_TLS))), model(WITH_TLS)) == ()
