"""Commands over the stacks of an estate, recorded for the checker: a project that goes from estate to estate."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from kong_oam.identity.common.discovery import Published, SigningKey
from kong_oam.identity.okta.signing_keys import ServerKeys
from sandbox.kong import Kong
from sandbox.okta import Okta
from sandbox.project import project
from tests.support.checker.check import Caller, Held, Meaning, Place, Report, check_all, targets
from tests.support.checker.history import Replay
from tests.support.checker.issued import KID, ask_fresh, everybody, issuer_key, meant, read_by_pods, with_every_scope
from tests.support.checker.parted import Layout, Parted
from tests.support.checker.plane import Address
from tests.support.checker.rest import ask_at_rest
from tests.support.checker.stacks import Backend, Trouble
from tests.support.left_out import Key
from tests.support.mocks import Registered, answer

SERVICE = "kubernetes:core/v1:Service"


class Commands:
    """An estate in partitions of a project in the working directory. `behind` are the estates of which something may be
    there: that of the last command that came to its end, and those since."""

    def __init__(self, folder: Path, backend: Backend) -> None:
        self.folder, self.backend = folder, backend
        self.behind: list[Parted] = []
        self._layout: Layout | None = None  # that of the last command
        self.start: dict[Key, Registered] = {}
        self.read: dict[Key, Registered] = {}

    def begin(self, behind: int = 1) -> None:
        """What is done from now on is looked at. `behind`: of how many estates something may be there."""
        self.read = read_by_pods(self.read, self.start, self.backend.done)
        self.backend.begin()
        self.behind = self.behind[-behind:]
        self.start = {key: one for state in self.backend.stacks.values() for key, one in state.resources.items()}

    def up(self, estate: Parted, *arguments: str, trouble: Trouble | None = None) -> int:
        """`kong_oam up`, after `move` where partitions are others than before."""
        moves = self._layout not in (None, estate.layout)
        self._towards(estate)
        if moves:
            assert self.backend.command("move") in (0, 2), self.backend.said
        self._layout = estate.layout
        return self.backend.command("up", *arguments, trouble=trouble)

    def literal(self, estate: Parted, stack: str, excluded: float = 0) -> bool:
        """The engine's own `up` of one stack; `excluded`: how likely something is left out that it has."""
        self._towards(estate)
        backend = self.backend
        backend.ran = []
        there = [key for key in sorted(backend.stacks[stack].resources) if backend.draw.random() < excluded]
        return backend.run(stack, {}, "up", *(w for kind, name in there for w in ("--exclude", f"**{kind}::{name}")))

    def kept(self) -> Callable[[], None]:
        """Gives what puts all back as it is now."""
        backend, behind, layout = self.backend, list(self.behind), self._layout
        start, read = dict(self.start), dict(self.read)
        entities = backend.kong.past()[-1]
        stacks = {name: replace(one, resources=dict(one.resources)) for name, one in backend.stacks.items()}
        tags = dict(backend.tags)

        def back() -> None:
            backend.kong.restore(entities)
            backend.stacks = {name: replace(one, resources=dict(one.resources)) for name, one in stacks.items()}
            backend.tags = dict(tags)
            self.behind, self._layout, self.start, self.read = list(behind), layout, dict(start), dict(read)
            backend.begin()

        return back

    def _towards(self, estate: Parted) -> None:
        estate.write(self.folder)
        if not self.behind or self.behind[-1] != estate:
            self.behind.append(estate)

    def held(self, *, closed: bool = True, thorough: bool = False) -> Report:
        """What the checker finds of all that was done since `begin`; without `closed`, whether somebody was let in."""
        backend = self.backend
        rows = [*self.start.values(), *(one.new for one in backend.done if one.new)]
        workloads = dict(place for one in rows if one.type == SERVICE for place in _places(one))
        models: list[Meaning] = [one.meaning for one in self.behind]
        callers = {one.name: one for model in models for one in _callers(model)}
        replay = Replay(backend.start, tuple(backend.done), tuple(backend.before))
        held = Held(replay, models, [*callers.values()], workloads)
        if thorough:
            check_all(held, ordered=False)
        for scene in map(held.scene, targets(models)):
            scene.ask_everybody(thorough=thorough)
            if closed:
                scene.ask_views()
        if closed:
            ask_fresh(held, self.start, self.read, backend.done)
            ask_at_rest(held, backend.rests)
        return held.report


def _places(service: Registered) -> Iterator[tuple[Address, Place]]:
    metadata = service.inputs["metadata"]
    for one in service.inputs["spec"]["ports"]:
        host = f"{metadata['name']}.{metadata['namespace']}.svc.cluster.local"
        yield (host, int(one["port"])), (service.parent, int(one["port"]))


def _callers(model: Meaning) -> Iterator[Caller]:
    yield Caller("nobody", kid=KID)
    stranger = with_every_scope("stranger", "a stranger", None)
    yield stranger
    yield Caller("somebody who signs for themselves", stranger.token[:-8] + "AAAAAAAA", KID)
    for identifier, key in model.clients.items():
        for _, user in (one for one in everybody(model) if one[0] == key):
            yield with_every_scope(identifier, key, user)
    for whose in everybody(model):
        yield meant(model, whose)


@contextmanager
def commands(folder: Path, draw: random.Random) -> Iterator[Commands]:
    """On stand-ins of their own, in the project in `folder`, which is made."""
    folder.mkdir()
    project(folder)
    with ExitStack() as opened:
        patch = opened.enter_context(pytest.MonkeyPatch.context())
        kong = opened.enter_context(Kong())
        okta = opened.enter_context(Okta(api_token="the API token", groups=("sales", "order-desk")))
        answer(patch)
        key = SigningKey(KID, "RS256", issuer_key())
        patch.setattr("components.identity.issuer.discover", lambda issuer, _: Published(issuer, "", "", (key,), ()))
        patch.setattr("kong_oam.identity.okta.signing_keys.server_keys", lambda *_: ServerKeys((key,), ()))
        patch.setenv("KONG_ADMIN_ADDR", kong.admin_url)
        patch.setenv("OKTA_HTTP_PROXY", okta.url)
        patch.chdir(folder)
        yield Commands(folder, Backend(kong, patch, draw))
