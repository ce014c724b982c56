"""Requests to a Kong that is in use, and their callers."""

from __future__ import annotations

from dataclasses import dataclass

from kong_oam.adopt.entities import CredentialKind


@dataclass(frozen=True, slots=True)
class OldRequest:
    """A request as it arrives.

    `host` is the Host header. `path` is the raw text of the target without its query, in latin-1:
    one character is one byte.
    """

    method: str
    host: str
    path: str
    scheme: str = "https"
    port: int = 0  # of the listener; 0 for the scheme's own


@dataclass(frozen=True, slots=True)
class OldCaller:
    """A caller of the old Kong.

    With `consumer`: this consumer, with a valid credential of the kind `by`. Without a consumer: a
    credential of this kind that the Kong does not know. Without both: nobody.
    """

    consumer: str = ""
    by: CredentialKind | None = None

    def __str__(self) -> str:
        if self.consumer:
            return f"consumer '{self.consumer}' by {self.by}"
        if self.by:
            return f"an unknown {self.by} credential"
        return "nobody"


NOBODY = OldCaller()
# A bearer token that no `jwt` credential of this Kong signed.
UNKNOWN_TOKEN = OldCaller(by="jwt")
