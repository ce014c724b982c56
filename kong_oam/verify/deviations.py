"""Compares a gateway with the Applications by its decisions: who may call what, whatever its fields
say.

One call and one caller of each class (verify.classes) decide for all of it, so the comparison is
exact, as far as the gateway can be judged; what cannot be judged counts as open.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from kong_oam.access.decide import Decision, Request, decide
from kong_oam.access.model import Estate
from kong_oam.access.paths import written
from kong_oam.access.tokens import Claims, Refusal
from kong_oam.errors import OperationError
from kong_oam.verify.classes import classes
from kong_oam.verify.questions import NOBODY, Call, Caller, Forged, UrlRegion, Verdict

if TYPE_CHECKING:
    # It knows HTTP, which most verbs start without.
    from kong_oam.verify.live_gateway import LiveGateway

Kind = Literal[
    "opened", "diverted", "impersonated", "in clear", "weakened", "closed", "limited"
]
KINDS: dict[Kind, str] = {
    "opened": "may now be called by",
    "diverted": "leads somewhere else for",
    "impersonated": "may be called under any name by",
    "in clear": "may be called without TLS by",
    "weakened": "is guarded by less against",
    "closed": "can no longer be called by",
    "limited": "may be refused, for reasons that are not judged, to",
}
"""What a finding says of each call, before who makes it; the worst first."""


class ModelMismatchError(OperationError):
    """The gateway as it is meant does not decide as the model does: the reading of it is wrong, not
    the gateway."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """A line of a finding: the callers, with which methods, at which URLs (each with what is below
    it)."""

    callers: tuple[str, ...]
    methods: tuple[str, ...]
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deviation:
    """Calls that are decided otherwise than meant, for the same reasons: `causes` are entities of
    the gateway."""

    kind: Kind
    causes: tuple[str, ...]
    exposures: tuple[Exposure, ...] = ()


def compare(
    estate: Estate, live: LiveGateway, meant: LiveGateway, drifted: Collection[str]
) -> tuple[Deviation, ...]:
    """Finds every difference in who may call what, the worst first. None: the gateway decides as
    the Applications mean.

    `meant` is the gateway as it was deployed, read in the same way; `drifted` are the entities in
    which `live` differs from it, of which the causes are taken. Raises ModelMismatchError.
    """
    callers: dict[tuple[Kind, tuple[str, ...]], dict[UrlRegion, list[Caller]]] = {}
    for call, caller, region in classes(estate, live):
        for kind, through in _differences(estate, call, caller, live, meant):
            causes = tuple(
                dict.fromkeys(entity for entity in through if entity in drifted)
            )
            in_region = callers.setdefault((kind, causes), {}).setdefault(region, [])
            if caller not in in_region:
                in_region.append(caller)
    order = list(KINDS)
    ranked = sorted(
        callers.items(), key=lambda item: (order.index(item[0][0]), item[0][1])
    )
    return tuple(
        Deviation(kind, causes, tuple(_exposures(calls)))
        for (kind, causes), calls in ranked
    )


def _differences(
    estate: Estate, call: Call, caller: Caller, live: LiveGateway, meant: LiveGateway
) -> Iterator[tuple[Kind, tuple[str, ...]]]:
    claims = (
        Refusal("none of this API's tokens", "token-not-verified")
        if isinstance(caller.token, Forged)
        else caller.token
    )
    decision = decide(
        estate,
        Request(call.method, call.host, written(call.path).encode(), call.address),
        claims,
    )
    in_clear = call.scheme != estate.stack.scheme and estate.stack.scheme == "https"
    (intended,) = meant.verdicts(call, caller)
    if intended.allowed != (decision.allowed and not in_clear):
        what = f"{call.method} {call.scheme}://{call.host}{written(call.path)} by {caller.names[0]}"
        raise ModelMismatchError(
            f"{what}: {decision.status} is meant, and "
            f"{'let in' if intended.allowed else 'refused'} is read"
        )
    for verdict in live.verdicts(call, caller):
        kind = _kind(decision, intended, verdict, in_clear)
        if kind:
            yield kind, verdict.through + intended.through
        limits = tuple(
            label for label in verdict.limits if label not in intended.limits
        )
        if intended.allowed and verdict.allowed and limits:
            yield "limited", limits


def _kind(
    decision: Decision, intended: Verdict, verdict: Verdict, in_clear: bool
) -> Kind | None:
    owner = decision.component.key if decision.component else None
    ours = verdict.component is not None
    if in_clear:
        return "in clear" if verdict.allowed and ours else None
    if verdict.allowed and ours and not decision.allowed:
        return "opened"
    if (
        verdict.allowed
        and owner
        and (not ours or verdict.component != owner or verdict.leads != intended.leads)
    ):
        return "diverted"
    if intended.allowed and not verdict.allowed:
        return "closed"
    if (
        verdict.allowed
        and intended.allowed
        and intended.verified
        and not verdict.verified
    ):
        return "impersonated"
    return None


def _exposures(calls: Mapping[UrlRegion, Sequence[Caller]]) -> Iterator[Exposure]:
    """Groups calls by who makes them: first where from, then all methods of a URL, then all URLs
    with the same methods."""
    listed = {(region.url, region.source) for region in calls}
    sources: dict[tuple[UrlRegion, tuple[Caller, ...]], list[str]] = {}
    for region, callers in calls.items():
        if (region.within, region.source) not in listed:
            sources.setdefault(
                (region._replace(source=""), _fewest(callers)), []
            ).append(region.source)
    methods: dict[tuple[str, tuple[Caller, ...]], list[str]] = {}
    for (region, fewest), of_region in sources.items():
        source = (
            f" from {'; '.join(of_region)}" if len(of_region) < region.sources else ""
        )
        methods.setdefault((region.url + source, fewest), []).append(region.method)
    urls: dict[tuple[tuple[Caller, ...], tuple[str, ...]], list[str]] = {}
    for (url, fewest), of_url in methods.items():
        urls.setdefault((fewest, tuple(of_url)), []).append(url)
    for (fewest, same_methods), same_urls in urls.items():
        names = tuple(dict.fromkeys(name for caller in fewest for name in caller.names))
        yield Exposure(names, same_methods, tuple(same_urls))


def _fewest(callers: Sequence[Caller]) -> tuple[Caller, ...]:
    """The callers without those whom others of them stand for: everybody by nobody, users of more
    groups by those of fewer."""
    if NOBODY in callers:
        return (NOBODY,)
    return tuple(
        caller
        for caller in callers
        if not any(_covers(fewer, caller) for fewer in callers)
    )


def _covers(fewer: Caller, more: Caller) -> bool:
    """Whether naming the users with `fewer` groups also names those with `more`."""
    few, many = fewer.token, more.token
    if (
        not isinstance(few, Claims)
        or not isinstance(many, Claims)
        or not set(few.groups) < set(many.groups)
    ):
        return False
    same = replace(many, groups=few.groups, client=few.client) == few
    return same and _clients(more) <= _clients(fewer)


def _clients(caller: Caller) -> set[str]:
    return {name.partition(" ")[0] for name in caller.names}
