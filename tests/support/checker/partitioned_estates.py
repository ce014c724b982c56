"""Estates in partitions that change step by step, drawn from a seed, with their meaning.

The shapes and the steps are shared with the checker of one stack (`estates`). Here each component
is an Application in its own namespace, and partitions are drawn so that no host crosses them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import combinations
from pathlib import Path

import yaml

from kong_oam.access.compile.estate import Compiled, compile_estate
from kong_oam.access.settings.stack import read_file
from kong_oam.access.settings.values import Settings
from kong_oam.identity.kinds import describe
from kong_oam.identity.okta.names import client_id
from kong_oam.oam.application import join_readings, read_bytes
from sandbox.local import ROOT, STACK
from tests.support.checker.check import Meaning
from tests.support.checker.estates import (
    UIDS,
    Client,
    Part,
    Shape,
    added,
    moved,
    regranted,
    regrouped,
    removed,
    renamed,
    rescoped,
    ruled,
    swapped,
    versioned,
)
from tests.support.engine.deployment import remove_applications
from tests.support.json_object import JsonObject

ISSUER = "https://okta.example.com/oauth2/aus1"
CLIENTS = ("job", "cron", "site")
FILE = ROOT / "stacks" / f"Pulumi.{STACK}.yaml"
Layout = Mapping[str, tuple[str, ...]]
"""The namespaces of each partition."""


@dataclass(frozen=True)
class PartitionedEstate:
    """An estate of these components in these partitions. The Application and namespace of a part is
    `of-<uid>`; a client's is `by-<name>`."""

    shape: Shape
    layout: Layout = field(default_factory=lambda: {"p": ("*",)})

    @cached_property
    def documents(self) -> tuple[JsonObject, ...]:
        shape = self.shape
        homes = {part.name: f"of-{part.uid}" for part in shape.parts} | {
            client.name: f"by-{client.name}" for client in shape.clients
        }
        rows = [
            *(
                (part.name, part.manifest(shape.clients))
                for part in shape.parts
            ),
            *(
                (client.name, client.manifest(shape.parts))
                for client in shape.clients
            ),
        ]
        return tuple(
            _application(homes[name], _placed(manifest, homes))
            for name, manifest in rows
        )

    @cached_property
    def compiled(self) -> Compiled:
        readings = [
            read_bytes(f"{number}.yaml", json.dumps(document).encode())
            for number, document in enumerate(self.documents)
        ]
        return compile_estate(
            join_readings(readings),
            replace(settings().stack, partitions=self.layout),
        )

    @cached_property
    def meaning(self) -> Meaning:
        """Return the checker's model of the estate. The clients at the provider follow from names."""
        estate = self.compiled.estate
        assert estate is not None, self.compiled.diagnostics
        ids = {
            client_id(STACK, key): key
            for key, item in estate.components.items()
            if item.identity.clients
        }
        return Meaning(
            self.documents,
            yaml.safe_load(FILE.read_text("utf-8")),
            estate,
            ISSUER,
            ids,
        )

    def partition_of(self, namespace: str) -> str:
        """Return the partition of a namespace."""
        *_, last = self.layout
        return next(
            (
                name
                for name, spaces in self.layout.items()
                if namespace in spaces
            ),
            last,
        )

    def write(self, folder: Path) -> None:
        """Write the estate into the project."""
        remove_applications(folder)
        for document in self.documents:
            (
                folder / "applications" / f"{document['metadata']['name']}.yaml"
            ).write_text(json.dumps(document), "utf-8")
        settings = yaml.safe_load(FILE.read_text("utf-8"))
        settings["config"]["kong-oam:partitions"] = {
            name: [*spaces] for name, spaces in self.layout.items()
        }
        stacks = (
            folder / "stacks"
        )  # A partition of an earlier estate stays, and so does its stack.
        (stacks / FILE.name).write_text(
            yaml.safe_dump(settings, sort_keys=False), "utf-8"
        )
        for name in self.layout:
            text = yaml.safe_dump({"config": {"kong-oam:estate": STACK}})
            (stacks / f"Pulumi.{STACK}-{name}.yaml").write_text(text, "utf-8")


@cache
def settings() -> Settings:
    """Return the settings of the stack; the file has no partitions."""
    return read_file(FILE, describe)


def _application(name: str, component: JsonObject) -> JsonObject:
    metadata = {"name": name, "namespace": name}
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": metadata,
        "spec": {"components": [component]},
    }


def _placed(manifest: JsonObject, homes: Mapping[str, str]) -> JsonObject:
    """Return the component, which names others by their own Applications."""
    text = json.dumps(manifest)
    for name, home in homes.items():
        text = text.replace(f'"app/{name}"', f'"{home}/{name}"')
    made: JsonObject = json.loads(text)
    return made


def partition_layout(draw: random.Random, names: Sequence[str]) -> Layout:
    """Draw these partitions; the last partition has all other namespaces."""
    spaces = [
        *(f"of-{uid}" for uid in UIDS),
        *(f"by-{name}" for name in CLIENTS),
    ]
    while True:
        places = {space: draw.choice(names) for space in spaces}
        if {*places.values()} == {*names}:
            found = {
                name: tuple(space for space in spaces if places[space] == name)
                for name in names[:-1]
            }
            return {**found, names[-1]: ("*",)}


def exchanged(draw: random.Random, shape: Shape) -> Shape:
    """Let a rule ask for another scope, and give this scope to clients in place of the old scope."""
    able = [
        part
        for part in shape.parts
        if len(part.scopes) > 1 and any(scopes for _, _, scopes in part.rules)
    ]
    if not able:
        return shape
    part = draw.choice(able)
    old, new = draw.sample(part.scopes, 2)
    return _exchanged(shape, part, old, new, keeps=draw.random() < 0.4)


def _exchanged(
    shape: Shape, part: Part, old: str, new: str, *, keeps: bool
) -> Shape:
    rules = tuple(
        (
            path,
            method,
            tuple(sorted({new if scope == old else scope for scope in scopes})),
        )
        for path, method, scopes in part.rules
    )
    clients = tuple(
        replace(
            client,
            calls=tuple(
                sorted(
                    {
                        *(client.calls if keeps else ()),
                        *(
                            (
                                uid,
                                new
                                if (uid, scope) == (part.uid, old)
                                else scope,
                            )
                            for uid, scope in client.calls
                        ),
                    }
                )
            ),
        )
        for client in shape.clients
    )
    return replace(shape.changed(part.uid, rules=rules), clients=clients)


def taken_over(draw: random.Random, current: PartitionedEstate) -> Shape:
    """Swap the places and scopes of two components of one partition. In the same step, let a rule
    of another partition ask for another scope, and give this scope to a client here. A path
    there is public, so both estates allow some requests."""
    shape, home = current.shape, current.partition_of
    able = [
        (pair, part, old, new)
        for pair in combinations(shape.parts, 2)
        for client in shape.clients
        for part in shape.parts
        for old in client.asks(part)
        for new in part.scopes
        if new not in client.asks(part)
        and not all(scopes for swapped in pair for *_, scopes in swapped.rules)
        and {home(f"of-{swapped.uid}") for swapped in pair}
        == {home(f"by-{client.name}")}
        != {home(f"of-{part.uid}")}
    ]
    if not able:
        return shape
    (first, second), part, old, new = draw.choice(able)
    shape = _exchanged(shape, part, old, new, keeps=draw.random() < 0.4)
    new_ones = {
        first.uid: _in_place_of(second, first),
        second.uid: _in_place_of(first, second),
    }
    return shape.with_parts(
        *(new_ones.get(part.uid) or part for part in shape.parts)
    )


def transferred(
    draw: random.Random, current: PartitionedEstate
) -> PartitionedEstate:
    """Let a rule of another partition ask for another scope, and give this scope to a client. In
    the same step, move one of the two to another partition, or rename it."""
    able = [
        (client, part, old, new)
        for client in current.shape.clients
        for part in current.shape.parts
        for old in client.asks(part)
        for new in part.scopes
        if new not in client.asks(part)
        and current.partition_of(f"by-{client.name}")
        != current.partition_of(f"of-{part.uid}")
    ]
    if not able:
        return current
    client, part, old, new = draw.choice(able)
    shape = _exchanged(current.shape, part, old, new, keeps=draw.random() < 0.4)
    space = draw.choice([f"by-{client.name}", f"of-{part.uid}"])
    home = current.partition_of(space)
    if draw.random() < 0.5 or current.layout[home] == (
        space,
    ):  # no partition is empty
        return PartitionedEstate(
            shape,
            {
                f"{home}-new" if name == home else name: of
                for name, of in current.layout.items()
            },
        )
    target = draw.choice([name for name in current.layout if name != home])
    return PartitionedEstate(shape, _with(current.layout, space, target))


def _with(layout: Layout, space: str, target: str) -> Layout:
    """Return the partitions with this namespace in the target."""
    *_, last = layout
    without = {
        name: tuple(namespace for namespace in of if namespace != space)
        for name, of in layout.items()
    }
    return (
        without
        if target == last
        else {**without, target: (*without[target], space)}
    )


def _in_place_of(other: Part, part: Part) -> Part:
    """Put the part at the other's places, on its own port, with these rules for its own scopes."""
    port = part.places[0][2]
    rules = tuple(
        (path, method, part.scopes[: len(scopes)])
        for path, method, scopes in other.rules
    )
    return replace(
        part,
        places=tuple((host, path, port) for host, path, _ in other.places),
        rules=rules,
    )


STEPS = (
    exchanged,
    exchanged,
    exchanged,
    regranted,
    ruled,
    rescoped,
    regrouped,
    added,
    removed,
    moved,
    swapped,
    renamed,
    versioned,
)


def chain(seed: int) -> Iterator[PartitionedEstate]:
    """Yield estates, each a few steps after the estate before it; now and then with other
    partitions. The first has every kind of part. All of them compile."""
    draw = random.Random(seed)
    current: PartitionedEstate | None = None
    while True:
        for _ in range(5000):
            following = _drawn(draw, current)
            if following != current and following.compiled.estate is not None:
                break
        else:
            raise ValueError(f"no estate follows {current}")
        current = following
        yield current


def _first(draw: random.Random) -> PartitionedEstate:
    shape = Shape()
    for step in (added, added, added):
        shape = step(draw, shape)
    apart = [
        replace(
            part,
            places=tuple(
                (f"{part.uid}.example.com", *position[1:])
                for position in part.places
            ),
        )
        for part in shape.parts
    ]
    grants = [
        (part.uid, scope) for part in shape.parts for scope in part.scopes
    ]
    calls = {
        name: draw.sample(grants, draw.randint(1, len(grants)))
        for name in draw.sample(CLIENTS, draw.randint(2, 3))
    }
    clients = tuple(
        Client(name, tuple(sorted(calls[name])), users=name == "site")
        for name in calls
    )
    return PartitionedEstate(
        replace(shape.with_parts(*apart), clients=clients),
        partition_layout(draw, ("p0", "p1", "rest")[-draw.randint(2, 3) :]),
    )


def _drawn(
    draw: random.Random, current: PartitionedEstate | None
) -> PartitionedEstate:
    if current is None:
        able = (
            made
            for made in (_first(draw) for _ in range(100))
            if taken_over(draw, made) != made.shape
        )
        return next(able, _first(draw))
    if draw.random() < 0.2:
        return transferred(draw, current)
    shape = taken_over(draw, current) if draw.random() < 0.3 else current.shape
    for _ in range(draw.randint(1, 2) if shape == current.shape else 0):
        shape = draw.choice(STEPS)(draw, shape)
    layout = (
        partition_layout(draw, [*current.layout])
        if draw.random() < 0.1
        else current.layout
    )
    return PartitionedEstate(replace(shape, unpullable=frozenset()), layout)
