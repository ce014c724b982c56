"""Commands over the stacks of an estate, recorded for the checker: a project that goes from estate to estate."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from kong_oam.identity.common.discovery import Published, SigningKey
from kong_oam.identity.okta.signing_keys import ServerKeys
from sandbox.kong import Kong
from sandbox.local import STACK
from sandbox.okta import Okta
from sandbox.project import project
from tests.support.checker.between_runs import check_between_runs
from tests.support.checker.check import (
    Caller,
    CheckedRun,
    Finding,
    Meaning,
    Report,
    SourcePosition,
    check_all,
    targets,
)
from tests.support.checker.data_plane import Address
from tests.support.checker.estates import Shape
from tests.support.checker.history import Replay
from tests.support.checker.issued_tokens import (
    KID,
    SECRET,
    ask_fresh,
    caller_with_grants,
    everybody,
    issuer_key,
    read_by_pods,
    with_every_scope,
)
from tests.support.checker.partitioned_estates import Layout, PartitionedEstate
from tests.support.checker.stacks import Backend, Trouble
from tests.support.excluded_resources import Key
from tests.support.mocks import Registered, answer

SERVICE = "kubernetes:core/v1:Service"
NO_ORDER = "Make two changes", "Make three changes"
"""Beginnings of the command's messages about a change that no order of runs serves."""


class Commands:
    """An estate in partitions of a project in the working directory. `behind` are the estates whose
    entities may still exist: the estate of the last completed command, and all later estates."""

    def __init__(self, folder: Path, backend: Backend) -> None:
        self.folder, self.backend = folder, backend
        self.behind: list[PartitionedEstate] = []
        self._layout: Layout | None = None  # Pods of the last command.
        self.start: dict[Key, Registered] = {}
        self.read: dict[Key, Registered] = {}
        self.in_steps = 0
        """The number of changes that took several commands."""
        self.unseen = 0
        """The number of changes by the engine's own command."""

    def begin(self, behind: int = 1) -> None:
        """Check all steps from now on. `behind`: the number of estates whose entities may still
        exist."""
        self.read = read_by_pods(self.read, self.start, self.backend.done)
        self.backend.begin()
        self.behind = self.behind[-behind:]
        self.start = {
            key: item
            for state in self.backend.stacks.values()
            for key, item in state.resources.items()
        }

    def roll_out(self) -> None:
        """Roll all pods out, like a user whose `--exclude` left a Secret out."""
        self.read = {
            key: item for key, item in self.start.items() if key[0] == SECRET
        }

    def up(
        self,
        estate: PartitionedEstate,
        *arguments: str,
        trouble: Trouble | None = None,
    ) -> int:
        """Run `kong_oam up`, after `move` where partitions have changed.

        A change that no order of runs serves takes three runs: new grants, new rules, and removal
        of the old grants. A client may replace its grant for a removed component by a grant for a
        new component. Then the engine's own command runs each stack, and the steps until then are
        not checked.
        """
        status = self._up(estate, *arguments, trouble=trouble)
        if not self.has_no_order:
            return status
        before = replace(self.behind[-2], layout=estate.layout)
        grants = [each.shape for each in self.behind]
        for step in (
            with_grants(before, grants),
            with_grants(estate, grants),
            estate,
        ):
            status = self._up(step, *arguments)
            if self.has_no_order:
                self.unseen += 1
                for stack in (
                    STACK,
                    *(f"{STACK}-{name}" for name in estate.layout),
                ):
                    self.literal(estate, stack)
                status = self._up(estate, *arguments)
                self.begin()
                return status
        self.in_steps += 1
        return status

    @property
    def has_no_order(self) -> bool:
        """Return whether the last command found no order of runs for its change."""
        return any(words in self.backend.output for words in NO_ORDER)

    def _up(
        self,
        estate: PartitionedEstate,
        *arguments: str,
        trouble: Trouble | None = None,
    ) -> int:
        moves = self._layout not in (None, estate.layout)
        self._towards(estate)
        if moves:
            assert self.backend.command("move") in (0, 2), self.backend.output
        self._layout = estate.layout
        return self.backend.command("up", *arguments, trouble=trouble)

    def literal(
        self, estate: PartitionedEstate, stack: str, excluded: float = 0
    ) -> bool:
        """Run the engine's own `up` of one stack; `excluded`: the probability that an existing
        resource is left out."""
        self._towards(estate)
        backend = self.backend
        backend.ran = []
        there = [
            key
            for key in sorted(backend.stacks[stack].resources)
            if backend.draw.random() < excluded
        ]
        return backend.run(
            stack,
            {},
            "up",
            *(
                w
                for kind, name in there
                for w in ("--exclude", f"**{kind}::{name}")
            ),
        )

    def kept(self) -> Callable[[], None]:
        """Return a function that restores the present state."""
        backend, behind, layout = self.backend, list(self.behind), self._layout
        start, read = dict(self.start), dict(self.read)
        entities = backend.kong.past()[-1]
        stacks = {
            name: replace(item, resources=dict(item.resources))
            for name, item in backend.stacks.items()
        }
        tags = dict(backend.tags)

        def back() -> None:
            backend.kong.restore(entities)
            backend.stacks = {
                name: replace(item, resources=dict(item.resources))
                for name, item in stacks.items()
            }
            backend.tags = dict(tags)
            self.behind, self._layout, self.start, self.read = (
                list(behind),
                layout,
                dict(start),
                dict(read),
            )
            backend.begin()

        return back

    def _towards(self, estate: PartitionedEstate) -> None:
        estate.write(self.folder)
        if not self.behind or self.behind[-1] != estate:
            self.behind.append(estate)

    def report(self, *, closed: bool = True, thorough: bool = False) -> Report:
        """Return the checker's findings about all steps since `begin`. Without `closed`, find only
        callers who are allowed wrongly."""
        backend = self.backend
        if len(self.behind) == 1:  # no step since `begin` is to be checked
            return Report()
        rows = [
            *self.start.values(),
            *(step.new for step in backend.done if step.new),
        ]
        workloads = dict(
            position
            for row in rows
            if row.type == SERVICE
            for position in _places(row)
        )
        models: list[Meaning] = [parted.meaning for parted in self.behind]
        callers = {
            caller.name: caller
            for model in models
            for caller in _callers(model)
        }
        replay = Replay(
            backend.start, tuple(backend.done), tuple(backend.before)
        )
        held = CheckedRun(replay, models, [*callers.values()], workloads)
        if thorough:
            check_all(held, ordered=False)
        for scene in map(held.scene, targets(models)):
            scene.ask_everybody(thorough=thorough)
            if closed:
                scene.ask_views()
        if closed:
            ask_fresh(held, self.start, self.read, backend.done)
            check_between_runs(held, backend.rests)
        held.report.closed = [
            finding
            for finding in held.report.closed
            if not self._is_of_one_run(finding)
        ]
        return held.report

    def _is_of_one_run(self, finding: Finding) -> bool:
        """Return whether the finding is unavoidable: no order of runs helps a client whose grants
        change. Its stack has the gate that denies it, or a component that it called is gone. The
        gate may deny it until its pods are rolled out, as in an estate of one stack."""
        host = finding.target[0]
        if self._lost_a_component(finding.caller):
            return True
        for before, after in pairwise(self.behind):
            clients = [
                client
                for client in after.shape.clients
                if finding.caller.startswith(f"by-{client.name}/")
            ]
            gates = [
                part
                for part in after.shape.parts
                if any(position[0] == host for position in part.places)
            ]
            homes = {
                after.partition_of(f"by-{client.name}") for client in clients
            }
            is_one_run = homes == {
                after.partition_of(f"of-{part.uid}") for part in gates
            }
            if is_one_run and any(
                granted(before, client.name) != granted(after, client.name)
                for client in clients
            ):
                return True
        return False

    def _lost_a_component(self, caller: str) -> bool:
        for before, after in pairwise(self.behind):
            there = {part.uid for part in after.shape.parts if part.rules}
            for client in before.shape.clients:
                was, now = (
                    granted(before, client.name),
                    granted(after, client.name),
                )
                if (
                    caller.startswith(f"by-{client.name}/")
                    and was != now
                    and not {uid for uid, _ in was} <= there
                ):
                    return True
        return False


def granted(estate: PartitionedEstate, client: str) -> set[tuple[str, str]]:
    """Return the grants of a client: ids of components, each with a scope."""
    clients = [known for known in estate.shape.clients if known.name == client]
    return {
        (part.uid, scope)
        for client in clients
        for part in estate.shape.parts
        for scope in client.asks(part)
    }


def with_grants(
    estate: PartitionedEstate, shapes: Iterable[Shape]
) -> PartitionedEstate:
    """Return the estate in which clients also have their grants from these shapes, for components
    that it has."""
    calls: dict[str, set[tuple[str, str]]] = {}
    scopes: dict[str, dict[str, None]] = {
        part.uid: dict.fromkeys(part.scopes) for part in estate.shape.parts
    }
    for shape in shapes:
        for client in shape.clients:
            calls.setdefault(client.name, set()).update(client.calls)
        for part in shape.parts:
            scopes.setdefault(part.uid, {}).update(dict.fromkeys(part.scopes))
    clients = [
        replace(client, calls=tuple(sorted(calls[client.name])))
        for client in estate.shape.clients
    ]
    parts = [
        replace(part, scopes=tuple(scopes[part.uid]))
        for part in estate.shape.parts
    ]
    return replace(
        estate,
        shape=replace(estate.shape, parts=tuple(parts), clients=tuple(clients)),
    )


def _places(service: Registered) -> Iterator[tuple[Address, SourcePosition]]:
    metadata = service.inputs["metadata"]
    for port in service.inputs["spec"]["ports"]:
        host = f"{metadata['name']}.{metadata['namespace']}.svc.cluster.local"
        yield (host, int(port["port"])), (service.parent, int(port["port"]))


def _callers(model: Meaning) -> Iterator[Caller]:
    yield Caller("nobody", kid=KID)
    stranger = with_every_scope("stranger", "a stranger", None)
    yield stranger
    yield Caller(
        "somebody who signs for themselves",
        stranger.token[:-8] + "AAAAAAAA",
        KID,
    )
    for identifier, key in model.clients.items():
        for _, user in (entry for entry in everybody(model) if entry[0] == key):
            yield with_every_scope(identifier, key, user)
    for whose in everybody(model):
        yield caller_with_grants(model, whose)


@contextmanager
def commands(folder: Path, draw: random.Random) -> Iterator[Commands]:
    """Yield commands on their own stand-ins, in a new project in `folder`."""
    folder.mkdir()
    project(folder)
    with ExitStack() as opened:
        patch = opened.enter_context(pytest.MonkeyPatch.context())
        kong = opened.enter_context(Kong())
        okta = opened.enter_context(
            Okta(api_token="the API token", groups=("sales", "order-desk"))
        )
        answer(patch)
        key = SigningKey(KID, "RS256", issuer_key())
        patch.setattr(
            "components.identity.issuer.discover",
            lambda issuer, _: Published(issuer, "", "", (key,)),
        )
        patch.setattr(
            "kong_oam.identity.okta.signing_keys.server_keys",
            lambda *_: ServerKeys((key,), ()),
        )
        patch.setenv("KONG_ADMIN_ADDR", kong.admin_url)
        patch.setenv("OKTA_HTTP_PROXY", okta.url)
        patch.chdir(folder)
        yield Commands(folder, Backend(kong, patch, draw))
