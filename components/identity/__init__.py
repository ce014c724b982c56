"""Identity providers: which kinds there are, and the one interface that the rest of the program knows them by.

A kind is a module with `describe(settings) -> Provider` (a pure value: how its tokens spell things) and a component
that offers an `Identity`. Nothing outside this folder knows which kind it deals with.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import pulumi

from access.model import Estate, Provider
from access.stack import ProviderSettings, StackError
from oam.diagnostics import suggestion

_KINDS = ("okta",)


@dataclass(frozen=True)
class Credential:
    """What a client component needs to get tokens. `client_secret` is a Pulumi secret."""

    client_id: pulumi.Output[str]
    client_secret: pulumi.Output[str]


@dataclass(frozen=True)
class PublicKey:
    """A signing key as the issuer publishes it (a JSON Web Key's `kid`, `n`, `e`)."""

    kid: pulumi.Output[str]
    n: pulumi.Output[str]
    e: pulumi.Output[str]


@dataclass(frozen=True)
class Identity:
    """One provisioned provider. `clients` are by component key (`application/component`)."""

    issuer: pulumi.Output[str]
    token_endpoint: pulumi.Output[str]
    authorization_endpoint: pulumi.Output[str]
    keys: tuple[PublicKey, ...]
    clients: Mapping[str, Credential]


class _Kind(Protocol):
    def describe(self, settings: ProviderSettings) -> Provider: ...

    def provision(self, settings: ProviderSettings, estate: Estate) -> Identity: ...


def _kind(settings: ProviderSettings) -> _Kind:
    if settings.type not in _KINDS:
        raise StackError(
            f"identity provider '{settings.name}': type '{settings.type}'{suggestion(settings.type, _KINDS)}"
        )
    module: _Kind = importlib.import_module(f"components.identity.{settings.type}")
    return module


def describe(settings: ProviderSettings) -> Provider:
    """How the provider's tokens spell things, before it exists."""
    return _kind(settings).describe(settings)


def provision(settings: ProviderSettings, estate: Estate) -> Identity:
    """The provider's resources: issuer, scopes, one app per client, and what each may be issued."""
    return _kind(settings).provision(settings, estate)
