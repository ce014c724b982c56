"""How a run ends before anything is provisioned."""

from __future__ import annotations

import pulumi
import pytest

from components.refusal import stop_at
from tests.support.estates import api, compiled


def test_the_message_says_what_could_not_be_judged() -> None:
    """As `check` does."""
    broken = compiled(
        api().replace("image: x", "imgae: x"),
        api("shop", access=ACCESS, domain="shop.example.com"),
    )
    with pytest.raises(pulumi.RunError) as error:
        stop_at(broken.diagnostics, f"in the Applications{broken.reservation}")
    assert str(error.value).startswith(
        "Kong-OAM: 2 error(s) in the Applications; references to 'orders' are not checked "
        "until all Applications can be read\n"
    )


ACCESS = "{owner: o, scopes: {s: s}, roles: {r: {scopes: [s], components: [orders/api]}}}"
