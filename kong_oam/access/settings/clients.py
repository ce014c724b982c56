"""Checks the clients that identity providers have already, as a stack names them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kong_oam.access.data import YamlObject


def client_problems(providers: Sequence[YamlObject]) -> Iterator[str]:
    """Find client ids that two components share: a token names its client by the id alone, and
    what that was granted counts."""
    for number, provider in enumerate(providers):
        owners: dict[str, str] = {}
        for key, client in provider.get("clients", {}).items():
            if (owner := owners.setdefault(client["id"], key)) != key:
                yield f"identityProviders.{number}.clients.{key}.id: is that of {owner}, too"
