"""The runs of one `up` over an estate's stacks, with a stand-in for the engine's CLI."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kong_oam.access.rotation import Generation, Schedule
from kong_oam.access.settings.project import stack_file
from kong_oam.access.settings.stack import parse
from kong_oam.engine import export
from kong_oam.engine import stacks as engine_stacks
from kong_oam.engine.cli import PulumiCliError
from kong_oam.stacks import create, fingerprint, records, run
from kong_oam.stacks.order import Estates
from kong_oam.stacks.plan import GrantChanges
from tests.support import small_stacks
from tests.support.estates import estate
from tests.support.json_object import JsonObject

PARTITIONS = {"apis": ["apis"], "rest": ["*"]}
SETTINGS = parse("prod", {**small_stacks.SETTINGS, "partitions": PARTITIONS})
APPLICATION = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: {0}, namespace: {0}}}
spec:
  components: [{{name: one, type: webservice, properties: {{image: x, ports: [{{port: 80}}]}}}}]
"""
ESTATES = Estates(
    SETTINGS,
    estate(*map(APPLICATION.format, ("apis", "shop")), stack=SETTINGS.stack),
)

Outputs = Callable[[str], Mapping[str, Any]]


@dataclass
class Engine:
    """A stand-in for the CLI: stacks with the time of their last update, tags and outputs. `ran`:
    the stacks that ran; `queried`: the stacks whose outputs were read."""

    outputs: Outputs
    updated: dict[str, str] = field(default_factory=dict)
    exported: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    listed: int = 0
    queried: list[str | None] = field(default_factory=list)
    dated: bool = True
    broken: str = ""
    standing: frozenset[str] = frozenset()

    def cli(self, *words: str, stack: str | None = None, **_: Any) -> str:
        match words[:3]:
            case ("stack", "ls", _):
                only = words[4].partition("=")[2] if "--tag" in words else ""
                known = {
                    name: at
                    for name, at in self.updated.items()
                    if only in ("", name)
                }
                self.listed += len(known)
                known = known if self.dated else dict.fromkeys(known)
                return json.dumps(
                    [
                        {"name": name, "lastUpdate": at}
                        for name, at in known.items()
                    ]
                )
            case ("stack", "tag", "ls"):
                return json.dumps(self.tags)
            case ("stack", "tag", "set"):
                self.tags[words[3]] = words[4]
                return ""
            case ("stack", "export", *_):
                return json.dumps(
                    {
                        "deployment": {
                            "resources": [{"type": "x"}]
                            * (stack in self.standing)
                        }
                    }
                )
            case ("stack", "output", _) if stack != self.broken:
                self.queried.append(stack)
                return json.dumps(self.exported.get(stack or "", {}))
        raise PulumiCliError(f"`pulumi {' '.join(words)}` failed")

    def run(self, stack: str) -> bool:
        self.ran.append(stack)
        self.updated[stack] = f"time {len(self.ran)}".replace(" ", "-")
        self.exported[stack] = self.outputs(stack)
        return True


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A stand-in whose runs export nothing, unless a test sets their outputs."""
    stand_in = Engine(lambda stack: {})
    for module in (records, engine_stacks, export):
        monkeypatch.setattr(module, "pulumi", stand_in.cli)
    monkeypatch.setattr(run, "create", lambda settings, stack: None)
    monkeypatch.setattr(
        run, "missing_file_message", lambda settings, stack: None
    )
    monkeypatch.setattr(
        run, "stream", lambda *_, stack, **__: stand_in.run(stack)
    )
    return stand_in


def up(
    estates: Estates = ESTATES, *, only: tuple[str, ...] = tuple(PARTITIONS)
) -> run.Runs:
    """Run `up` for outdated stacks, one stack at a time."""
    listed = engine_stacks.list_stacks()
    known = records.read("prod", PARTITIONS, listed)
    runs = run.Runs(
        estates, "up", 1, lambda stack, line: None, only, listed, known
    )
    runs.run_stacks(
        [
            name
            for name in estates.outdated(known, SETTINGS.as_of)
            if name is None or name in only
        ]
    )
    return runs


def runs_of(
    listed: Mapping[str, str | None],
    verb: str = "up",
    estates: Estates = ESTATES,
    **more: Any,
) -> run.Runs:
    """The runs of a command over all partitions, without output."""
    partitions = tuple(estates.settings.stack.partitions)
    return run.Runs(
        estates,
        verb,
        1,
        more.pop("say", lambda stack, line: None),
        partitions,
        listed,
        **more,
    )


def names(engine: Engine) -> list[str]:
    found = [*engine.ran]
    engine.ran.clear()
    return found


def test_a_second_up_runs_nothing(engine: Engine) -> None:
    up()
    assert names(engine) == ["prod", "prod-apis", "prod-rest"]
    up()
    assert names(engine) == []


def test_a_stack_that_a_command_made_is_recorded_with_its_file(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file exists from then on, so the next command finds the stack unchanged."""
    (tmp_path / "stacks").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        run,
        "create",
        lambda settings, stack: stack_file(stack).write_text(
            "config: {kong-oam:estate: prod}\n"
        ),
    )
    up()
    assert names(engine) == ["prod", "prod-apis", "prod-rest"]
    up(replace(ESTATES, configured=fingerprint.configurations(SETTINGS)))
    assert names(engine) == []


def test_partitions_that_a_run_of_the_base_outdated_are_run_by_the_same_command(
    engine: Engine,
) -> None:
    """The base may have new outputs, such as a new anonymous consumer, although the partitions
    themselves did not change."""
    up()
    engine.outputs = lambda stack: (
        {} if "-" in stack else {"base": {"gateway": {"nobody": "another"}}}
    )
    del engine.tags["kong-oam:ran:_"]
    names(engine)
    up()
    assert names(engine) == ["prod", "prod-apis", "prod-rest"]
    engine.outputs = lambda stack: (
        {} if "-" in stack else {"base": {"gateway": {"nobody": "a third"}}}
    )
    del engine.tags["kong-oam:ran:_"]
    up(only=("rest",))
    assert names(engine) == ["prod", "prod-rest"]


def test_the_base_is_read_anew_once_it_was_run_and_also_where_it_kept_something(
    engine: Engine,
) -> None:
    """Partitions are recorded with the base's latest outputs, so none of them runs again."""
    kept_words = iter(["scope read"])
    base = {"gateway": {"nobody": "another"}}
    engine.outputs = lambda stack: (
        {}
        if "-" in stack
        else {
            "base": base,
            "kept": [*next(([word] for word in kept_words), [])],
        }
    )
    up()
    assert names(engine) == ["prod", "prod-apis", "prod-rest", "prod"]
    up()
    assert names(engine) == []


def test_all_stacks_are_listed_once_and_each_that_is_run_once_more(
    engine: Engine,
) -> None:
    """The engine reads the whole state of each listed stack."""
    up()
    assert names(engine) == ["prod", "prod-apis", "prod-rest"]
    engine.tags.clear()
    engine.listed = 0
    up()
    assert engine.listed == 3 + len(names(engine)) == 6


def test_outputs_are_asked_for_where_they_may_say_something(
    engine: Engine,
) -> None:
    """The outputs are the base's and those after a run: earlier grants of a partition, and kept
    objects, are not read."""
    up()
    del engine.tags["kong-oam:ran:apis"]
    engine.queried.clear()
    up()
    assert engine.queried == ["prod", "prod-apis"]


def test_a_key_that_is_due_is_run_for_and_a_shared_secret_is_not(
    engine: Engine,
) -> None:
    """Only a person replaces such a secret, so otherwise every command would run its stack."""
    key = {
        "generation": 1,
        "since": "2025-01-01",
        "due": "2026-01-01",
        "before": "ended",
    }
    secret = Generation(
        1, SETTINGS.as_of - timedelta(days=400), holder="x"
    ).to_output(Schedule())
    credential_output: JsonObject = {}
    engine.outputs = lambda stack: (
        {"credentials": {"shop/one": credential_output}}
        if stack == "prod-rest"
        else {}
    )
    for credential, again in ((key, ["prod-rest"] * 2), (secret, [])):
        credential_output.clear()
        credential_output.update(credential)
        engine.tags.clear()
        up()
        names(engine)
        up()
        assert names(engine) == again


def test_a_stack_without_its_file_is_not_run(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Somebody may have forgotten to commit the file: the engine would run with empty settings, and
    write a new file."""
    up()
    names(engine)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks/Pulumi.prod.yaml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        run, "missing_file_message", create.missing_file_message
    )
    engine.tags.clear()
    with pytest.raises(
        PulumiCliError,
        match=r"stack 'prod-apis' exists, but stacks/Pulumi\.prod-apis\.yaml is missing",
    ):
        up()
    assert names(engine) == []


def test_a_partition_of_which_the_engine_cannot_say_anything_stops_no_other(
    engine: Engine,
) -> None:
    def lost(stack: str) -> Mapping[str, Any]:
        engine.broken = engine.broken or (stack if stack == "prod-apis" else "")
        return {}

    engine.outputs = lost
    runs = up()
    assert (runs.failed, runs.done) == (["prod-apis"], ["prod", "prod-rest"])


def test_an_interrupted_command_starts_no_further_run(engine: Engine) -> None:
    """An active run does not count as complete, whatever the engine reports: it calls a `destroy`
    that it ended early complete (seen: pulumi 3.274.1). The next command runs it and the
    remaining stacks."""

    def interrupting(stack: str) -> Mapping[str, Any]:
        if stack == "prod-apis":
            runs.interrupt()
        return {}

    engine.outputs = interrupting
    runs = runs_of(engine_stacks.list_stacks())
    runs.run_stacks([None, *PARTITIONS])
    assert (runs.done, runs.left_out, runs.failed) == (
        ["prod"],
        ["prod-rest"],
        ["prod-apis"],
    )
    names(engine)
    engine.outputs = lambda stack: {}
    up()
    assert names(engine) == ["prod-apis", "prod-rest"]


THREE = {"apis": ["apis"], "other": ["other"], "rest": ["*"]}


def test_only_dependents_of_a_failed_partition_are_skipped(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gates in `apis` will require a scope that a client in `rest` gets; `other` is unaffected."""
    settings = parse("prod", {**small_stacks.SETTINGS, "partitions": THREE})
    estates = Estates(
        settings,
        estate(
            *map(APPLICATION.format, ("apis", "shop", "other")),
            stack=settings.stack,
        ),
    )
    changes = GrantChanges({"apis": frozenset({"rest"})})
    monkeypatch.setattr(run, "grant_changes", lambda *_: changes)
    lines: list[tuple[str, str]] = []

    def show(
        *words: str, stack: str, say: Callable[[str], None], **_: Any
    ) -> bool:
        if stack == "prod-rest":
            say("error: the stack is currently locked by 1 lock(s)")
        return stack != "prod-rest" and engine.run(stack)

    monkeypatch.setattr(run, "stream", show)
    runs = runs_of(
        engine_stacks.list_stacks(),
        estates=estates,
        say=lambda stack, line: lines.append((stack, line)),
    )
    runs.run_stacks([None, *THREE])
    assert (runs.done, runs.failed, runs.left_out) == (
        ["prod", "prod-other"],
        ["prod-rest"],
        ["prod-apis"],
    )
    assert [
        stack
        for stack, line in lines
        if "`pulumi cancel -s prod-rest --yes`" in line
    ] == ["prod-rest"]


@pytest.mark.parametrize(
    ("base", "partition", "refused"),
    [
        ("2026-11-29T08:00:00Z/0", "2026-11-29T07:00:00Z/9", True),
        ("2026-11-29T08:00:00Z/7", "2026-11-29T07:00:00Z/9", False),
        ("2026-11-29T08:00:00Z/0", "2026-11-29T09:00:00Z/9", False),
        ("2026-11-29T08:00:00Z/0", "2026-11-29T07:00:00Z/0", False),
        (None, "2026-11-29T07:00:00Z/9", False),
    ],
    ids=["destroyed", "there", "refreshed since", "all destroyed", "never run"],
)
def test_a_base_that_was_destroyed_under_its_partitions_is_not_run(
    engine: Engine, base: str | None, partition: str, refused: bool
) -> None:
    runs = runs_of({"prod": base, "prod-apis": partition})
    if refused:
        with pytest.raises(
            PulumiCliError,
            match=r"was destroyed, and prod-apis still refer to it: .*refresh -s prod --yes`, then",
        ):
            runs.run_stacks([None, *PARTITIONS])
        assert names(engine) == []
    else:
        runs.run_stacks([None, *PARTITIONS])
        assert names(engine)[0] == "prod"


def test_stacks_of_partitions_are_made_once_the_base_was_run(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command stops if some of them got other names."""
    created: list[tuple[str, int]] = []
    monkeypatch.setattr(
        run,
        "create",
        lambda settings, stack: created.append((stack, len(engine.ran))),
    )
    monkeypatch.setattr(
        run,
        "stream",
        lambda *_, stack, **__: stack != "prod" and engine.run(stack),
    )
    runs = run.Runs(
        ESTATES,
        "up",
        1,
        lambda stack, line: None,
        tuple(PARTITIONS),
        {"prod": None},
    )
    runs.run_stacks([None, *PARTITIONS])
    assert created == []
    monkeypatch.setattr(
        run, "stream", lambda *_, stack, **__: engine.run(stack)
    )
    engine.outputs = lambda stack: (
        {} if "-" in stack else {"kept": ["scope read"]}
    )
    runs_of({}).run_stacks([None, *PARTITIONS])
    assert names(engine) == ["prod", "prod-apis", "prod-rest", "prod"]
    assert created == [("prod", 0), ("prod-apis", 1), ("prod-rest", 1)]


def test_a_base_stays_while_an_earlier_partition_depends_on_it(
    engine: Engine,
) -> None:
    """This includes a partition that the settings no longer list."""
    engine.outputs = lambda stack: (
        {}
        if "-" in stack
        else {"base": {"partitions": ["apis", "old", "rest"]}}
    )
    up()
    names(engine)
    engine.updated["prod-old"] = "some time"
    for standing, expected in (
        (frozenset({"prod-old"}), ["prod"]),
        (frozenset[str](), []),
    ):
        engine.standing = standing
        runs = runs_of(engine_stacks.list_stacks(), "destroy")
        runs.run_stacks([None, *PARTITIONS])
        assert runs.left_out == expected
        assert [*names(engine), *expected] == ["prod-apis", "prod-rest", "prod"]
        engine.exported["prod"] = engine.outputs("prod")


def test_without_a_time_of_the_last_update_nothing_counts_as_done(
    engine: Engine,
) -> None:
    engine.dated = False
    up()
    names(engine)
    up()
    assert [*dict.fromkeys(names(engine))] == ["prod", "prod-apis", "prod-rest"]


def test_the_projects_own_program_counts(tmp_path: Path) -> None:
    """Its additions to the deployment, and the way the engine runs it, count too."""
    (tmp_path / "stacks").mkdir()
    file = tmp_path / "stacks" / "Pulumi.prod.yaml"
    file.write_text("config: {}")
    found = [fingerprint.configuration(file)]
    for name, text in (
        ("__main__.py", "deploy()"),
        ("__main__.py", "more()"),
        ("Pulumi.yaml", "name: x"),
    ):
        (tmp_path / name).write_text(text)
        found.append(fingerprint.configuration(file))
    assert len({*found}) == len(found)
