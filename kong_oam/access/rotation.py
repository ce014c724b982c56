"""Schedules new keys of clients: generations that overlap, one step per run, however many days were
skipped before it.

A generation lies in one of two slots, the next one in the other. A step either moves a client to
its next generation, with the one before still active, or ends that one once the overlap is over. So
a client that had the old key when a run began has a key that counts when it ends, and a run never
takes away what the last one gave.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from typing import NotRequired, TypedDict

SLOTS = 2


def days(text: str) -> int:
    """Parse a number of days as the schemas have it: `90d` is 90."""
    return int(text.removesuffix("d"))


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often keys change: a client gets a new key `every` days; the one before counts for
    `overlap` days more. `overlap` < `every`."""

    every: int = 90
    overlap: int = 7


class GenerationOutput(TypedDict):
    """A generation as a stack output; its days in ISO 8601."""

    generation: int
    since: str
    due: str
    before: str
    replaced: NotRequired[str]
    secretOf: NotRequired[str]


@dataclass(frozen=True, slots=True)
class Generation:
    """The key that a client has. `number` counts from 1, `since` is the day on which it got it.

    `overlapping`: the one before counts as well. `replaced`: the day on which its key was last
    replaced out of turn, in an emergency, by another of the same number; None where that never was.

    `holder`: of a secret that the client shares with a provider, which knows one of it at a time,
    the id of what has it there. Another holder has another secret.
    """

    number: int
    since: datetime.date
    overlapping: bool = False
    replaced: datetime.date | None = None
    holder: str | None = None

    @property
    def slot(self) -> int:
        """The slot in which its key lies, from 0."""
        return (self.number - 1) % SLOTS

    @property
    def active(self) -> tuple[int, ...]:
        """The slots whose keys the issuer takes, in order."""
        return tuple(range(SLOTS)) if self.overlapping else (self.slot,)

    def lying_in(self, slot: int) -> int:
        """The number of the generation whose key is in a slot that counts."""
        return self.number - (self.slot - slot) % SLOTS

    def ready_in(self, slot: int) -> int:
        """The number of the generation in any slot, where an issuer takes the keys of both at any
        time.

        A key that has ended is then in none: in its place lies the next one, which nobody has yet.
        """
        return self.lying_in(slot) if slot in self.active else self.number + 1

    def to_output(self, schedule: Schedule) -> GenerationOutput:
        """The generation as a stack output, for the next run and for people: since when, and what
        is due when."""
        output: GenerationOutput = {
            "generation": self.number,
            "since": self.since.isoformat(),
            "due": self.due(schedule).isoformat(),
            "before": "counts" if self.overlapping else "ended",
        }
        if self.replaced:
            output["replaced"] = self.replaced.isoformat()
        if self.holder:
            output["secretOf"] = self.holder
        return output

    @staticmethod
    def from_output(data: GenerationOutput) -> Generation:
        replaced = data.get("replaced")
        return Generation(
            int(data["generation"]),
            datetime.date.fromisoformat(data["since"]),
            overlapping=data["before"] == "counts",
            replaced=datetime.date.fromisoformat(replaced)
            if replaced
            else None,
            holder=data.get("secretOf"),
        )

    def due(self, schedule: Schedule) -> datetime.date:
        """The day of the next step."""
        return self.since + datetime.timedelta(
            days=schedule.overlap if self.overlapping else schedule.every
        )

    @property
    def step(self) -> str:
        """The next step, in words."""
        if self.overlapping:
            return f"generation {self.number - 1} ends"
        return f"generation {self.number + 1} takes over"


def advanced(
    last: Generation | None, schedule: Schedule, today: datetime.date
) -> Generation:
    """Advance a generation to this run: one step where one is due, and none on a day before `last`
    began."""
    if last is None:
        return Generation(1, today)
    if today < last.due(schedule):
        return last
    if last.overlapping:
        return replace(last, overlapping=False)
    return Generation(last.number + 1, today, overlapping=True)


def is_shared(data: GenerationOutput) -> bool:
    """Whether an output is of a shared secret, and not of a generation."""
    return "secretOf" in data


def current_secret(
    last: Generation | None, holder: str, today: datetime.date
) -> Generation:
    """The shared secret from this run on: another one where its holder changed.

    Nobody replaces it by a schedule, since whoever has the one before would be refused.
    """
    if last is None:
        return Generation(1, today, holder=holder)
    if last.holder == holder:
        return last
    return Generation(last.number + 1, today, holder=holder)
