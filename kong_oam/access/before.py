"""Old credentials: keys and passwords of the gateway's consumers, which clients keep until a date.

Both sides agree. A client trait has `before`, and the access trait of the called component has
`acceptBefore`. The earlier date counts. The consumer stays its owner's.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypedDict

from kong_oam.access.client import Call
from kong_oam.access.data import Names, TextList
from kong_oam.oam.position import SourcePosition

# The kinds of old credentials: an API key, or a user name and a password (RFC 7617).
By = Literal["key-auth", "basic-auth"]

# The kinds in words, as in `by key`.
KIND_WORDS: dict[str, str] = {"key-auth": "key", "basic-auth": "password"}

Place = Literal["header", "query"]

# The header of a key if the access trait names none.
USUAL_NAMES = ("apikey",)


class BeforeYaml(TypedDict):
    """`before` of a client trait."""

    consumer: str
    by: By
    until: str
    reason: str


# `in` is a keyword of Python, so the type of `acceptBefore` has another form.
AcceptBeforeYaml = TypedDict(
    "AcceptBeforeYaml",
    {
        "by": By,
        "until": str,
        "reason": str,
        "names": TextList,
        "in": list[Place],
    },
    total=False,
)


@dataclass(frozen=True, slots=True)
class Before:
    """The old credential of a client: a consumer of the gateway that still calls in its place.

    `until` is the last day (YYYY-MM-DD). `calls` are the granted calls of the client. `registered`:
    the client has a credential at an identity provider, too.
    """

    consumer: str
    by: By
    until: str
    reason: str
    calls: tuple[Call, ...]
    registered: bool
    position: SourcePosition = field(compare=False)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The old credentials that a component accepts, until a last day (YYYY-MM-DD).

    A key is in a header or in an argument of the query, under one of `names`.
    """

    by: By
    until: str
    reason: str
    names: Names
    places: tuple[Place, ...]
    position: SourcePosition = field(compare=False)


@dataclass(frozen=True, slots=True)
class OldCaller:
    """A client that may call a component by its old credential, with the scopes of its grants.

    `client` is a component's key. `until` is the earlier of both last days.
    """

    client: str
    consumer: str
    by: By
    until: str
    scopes: Names


@dataclass(frozen=True, slots=True)
class OldCredential:
    """A verified old credential of a request: its consumer and its kind.

    `at` is the time of the request, in seconds since 1970. None: before every last day.
    """

    consumer: str
    by: By
    at: float | None = None


def end_of(day: str) -> int:
    """Return the end of a day (YYYY-MM-DD, UTC), in seconds since 1970."""
    following = datetime.date.fromisoformat(day) + datetime.timedelta(days=1)
    return (following - datetime.date(1970, 1, 1)).days * 86_400


def last_day_before(end: float) -> str:
    """Return the day that ends at this time, in seconds since 1970: the reverse of `end_of`."""
    days = int(end // 86_400) - 1
    day = datetime.date(1970, 1, 1) + datetime.timedelta(days=days)
    return day.isoformat()


def caller_of(
    callers: Iterable[OldCaller], credential: OldCredential
) -> OldCaller | None:
    """Return the caller with this credential, also after its last day; None without one."""
    for caller in callers:
        if (caller.consumer, caller.by) == (credential.consumer, credential.by):
            return caller
    return None


def has_ended(caller: OldCaller, credential: OldCredential) -> bool:
    """Return whether the last day was over at the time of the request."""
    return credential.at is not None and credential.at >= end_of(caller.until)


def old_callers(
    callee: str, accepted: Acceptance, clients: Iterable[tuple[str, Before]]
) -> Iterator[OldCaller]:
    """Yield the clients (by component) that may call `callee` by an old credential."""
    for client, before in clients:
        scopes: set[str] = set()
        for call in before.calls:
            if call.component == callee:
                scopes.update(call.scopes)
        if scopes and before.by == accepted.by:
            until = min(before.until, accepted.until)
            yield OldCaller(
                client,
                before.consumer,
                before.by,
                until,
                tuple(sorted(scopes)),
            )


def proof_words(consumer: str, by: str, until: str) -> str:
    """Return in words how a caller proves itself: `as acme by key, until 2027-03-31`."""
    return f"as {consumer} {credential_words(by, until)}"


def credential_words(by: str, until: str) -> str:
    """Return the kind of an old credential with its last day: `by key, until 2027-03-31`."""
    return f"by {KIND_WORDS.get(by, by)}, until {until}"
