"""Compares the decisions of a gateway with the Applications.

A call and a caller of each class (verify.classes) represent the whole class. The comparison is
exact where the gateway can be judged. Anything that cannot be judged counts as open.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from kong_oam.access.data import Names
from kong_oam.access.decide import Decision, Request, decide
from kong_oam.access.model import Estate
from kong_oam.access.paths import written
from kong_oam.access.tokens import Claims, Refusal
from kong_oam.errors import OperationError
from kong_oam.verify.classes import classes
from kong_oam.verify.questions import (
    NOBODY,
    Call,
    Caller,
    Forged,
    Gateway,
    Labels,
    UrlRegion,
    Verdict,
)

Kind = Literal[
    "opened",
    "diverted",
    "impersonated",
    "in clear",
    "weakened",
    "closed",
    "limited",
]
# The words of a finding between the call and the callers, the worst first.
KINDS: dict[Kind, str] = {
    "opened": "may now be called by",
    "diverted": "now leads to another destination for",
    "impersonated": "may be called under any name by",
    "in clear": "may be called without TLS by",
    "weakened": "has a weaker guard against",
    "closed": "can no longer be called by",
    "limited": "may be denied, for unknown reasons, to",
}


class ModelMismatchError(OperationError):
    """The intended gateway does not decide as the model does. This check is wrong."""


@dataclass(frozen=True, slots=True)
class AffectedCalls:
    """A line of a finding: callers, methods and URLs. Each URL includes the paths below it."""

    callers: Names
    methods: Names
    urls: Names


@dataclass(frozen=True, slots=True)
class Deviation:
    """Calls with an unintended decision for the same reasons. `causes`: entities of the gateway."""

    kind: Kind
    causes: Labels
    exposures: tuple[AffectedCalls, ...] = ()


_Callers = tuple[Caller, ...]


def compare(
    estate: Estate,
    live: Gateway,
    intended_gateway: Gateway,
    drifted: Collection[str],
) -> tuple[Deviation, ...]:
    """Return every difference in decisions, the worst first. Raises ModelMismatchError.

    An empty result means that the gateway decides as the Applications intend. `intended_gateway`:
    the gateway as it was deployed. `drifted`: the labels of entities that differ between the two
    gateways; causes are chosen from them.
    """
    findings: dict[tuple[Kind, Labels], dict[UrlRegion, list[Caller]]] = {}
    for call, caller, region in classes(estate, live):
        differences = _differences(estate, call, caller, live, intended_gateway)
        for kind, through in differences:
            causes = tuple(
                entity for entity in dict.fromkeys(through) if entity in drifted
            )
            regions = findings.setdefault((kind, causes), {})
            callers = regions.setdefault(region, [])
            if caller not in callers:
                callers.append(caller)
    deviations = [
        Deviation(kind, causes, tuple(_exposures(regions)))
        for (kind, causes), regions in findings.items()
    ]
    order = list(KINDS)
    return tuple(
        sorted(
            deviations,
            key=lambda deviation: (
                order.index(deviation.kind),
                deviation.causes,
            ),
        )
    )


def _differences(
    estate: Estate,
    call: Call,
    caller: Caller,
    live: Gateway,
    intended_gateway: Gateway,
) -> Iterator[tuple[Kind, Labels]]:
    """Yield each kind of difference for a call, with the entities that affected it."""
    decision = _decision(estate, call, caller)
    in_clear = call.scheme == "http" and estate.stack.scheme == "https"
    # Several targets of an external component are one workload.
    intended, *_ = intended_gateway.verdicts(call, caller)
    if intended.allowed != (decision.allowed and not in_clear):
        url = f"{call.scheme}://{call.host}{written(call.path)}"
        raise ModelMismatchError(
            f"{call.method} {url} by {caller.names[0]}: the model answers {decision.status}, but "
            f"the check reads {'allowed' if intended.allowed else 'denied'}"
        )
    for verdict in live.verdicts(call, caller):
        kind = _kind(decision, intended, verdict, in_clear=in_clear)
        if kind:
            yield kind, verdict.through + intended.through
        if intended.allowed and verdict.allowed:
            limits = [
                label
                for label in verdict.limits
                if label not in intended.limits
            ]
            if limits:
                yield "limited", tuple(limits)


def _decision(estate: Estate, call: Call, caller: Caller) -> Decision:
    """Return the model's decision on the call."""
    claims = (
        Refusal("not a token for this API", "token-not-verified")
        if isinstance(caller.token, Forged)
        else caller.token
    )
    path = written(call.path).encode()
    return decide(
        estate, Request(call.method, call.host, path, call.address), claims
    )


def _kind(
    decision: Decision, intended: Verdict, verdict: Verdict, *, in_clear: bool
) -> Kind | None:
    is_ours = verdict.component is not None
    if in_clear:
        return "in clear" if verdict.allowed and is_ours else None
    if not verdict.allowed:
        return "closed" if intended.allowed else None
    if is_ours and not decision.allowed:
        return "opened"
    return _kind_of_let_in(decision, intended, verdict)


def _kind_of_let_in(
    decision: Decision, intended: Verdict, verdict: Verdict
) -> Kind | None:
    """Return the kind of difference of a call that the gateway rightly allows."""
    component = decision.component
    leads = verdict.component, verdict.leads
    if component and leads != (component.key, intended.leads):
        return "diverted"
    is_exposed = intended.verified and not verdict.verified
    if intended.allowed and is_exposed:
        return "impersonated"
    return None


def _exposures(
    callers_by_region: Mapping[UrlRegion, Sequence[Caller]],
) -> Iterator[AffectedCalls]:
    """Group calls by their callers.

    Groups first join the sources of a call, then the methods of a URL, then the URLs with equal
    methods.
    """
    listed = {(region.url, region.source) for region in callers_by_region}
    sources = defaultdict(list)
    for region, callers in callers_by_region.items():
        if (region.within, region.source) not in listed:
            anywhere = region._replace(source="")
            sources[anywhere, _fewest(callers)].append(region.source)
    methods = defaultdict(list)
    for (region, fewest), of_region in sources.items():
        url = region.url
        if len(of_region) < region.sources:
            url += f" from {'; '.join(of_region)}"
        methods[url, fewest].append(region.method)
    urls = defaultdict(list)
    for (url, fewest), of_url in methods.items():
        urls[fewest, tuple(of_url)].append(url)
    for (fewest, same_methods), same_urls in urls.items():
        names: dict[str, None] = {}
        for caller in fewest:
            names.update(dict.fromkeys(caller.names))
        yield AffectedCalls(tuple(names), same_methods, tuple(same_urls))


def _fewest(callers: Sequence[Caller]) -> _Callers:
    """Return the fewest callers that represent all.

    Calls without a token represent all callers, and users of fewer groups represent users of more.
    """
    if NOBODY in callers:
        return (NOBODY,)
    return tuple(
        caller for caller in callers if not _is_covered(caller, callers)
    )


def _is_covered(caller: Caller, callers: Sequence[Caller]) -> bool:
    return any(_covers(fewer, caller) for fewer in callers)


def _covers(fewer: Caller, more: Caller) -> bool:
    """Return whether the users with `fewer` groups include those with `more`."""
    few = fewer.token
    many = more.token
    if not isinstance(few, Claims) or not isinstance(many, Claims):
        return False
    if not set(few.groups) < set(many.groups):
        return False
    same = replace(many, groups=few.groups, client=few.client) == few
    return same and _clients(more) <= _clients(fewer)


def _clients(caller: Caller) -> set[str]:
    return {name.partition(" ")[0] for name in caller.names}
