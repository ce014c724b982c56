"""Find the names of invariants that an estate does not have, and contradictions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from kong_oam.access.callers import logical_groups
from kong_oam.access.data import PathSegments
from kong_oam.access.hosts import hosts_above
from kong_oam.access.model import Estate
from kong_oam.access.paths import within
from kong_oam.diagnostics import Diagnostic, Findings, printable, suggestion
from kong_oam.invariants.model import (
    ANY_HOST,
    CallInvariant,
    Invariant,
    Requests,
    RoleInvariant,
    Who,
)
from kong_oam.invariants.places import lower
from kong_oam.invariants.roles import role_of
from kong_oam.oam.position import SourcePosition


class _Names:
    """The names that callers of invariants may have in one estate."""

    def __init__(self, estate: Estate) -> None:
        self.is_partial = estate.stack.partial
        self.groups = logical_groups(estate) | (
            estate.stack.known_groups or frozenset()
        )
        self.callers = {*estate.components}
        for key in estate.components:
            self.callers.add(f"{key.partition('/')[0]}/*")


def unknown_names(invariants: Sequence[Invariant], estate: Estate) -> Findings:
    """Yield an error for each client, group, component and role that the estate does not have.

    In an incomplete estate, clients may belong to missing Applications.
    """
    names = _Names(estate)
    for invariant in invariants:
        if isinstance(invariant, CallInvariant):
            position = invariant.position.at("who")
            yield from _unknown_callers(invariant.who, names, position)
        else:
            yield from _unknown_roles(invariant, estate)
        for exception in invariant.exceptions:
            if exception.who is not None:
                position = exception.position.at("who")
                yield from _unknown_callers(exception.who, names, position)


def _unknown_callers(
    who: Who, names: _Names, position: SourcePosition
) -> Findings:
    for number, text in enumerate(who.texts):
        place = position.at(number)
        if text in who.clients:
            if not names.is_partial and text not in names.callers:
                hint = suggestion(text, names.callers)
                message = f"no component is '{printable(text)}'{hint}"
                yield Diagnostic("INV711", message, place)
            continue
        group = text.removeprefix("group ")
        if group in who.groups and group not in names.groups:
            hint = suggestion(group, names.groups)
            message = f"no role names group '{printable(group)}'{hint}"
            yield Diagnostic("INV711", message, place)


def _unknown_roles(invariant: RoleInvariant, estate: Estate) -> Findings:
    for number, name in enumerate(invariant.roles):
        if role_of(estate, name) is not None:
            continue
        component = estate.components.get(name.component)
        if component is None:
            hint = suggestion(name.component, estate.components)
            message = f"no component is '{printable(name.component)}'{hint}"
        else:
            roles = [role.name for role in component.identity.roles]
            hint = suggestion(name.role, roles)
            message = (
                f"{component.key} has no role '{printable(name.role)}'{hint}"
            )
        place = invariant.position.at("roles", number)
        yield Diagnostic("INV711", message, place)


def contradictions(invariants: Sequence[Invariant]) -> Findings:
    """Yield an error for each `only` that no call can satisfy beside another invariant.

    A `never` with exceptions contradicts nothing: its exceptions may permit the calls.
    """
    nevers: dict[str, list[CallInvariant]] = defaultdict(list)
    onlys: dict[tuple[str, PathSegments], list[CallInvariant]] = defaultdict(
        list
    )
    for invariant in invariants:
        if isinstance(invariant, RoleInvariant):
            continue
        if invariant.kind == "only":
            place = invariant.may.host, invariant.may.path
            onlys[place].append(invariant)
        elif not invariant.exceptions:
            for text in invariant.who.texts:
                nevers[text].append(invariant)
    for of_place in onlys.values():
        for number, only in enumerate(of_place):
            yield from _forbidden_callers(only, nevers)
            yield from _disjoint_lists(only, of_place[:number])


def _forbidden_callers(
    only: CallInvariant, nevers: Mapping[str, Sequence[CallInvariant]]
) -> Findings:
    for number, text in enumerate(only.who.texts):
        application = text.partition("/")[0]
        forbidding = [
            *nevers.get(text, ()),
            *nevers.get(f"{application}/*", ()),
        ]
        for never in forbidding:
            if covers(never.may, only.may):
                message = (
                    f"{never.position} forbids these requests to '{printable(text)}', which this "
                    "invariant lists; remove it from a list"
                )
                place = only.position.at("who", number)
                yield Diagnostic("INV713", message, place)
                break


def _disjoint_lists(
    only: CallInvariant, others: Sequence[CallInvariant]
) -> Findings:
    for other in others:
        is_same = not {*only.may.methods}.isdisjoint(other.may.methods)
        if is_same and not _has_common_call(only.who, other.who):
            message = (
                f"{other.position} lists other callers for the same requests, so nobody may make "
                "them; merge the lists"
            )
            yield Diagnostic("INV713", message, only.position)
            return


def _has_common_call(first: Who, second: Who) -> bool:
    """Return whether a call can be of a caller in both lists.

    A user may be in two groups, and may call through each client.
    """
    if first.anybody and second.anybody:
        return True
    if first.groups and (second.groups or second.clients):
        return True
    if second.groups and first.clients:
        return True
    return any(map(second.lists_client, first.clients)) or any(
        map(first.lists_client, second.clients)
    )


def covers(outer: Requests, inner: Requests) -> bool:
    """Return whether requests include all others."""
    is_host = outer.host == ANY_HOST or (
        inner.host != ANY_HOST and outer.host in hosts_above(inner.host)
    )
    is_path = within(lower(inner.path), lower(outer.path))
    return is_host and is_path and {*inner.methods} <= {*outer.methods}
