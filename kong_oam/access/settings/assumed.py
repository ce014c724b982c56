"""What Applications are judged by where there is no stack: a repository that has nothing but Applications."""

from __future__ import annotations

import datetime

from kong_oam.access.settings.stack import Settings, parse

_ASSUMED = {
    "cloud": "bare-metal",
    "domains": {"default": "apps.example.com"},
    "gateway": {"namespace": "kong", "podLabels": {"app.kubernetes.io/name": "kong"}},
    "identityProviders": [{"name": "default", "type": "okta"}],
}


def assumed(name: str, today: datetime.date) -> Settings:
    """A stack with one identity provider, a domain for what names none, and today's date. What only a stack says stays
    unsaid: other providers' names, what groups are called there, domains of its own."""
    return parse(name, {**_ASSUMED, "asOf": today.isoformat()})
