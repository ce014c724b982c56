"""The owner of an entity of Kong, by its tags."""

from __future__ import annotations

import pytest

from kong_oam.kong.owners import OwnerLookup


@pytest.mark.parametrize(
    ("tags", "kind", "stack"),
    [
        ((), "foreign", None),
        (("theirs",), "foreign", None),
        (("kong-oam", "kong-oam-stack:local"), "ours", "local"),
        (("kong-oam-stack:local",), "foreign", None),
        (("kong-oam", "kong-oam-stack:prod"), "another stack's", "prod"),
        (("kong-oam-stack:prod",), "another stack's", "prod"),
        (
            ("kong-oam", "kong-oam-stack:local", "kong-oam-stack:prod"),
            "another stack's",
            "prod",
        ),
    ],
)
def test_one_tag_of_another_stack_is_enough(
    tags: tuple[str, ...], kind: str, stack: str | None
) -> None:
    """Nothing that another stack may need is taken for ours, or for nobody's."""
    owner = OwnerLookup("local").owner({"tags": list(tags)})
    assert (owner.kind, owner.stack or None) == (kind, stack)


OURS, BOTH = (
    ("kong-oam", "kong-oam-stack:local"),
    ("kong-oam-stack:local", "kong-oam-stack:prod"),
)


@pytest.mark.parametrize(
    ("entity", "kind", "stack"),
    [
        ({"name": "kong-oam.prod.a.b.80.protected-1", "tags": OURS}, "another stack's", "prod"),
        ({"username": "kong-oam.prod.ring.okta", "tags": OURS}, "another stack's", "prod"),
        ({"name": "kong-oam.prod.a.b.80", "tags": ()}, "another stack's", "prod"),
        ({"name": "kong-oam.local.a.b.80", "tags": ("kong-oam", *BOTH)}, "ours", "local"),
        ({"name": "kong-oam.local.a.b.80", "tags": ("kong-oam-stack:prod",)}, "another stack's", "prod"),
        ({"name": "kong-oam.local.a.b.80", "tags": ()}, "foreign", None),
        # A stack's name may begin with another's.
        ({"name": "kong-oam.local.eu.a.b.80", "tags": ("kong-oam", "kong-oam-stack:local.eu")}, "another stack's", "local.eu"),
        ({"name": "kong-oamish", "tags": OURS}, "ours", "local"),
        ({"name": "jwt", "tags": OURS}, "ours", "local"),
    ],
)  # fmt: skip
def test_a_name_that_a_stack_gives_counts_before_tags(
    entity: dict[str, object], kind: str, stack: str | None
) -> None:
    """Tags that somebody changed by hand make nobody delete what another stack made."""
    owner = OwnerLookup("local").owner(entity)
    assert (owner.kind, owner.stack or None) == (kind, stack)
