"""Callers with old credentials, and their scopes by the tables of a gateway."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kong_oam.access.before import KIND_WORDS, By, OldCredential, end_of
from kong_oam.access.model import Component
from kong_oam.kong.script import Table
from kong_oam.verify.identities import Held
from kong_oam.verify.questions import AuthenticationResult, Caller

# A consumer and the kind of its credential.
Pair = tuple[str, By]


def callers(
    components: Iterable[Component], live: Iterable[Pair]
) -> Iterator[Caller]:
    """Yield the callers with old credentials: the model's before and after the last day, and those
    that only tables of the gateway name."""
    known: set[Pair] = set()
    for component in components:
        for caller in component.identity.old_callers:
            known.add((caller.consumer, caller.by))
            kind = KIND_WORDS[caller.by]
            end = end_of(caller.until)
            for at, when in ((end - 1, "until"), (end, "after")):
                name = f"{caller.client} by {kind} {when} {caller.until}"
                credential = OldCredential(caller.consumer, caller.by, at)
                yield Caller((name,), credential)
    for consumer, by in sorted({*live} - known):
        name = f"consumer '{consumer}' by {KIND_WORDS[by]}"
        yield Caller((name,), OldCredential(consumer, by, 0.0))


def pairs_in(tables: Iterable[Table]) -> Iterator[Pair]:
    """Yield the consumers that tables name, with the kind of their credentials."""
    for table in tables:
        if places := table.get("before_in"):
            for consumer in table.get("before", {}):
                yield consumer, places["by"]


def held_by_credential(
    table: Table, credential: OldCredential, passage: AuthenticationResult
) -> Held | None:
    """Return the scopes of an old credential by the table; None if the table does not accept it."""
    consumer = passage.consumer
    places = table.get("before_in")
    entry = table.get("before", {}).get(credential.consumer)
    if consumer is None or places is None or entry is None:
        return None
    is_named = consumer.get("username") == credential.consumer != table["ring"]
    if not is_named or places["by"] != credential.by:
        return None
    if credential.at is not None and credential.at >= entry["ends"]:
        return None
    return Held(frozenset(entry["scopes"]))
