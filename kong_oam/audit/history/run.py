"""A record of a run or of an emergency opening as a value.

The file is JSON, described by run.schema.json beside this module.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from jsonschema_rs import validator_for

from kong_oam.access.diff.model import AccessModel
from kong_oam.access.diff.snapshot import load_model
from kong_oam.access.model import Estate
from kong_oam.oam.position import Fields, JsonObject, Names, Texts

VERSION = 1

# The field with the digest of all others.
DIGEST = "sha256"

# The engine's fact about an update that also refreshed the state.
_REFRESH = "pulumi.flag.refresh"

# A component and its port, as records of requests name them.
Gate = tuple[str, str]

Kind = Literal["run", "open", "close", "review"]


@dataclass(frozen=True, slots=True)
class Update:
    """An update of one stack, as the engine recorded it.

    `start` and `end` are RFC 3339 in UTC; `end` is empty if the engine did not finish. `facts` are
    the engine's facts about Git, CI and its own flags.
    """

    kind: str
    start: str
    end: str
    result: str
    facts: Texts
    changes: Mapping[str, int]

    @property
    def key(self) -> tuple[str, str]:
        """The identity of the update. Self-managed backends number nothing."""
        return self.start, self.kind

    @property
    def growth(self) -> int | None:
        """The resources that the update added to the state, without the removed resources.

        None if the engine does not count each of them: in a failed update, and in a refresh by
        `up --refresh`.
        """
        if self.result != "succeeded" or _REFRESH in self.facts:
            return None
        added = self.changes.get("create", 0) + self.changes.get("import", 0)
        return added - self.changes.get("delete", 0)


@dataclass(frozen=True, slots=True)
class StackRecord:
    """One stack of the estate: its updates since the record before, and its state.

    `state`: the digest of the state. `resources`: the number of resources that updates count.
    """

    updates: tuple[Update, ...]
    state: str
    resources: int


@dataclass(frozen=True, slots=True)
class RecordedOpening:
    """A path that the command `emergency` opened or closed.

    `ends` is RFC 3339 in UTC, and empty if nobody knows it, as for an anonymous plugin.
    """

    component: str
    path: str
    methods: Names
    ends: str
    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """A record. `file` is its path, and `digest` the SHA-256 of the file's bytes.

    `kind` is `run`, or `open` and `close` for the command `emergency`, or `review` for decisions.
    `revisions`: the revision of each gate. `attempted`: the revisions that a failed run wanted.
    `data` has all fields.
    """

    file: str
    digest: str
    number: int
    previous: str | None
    time: str
    kind: Kind
    stack: str
    stacks: Mapping[str, StackRecord]
    revisions: Mapping[Gate, str]
    attempted: Mapping[Gate, str]
    openings: tuple[RecordedOpening, ...]
    data: Fields = field(repr=False)

    def model(self) -> AccessModel | None:
        """Return the access model that was in force; None for openings, and before the first
        complete run. Raises ModelError."""
        return _model(self.data.get("model"))

    def estate(self) -> Estate | None:
        """Return the estate that was in force, or None as `model` does. Raises ModelError."""
        model = self.model()
        return model.estate if model else None

    def attempted_estate(self) -> Estate | None:
        """Return the estate that a failed run wanted, or None. Raises ModelError."""
        attempted = self.data.get("attempted") or {}
        model = _model(attempted.get("model"))
        return model.estate if model else None


def _model(lines: Iterable[str] | None) -> AccessModel | None:
    return load_model("\n".join(lines)) if lines else None


def digest_of(data: Fields) -> str:
    """Return the digest of a record's fields, without its own digest."""
    others = {name: value for name, value in data.items() if name != DIGEST}
    text = json.dumps(others, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def is_record(data: Any) -> bool:
    """Return whether a JSON value has the shape of a record."""
    return bool(_validator().is_valid(data))


@cache
def _validator() -> Any:
    schema = Path(__file__).with_name("run.schema.json").read_text("utf-8")
    return validator_for(json.loads(schema))


def run_of(file: str, digest: str, data: Fields) -> Run:
    """Return the record of valid fields (`is_record`)."""
    stacks = {
        name: _stack(fields) for name, fields in data.get("stacks", {}).items()
    }
    attempted = data.get("attempted") or {}
    return Run(
        file=file,
        digest=digest,
        number=data["number"],
        previous=data["previous"],
        time=data["time"],
        kind=data["kind"],
        stack=data["stack"],
        stacks=stacks,
        revisions=dict(_by_gate(data.get("revisions"))),
        attempted=dict(_by_gate(attempted.get("revisions"))),
        openings=tuple(map(_opening, data.get("openings", ()))),
        data=data,
    )


def _stack(fields: Fields) -> StackRecord:
    updates = tuple(map(update_of, fields["updates"]))
    return StackRecord(updates, fields["state"], fields["resources"])


def update_of(fields: Fields) -> Update:
    """Return the update of a record's fields."""
    return Update(
        kind=fields["kind"],
        start=fields["start"],
        end=fields.get("end", ""),
        result=fields["result"],
        facts=fields.get("facts", {}),
        changes=fields.get("changes", {}),
    )


def _by_gate(
    revisions: Mapping[str, Texts] | None,
) -> Iterator[tuple[Gate, str]]:
    for component, ports in (revisions or {}).items():
        for port, revision in ports.items():
            yield (component, port), revision


def _opening(fields: Fields) -> RecordedOpening:
    return RecordedOpening(
        fields["component"],
        fields.get("path", ""),
        tuple(fields.get("methods", ())),
        fields.get("ends", ""),
        fields.get("reason", ""),
    )


def sealed(data: JsonObject) -> bytes:
    """Return the bytes of a record's file, with its digest."""
    whole = {**data, DIGEST: digest_of(data)}
    return (json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode()
