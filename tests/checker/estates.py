"""Estates that follow one another by small steps, drawn from a seed: what the real engine is made to do, run after run.

A component keeps its identity (`uid`) through all of them, and with it the names of its scopes; its name, its place and
its rules change. So a step may be a rename, a move, a swap of two places, or something made public.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

UIDS = ("a", "b", "c")
GROUPS = ("sales", "order-desk")
HOSTS = ("one.example.com", "two.example.com", "*.example.com")
PATHS = ("/", "/x", "/x/y", "/z")
_NAMES = ("api", "web", "jobs", "files", "desk")


@dataclass(frozen=True, slots=True)
class Part:
    """One exposed component: its places are (host, path, port); rules are (path, method, "public" or scopes)."""

    uid: str
    name: str
    places: tuple[tuple[str, str, int], ...]
    rules: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    groups: tuple[str, ...] = ("sales",)

    @property
    def scopes(self) -> tuple[str, str]:
        return f"{self.uid}.read", f"{self.uid}.write"

    def manifest(self) -> dict[str, Any]:
        traits: list[dict[str, Any]] = []
        for host in dict.fromkeys(host for host, _, _ in self.places):
            http = {path: port for other, path, port in self.places if other == host}
            traits.append({"type": "gateway", "properties": {"name": f"g{len(traits)}", "domain": host, "http": http}})
        if self.rules:
            rules = [
                {"paths": [path], "methods": [method]}
                | ({"scopes": list(scopes)} if scopes else {"public": {"reason": "generated"}})
                for path, method, scopes in self.rules
            ]
            role = {"scopes": list(self.scopes), "groups": list(self.groups)}
            access = {"owner": "team", "scopes": dict.fromkeys(self.scopes, "s"), "rules": rules, "roles": {"r": role}}
            traits.append({"type": "access", "properties": access})
        ports = [{"port": port} for port in sorted({port for _, _, port in self.places})]
        return {
            "name": self.name,
            "type": "webservice",
            "properties": {"image": "registry.example.com/x", "ports": ports},
            "traits": traits,
        }


Parts = tuple[Part, ...]
"""One estate: an Application of these components."""


def application(parts: Parts) -> str:
    """As YAML (JSON, that is); "" for no components."""
    if not parts:
        return ""
    return json.dumps(
        {
            "apiVersion": "core.oam.dev/v1beta1",
            "kind": "Application",
            "metadata": {"name": "app"},
            "spec": {"components": [part.manifest() for part in parts]},
        }
    )


Step = Callable[[random.Random, Parts], Parts]


def _one(draw: random.Random, parts: Parts, change: Callable[[Part], Part]) -> Parts:
    chosen = draw.randrange(len(parts))
    return tuple(change(part) if number == chosen else part for number, part in enumerate(parts))


def _place(draw: random.Random) -> tuple[str, str, int]:
    return draw.choice(HOSTS), draw.choice(PATHS), draw.choice((8080, 8080, 9090))


def _rules(draw: random.Random, part: Part) -> Part:
    """Some rules on and below the component's places, or none: closed to all who have not signed in."""
    read, write = part.scopes
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for _, path, _ in part.places:
        for below in draw.sample(["", "/health", "/health/deep"], draw.randint(1, 3)):
            for method in draw.sample(["GET", "POST"], draw.randint(1, 2)):
                found[(path.rstrip("/") + below) or "/", method] = draw.choice(((), (read,), (write,), (read, write)))
    rules = tuple((path, method, scopes) for (path, method), scopes in sorted(found.items()))
    return replace(part, rules=draw.choice((rules, rules, rules, ())))


def added(draw: random.Random, parts: Parts) -> Parts:
    free = [uid for uid in UIDS if uid not in {part.uid for part in parts}]
    if not free:
        return parts
    names = [name for name in _NAMES if name not in {part.name for part in parts}]
    places = tuple({place[:2]: place for place in (_place(draw) for _ in range(draw.randint(1, 2)))}.values())
    return (*parts, _rules(draw, Part(draw.choice(free), draw.choice(names), places)))


def removed(draw: random.Random, parts: Parts) -> Parts:
    chosen = draw.choice(parts)
    return tuple(part for part in parts if part is not chosen) if len(parts) > 1 else parts


def renamed(draw: random.Random, parts: Parts) -> Parts:
    names = [name for name in _NAMES if name not in {part.name for part in parts}]
    return _one(draw, parts, lambda part: replace(part, name=draw.choice(names)))


def moved(draw: random.Random, parts: Parts) -> Parts:
    """To another host, path or port, with the rules that it has or with others."""
    return _one(draw, parts, lambda part: _rules(draw, replace(part, places=(_place(draw), *part.places[1:]))))


def swapped(draw: random.Random, parts: Parts) -> Parts:
    """Two components take each other's places, and each asks for its own scopes there."""
    if len(parts) < 2:
        return parts
    first, second = draw.sample(parts, 2)
    places = {first.uid: second.places, second.uid: first.places}
    return tuple(_rules(draw, replace(part, places=places[part.uid])) if part.uid in places else part for part in parts)


def succeeded(draw: random.Random, parts: Parts) -> Parts:
    """A component goes, and another takes its place at once."""
    chosen = draw.choice(parts)
    others = tuple(part for part in parts if part is not chosen)
    free = [uid for uid in UIDS if uid not in {part.uid for part in parts}] or [chosen.uid]
    names = [name for name in _NAMES if name not in {part.name for part in parts}]
    return (*others, _rules(draw, Part(draw.choice(free), draw.choice(names), chosen.places)))


def ruled(draw: random.Random, parts: Parts) -> Parts:
    return _one(draw, parts, lambda part: _rules(draw, part))


def regrouped(draw: random.Random, parts: Parts) -> Parts:
    return _one(draw, parts, lambda part: replace(part, groups=tuple(draw.sample(GROUPS, draw.randint(1, 2)))))


STEPS: tuple[Step, ...] = (added, added, swapped, moved, ruled, renamed, succeeded, regrouped, removed)


def estates(seed: int, count: int, sound: Callable[[str], bool]) -> Iterator[tuple[str, Parts]]:
    """`count` estates, each by one step (named) from the one before it and another Application; the first from nothing.

    `sound` says whether an Application compiles. A step that leads nowhere is drawn again, and in the end another.
    """
    draw = random.Random(seed)  # the same estates from the same seed
    parts: Parts = ()
    for number in range(count):
        wanted = STEPS[number % len(STEPS)] if parts else added
        tried = [wanted] * 200 + [draw.choice(STEPS) for _ in range(2000)]
        for step in tried:
            following = step(draw, parts)
            if application(following) != application(parts) and sound(application(following)):
                break
        else:
            raise ValueError(f"no estate follows {parts}")
        parts = following
        yield step.__name__, parts
