"""Compares the groups that roles name with Okta's limit, before the first change.

Okta itself rejects everything else that is too long or too many. It documents no limits for an
authorization server's scopes, claims, policies and rules, or for an app's groups. Nor does it for
an org's servers, apps or trusted origins.
"""

from __future__ import annotations

from kong_oam.access.model import Estate
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.identity.common.parts import groups_at

# Groups that a claim lists; a request that matches more fails (guide "Create an authorization
# server", Groups claim).
#
# Only a user's own groups count: a stack may name more groups, if each user is in few of them.
GROUPS = 100

# Number of groups that causes a warning.
_WARNING_COUNT = 80


def limits(settings: ProviderSettings, estate: Estate) -> Findings:
    """Report too many groups, with the remedy. It makes no request."""
    count = len(groups_at(settings, estate))
    if count >= _WARNING_COUNT:
        message = (
            f"roles of {settings.name} name {count} groups, and Okta gives no token to a user in "
            f"more than {GROUPS} of them. Bind roles to fewer groups, or move Applications to a "
            "stack of their own"
        )
        yield Diagnostic("ENV411", message, severity="warning")
