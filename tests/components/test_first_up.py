"""The number of states that a command and its runs read of an estate in partitions, in the first
`up` and after a new Application."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi
import pytest

from components import base, partition
from kong_oam.access.settings.partitions import stack_of
from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import Settings
from kong_oam.engine import export
from kong_oam.engine import stacks as engine_stacks
from kong_oam.engine.cli import PulumiCliError
from kong_oam.engine.state import COMPONENT, StackState
from kong_oam.stacks import records, run
from kong_oam.stacks.order import Estates
from tests.support.estates import estate
from tests.support.small_stacks import APPLICATION, SETTINGS, state_with

BASE = {
    "generation": 1,
    "offered": {},
    "partitions": [],
    "providers": {},
    "gateway": {},
}


def estates(layout: Mapping[str, list[str]]) -> Estates:
    """An Application in each of the namespaces of these partitions."""
    settings = parse("prod", {**SETTINGS, "partitions": layout})
    applications = (
        APPLICATION.format(name)
        for names in layout.values()
        for name in names
        if name != "*"
    )
    return Estates(settings, estate(*applications, stack=settings.stack))


@dataclass
class Engine:
    """Stands in for the engine and its CLI; `read` counts the states that it was asked for or had to look into. A run
    goes by `now`, which are the settings and Applications as they then are."""

    now: Estates
    states: dict[str, StackState] = field(default_factory=dict)
    tagged: set[str] = field(default_factory=set)
    tags: dict[str, str] = field(default_factory=dict)
    read: int = 0

    def recorded(self, stack: str) -> StackState:
        self.read += 1
        return self.states.get(stack, state_with())

    def make(self, settings: Settings, stack: str) -> None:
        self.states[stack] = state_with()
        self.tagged.add(stack)

    def cli(self, *words: str, stack: str | None = None, **_: Any) -> str:
        match words:
            case ("stack", "ls", "--json", *only):
                named = {
                    f"{records.NAME_TAG}={name}": name for name in self.tagged
                }
                listed = (
                    [named[name] for name in only[1:]]
                    if only
                    else [*self.states]
                )
                self.read += len(listed)
                return json.dumps(
                    [
                        {
                            "name": name,
                            "lastUpdate": _written(self.states[name]),
                        }
                        for name in listed
                    ]
                )
            case ("stack", "export", *_):
                return json.dumps({"deployment": {"resources": []}})
            case ("stack", "output", *_):
                return json.dumps(self.states[stack or ""].outputs)
            case ("stack", "tag", "ls", *_):
                return json.dumps(self.tags)
            case ("stack", "tag", "set", name, text):
                self.tags |= {} if name == records.NAME_TAG else {name: text}
                return ""
        raise PulumiCliError(f"`pulumi {' '.join(words)}` failed")

    def run(self, stack: str, environment: Mapping[str, str]) -> bool:
        """A run of the program, as far as it looks at the stacks. One that it refuses fails."""
        settings = self.now.settings
        name = next(
            (
                name
                for name in settings.stack.partitions
                if stack_of("prod", name) == stack
            ),
            None,
        )
        with pytest.MonkeyPatch.context() as patch:
            for variable, value in environment.items():
                patch.setenv(variable, value)
            try:
                part = partition.part_of_run(
                    replace(settings, partition=name),
                    self.now.whole,
                    self.states.get(stack, state_with()),
                )
            except pulumi.RunError:
                return False
        self.states[stack] = (
            state_with(*part.estate.own) if name else state_with(base=BASE)
        )
        return True


def _written(state: StackState) -> str:
    """A stand-in for the time of the last update: it changes with the state."""
    return "+".join(("at", *(name for _, name in state.urns)))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """One without a stack."""
    made = Engine(estates({"rest": ["*"]}))
    for module in (records, engine_stacks, export):
        monkeypatch.setattr(module, "pulumi", made.cli)
    monkeypatch.setattr(run, "create", made.make)
    monkeypatch.setattr(
        run, "missing_file_message", lambda settings, stack: None
    )
    monkeypatch.setattr(
        run,
        "stream",
        lambda *_, stack, environment, **__: made.run(stack, environment),
    )
    for program in (base, partition):
        monkeypatch.setattr(program, "recorded", made.recorded)
        monkeypatch.setattr(
            program, "outputs_of", lambda stack: made.recorded(stack).outputs
        )
    return made


def up(engine: Engine, of: Estates, *only: str | None) -> run.Runs:
    """`up` of all, or of the stacks of these partitions (None: the base's), one at a time."""
    engine.now = of
    stacks, partitions = (
        engine_stacks.list_stacks(),
        of.settings.stack.partitions,
    )
    runs = run.Runs(
        of,
        "up",
        1,
        lambda stack, line: None,
        partitions,
        stacks,
        records.read("prod", partitions, stacks),
    )
    runs.run_stacks(only or of.partitions)
    return runs


def test_the_states_that_a_first_up_reads_grow_with_the_partitions(
    engine: Engine,
) -> None:
    """Four times as many partitions, four times as many states: not each partition the states of all others."""
    read = []
    for count in (8, 16, 32):
        engine.states, engine.tagged, engine.tags, engine.read = (
            {},
            set(),
            {},
            0,
        )
        names = [f"p{number}" for number in range(count)]
        assert (
            up(engine, estates({name: [name] for name in names})).failed == []
        )
        assert [{*engine.states[f"prod-{name}"].urns} for name in names] == [
            {(COMPONENT, f"{name}/one")} for name in names
        ]
        read.append(engine.read)
    of_8, of_16, of_32 = read
    assert of_32 - of_16 == 2 * (of_16 - of_8), read
    assert of_32 < 10 * 32


def test_a_first_up_makes_nothing_that_a_stack_of_before_has(
    engine: Engine,
) -> None:
    """It made other stacks itself; a stack whose namespace moved existed before."""
    assert up(engine, estates({"apis": ["apis", "shop"]})).failed == []
    later = up(
        engine,
        estates({"apis": ["apis"], "more": ["more"], "shops": ["shop"]}),
        "more",
        "shops",
    )
    assert (later.done, later.failed) == (["prod-more"], ["prod-shops"])


def test_a_run_sees_what_one_before_it_brought_into_a_new_stack(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though somebody changed the settings in between."""
    first = estates({"apis": ["apis", "shop"], "rest": ["more"]})
    second = estates({"apis": ["apis"], "rest": ["more", "shop"]})

    def run_and_change(
        *_: str, stack: str, environment: Mapping[str, str], **__: Any
    ) -> bool:
        update = engine.run(stack, environment)
        engine.now = second if stack == "prod-apis" else engine.now
        return update

    monkeypatch.setattr(run, "stream", run_and_change)
    runs = up(engine, first)
    assert (runs.done, runs.failed) == (["prod", "prod-apis"], ["prod-rest"])


def test_an_application_that_is_added_reads_no_state_of_a_stack_that_is_as_recorded(
    engine: Engine,
) -> None:
    """The list of the stacks, which says that, has the engine look into each of them once."""
    read = []
    for count in (8, 32):
        engine.states, engine.tagged, engine.tags = {}, set(), {}
        layout = {f"p{number}": [f"p{number}"] for number in range(count)}
        assert up(engine, estates(layout)).failed == []
        engine.read = 0
        assert up(
            engine, estates({**layout, "p0": ["p0", "more"]}), None, "p0"
        ).done == [
            "prod",
            "prod-p0",
        ]
        assert {*engine.states["prod-p0"].urns} == {
            (COMPONENT, "p0/one"),
            (COMPONENT, "more/one"),
        }
        read.append(engine.read)
    of_8, of_32 = read
    assert of_32 - of_8 == 32 - 8, read


def test_an_application_that_is_added_is_nowhere_else(engine: Engine) -> None:
    """Neither in a stack that somebody has written since it was recorded, nor in one of which settings now say less."""
    before, after = (
        {"apis": ["apis"], "shops": ["shop"]},
        {"apis": ["apis", "more"], "shops": ["shop"]},
    )
    for recorded, written, failed in (
        (before, ["shop/one"], []),
        (before, ["shop/one", "more/one"], ["prod-apis"]),
        (
            {**before, "shops": ["shop", "more"]},
            ["shop/one", "more/one"],
            ["prod-apis"],
        ),
    ):
        engine.states, engine.tagged, engine.tags = {}, set(), {}
        assert up(engine, estates(recorded)).failed == []
        engine.states["prod-shops"] = state_with(*written)
        assert up(engine, estates(after), "apis").failed == failed
