"""The settings for a repository that has Applications but no stack."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

from kong_oam.access.settings.groups import SETTING
from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import Settings

_HERE = Path()

_ASSUMED = {
    "cloud": "bare-metal",
    "domains": {"default": "apps.example.com"},
    "gateway": {
        "namespace": "kong",
        "podLabels": {"app.kubernetes.io/name": "kong"},
    },
    "identityProviders": [{"name": "default", "type": "oidc"}],
}


# The optional file with the groups of such a repository.
GROUPS = "groups.yaml"


def assumed(name: str, today: datetime.date, folder: Path = _HERE) -> Settings:
    """Return settings with one identity provider, a default domain and today's date.

    The groups come from GROUPS in `folder`, if it exists. Settings that only a stack has stay
    empty: further providers and clusters, group names at providers, and domains. Raises StackError
    if the list of groups cannot be used.
    """
    groups = {SETTING: GROUPS} if (folder / GROUPS).is_file() else {}
    settings = parse(
        name, {**_ASSUMED, **groups, "asOf": today.isoformat()}, folder=folder
    )
    return replace(
        settings,
        stack=replace(settings.stack, partial=True, clusters=None, redis=None),
    )
