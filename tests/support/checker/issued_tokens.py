"""Check that clients that ask for a token during a run are allowed throughout, where both estates
allow them.

A token lists the scopes that the provider would issue at that moment, after the steps of the
stacks' runs. The client's pods ask for the scopes that their Secret had at the last rollout. They
get them if the client's rule lists them and such scopes exist, and else no token (RFC 6749, 5.2:
invalid_scope). A user's token lists only groups that the provider puts into tokens.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kong_oam.identity.okta import names
from tests.support.checker.check import (
    METHODS,
    PROVIDER,
    Caller,
    CheckedRun,
    Meaning,
    Scene,
    Target,
    targets,
)
from tests.support.checker.estates import UIDS
from tests.support.checker.history import DEPLOYMENT
from tests.support.checker.order import members
from tests.support.checker.partitioned_estates import ISSUER, settings
from tests.support.checker.stacks import Done, component_of
from tests.support.excluded_resources import Key
from tests.support.mocks import Registered, clear
from tests.support.oracle import meaning
from tests.support.tokens import RSA, token

KID = "key1"
SECRET = "kubernetes:core/v1:Secret"
TO_SIGN_IN = {"openid", "offline_access"}
EVERYTHING = tuple(
    f"{uid}.{verb}" for uid in UIDS for verb in ("read", "write")
)


@dataclass(frozen=True, slots=True)
class User:
    """A person, and the groups that they are in."""

    login: str
    groups: tuple[str, ...]


USERS = (
    User("sam", ("sales",)),
    User("ona", ("order-desk",)),
    User("bo", ("order-desk", "sales")),
)
Whose = tuple[str, User | None]
"""A client, by component, for itself or for a user."""


@cache
def caller(
    identifier: str,
    component: str,
    user: User | None,
    scopes: tuple[str, ...],
    groups: tuple[str, ...],
) -> Caller:
    """Return a caller whose token from the provider lists these values."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": settings().stack.providers[PROVIDER].audience,
        "iat": now,
        "exp": now + 24 * 3600,
        "jti": "AT.checker",
        "cid": identifier,
    }
    claims |= {"scp": list(scopes), "sub": user.login if user else identifier}
    claims |= {"uid": user.login, "groups": list(groups)} if user else {}
    whose = f"{component}{f' for {user.login}' if user else ''}, {' '.join(scopes) or 'no scope'}"
    text = token({"kid": KID, "alg": "RS256"}, claims)
    return Caller(
        whose, text, KID, ISSUER, identifier, user is not None, scopes, groups
    )


def issuer_key() -> str:
    """The public half of the key that signs."""
    return (
        RSA.public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def with_every_scope(
    identifier: str, component: str, user: User | None
) -> Caller:
    """Return a caller whose token lists all scopes that exist at any time."""
    return caller(
        identifier, component, user, EVERYTHING, user.groups if user else ()
    )


def everybody(model: Meaning) -> list[Whose]:
    """Return the callers that get tokens by a model: services for themselves, and sign-in clients
    for each user."""
    return [
        (key, user)
        for key in model.clients.values()
        for user in (USERS if key.endswith("/site") else (None,))
    ]


def caller_with_grants(model: Meaning, whose: Whose) -> Caller:
    """Return the caller with its grants in a model."""
    key, user = whose
    documents = [*model.documents]
    scopes = {
        scope
        for called in meaning.components(documents)
        for scope in meaning.held_by_client(
            documents, key, called, user=user is not None
        )
    }
    return caller(
        _id(model, key),
        key,
        user,
        tuple(sorted(scopes)),
        user.groups if user else (),
    )


def _id(model: Meaning, key: str) -> str:
    return next(
        identifier for identifier, item in model.clients.items() if item == key
    )


def read_by_pods(
    before: Mapping[Key, Registered],
    start: Mapping[Key, Registered],
    done: Sequence[Done],
) -> dict[Key, Registered]:
    """Return the Secrets as pods read them at their last rollout: `before` with all changes since
    `start`."""
    found = {
        **{key: item for key, item in start.items() if key[0] == SECRET},
        **before,
    }
    there = {key: start.get(key) for key in found}
    for step in done:
        if step.key[0] == SECRET:
            there[step.key] = step.new
        elif step.key[0] == DEPLOYMENT and (
            secret := there.get(
                key := (SECRET, f"{component_of(step.key)}-client")
            )
        ):
            found[key] = secret
    return found


def ask_fresh(
    held: CheckedRun,
    start: Mapping[Key, Registered],
    read: Mapping[Key, Registered],
    done: Sequence[Done],
) -> None:
    """Check at every moment the tokens that clients get then, and the answers to them. `read`: the
    Secrets that pods had read before the run."""
    first, *others = held.models
    clients = [
        whose
        for whose in everybody(first)
        if all(whose[0] in other.clients.values() for other in others)
    ]
    for target in targets(held.models):
        scene = held.scene(target)
        for whose in clients:
            wanted = [
                method
                for method in METHODS
                if _must(held.models, target, method, whose)
            ]
            if wanted:
                _ask(scene, whose, wanted, start, read, done)


def _must(
    models: Sequence[Meaning], target: Target, method: str, whose: Whose
) -> bool:
    """Return whether in all models they get a token that is allowed, at one place."""
    if not all(_gets_token(model, whose) for model in models):
        return False
    first, *others = [
        model.answer(target, method, caller_with_grants(model, whose))
        for model in models
    ]
    return first.allowed and all(
        meaning.must_allow(first, other) for other in others
    )


def _gets_token(model: Meaning, whose: Whose) -> bool:
    """Return whether the provider gives the caller a token. A service needs a grant. A user needs a
    group whose role the client may use."""
    key, user = whose
    if user is None:
        return bool(caller_with_grants(model, whose).scopes)
    groups = {
        group
        for client in model.estate.components[key].identity.clients
        for group in client.groups
    }
    return bool(groups & {*user.groups})


def _ask(
    scene: Scene,
    whose: Whose,
    wanted: Sequence[str],
    start: Mapping[Key, Registered],
    first: Mapping[Key, Registered],
    done: Sequence[Done],
) -> None:
    secret, pods = (
        (SECRET, f"{whose[0]}-client"),
        (DEPLOYMENT, f"{whose[0]}-deployment"),
    )
    concerned = {
        *_keys(whose[0]),
        *(
            key
            for key in (*start, *(step.key for step in done))
            if key[0] == names.SCOPE
        ),
    }
    concerned |= {secret, pods}
    routed, plugged, known = scene.masks(KID)
    asked = set()
    issuing = sum(
        1 << number for number, step in enumerate(done) if step.key in concerned
    )
    for state in scene.run.order.states(routed | plugged | known | issuing):
        there = {key: start.get(key) for key in concerned}
        read = first.get(secret)
        for number in members(state & issuing):
            there[done[number].key] = done[number].new
            read = there[secret] if done[number].key == pods else read
        fresh = _issued(
            there,
            whose,
            _id(scene.run.models[0], whose[0]),
            _requested_scopes(read),
        )
        for seen in scene.seen(KID, state, state, state):
            if (seen.versions, fresh) not in asked:
                asked.add((seen.versions, fresh))
                for method, _, ended in scene.asked(
                    seen, product(wanted, [fresh])
                ):
                    if isinstance(ended, int):
                        scene.add(
                            scene.run.report.closed, method, fresh, ended, seen
                        )


def _keys(client: str) -> Iterator[Key]:
    """Yield the keys of the provider's objects, beside scopes, that decide about a client's tokens."""
    yield names.APP, names.logical(PROVIDER, names.APP, client)
    yield names.POLICY, names.logical(PROVIDER, names.POLICY, client)
    yield names.RULE, names.logical(PROVIDER, names.RULE, client)
    yield names.ASSIGNMENTS, names.logical(PROVIDER, names.ASSIGNMENTS, client)
    yield names.CLAIM, names.logical(PROVIDER, names.CLAIM)


def _requested_scopes(secret: Registered | None) -> set[str] | None:
    """Return the scopes that pods with this Secret ask for; None for workloads that run elsewhere
    and read no Secret."""
    return (
        {*clear(secret)["OAUTH_SCOPES"].split()} - TO_SIGN_IN
        if secret
        else None
    )


def _issued(
    there: Mapping[Key, Registered | None],
    whose: Whose,
    identifier: str,
    asked: set[str] | None,
) -> Caller:
    """Return the caller of a token that a client gets for these scopes, or for all its scopes.
    Without a token, return an anonymous caller."""
    key, user = whose
    app, policy, rule, assigned, claim = (
        there.get(name) for name in _keys(key)
    )
    if not app or not policy or not rule:
        return Caller(f"{key} without a token")
    if user and not (
        _names(rule, "groupWhitelists") & {*user.groups}
        and assigned
        and _assigned(assigned) & {*user.groups}
    ):
        return Caller(f"{key} without a token for {user.login}")
    known = {
        item.inputs["name"]
        for kind, item in there.items()
        if kind[0] == names.SCOPE and item
    }
    there_is = known & {*rule.inputs["scopeWhitelists"]}
    asked = there_is if asked is None else asked
    if asked - there_is:
        return Caller(
            f"{key} without a token, asking for {' '.join(sorted(asked))}"
        )
    listed = re.compile(claim.inputs["value"]) if claim else None
    groups = (
        [group for group in user.groups if listed and listed.match(group)]
        if user
        else []
    )
    return caller(identifier, key, user, tuple(sorted(asked)), tuple(groups))


def _names(rule: Registered, of: str) -> set[str]:
    return {group.removeprefix("id of ") for group in rule.inputs.get(of) or ()}


def _assigned(assignments: Registered) -> set[str]:
    return {
        group["id"].removeprefix("id of ")
        for group in assignments.inputs["groups"]
    }
