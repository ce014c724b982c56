"""What Applications are judged by where there is no stack: a repository that has nothing but
Applications."""

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
    "identityProviders": [{"name": "default", "type": "assumed"}],
}


# Where such a repository lists the groups that there are, if it does.
GROUPS = "groups.yaml"


def assumed(name: str, today: datetime.date, folder: Path = _HERE) -> Settings:
    """A stack with one identity provider, a domain for what names none, today's date, and the
    groups that `folder` lists, of which a part of the estate is read. What only a stack says stays
    unsaid: other providers' names, what groups are called there, domains of its own, further
    clusters. Raises StackError where the list cannot be used."""
    groups = {SETTING: GROUPS} if (folder / GROUPS).is_file() else {}
    settings = parse(
        name, {**_ASSUMED, **groups, "asOf": today.isoformat()}, folder=folder
    )
    return replace(
        settings,
        stack=replace(settings.stack, partial=True, clusters=None, redis=None),
    )
