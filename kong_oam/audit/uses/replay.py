"""Decide each class of recorded calls again, by the model of its revision."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from kong_oam.access.data import Names
from kong_oam.access.decide import Decision, Request, decide
from kong_oam.access.model import Estate
from kong_oam.access.paths import written
from kong_oam.audit.proof import RecordedCaller, recorded_proof
from kong_oam.audit.uses.model import CallClass, Seen, Uses
from kong_oam.audit.uses.sequences import Gap, earlier, gaps

# By component, port and revision.
Models = Mapping[tuple[str, str, str], Estate]

# Codes whose reason no record shows: the header with the token, or the token itself. Only the
# denial is compared.
_TOKEN_CODES = frozenset(
    {
        "token-needed",
        "token-not-verified",
        "token-not-of-issuer",
        "token-not-for-us",
        "token-untimely",
        "token-unreadable",
        "several-credentials",
        "credential-not-accepted",
    }
)

_MALFORMED = "malformed-authorization"

_UNREADABLE = "message-unreadable"

# Codes that `decide` returns for the fields of a record.
_DECIDED = frozenset(
    {
        "allowed",
        "public",
        "ambiguous-path",
        "not-exposed",
        "method-unknown",
        "scope-missing",
        "method-not-listed",
        "tool-not-listed",
        "path-refused",
        "no-rule",
        "address-not-allowed",
        "other-api",
        "credential-ended",
    }
)

CREDENTIAL = "why a token was not accepted"
ANSWER = "answers of plugins"
PATH = "ambiguous paths, which records cut"
MESSAGE = "unreadable messages, which records do not have"
ADDRESS = "addresses that the uses do not have"
"""Reasons why a class cannot be judged, or only its decision."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A class that was decided in another way than its model decides. `intended` is the answer of
    the model, and `rule` its rule as file:line, if the model has positions."""

    call: CallClass
    seen: Seen
    intended: Decision
    rule: str | None

    @property
    def intended_path(self) -> str | None:
        """The path of the rules that own the request."""
        return rule_path(self.intended)


@dataclass(frozen=True, slots=True)
class Opening:
    """A recorded emergency opening of a rule path, from and until a time."""

    component: str
    path: str
    methods: Names
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Replay:
    """The result. `unknown_revisions` and `unknown_clients` are in the order of their calls.

    `unrecorded_openings`: calls by an opening without a record. `unjudged`: calls by the reason why
    they were not judged. `judged`: the number of calls whose decision was compared.
    `earlier`: records before the first record of each counter.
    """

    judged: int
    differences: tuple[Difference, ...]
    unknown_revisions: Mapping[tuple[str, str, str], int]
    unknown_clients: Mapping[tuple[str, str], int]
    allowed_unknown: frozenset[tuple[str, str]]
    unrecorded_openings: tuple[tuple[CallClass, Seen], ...]
    gaps: tuple[Gap, ...]
    earlier: int
    unjudged: Mapping[str, int]

    @property
    def has_findings(self) -> bool:
        return bool(
            self.differences
            or self.unknown_revisions
            or self.allowed_unknown
            or self.unrecorded_openings
            or self.gaps
        )


def rule_path(decision: Decision) -> str | None:
    """Return the path of the deciding rule, as records write it."""
    return written(decision.rule.path) if decision.rule else None


def replay(
    uses: Uses, models: Models, openings: Iterable[Opening] = ()
) -> Replay:
    """Decide each class by the model of its revision, and compare the answers."""
    known = tuple(openings)
    judged = 0
    differences = []
    revisions: Tally[tuple[str, str, str]] = Tally()
    clients: Tally[tuple[str, str]] = Tally()
    allowed_unknown = set()
    unrecorded = []
    unjudged: Tally[str] = Tally()
    for call, seen in uses.classes.items():
        if call.client and not call.caller:
            clients[call.client, call.component] += seen.count
            if call.code == "allowed":
                allowed_unknown.add((call.client, call.component))
        if call.code == "opened":
            if not _is_recorded(call, seen, known):
                unrecorded.append((call, seen))
            continue
        missing = _missing_revisions(call, models)
        if missing:
            for revision in missing:
                revisions[revision] += seen.count
            continue
        intended = _intended(call, seen, models)
        reason, is_different = _judge(call, intended)
        if reason:
            unjudged[reason] += seen.count
        if reason not in (ANSWER, PATH, ADDRESS):
            judged += seen.count
        if is_different:
            differences.append(_difference(call, seen, intended))
    differences.sort(key=lambda item: (-item.call.is_allowed, -item.seen.count))
    return Replay(
        judged,
        tuple(differences),
        dict(revisions.most_common()),
        dict(clients.most_common()),
        frozenset(allowed_unknown),
        tuple(unrecorded),
        tuple(gaps(uses.blocks)),
        earlier(uses.blocks),
        dict(unjudged.most_common()),
    )


def _difference(call: CallClass, seen: Seen, intended: Decision) -> Difference:
    place = None
    if intended.rule and intended.rule.position.file:
        position = intended.rule.position
        place = f"{position.file}:{position.line}"
    return Difference(call, seen, intended, place)


def _missing_revisions(
    call: CallClass, models: Models
) -> list[tuple[str, str, str]]:
    """Return the revisions of a class without a model."""
    keys = []
    for revision in filter(None, (call.revision, call.admitted)):
        key = call.component, call.port, revision
        if key not in models:
            keys.append(key)
    return keys


def _intended(call: CallClass, seen: Seen, models: Models) -> Decision:
    """Return the decision of the model. During a rollout, admission and gate have to agree."""
    gate = decide_class(
        models[call.component, call.port, call.revision], call, seen
    )
    if not call.admitted or not gate.allowed:
        return gate
    admission = decide_class(
        models[call.component, call.port, call.admitted], call, seen
    )
    return gate if admission.allowed else admission


def decide_class(estate: Estate, call: CallClass, seen: Seen) -> Decision:
    """Return the decision of an estate on a class of calls."""
    component = estate.components.get(call.component)
    recorded = recorded_caller(call)
    if call.by:
        # A credential counts until a day. Its last allowed call, or its first denied one, decides.
        is_denied = call.code == "credential-ended"
        time = datetime.fromisoformat(seen.first if is_denied else seen.last)
        recorded = replace(recorded, at=time.timestamp())
    request = Request(call.method, call.host, call.path.encode(), call.address)
    return decide(estate, request, recorded_proof(estate, component, recorded))


def recorded_caller(call: CallClass) -> RecordedCaller:
    """Return the caller of a class of calls."""
    return RecordedCaller(
        call.code,
        bool(call.caller or call.client),
        call.caller or "",
        call.by,
        call.user is True,
        call.scopes,
        call.groups,
    )


def _judge(call: CallClass, intended: Decision) -> tuple[str, bool]:
    """Return what cannot be judged about a class, and whether the model decides otherwise."""
    is_other = call.is_allowed != intended.allowed
    if call.code in _TOKEN_CODES:
        return CREDENTIAL, is_other
    if call.code == _MALFORMED:
        # No record has the header, so `decide` would judge a call without a token.
        return CREDENTIAL, False
    if call.code == _UNREADABLE:
        return MESSAGE, False
    if call.code not in _DECIDED:
        # The gate let the call pass, and a plugin or the workload answered. Other answers came
        # before the gate.
        return ("", is_other) if call.is_allowed else (ANSWER, False)
    is_other = is_other or call.code != intended.code
    if is_other and call.code == "ambiguous-path":
        return PATH, False
    if is_other and call.code == "address-not-allowed" and not call.address:
        return ADDRESS, False
    if intended.code in ("ambiguous-path", "not-exposed", "method-unknown"):
        return "", is_other
    if not is_at_component(call, intended):
        return "", True
    return "", is_other or call.rule_path != rule_path(intended)


def is_at_component(call: CallClass, decision: Decision) -> bool:
    """Return whether the decision is about the recorded component."""
    component = decision.component
    return component is not None and component.key == call.component


def _is_recorded(
    call: CallClass, seen: Seen, openings: Iterable[Opening]
) -> bool:
    """Return whether the first and the last call lie in recorded openings."""
    times = {*map(datetime.fromisoformat, (seen.first, seen.last))}
    for opening in openings:
        if (opening.component, opening.path) == (
            call.component,
            call.rule_path,
        ) and call.method in opening.methods:
            inside = [
                time for time in times if opening.start <= time <= opening.end
            ]
            times.difference_update(inside)
    return not times
