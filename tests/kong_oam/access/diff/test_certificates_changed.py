"""A host has one certificate: a component that names another Secret for it changes it for all components on the host."""

from __future__ import annotations

import pytest

from kong_oam.access.diff.change import OPENING
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.snapshot import AccessModel, dump_model, load_model
from kong_oam.access.diff.wording import label, row
from tests.support.diffs import edited, model, settings
from tests.support.estates import api

PUBLIC = "rules: [{public: {reason: pages}}]"
ORDERS = api(access=f"{{owner: team-t, {PUBLIC}}}")
EVIL = api("evil", http="{/other: 8080}", access=f"{{owner: team-e, {PUBLIC}}}")


PLAIN = settings(
    gateway={"cidrs": ["192.0.2.0/24"], "reach": "loadBalancer", "scheme": "http"}
)


def with_secret(text: str, name: str) -> str:
    return edited(text, (", http: {", f", secretName: {name}, http: {{"))


def told(old: AccessModel, new: AccessModel) -> list[tuple[str, ...]]:
    """What is said of certificates."""
    rows = [(label(change), *row(change, "https")) for change in diff(old, new)]
    return [found for found in rows if "certificate" in found[3]]


BOTH = "callers of evil/api (team-e), orders/api (team-t)"
WHERE = "certificate of orders.example.com: "


def test_a_secret_named_for_another_path_is_told_for_the_whole_host() -> None:
    """With everybody on the host, among what may open."""
    old, new = model(ORDERS), model(ORDERS, with_secret(EVIL, "evil-tls"))
    assert told(old, new) == [
        ("may widen", BOTH, "", f"{WHERE}none -> evil/evil-tls", "")
    ]
    assert all(change.kind in OPENING for change in diff(old, new))
    assert told(new, old) == [
        ("may widen", BOTH, "", f"{WHERE}evil/evil-tls -> none", "")
    ]


def test_another_secret_of_the_same_name_is_another_certificate() -> None:
    """It is in another namespace."""
    old = model(with_secret(ORDERS, "tls"), EVIL)
    new = model(ORDERS, with_secret(EVIL, "tls"))
    assert told(old, new) == [
        ("may widen", BOTH, "", f"{WHERE}orders/tls -> evil/tls", "")
    ]


def test_a_wildcard_shows_its_certificate_on_hosts_below_that_name_none() -> None:
    wildcard = edited(EVIL, ("orders.example.com", "*.example.com"))
    found = told(
        model(ORDERS, wildcard), model(ORDERS, with_secret(wildcard, "evil-tls"))
    )
    assert [(whom, where) for _, whom, _, where, _ in found] == [
        (
            "callers of evil/api (team-e)",
            "certificate of *.example.com: none -> evil/evil-tls",
        ),
        (BOTH, f"{WHERE}none -> evil/evil-tls"),
    ]
    own = with_secret(ORDERS, "own")
    found = told(model(own, wildcard), model(own, with_secret(wildcard, "evil-tls")))
    assert [whom for _, whom, *_ in found] == ["callers of evil/api (team-e)"]


def test_a_former_owner_is_named_beside_the_new_one() -> None:
    """A change cannot take itself for its own reviewer."""
    taken = edited(with_secret(ORDERS, "tls"), ("team-t", "team-x"))
    ((_, whom, *_),) = told(model(ORDERS), model(taken))
    assert whom == "callers of orders/api (team-t), orders/api (team-x)"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (model(with_secret(ORDERS, "tls")), model(with_secret(ORDERS, "tls"), EVIL)),
        (
            model(EVIL),
            model(
                EVIL,
                with_secret(
                    edited(ORDERS, ("orders.example.com", "new.example.com")), "tls"
                ),
            ),
        ),
        (model(ORDERS), model(with_secret(ORDERS, "tls"), on=settings("aws"))),
        (
            model(ORDERS, on=PLAIN),
            model(with_secret(ORDERS, "tls"), on=PLAIN),
        ),
    ],
    ids=["the same", "a host that comes", "another stack", "plain http"],
)
def test_a_host_that_shows_callers_no_other_certificate_is_not_told_of(
    old: AccessModel, new: AccessModel
) -> None:
    assert told(old, new) == []


def test_an_exported_model_says_which_certificates_are_shown() -> None:
    """So a run compares with what the run before it deployed."""
    old, new = model(ORDERS), model(with_secret(ORDERS, "tls"))
    assert len(told(load_model(dump_model(old)), new)) == 1
    assert told(load_model(dump_model(new)), new) == []
