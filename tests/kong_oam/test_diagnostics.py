"""What findings say."""

from __future__ import annotations

from kong_oam.diagnostics import suggestion


def test_the_nearest_name_is_suggested_or_a_few_are_listed() -> None:
    """An estate has a thousand clients: nobody reads them all."""
    assert suggestion("gatway", ["access", "gateway"]) == "; did you mean 'gateway'?"
    assert suggestion("x", ["access", "gateway"]) == "; known: access, gateway"
    assert suggestion("x", []) == ""
    assert suggestion("x", [f"shop/{n:04}" for n in range(1000)]).endswith(", shop/0011 and 988 more")
