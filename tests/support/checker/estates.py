"""Estates that change by small steps, drawn from a seed. The real engine deploys them, run after
run.

A component keeps its identity (`uid`); its name, place, image, scopes and rules change. A step may
be a rename, a move or a swap of two places. A scope may change its component, and a grant its
client.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.support.json_object import JsonObject

UIDS = ("a", "b", "c")
GROUPS = ("sales", "order-desk")
HOSTS = ("one.example.com", "two.example.com", "*.example.com")
PATHS = ("/", "/x", "/x/y", "/z")
INSIDE, OUTSIDE = ("127.0.0.0/8",), ("10.0.0.0/8",)
REDIRECT = "com.example.site:/callback"
_NAMES = ("api", "web", "files", "desk", "shelf")
_IMAGE = "registry.example.com"


@dataclass(frozen=True, slots=True)
class Part:
    """One exposed component. Its places are (host, path, port); rules are (path, method, scopes;
    none: public). `allow`: the networks of its callers; none: all. `tls`: its workload speaks
    https, and is verified."""

    uid: str
    name: str
    places: tuple[tuple[str, str, int], ...]
    rules: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    groups: tuple[str, ...] = ("sales",)
    scopes: tuple[str, ...] = ()
    version: int = 1
    allow: tuple[str, ...] = ()
    tls: bool = False

    @property
    def image(self) -> str:
        return f"{_IMAGE}/{self.uid}:{self.version}"

    def manifest(self, clients: tuple[Client, ...]) -> JsonObject:
        traits: list[JsonObject] = []
        for host in dict.fromkeys(host for host, _, _ in self.places):
            http = {
                path: port for other, path, port in self.places if other == host
            }
            traits.append(
                {
                    "type": "gateway",
                    "properties": {
                        "name": f"g{len(traits)}",
                        "domain": host,
                        "http": http,
                    },
                }
            )
        if self.rules:
            rules = [
                {"paths": [path], "methods": [method]}
                | (
                    {"scopes": list(scopes)}
                    if scopes
                    else {"public": {"reason": "generated"}}
                )
                for path, method, scopes in self.rules
            ]
            callers = [
                f"app/{client.name}" for client in clients if client.asks(self)
            ]
            role = {
                "scopes": list(self.scopes),
                "groups": list(self.groups),
                "components": callers,
            }
            roles = {"roles": {"r": role}} if self.scopes else {}
            access = {
                "owner": "team",
                "scopes": dict.fromkeys(self.scopes, "s"),
                "rules": rules,
            } | roles
            traits.append({"type": "access", "properties": access})
        if self.allow:
            traits.append(
                {"type": "ip-allow", "properties": {"from": list(self.allow)}}
            )
        if self.tls:
            traits.append({"type": "upstream-tls", "properties": {}})
        ports = [
            {"port": port}
            for port in sorted({port for _, _, port in self.places})
        ]
        return _component(
            self.name,
            "webservice",
            {"image": self.image, "ports": ports},
            traits,
        )


@dataclass(frozen=True, slots=True)
class Client:
    """A client: a service, or an application that users sign in to. `calls` are pairs of uid and
    scope; unknown ids are left out."""

    name: str
    calls: tuple[tuple[str, str], ...] = ()
    users: bool = False

    def asks(self, part: Part) -> list[str]:
        return [
            scope
            for uid, scope in self.calls
            if uid == part.uid and part.rules and scope in part.scopes
        ]

    def manifest(self, parts: tuple[Part, ...]) -> JsonObject:
        asked = {part.name: self.asks(part) for part in parts}
        calls = [
            {"component": f"app/{name}", "scopes": scopes}
            for name, scopes in asked.items()
            if scopes
        ]
        trait: JsonObject = {
            "kind": "native" if self.users else "service",
            "calls": calls,
        }
        if self.users:
            trait["redirectUris"] = [REDIRECT]
        properties = {} if self.users else {"image": f"{_IMAGE}/{self.name}"}
        kind = "external" if self.users else "worker"
        return _component(
            self.name,
            kind,
            properties,
            [{"type": "client", "properties": trait}],
        )


def _component(
    name: str,
    kind: str,
    properties: JsonObject,
    traits: list[JsonObject],
) -> JsonObject:
    return {
        "name": name,
        "type": kind,
        "properties": properties,
        "traits": traits,
    }


@dataclass(frozen=True, slots=True)
class Shape:
    """One estate: an Application of these components. `unpullable`: images that no node can pull."""

    parts: tuple[Part, ...] = ()
    clients: tuple[Client, ...] = ()
    unpullable: frozenset[str] = frozenset()

    def with_parts(self, *parts: Part) -> Shape:
        return replace(self, parts=parts)

    def changed(self, uid: str, **changes: Any) -> Shape:
        """Return the estate with changes of one component."""
        return self.with_parts(
            *(
                replace(part, **changes) if part.uid == uid else part
                for part in self.parts
            )
        )


def application(shape: Shape) -> str:
    """Return the Application as YAML (JSON); "" without components."""
    components = [
        *(part.manifest(shape.clients) for part in shape.parts),
        *(client.manifest(shape.parts) for client in shape.clients),
    ]
    if not components:
        return ""
    return json.dumps(
        {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "Application",
            "metadata": {"name": "app"},
            "spec": {"components": components},
        }
    )


Step = Callable[[random.Random, Shape], Shape]


def _one(
    draw: random.Random, shape: Shape, change: Callable[[Part], Part]
) -> Shape:
    chosen = draw.choice(shape.parts)
    return shape.with_parts(
        *(change(part) if part is chosen else part for part in shape.parts)
    )


def _place(draw: random.Random) -> tuple[str, str, int]:
    return (
        draw.choice(HOSTS),
        draw.choice(PATHS),
        draw.choice((8080, 8080, 9090)),
    )


def _rules(draw: random.Random, part: Part) -> Part:
    """Draw some rules on and below the component's places, or none. Without rules every caller
    needs a token."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for _, path, _ in part.places:
        for below in draw.sample(
            ["", "/health", "/health/deep"], draw.randint(1, 3)
        ):
            for method in draw.sample(["GET", "POST"], draw.randint(1, 2)):
                needed = draw.sample(
                    part.scopes, draw.randint(0, min(2, len(part.scopes)))
                )
                found[(path.rstrip("/") + below) or "/", method] = tuple(
                    sorted(needed)
                )
    rules = tuple(
        (path, method, scopes)
        for (path, method), scopes in sorted(found.items())
    )
    return replace(part, rules=draw.choice((rules, rules, rules, ())))


def _new(
    draw: random.Random,
    shape: Shape,
    places: tuple[tuple[str, str, int], ...],
    spare: str = "",
) -> Part:
    free = [
        uid for uid in UIDS if uid not in {part.uid for part in shape.parts}
    ] or [spare]
    names = [
        name
        for name in _NAMES
        if name not in {part.name for part in shape.parts}
    ]
    uid = draw.choice(free)
    taken = {scope for part in shape.parts for scope in part.scopes}
    scopes = tuple(
        scope for scope in (f"{uid}.read", f"{uid}.write") if scope not in taken
    )
    return _rules(draw, Part(uid, draw.choice(names), places, scopes=scopes))


def added(draw: random.Random, shape: Shape) -> Shape:
    if len(shape.parts) == len(UIDS):
        return shape
    places = tuple(
        {
            position[:2]: position
            for position in (_place(draw) for _ in range(draw.randint(1, 2)))
        }.values()
    )
    return shape.with_parts(*shape.parts, _new(draw, shape, places))


def removed(draw: random.Random, shape: Shape) -> Shape:
    chosen = draw.choice(shape.parts)
    return (
        shape.with_parts(*(part for part in shape.parts if part is not chosen))
        if len(shape.parts) > 1
        else shape
    )


def renamed(draw: random.Random, shape: Shape) -> Shape:
    names = [
        name
        for name in _NAMES
        if name not in {part.name for part in shape.parts}
    ]
    return _one(
        draw, shape, lambda part: replace(part, name=draw.choice(names))
    )


def moved(draw: random.Random, shape: Shape) -> Shape:
    """Move a component to another host, path or port, with the same or other rules."""
    return _one(
        draw,
        shape,
        lambda part: _rules(
            draw, replace(part, places=(_place(draw), *part.places[1:]))
        ),
    )


def swapped(draw: random.Random, shape: Shape) -> Shape:
    """Swap the places of two components; each requires its own scopes there."""
    if len(shape.parts) < 2:
        return shape
    first, second = draw.sample(shape.parts, 2)
    places = {first.uid: second.places, second.uid: first.places}
    return shape.with_parts(
        *(
            _rules(draw, replace(part, places=places[part.uid]))
            if part.uid in places
            else part
            for part in shape.parts
        )
    )


def succeeded(draw: random.Random, shape: Shape) -> Shape:
    """Remove a component, and put another in its place at once."""
    chosen = draw.choice(shape.parts)
    others = shape.with_parts(
        *(part for part in shape.parts if part is not chosen)
    )
    return others.with_parts(
        *others.parts, _new(draw, shape, chosen.places, chosen.uid)
    )


def ruled(draw: random.Random, shape: Shape) -> Shape:
    return _one(draw, shape, lambda part: _rules(draw, part))


def regrouped(draw: random.Random, shape: Shape) -> Shape:
    return _one(
        draw,
        shape,
        lambda part: replace(
            part, groups=tuple(draw.sample(GROUPS, draw.randint(1, 2)))
        ),
    )


def rescoped(draw: random.Random, shape: Shape) -> Shape:
    """Give a scope to another component, whose rules require it. Its clients ask for no new scope."""
    if len(shape.parts) < 2:
        return shape
    giver, taker = draw.sample(shape.parts, 2)
    if not giver.scopes:
        return shape
    scope = draw.choice(giver.scopes)
    left = _rules(
        draw,
        replace(
            giver, scopes=tuple(own for own in giver.scopes if own != scope)
        ),
    )
    more = _rules(draw, replace(taker, scopes=(*taker.scopes, scope)))
    return shape.with_parts(
        *(
            {giver.uid: left, taker.uid: more}.get(part.uid, part)
            for part in shape.parts
        )
    )


def regranted(draw: random.Random, shape: Shape) -> Shape:
    """Draw more or fewer grants for one client, or add or remove a client."""
    grants = [
        (part.uid, scope) for part in shape.parts for scope in part.scopes
    ]
    clients = {client.name: client for client in shape.clients}
    name = draw.choice(("job", "cron", "site"))
    calls = tuple(
        sorted(
            draw.sample(grants, draw.randint(min(1, len(grants)), len(grants)))
        )
    )
    clients[name] = Client(name, calls, users=name == "site")
    for other in draw.sample(
        sorted(set(clients) - {name}), min(1, len(clients) - 1)
    ):
        left = tuple(call for call in clients[other].calls if call not in calls)
        clients[other] = replace(clients[other], calls=left)
        if not left:
            del clients[other]
    return replace(shape, clients=tuple(clients.values()))


def widened(draw: random.Random, shape: Shape) -> Shape:
    """Widen clients' grants; a service may get all scopes."""
    grants = [
        (part.uid, scope) for part in shape.parts for scope in part.scopes
    ]
    clients = {
        client.name: client for client in (*shape.clients, Client("job"))
    }
    for name, client in clients.items():
        more = (
            grants
            if name == "job"
            else draw.sample(grants, draw.randint(0, len(grants)))
        )
        clients[name] = replace(
            client, calls=tuple(sorted({*client.calls, *more}))
        )
    return replace(shape, clients=tuple(clients.values()))


def narrowed(draw: random.Random, shape: Shape) -> Shape:
    """Narrow clients' grants; some scope stays."""
    clients = []
    for client in shape.clients:
        calls = [
            (part.uid, scope)
            for part in shape.parts
            for scope in client.asks(part)
        ]
        left = (
            draw.sample(calls, draw.randint(1, len(calls) - 1))
            if len(calls) > 1
            else calls
        )
        clients.append(replace(client, calls=tuple(sorted(left))))
    return replace(shape, clients=tuple(clients))


def versioned(draw: random.Random, shape: Shape) -> Shape:
    """Give a component another image, maybe with other rules; maybe it cannot be pulled."""
    chosen = draw.choice(shape.parts)
    newer = replace(chosen, version=chosen.version + 1)
    newer = _rules(draw, newer) if draw.random() < 0.7 else newer
    broken = frozenset({newer.image}) if draw.random() < 0.5 else frozenset()
    following = shape.with_parts(
        *(newer if part is chosen else part for part in shape.parts)
    )
    return replace(following, unpullable=broken)


def networked(draw: random.Random, shape: Shape) -> Shape:
    """Change the networks that may call a component: every request of the checker comes from
    127.0.0.1."""
    return _one(
        draw,
        shape,
        lambda part: replace(
            part,
            allow=draw.choice(
                [
                    networks
                    for networks in ((), INSIDE, OUTSIDE)
                    if networks != part.allow
                ]
            ),
        ),
    )


def secured(draw: random.Random, shape: Shape) -> Shape:
    """Let a component's workload speak https, or clear text again; maybe with other rules."""
    return _one(
        draw,
        shape,
        lambda part: replace(
            _rules(draw, part) if draw.random() < 0.5 else part,
            tls=not part.tls,
        ),
    )


STEPS: tuple[Step, ...] = (
    added,
    regranted,
    added,
    rescoped,
    swapped,
    versioned,
    moved,
    secured,
    ruled,
    renamed,
    versioned,
    rescoped,
    succeeded,
    regrouped,
    removed,
    networked,
    regranted,
)


def estates(
    seed: int, count: int, sound: Callable[[str], bool]
) -> Iterator[tuple[str, Shape]]:
    """Yield `count` estates, each a named step after the estate before it. The first step starts
    from an empty stack.

    `sound` returns whether an Application compiles. A step without a valid result is drawn again,
    in the end as another kind of step.
    """
    draw = random.Random(seed)  # the same estates from the same seed
    shape = Shape()
    for number in range(count):
        name, shape = _following(
            draw,
            shape,
            STEPS[number % len(STEPS)] if shape.parts else added,
            sound,
        )
        yield name, shape


def regranted_estates(
    seed: int, count: int, sound: Callable[[str], bool]
) -> Iterator[Shape]:
    """Yield `count` estates, each several steps after the estate before it. The last step changes
    grants: by turns, clients get more or fewer grants."""
    draw = random.Random(seed)
    shape = Shape()
    for number in range(count):
        steps = (
            (added, added, regranted)
            if number == 0
            else draw.choices(STEPS, k=draw.randint(0, 2))
        )
        for step in (*steps, narrowed if number % 2 else widened):
            _, shape = _following(draw, shape, step, sound)
        shape = replace(shape, unpullable=frozenset())
        yield shape


def _following(
    draw: random.Random,
    shape: Shape,
    wanted: Step,
    sound: Callable[[str], bool],
) -> tuple[str, Shape]:
    """Draw another Application, by that step if possible."""
    before = replace(shape, unpullable=frozenset())
    for step in [wanted] * 200 + [draw.choice(STEPS) for _ in range(2000)]:
        following = step(draw, before)
        if application(following) != application(shape) and sound(
            application(following)
        ):
            return step.__name__, following
    raise ValueError(f"no estate follows {shape}")
