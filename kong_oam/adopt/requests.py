"""Requests to a Kong that is in use, and their callers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kong_oam.access.data import NamesByName
from kong_oam.adopt.entities import CallerKind
from kong_oam.adopt.path_text import is_rejected

_METHOD = re.compile(r"[A-Z_-]+\Z")


@dataclass(frozen=True, slots=True)
class OldRequest:
    """A request as it arrives.

    `host` is the Host header, or None without it. `path` is the raw text of the target without its
    query, in latin-1: one character is one byte. `port` is the listener's, or 0 for the scheme's
    own. `headers` are values by name in small letters, or None if they are unknown.
    """

    method: str
    host: str | None
    path: str
    scheme: str = "https"
    port: int = 0
    headers: NamesByName | None = None

    @property
    def is_rejected(self) -> bool:
        """Whether nginx answers 400 before Kong sees the request, or 405 to TRACE."""
        is_method = _METHOD.match(self.method) and self.method != "TRACE"
        return not is_method or not self.host or is_rejected(self.path)


@dataclass(frozen=True, slots=True)
class OldCaller:
    """A caller of the old Kong.

    With `consumer`: this consumer, with a valid credential of the kind `by`. Without a consumer: a
    credential of this kind that the Kong does not know (`ldap-auth`: a user of the directory).
    Without both: nobody. `also`: kinds of further valid credentials of the consumer in the request.
    `is_keyless`: the credential is a bearer token whose header names no key, as tokens of services
    often are.
    """

    consumer: str = ""
    by: CallerKind | None = None
    also: tuple[CallerKind, ...] = ()
    is_keyless: bool = False

    def __str__(self) -> str:
        if self.consumer:
            return f"consumer '{self.consumer}' by {self.by}"
        if self.by:
            return f"an unknown {self.by} credential"
        return "nobody"


NOBODY = OldCaller()
# A bearer token that no `jwt` credential of this Kong signed.
UNKNOWN_TOKEN = OldCaller(by="jwt")
# A bearer token of a service behind the Kong. Its header has no key id, or it is no JWT.
KEYLESS_TOKEN = OldCaller(by="jwt", is_keyless=True)
