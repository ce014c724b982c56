"""Judge invariants, exact over all requests and callers of an estate.

The answers follow from `issue` and `decide` (access.callers, access.request_classes):

- A rule without scopes admits each client of the component's provider that can get a token.
- An old credential counts as its client, also for the days before it ends.
- Networks do not matter: a caller at an allowed address is enough.
- A token that a workload gets with `forwardToken` counts as its client's token.
- A connection inside the cluster (`internal`) is no request: it reaches no port of a route. A
  route in Kong that no stack has (`gateway.adopted`) is unknown here, so nobody can judge it.
- A public request is a call of each client. It is no call of a group: membership changes nothing.
- In an incomplete estate, roles may name clients without Applications. Such a client asks for all
  its roles (access.absent).

A user may be in two groups. Only the directory knows, so `separate` compares groups, not users.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from kong_oam.access.data import Names
from kong_oam.access.decide import Request
from kong_oam.access.model import Estate
from kong_oam.invariants.model import Invariant, Kind, RoleName


@dataclass(frozen=True, slots=True)
class BreakingCaller:
    """The caller of a request that breaks an invariant, or the holder of two roles.

    Without any value, the caller has no token. `groups` are logical names: a user in exactly these
    groups calls through the client. A group that holds two roles has no client. `consumer` is the
    owner of the client's old credential.
    """

    client: str = ""
    groups: Names = ()
    consumer: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """An invariant that is broken at a component (`application/component`).

    `index` counts invariants from 0. `request` is the shortest that breaks the invariant. `roles`
    are the two held roles of `separate`, which has no request; the component is the first's.
    """

    kind: Kind
    index: int
    component: str
    caller: BreakingCaller
    request: Request | None
    roles: tuple[RoleName, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """Broken invariants, one for each invariant and component, by index and component.

    `unconcerned`: indexes of invariants whose requests reach no component. `unused`: indexes of
    invariants with numbers of exceptions that permit no call.
    """

    broken: tuple[Broken, ...]
    unconcerned: tuple[int, ...] = ()
    unused: tuple[tuple[int, int], ...] = ()


def judge(
    invariants: Sequence[Invariant], estate: Estate, today: date
) -> Judgement:
    """Judge invariants on a whole estate. `today` ends exceptions: the stack's `asOf`."""
    raise NotImplementedError
