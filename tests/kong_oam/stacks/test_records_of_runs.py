"""Records of the last run of each stack: tags of the base's stack, as the engine's command line
prints them."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence

import pytest

from kong_oam.engine import stacks
from kong_oam.stacks import records
from kong_oam.stacks.records import Known, Record
from tests.support.json_object import JsonObject

DAY = datetime.date(2026, 11, 25)
LAST = "2026-11-28T10:00:00.000Z"
RESOURCES = 12
UPDATED = f"{LAST}/{RESOURCES}"


class Cli:
    """A stand-in for the engine's command line: its stacks with their last updates, and the base's
    tags and outputs.

    Each stack has `resources` resources. `named` are the stacks with a tag of their name. `listed`
    counts the stacks whose states it had to read.
    """

    def __init__(self, updates: dict[str, str | None]) -> None:
        self.updates = updates
        self.resources = RESOURCES
        self.tags: JsonObject = {}
        self.named: set[str] = set()
        self.listed = 0
        self.outputs: JsonObject = {"base": {"generation": 1}}

    def __call__(
        self, *arguments: str, stack: str = "", timeout: float = 0, **_: object
    ) -> str:
        match arguments:
            case ("stack", "ls", "--json", *only):
                updates = {
                    name: at
                    for name, at in self.updates.items()
                    if not only or self._has(name, only)
                }
                self.listed += len(updates)
                rows = [
                    {
                        "name": name,
                        "lastUpdate": at,
                        "resourceCount": self.resources,
                    }
                    for name, at in updates.items()
                    if at is not None
                ]
                return json.dumps(
                    [
                        *rows,
                        *(
                            {"name": name}
                            for name, at in updates.items()
                            if at is None
                        ),
                    ]
                )
            case ("stack", "tag", "set", records.NAME_TAG, name):
                assert stack == name
                self.named.add(name)
                return ""
            case ("stack", "tag", "ls", "--json"):
                assert stack == "prod"
                return json.dumps(self.tags)
            case ("stack", "output", "--json"):
                assert stack == "prod"
                return json.dumps(self.outputs)
            case ("stack", "tag", "set", name, text):
                assert stack == "prod"
                self.tags[name] = text
                return ""
        raise AssertionError(arguments)

    def _has(self, name: str, only: Sequence[str]) -> bool:
        short = name.rpartition("/")[2]
        return short in self.named and [*only] == [
            "--tag",
            f"{records.NAME_TAG}={short}",
        ]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Cli:
    stand_in = Cli(
        {
            "prod": LAST,
            "organization/project/prod-sales": LAST,
            "prod-rest": None,
        }
    )
    for module in (records, stacks):
        monkeypatch.setattr(module, "pulumi", stand_in)
    return stand_in


def test_a_written_record_is_read(cli: Cli) -> None:
    """The records of the base and of partitions contain the first due day of a rotation and the
    base's generation. The base's outputs are read too."""
    credentials = {"a": {"due": "2027-01-02"}, "b": {"due": "2026-12-24"}}
    records.write("prod", None, "f0", {}, "i0")
    records.write(
        "prod",
        "sales",
        "f1",
        {"credentials": credentials, "generation": 4},
        "i1",
    )
    assert records.read(
        "prod", ["sales", "rest"], stacks.list_stacks()
    ) == Known(
        {
            None: Record("f0", UPDATED, None, "i0"),
            "sales": Record(
                "f1", UPDATED, datetime.date(2026, 12, 24), "i1", 4
            ),
        },
        {"generation": 1},
    )
    known = records.read("prod", ["sales"], stacks.list_stacks())
    assert known.records["sales"].ids == "i1"


def test_a_record_counts_until_something_else_writes_the_state(
    cli: Cli,
) -> None:
    """The later run was interrupted, or made with the engine's own command."""
    records.write("prod", "sales", "f1", {}, "i1")
    cli.updates["organization/project/prod-sales"] = "2026-11-28T10:00:01.000Z"
    assert records.read("prod", ["sales"], stacks.list_stacks()).records == {}


def test_a_record_counts_until_the_state_has_another_number_of_resources(
    cli: Cli,
) -> None:
    """`pulumi state delete` and an import leave the time of the last update unchanged."""
    records.write("prod", "sales", "f1", {}, "i1")
    cli.resources -= 1
    assert records.read("prod", ["sales"], stacks.list_stacks()).records == {}


def test_of_a_run_no_other_state_is_read(cli: Cli) -> None:
    """If `up` did not create the stack, the first run adds the tag that finds it, and later runs
    use the tag."""
    for listed in (3, 1, 1):
        cli.listed = 0
        assert records.write("prod", "sales", "f1", {}, "i1") == Record(
            "f1", UPDATED, None, "i1"
        )
        assert (cli.listed, cli.named) == (listed, {"prod-sales"})


def test_a_stack_that_was_never_run_has_no_record(cli: Cli) -> None:
    """The same holds for a missing stack, and for an estate without stacks."""
    records.write("prod", "rest", "f1", {}, "i1")
    assert records.read("prod", ["other"], stacks.list_stacks()) == Known(
        {}, {"generation": 1}
    )
    assert records.read("elsewhere", ["sales"], stacks.list_stacks()) == Known()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "f",
        f"f {UPDATED} - i",
        f"f {UPDATED} someday i 0",
        f"f {UPDATED} - i 0 more",
        f"f {UPDATED} - i more",
        f"f {UPDATED}  i 0",
        "f  - i 0",
    ],
)
def test_a_tag_that_says_something_else_is_none(cli: Cli, text: str) -> None:
    """The stack then runs, whoever wrote the tag."""
    cli.tags["kong-oam:ran:sales"] = text
    assert records.read("prod", ["sales"], stacks.list_stacks()).records == {}


def test_a_record_is_of_its_fingerprint_until_a_rotation_is_due() -> None:
    """A run on the due day changes something."""
    record = Record("f", UPDATED, DAY, "i")
    before = DAY - datetime.timedelta(days=1)
    assert record.is_of("f", before)
    assert not record.is_of("f", DAY)
    assert not record.is_of("g", before)
    assert Record("f", UPDATED, None, "i").is_of("f", DAY)
