"""New names of a merge, and names that collide only in documents."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kong_oam.access.diff.model import application_of
from kong_oam.access.merge.collisions import Choices, find_collisions
from kong_oam.access.merge.edits import (
    application_edits,
    list_edits,
    stack_edits,
    with_namespaces,
)
from kong_oam.access.merge.renames import Renames, default_prefix, new_name
from kong_oam.access.merge.side import MergeSide
from kong_oam.access.model import Estate, bare_component
from kong_oam.oam.application import read_bytes
from kong_oam.oam.document import read
from kong_oam.oam.edit import Edit, Renamed, with_edits
from tests.support.diffs import settings

CLIENT = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: partner
      type: external
      traits:
        - type: client
          properties:
            kind: external
            before: {consumer: shop/partner, by: key-auth, until: "2027-03-31", reason: keys}
            calls: [{component: shop/api, scopes: [read]}]
"""


@pytest.mark.parametrize(
    ("folder", "prefix"),
    [
        ("acme", "acme"),
        ("2026_Acme Shop", "acme-shop"),
        ("..", "b"),
        ("a-very-long-name", "a-very-long"),
    ],
)
def test_a_prefix_is_the_beginning_of_a_name(folder: str, prefix: str) -> None:
    """Names begin with a letter, and end with a letter or a digit."""
    assert default_prefix(folder) == prefix


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("application", "shop", "b-shop"),
        ("application", "taken", "b-taken-2"),
        ("scope", "read", "b.read"),
        ("partition", "a-name-of-20-letters", "b-a-name-of-20-lette"),
        ("partition", "a-name-of-17-let-ters", "b-a-name-of-17-let-t"),
    ],
)
def test_a_new_name_is_unique_and_short_enough(
    kind: str, name: str, expected: str
) -> None:
    """A taken name gets a number."""
    taken = {"b-taken"}
    assert new_name(kind, name, "b", taken) == expected
    assert expected in taken


def test_names_of_services_follow_their_namespace() -> None:
    """Other words of the text stay."""
    text = "http://db.shop.svc.cluster.local/shop.svc and x.other.svc"
    assert with_namespaces(text, {"shop": "b-shop"}) == (
        "http://db.b-shop.svc.cluster.local/shop.svc and x.other.svc"
    )


def edited(text: str, edits: Iterator[Edit]) -> str | None:
    return with_edits("a.yaml", text, {0: [*edits]})


def test_overrides_and_objects_get_the_new_names() -> None:
    """An override of a policy has traits too. Objects have namespaces, and labels with the name of
    their Application."""
    text = (
        "kind: Application\nmetadata: {name: shop, namespace: shop}\nspec:\n"
        "  components:\n"
        "    - name: job\n"
        "      properties: {objects: [{metadata: {namespace: shop, labels: {app.oam.dev/name: shop}}}]}\n"
        "  policies:\n"
        "    - {type: topology, properties: {namespace: shop}}\n"
        "    - type: override\n"
        "      properties:\n"
        "        components: [{name: api, traits: [{type: access, properties: {roles: {a: {scopes: [s], groups: [g], components: [shop/job]}}}}]}]\n"
    )
    (document,), _ = read("a.yaml", text.encode())
    renames = Renames(
        applications={"shop": "b-shop"},
        namespaces={"shop": "b-space"},
        groups={"g": "b-g"},
        provider="other",
        hosts={"shop/api": "a.example"},
    )
    edits = application_edits(document, renames, {"shop/api": {"s": "b.s"}})
    assert edited(text, edits) == (
        "kind: Application\nmetadata: {name: b-shop, namespace: b-space}\nspec:\n"
        "  components:\n"
        "    - name: job\n"
        "      properties: {objects: [{metadata: {namespace: b-space, labels: {app.oam.dev/name: b-shop}}}]}\n"
        "  policies:\n"
        "    - {type: topology, properties: {namespace: b-space}}\n"
        "    - type: override\n"
        "      properties:\n"
        "        components: [{name: api, traits: [{type: access, properties: {roles: {a: {scopes: [b.s], groups: [b-g], components: [b-shop/job]}}}}]}]\n"
    )


def test_settings_of_a_stack_get_the_new_names() -> None:
    """Keys and rights of components, namespaces of partitions, and known groups."""
    text = (
        "config:\n"
        "  kong-oam:partitions: {main: [shop, other]}\n"
        "  kong-oam:knownGroups: [g, h]\n"
        "  kong-oam:cluster:\n"
        "    allow: {shop/Namespace: why, Pod: why}\n"
        "    rights: {shop/job: [get secrets in namespace shop, get secrets in every namespace]}\n"
        "  kong-oam:identityProviders:\n"
        "    - name: corp\n"
        "      certificates: {shop/job: [x]}\n"
    )
    (document,), _ = read("a.yaml", text.encode())
    renames = Renames(
        applications={"shop": "b-shop"},
        namespaces={"shop": "b-space"},
        groups={"g": "b-g"},
        partitions={"main": "b-main"},
        group_names={"corp": {"b-g": "g"}},
    )
    assert edited(text, stack_edits(document, renames)) == (
        "config:\n"
        "  kong-oam:partitions: {b-main: [b-space, other]}\n"
        "  kong-oam:knownGroups: [b-g, h]\n"
        "  kong-oam:cluster:\n"
        "    allow: {b-space/Namespace: why, Pod: why}\n"
        '    rights: {b-shop/job: ["get secrets in namespace b-space", get secrets in every namespace]}\n'
        "  kong-oam:identityProviders:\n"
        "    - name: corp\n"
        "      certificates: {b-shop/job: [x]}\n"
        "      groups: {b-g: g}\n"
    )
    (listed,), _ = read("a.yaml", b"- g\n- h\n")
    assert [*list_edits(listed, renames)] == [Renamed((0,), "b-g")]


def test_a_consumer_is_found_and_never_renamed() -> None:
    """A consumer belongs to the owner of the gateway, even with the name of a component."""
    reading = read_bytes("shop.yaml", CLIENT.encode())
    partner = bare_component("shop/partner", "okta")
    estate = Estate(settings().stack, (application_of(partner),))
    side = MergeSide(estate, settings(), reading)
    collisions, _ = find_collisions(side, side, Choices("b"))
    (consumer,) = [each for each in collisions if each.kind == "consumer"]
    assert (consumer.name, consumer.new) == ("shop/partner", "")
    (document,), _ = read("shop.yaml", CLIENT.encode())
    renames = Renames(applications={"shop": "b-shop"})
    edits = [*application_edits(document, renames, {})]
    trait = ("spec", "components", 0, "traits", 0, "properties")
    assert edits == [
        Renamed(("metadata", "name"), "b-shop"),
        Renamed((*trait, "calls", 0, "component"), "b-shop/api"),
    ]
