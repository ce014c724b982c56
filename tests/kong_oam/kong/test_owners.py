"""Whose an entity of Kong is, by its tags."""

from __future__ import annotations

import pytest

from kong_oam.kong.owners import Asking


@pytest.mark.parametrize(
    ("tags", "kind", "stack"),
    [
        ((), "foreign", None),
        (("theirs",), "foreign", None),
        (("kong-oam", "kong-oam-stack:local"), "ours", "local"),
        (("kong-oam-stack:local",), "foreign", None),
        (("kong-oam", "kong-oam-stack:prod"), "another stack's", "prod"),
        (("kong-oam-stack:prod",), "another stack's", "prod"),
        (("kong-oam", "kong-oam-stack:local", "kong-oam-stack:prod"), "another stack's", "prod"),
    ],
)
def test_one_tag_of_another_stack_is_enough(
    tags: tuple[str, ...], kind: str, stack: str | None
) -> None:
    """Nothing that another stack may need is taken for ours, or for nobody's."""
    owner = Asking("local").owner({"tags": list(tags)})
    assert (owner.kind, owner.stack or None) == (kind, stack)
