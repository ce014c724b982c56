"""Settings of a stack by its identity providers, in the form of its file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import Settings
from kong_oam.identity import kinds
from kong_oam.identity.common.kind import Inspection
from kong_oam.identity.kinds import describe
from tests.support.json_object import JsonObject

KEYCLOAK_ISSUER = "http://127.0.0.1:8180/realms/acme"
KEYCLOAK = {
    "name": "kc",
    "type": "keycloak",
    "issuer": KEYCLOAK_ISSUER,
    "audience": "https://orders.acme.test",
}


def stack(*providers: JsonObject) -> Settings:
    """Return the settings of a stack with these identity providers."""
    gateway = {"namespace": "kong", "podLabels": {"app": "kong"}}
    data = {
        "cloud": "local",
        "asOf": "2026-11-25",
        "gateway": gateway,
        "identityProviders": list(providers),
    }
    return parse("tests", data, describe)


def keycloak(**changes: Any) -> Settings:
    """Return the settings of a stack with only a Keycloak realm; a field that is changed to None is
    left out."""
    return stack(
        {
            name: value
            for name, value in {**KEYCLOAK, **changes}.items()
            if value is not None
        }
    )


def uninspected(patch: pytest.MonkeyPatch, kind: str) -> None:
    """Turn the inspection of a kind of provider off."""
    left_alone = [
        replace(known, inspect=lambda *_: Inspection())
        if known.type == kind
        else known
        for known in kinds.KINDS
    ]
    patch.setattr(kinds, "KINDS", left_alone)
