"""Schedule new keys of clients: overlapping generations, and at most one step per run.

Generations alternate between two slots. A step either moves a client to its next generation, while
the previous key stays valid, or ends the previous key after the overlap. So a client that has the
old key when a run begins has a valid key when the run ends. A run never ends the key that the last
successful run made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import NotRequired, TypedDict

SLOTS = 2


def days(text: str) -> int:
    """Parse a number of days in the form of the schemas: `90d` is 90."""
    return int(text.removesuffix("d"))


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often keys change. A client gets a new key `every` days.

    The previous key stays valid for `overlap` days more. `overlap` < `every`.
    """

    every: int = 90
    overlap: int = 7


def schedule_of(**rotation: str) -> Schedule:
    """Return the schedule of the checked setting `rotation`, from `every` and `overlap`."""
    return Schedule(**{name: days(text) for name, text in rotation.items()})


class GenerationOutput(TypedDict):
    """A generation as a stack output, with its dates in ISO 8601."""

    generation: int
    since: str
    due: str
    before: str
    replaced: NotRequired[str]
    secretOf: NotRequired[str]


@dataclass(frozen=True, slots=True)
class Generation:
    """The key that a client has. `number` counts from 1; `since` is the date of its first use.

    `overlapping`: the previous key is valid, too. `replaced`: the date of the last replacement by a
    key of the same number, in an emergency; None without such a replacement.

    `holder`: for a secret that the client shares with a provider, the id of the object with this
    secret at the provider. Another holder has another secret.
    """

    number: int
    since: date
    overlapping: bool = False
    replaced: date | None = None
    holder: str | None = None

    @property
    def slot(self) -> int:
        """The slot of its key, from 0."""
        return (self.number - 1) % SLOTS

    @property
    def active(self) -> tuple[int, ...]:
        """The slots whose keys the issuer accepts, in order."""
        return tuple(range(SLOTS)) if self.overlapping else (self.slot,)

    def generation_in(self, slot: int) -> int:
        """Return the number of the generation whose key is in an active slot."""
        return self.number - (self.slot - slot) % SLOTS

    def prepared_in(self, slot: int) -> int:
        """Return the number of the generation in any slot, for an issuer that accepts both keys at
        any time.

        An inactive slot has the next generation's key, which no client has yet.
        """
        return (
            self.generation_in(slot) if slot in self.active else self.number + 1
        )

    def to_output(self, schedule: Schedule) -> GenerationOutput:
        """Return the generation as a stack output, with the date of the next step."""
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
            date.fromisoformat(data["since"]),
            overlapping=data["before"] == "counts",
            replaced=date.fromisoformat(replaced) if replaced else None,
            holder=data.get("secretOf"),
        )

    def due(self, schedule: Schedule) -> date:
        """Return the date of the next step."""
        return self.since + timedelta(
            days=schedule.overlap if self.overlapping else schedule.every
        )

    @property
    def step(self) -> str:
        """The next step, in words."""
        if self.overlapping:
            return f"generation {self.number - 1} ends"
        return f"generation {self.number + 1} takes over"


def next_generation(
    last: Generation | None, schedule: Schedule, today: date
) -> Generation:
    """Return the generation after this run: one step further if a step is due.

    A date before `last` began changes nothing.
    """
    if last is None:
        return Generation(1, today)
    if today < last.due(schedule):
        return last
    if last.overlapping:
        return replace(last, overlapping=False)
    return Generation(last.number + 1, today, overlapping=True)


def is_shared(data: GenerationOutput) -> bool:
    """Return whether an output is a shared secret's, not a generation's."""
    return "secretOf" in data


def current_secret(
    last: Generation | None, holder: str, today: date
) -> Generation:
    """Return the shared secret from this run on: a new secret if its holder changed.

    No schedule replaces it, since the provider would deny clients that have the previous secret.
    """
    if last is None:
        return Generation(1, today, holder=holder)
    if last.holder == holder:
        return last
    return Generation(last.number + 1, today, holder=holder)
