"""Identity providers as values: issuers of tokens, and the names of their claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class TokenType:
    """A claim that marks access tokens of an issuer: it equals `value` or starts with it."""

    claim: str
    value: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A claim that lists names: an array of strings, or one string of words.

    With a `prefix`, only entries that start with it are names, and the name is the rest of the
    entry.
    """

    claim: str
    form: Literal["list", "words"] = "list"
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class ClaimMapping:
    """The names of claims in one provider's tokens.

    A token with the claim `user` is a user's. Other tokens are a service's and must say so: their
    claim `own` is `own_value`, or the client if `own_value` is None. A user's scopes are in
    `scopes`, a service's in `service_scopes`. A token with any of the `overage` claims does not
    list its groups and is denied.
    """

    client: str
    user: str
    scopes: Listing
    service_scopes: Listing
    groups: str
    marks: tuple[TokenType, ...]
    subject: str = "sub"
    own: str = "sub"
    own_value: str | None = None
    overage: tuple[str, ...] = ()


# The default if no kind of provider names its claims: enough to check Applications.
PLAIN = ClaimMapping(
    client="client_id",
    user="user",
    scopes=Listing("scope"),
    service_scopes=Listing("scope"),
    groups="groups",
    marks=(TokenType("typ", "access"),),
)


@dataclass(frozen=True, slots=True)
class Provider:
    """One issuer of tokens, as a value. `issuer` is None if the run itself creates it.

    `per_api`: every component with scopes is a separate API at the provider. A token is for one of
    these APIs and has its audience. It lists only groups that roles of that API name.
    """

    name: str
    audience: str
    spelling: ClaimMapping
    issuer: str | None = None
    # Logical group to the provider's group. Other groups have the same name at the provider.
    groups: Mapping[str, str] = field(default_factory=dict)
    per_api: bool = False

    def group(self, logical: str) -> str:
        return self.groups.get(logical, logical)

    def audience_of(self, component: str) -> str:
        """Return the model's name of the audience of tokens for a component, or for a port of it.

        `component` is `application/component` or `application/component:port`.
        """
        if not self.per_api:
            return self.audience
        return f"{self.audience}/{component.partition(':')[0]}"

    def listed(self, group: str) -> str:
        """Return the value that a user's token lists for a logical group.

        It is never the role of the group. A role can change its scopes, and a token from before
        would then count for the new scopes.
        """
        name = self.group(group)
        return _group_value(name) if self.per_api else name


# The longest value that a token for one API lists for a group. A longer name is listed as a digest.
# The model fixes this number: these values are in gates' tables and in exported models. `diff
# deployed:NAME` reads both without settings of a provider. A kind of provider whose tokens are for
# one API must accept values of this length.
LONGEST_LISTED = 120


def _group_value(group: str) -> str:
    """Return a group's name as a value for tokens for one API: ASCII without spaces, unique per
    group."""
    value = f"group={quote(group, safe='')}"
    if len(value) <= LONGEST_LISTED:
        return value
    return f"group=#{sha256(group.encode()).hexdigest()}"
