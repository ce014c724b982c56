"""Identity providers as values: who issues tokens, and which of their claims say what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class TokenType:
    """A claim that tells access tokens from other tokens of the same issuer: it must equal `value`
    or start with it."""

    claim: str
    value: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A claim that lists names: an array of strings, or one string of words.

    Where there is a `prefix`, what does not begin with it is no name, and the name is what follows
    it.
    """

    claim: str
    form: Literal["list", "words"] = "list"
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class ClaimMapping:
    """The claims by which one provider's tokens say things, named as in the token's payload.

    A token that has the claim `user` is a user's; one that has not is a service's, and must say so:
    its claim `own` is then `own_value`, or the client itself where that is None. A user's scopes
    are in `scopes`, a service's in `service_scopes`. A token that has any of the `overage` claims
    does not list its groups and is refused.
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


# Stands in where nobody says how a provider spells its tokens: enough to check Applications.
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
    """One issuer of tokens, as a value. `issuer` is None where the provisioning itself brings it
    into being.

    `per_api`: every component with scopes is an API of its own there. A token is for one of them,
    its audience is that API's, and of the user's groups it lists those that roles of that API name.
    """

    name: str
    audience: str
    spelling: ClaimMapping
    issuer: str | None = None
    # Logical group to the provider's group; a group that is not here has the same name there.
    groups: Mapping[str, str] = field(default_factory=dict)
    per_api: bool = False

    def group(self, logical: str) -> str:
        return self.groups.get(logical, logical)

    def audience_of(self, component: str) -> str:
        """The audience of tokens for a component (`application/component`), or for a port of it
        (`application/component:port`), as the model names it."""
        if not self.per_api:
            return self.audience
        return f"{self.audience}/{component.partition(':')[0]}"

    def listed(self, group: str) -> str:
        """What a user's token lists for a logical group that they are in.

        Never the role that the group holds: a role changes whom and what it is about, and a token
        of before would be taken for one of those who hold it by then.
        """
        return (
            _as_value(self.group(group)) if self.per_api else self.group(group)
        )


# Characters of what a token for one API lists of a group; of a longer name it lists a digest.
#
# The number is the model's own: what is listed stands in the tables of gates and is looked up by
# models that stacks export, and both are read where nobody describes a provider (`diff
# deployed:NAME`). A kind of provider whose tokens are for one API has to take as many; its room holds
# that against what its product takes.
LONGEST_LISTED = 120


def _as_value(group: str) -> str:
    """The name of a group as a value that tokens for one API list: ASCII without spaces. No two
    groups have one."""
    value = f"group={quote(group, safe='')}"
    if len(value) <= LONGEST_LISTED:
        return value
    return f"group=#{sha256(group.encode()).hexdigest()}"
