"""Applications that name plugins of Kong."""

from __future__ import annotations

from tests.support.estates import api


def application_with_plugins(
    *traits: str, name: str = "orders", access: str = ""
) -> str:
    """Return an Application whose component has plugins: the properties of each trait."""
    traits_of = (
        f"        - type: kong-plugin\n          properties: {trait}\n"
        for trait in traits
    )
    return api(name, access=access) + "".join(traits_of)
