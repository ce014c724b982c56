"""What a state says that a client is granted at its provider."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grant:
    """Scopes that the client of a component is granted. `at`: the component that they are scopes of; None where the
    provider knows no more of them than their names."""

    client: str
    scopes: tuple[str, ...]
    at: str | None = None
