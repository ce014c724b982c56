"""A stand-in of the engine for the stacks of one estate: the real command, the real program and
every step of a run.

`python -m kong_oam up` runs in this process. Where it starts the engine on a stack, the program
runs under Pulumi's mocks. Its registrations are compared with the stack's resources: each
difference is a step, with dependencies like the engine's (`history.waits_of`). Steps at Kong change
the store of the Kong stand-in, so that the next program reads the new state. Parallel runs of the
command either begin at one moment, without waiting for each other, or run in turn: drawn for each
time.
"""

from __future__ import annotations

import io
import json
import random
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi
import pytest

from kong_oam.__main__ import main
from kong_oam.engine import export
from kong_oam.engine import stacks as engine_stacks
from kong_oam.engine.cli import PulumiCliError
from kong_oam.engine.state import COMPONENT, PLUGIN
from kong_oam.engine.state import STACK as STACK_TYPE
from kong_oam.stacks import create, move, records, run
from kong_rules.entities import Entity
from sandbox.kong import Kong
from sandbox.local import STACK
from sandbox.plugins import kong as plugin
from tests.support.checker.history import (
    DEPLOYMENT,
    Moment,
    Operation,
    Step,
    waits_of,
    written,
)
from tests.support.checker.order import Order, members
from tests.support.excluded_resources import (
    Key,
    MissingDependencyError,
    in_turn,
    without_excluded,
)
from tests.support.json_object import JsonObject
from tests.support.mocks import Registered, run_stack

_KINDS: Mapping[str, tuple[str, type[plugin.Entity]]] = {
    kind.token: (table, kind)
    for table, kind in (
        ("services", plugin.Service),
        ("routes", plugin.Route),
        ("plugins", plugin.KongPlugin),
        ("consumers", plugin.Consumer),
        ("jwt_secrets", plugin.ConsumerJwtAuth),
        ("upstreams", plugin.Upstream),
    )
}
_APART = 0.25
"""The share of runs that could be parallel but run in turn."""
_OF_THE_ENGINE = ("kong-oam:", "pulumi:")


def resource_id(name: str) -> str:
    """Return the id of a resource by its logical name: Kong accepts only UUIDs."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def urn_in(stack: str, key: Key) -> str:
    """The URN of a resource in a stack's state."""
    return f"urn:pulumi:{stack}::kong-oam::{key[0]}::{key[1]}"


@dataclass
class State:
    """A stack as its backend has it. `updated` is the run that wrote it last. `failed` are failed
    updates that the state records as done; the next run repeats them (pulumi: initErrors)."""

    resources: dict[Key, Registered] = field(default_factory=dict)
    failed: frozenset[Key] = frozenset()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    updated: str | None = None

    def as_engine_state(self, stack: str) -> dict[str, JsonObject]:
        """Return the state as the engine gives it to a program: {URN: {type, outputs}}."""
        if self.updated is None:
            return {}
        urns = {
            urn_in(stack, key): item for key, item in self.resources.items()
        }
        found = {
            urn: {"type": item.type, "outputs": item.inputs}
            for urn, item in urns.items()
        }
        return {
            **found,
            f"urn:pulumi:{stack}::kong-oam::{STACK_TYPE}::root": _root(self),
        }


def _root(state: State) -> JsonObject:
    return {"type": STACK_TYPE, "outputs": dict(state.outputs)}


@dataclass(frozen=True, slots=True)
class Done(Operation):
    """A completed step, with the resource before and after it (None: absent)."""

    key: Key = ("", "")
    old: Registered | None = None
    new: Registered | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """A failure of a command: its `nth` run of the engine ends after some of its steps. With
    `kills` the whole command ends there; else the run fails, and the command continues. `share`:
    the probability that a step is done; None: drawn."""

    nth: int
    kills: bool
    share: float | None = None


class Backend:
    """The stacks of an estate, in the working directory, and all operations since `begin`."""

    def __init__(
        self, kong: Kong, patch: pytest.MonkeyPatch, draw: random.Random
    ) -> None:
        self.kong, self.draw = kong, draw
        self.stacks: dict[str, State] = {STACK: State()}
        self.tags: dict[str, str] = {}
        self.done: list[Done] = []
        self.before: list[int] = []
        self.ran: list[str] = []
        """The stacks that the last command ran, in the order in which the runs began."""
        self.rests: list[int] = []
        """The operations that were done at each moment between runs, until a run does not complete.
        """
        self.refused: list[str] = []
        self.output = ""
        self.beside = False
        self._trouble: Trouble | None = None
        self._over = 0
        self._is_whole = True
        self._count = 0
        self.start = self._moment()
        for module in (records, engine_stacks, move, export, create):
            patch.setattr(module, "pulumi", self._cli)
        patch.setattr(
            run,
            "stream",
            lambda *words, stack, environment, **_: self.run(
                stack, environment, *words
            ),
        )
        patch.setattr(
            run, "ThreadPoolExecutor", lambda max_workers: _SideBySide(self)
        )

    def begin(self) -> None:
        """Forget all earlier operations."""
        self.done, self.before, self._over, self.rests, self._is_whole = (
            [],
            [],
            0,
            [],
            True,
        )
        self.start = self._moment()

    @property
    def order(self) -> Order:
        return Order(tuple(self.before))

    def command(self, *arguments: str, trouble: Trouble | None = None) -> int:
        """Run a verb of the command line. Return its status; `output` is its output."""
        self._trouble, self.ran, self.refused, printed = (
            trouble,
            [],
            [],
            io.StringIO(),
        )
        with redirect_stdout(printed), redirect_stderr(printed):
            status = main([*arguments, "-s", STACK, "--yes"])
        self.output = printed.getvalue()
        return status

    def run(
        self,
        stack: str,
        environment: Mapping[str, str],
        verb: str = "up",
        *words: str,
    ) -> bool:
        """Run the engine once; return whether the run completed. A program that rejects its input
        changes nothing."""
        trouble = (
            self._trouble
            if self._trouble and self._trouble.nth == len(self.ran)
            else None
        )
        self.ran.append(stack)
        state = self.stacks[stack]
        try:
            with pytest.MonkeyPatch.context() as patch:
                for name, value in environment.items():
                    patch.setenv(name, value)
                wanted, outputs = (
                    self._meant(stack, words) if verb == "up" else ({}, {})
                )
        except (pulumi.RunError, MissingDependencyError) as error:
            self.refused.append(f"{stack}: {error}")
            return False
        state.updated = self._stamp()
        self._is_whole = self._is_whole and trouble is None
        whole = self._do(state, wanted, trouble)
        if whole:
            state.outputs = outputs
        if not self.beside:
            self.all_over()
        if trouble and trouble.kills:
            raise KeyboardInterrupt
        return whole

    def _meant(
        self, stack: str, words: Sequence[str]
    ) -> tuple[dict[Key, Registered], Mapping[str, Any]]:
        """Return the resources and outputs of a stack after a run. The program gets the existing
        state of resources that a flag leaves out."""
        was = self.stacks[stack].resources
        stays: dict[Key, Registered] = {}
        while True:
            states = {
                name: item.as_engine_state(name)
                for name, item in self.stacks.items()
            }
            registered = run_stack(
                stack, states, identify=resource_id, stays=stays
            )
            # The SDK registers the stack itself only in the first program of a process; `states`
            # always has it.
            wanted = {
                (resource.type, resource.name): resource
                for resource in registered
                if resource.type != STACK_TYPE
            }
            left = without_excluded(was, wanted, words)
            staying = {
                key: was[key]
                for key, item in wanted.items()
                if left.get(key) != item and key in was
            }
            if staying.keys() <= stays.keys():
                return left, next(
                    resource["outputs"]
                    for resource in states[stack].values()
                    if resource["type"] == STACK_TYPE
                )
            stays |= staying

    def all_over(self) -> None:
        """Let all later steps depend on all earlier steps."""
        self._over = (1 << len(self.done)) - 1
        if self._is_whole:
            self.rests.append(self._over)

    def _stamp(self) -> str:
        self._count += 1
        return f"run-{self._count}"

    def _do(
        self,
        state: State,
        wanted: Mapping[Key, Registered],
        trouble: Trouble | None,
    ) -> bool:
        """Change the stack's resources into the wanted resources, or some of them."""
        was = dict(state.resources)
        again = {
            key for key in state.failed if wanted.get(key) is not was.get(key)
        }  # equal where the resource is left out
        changed = _new(
            {key: item for key, item in was.items() if key not in again}, wanted
        )
        steps = [
            Step(
                "create" if key not in was else "update",
                _urn(key),
                key[0],
                0,
                0,
            )
            for key in changed
        ]
        steps += [
            Step("delete", _urn(key), key[0], 0, 0)
            for key in sorted(was.keys() - wanted.keys())
            if _made(key)
        ]
        waits = waits_of(steps, _listed(was), _listed(in_turn(wanted)))
        order = Order(tuple(waits))
        chosen = (
            self._some(order, trouble.share)
            if trouble
            else (1 << len(steps)) - 1
        )
        state.resources |= {
            key: item
            for key, item in wanted.items()
            if not _made(key) or was.get(key) == item
        }
        numbers: dict[int, int] = {}
        for number in sorted(
            members(chosen), key=lambda number: order.below[number].bit_count()
        ):
            step = steps[number]
            key = step.type, step.name.partition(" ")[2]
            before = self._over | sum(
                1 << numbers[other] for other in members(order.below[number])
            )
            numbers[number] = len(self.done)
            self._step(
                state, key, None if step.deletes else wanted[key], before
            )
        failed = [
            number
            for number in range(len(steps))
            if not chosen >> number & 1 and not waits[number] & ~chosen
        ]
        if trouble and not trouble.kills and failed:
            step = steps[self.draw.choice(failed)]
            key = step.type, step.name.partition(" ")[2]
            # The state records a failed update as done: sandbox.plugins.kong.
            if step.type == PLUGIN and step.op == "update":
                state.resources[key] = wanted[key]
                state.failed |= {key}
        if not trouble:
            state.resources = dict(wanted)
        return trouble is None

    def _some(self, order: Order, share: float | None) -> int:
        count, share = (
            len(order.before),
            self.draw.random() if share is None else share,
        )
        chosen = (1 << count) - 1
        for number in range(count):
            if (
                self.draw.random() >= share
            ):  # neither this step nor a step that depends on it is done
                chosen &= ~sum(
                    1 << other
                    for other in range(count)
                    if other == number or order.below[other] >> number & 1
                )
        return chosen

    def _step(
        self, state: State, key: Key, new: Registered | None, before: int
    ) -> None:
        old, was = state.resources.get(key), self.kong.past()[-1]
        state.failed -= {key}
        if key[0] in _KINDS:
            self._at_kong(key, old, new)
        if new is None:
            state.resources.pop(key)
        else:
            state.resources[key] = new
        images = (
            {component_of(key): _image(new)}
            if key[0] == DEPLOYMENT and _image(old) != _image(new)
            else {}
        )
        verb = "delete" if new is None else "update" if old else "create"
        writes = tuple(written(was, self.kong.past()[-1]))
        self.done.append(
            Done(f"{verb} {key[1]}", writes, images, key, old, new)
        )
        self.before.append(before)

    def _at_kong(
        self, key: Key, old: Registered | None, new: Registered | None
    ) -> None:
        table, kind = _KINDS[key[0]]
        store = self.kong._store
        there: Entity | None = store.current.tables[table].get(
            resource_id(key[1])
        )
        if new is None:
            assert there is not None, key
            store.delete(table, there)
            return
        body = kind(plugin.AdminApi())._body(
            {**kind.defaults, **new.inputs}, old.inputs if old else None
        )
        if table == "jwt_secrets":
            body["consumer"] = {"id": new.inputs["consumerId"]}
        if there is None:
            store.insert(table, {"id": resource_id(key[1]), **body})
        else:
            store.update(table, there, body)

    def _moment(self) -> Moment:
        running = {
            component_of(key): _image(item)
            for state in self.stacks.values()
            for key, item in state.resources.items()
        }
        return Moment(
            self.kong.past()[-1],
            {key: image for key, image in running.items() if key and image},
        )

    def make(self, stack: str) -> None:
        self.stacks.setdefault(stack, State())

    def _cli(self, *words: str, stack: str | None = None, **_: Any) -> str:
        match words:
            case ("stack", "ls", *_):
                known = self.stacks.items()
                return json.dumps(
                    [
                        {"name": name, "lastUpdate": state.updated}
                        for name, state in known
                    ]
                )
            case ("stack", "init", name, *_):
                self.make(name)
                return ""
            case ("stack", "tag", "ls", *_):
                return json.dumps(self.tags)
            case ("stack", "tag", "set", name, value):
                self.tags[name] = value
                return ""
            case ("stack", "output", *_):
                return json.dumps(self.stacks[stack or ""].outputs)
            case ("stack", "export", *_):
                return json.dumps(
                    {"deployment": {"resources": self._exported(stack or "")}}
                )
            case (
                "state",
                "move",
                "--source",
                source,
                "--dest",
                target,
                "--yes",
                *urns,
            ):
                self._move(self.stacks[source], self.stacks[target], urns)
                return ""
            case ("refresh" | "config", *_):
                return ""
        raise PulumiCliError(
            f"`pulumi {' '.join(words)}` is no word of the stand-in's"
        )

    def _exported(self, stack: str) -> list[JsonObject]:
        """Return the state as the engine exports it: parents before their children."""
        state = self.stacks[stack]
        above = {
            urn_in(stack, key): urn_in(stack, (COMPONENT, item.parent))
            for key, item in state.resources.items()
        }
        item = sorted(
            state.as_engine_state(stack).items(),
            key=lambda pair: pair[1]["type"] != COMPONENT,
        )
        return [
            {"urn": urn, "id": urn, "parent": above.get(urn), **resource}
            for urn, resource in item
        ]

    def _move(self, source: State, target: State, urns: Sequence[str]) -> None:
        for component in (urn.rpartition("::")[2] for urn in urns):
            under = [
                k
                for k, item in source.resources.items()
                if k == (COMPONENT, component) or item.parent == component
            ]
            target.resources |= {
                key: source.resources.pop(key) for key in under
            }
        for state in (source, target):
            state.updated = self._stamp()


class _SideBySide:
    """A stand-in for the pool of threads in which the command runs several stacks."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __enter__(self) -> _SideBySide:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(
        self, action: Callable[[Any], Any], items: Iterable[Any]
    ) -> Iterator[Any]:
        """Run the stacks in any order: parallel, from the same state, or in turn."""
        backend, results = self._backend, dict[int, Any]()
        queue = [*enumerate(items)]
        backend.draw.shuffle(queue)
        if backend.draw.random() < _APART:
            for number, item in queue:
                results[number] = action(item)
            return iter(map(results.__getitem__, sorted(results)))
        stacks, tags = backend.stacks, backend.tags
        changed: dict[str, State] = {}
        written: dict[str, str] = {}
        backend.beside = True
        try:
            for number, item in queue:
                backend.stacks = {
                    name: replace(item, resources=dict(item.resources))
                    for name, item in stacks.items()
                }
                backend.tags = dict(tags)
                try:
                    results[number] = action(item)
                finally:
                    changed |= {
                        n: item
                        for n, item in backend.stacks.items()
                        if item.updated != stacks[n].updated
                    }
                    written |= {
                        name: value
                        for name, value in backend.tags.items()
                        if tags.get(name) != value
                    }
        finally:
            backend.stacks, backend.tags, backend.beside = (
                {**stacks, **changed},
                {**tags, **written},
                False,
            )
            backend.all_over()
        return iter(map(results.__getitem__, sorted(results)))


def _urn(key: Key) -> str:
    return "::".join(key)


def _made(key: Key) -> bool:
    """Return whether a product has the resource: other steps change no product."""
    return not key[0].startswith(_OF_THE_ENGINE)


def _new(
    was: Mapping[Key, Registered], wanted: Mapping[Key, Registered]
) -> list[Key]:
    """Return the resources that a run creates or updates."""
    return [
        key
        for key, item in wanted.items()
        if _made(key) and (key not in was or was[key].inputs != item.inputs)
    ]


def _listed(resources: Mapping[Key, Registered]) -> list[JsonObject]:
    """Return resources as a state lists them, with their dependencies."""
    named: dict[str, list[str]] = {}
    for key in resources:
        named.setdefault(key[1], []).append(_urn(key))
    return [
        {
            "urn": _urn(key),
            "dependencies": [
                urn
                for name in sorted(item.after)
                for urn in named.get(name, ())
            ],
        }
        for key, item in resources.items()
    ]


def component_of(key: Key) -> str:
    """Return the component that owns the pods of a resource; empty where no component does."""
    return key[1].removesuffix("-deployment") if key[0] == DEPLOYMENT else ""


def _image(registered: Registered | None) -> str | None:
    """Return the image that a Deployment runs."""
    if registered is None or registered.type != DEPLOYMENT:
        return None
    image: str = registered.inputs["spec"]["template"]["spec"]["containers"][0][
        "image"
    ]
    return image
