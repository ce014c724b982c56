"""Check the existing clients of identity providers that a stack's file names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kong_oam.access.data import YamlObject


def client_problems(providers: Sequence[YamlObject]) -> Iterator[str]:
    """Find client ids that two components share.

    A token names its client only by the id, so both components would have the grants of both.
    """
    for number, provider in enumerate(providers):
        owners: dict[str, str] = {}
        for key, client in provider.get("clients", {}).items():
            if (owner := owners.setdefault(client["id"], key)) != key:
                yield f"identityProviders.{number}.clients.{key}.id: {owner} has this id, too"
