"""Read what the engine knows about the runs of a stack: its updates and its state."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator
from dataclasses import dataclass
from hashlib import sha256

from kong_oam.audit.history.run import update_of
from kong_oam.engine.cli import LONG, pulumi
from kong_oam.engine.export import Entry, export_state, resources_in
from kong_oam.engine.state import STACK, Outputs, logical_name
from kong_oam.oam.position import JsonObject

# The engine's facts that a record keeps: who ran which commit, where, with which flags. Other facts
# name files of the machine.
_FACTS = ("ci.", "exec.", "git.", "github.", "pulumi.flag.", "vcs.")
_VERSION = "pulumi.version"

# The CLI prints ten updates unless told otherwise. No stack has so many.
_ALL = "1000000"


@dataclass(frozen=True, slots=True)
class EngineStack:
    """A stack as the engine knows it now.

    `updates`: the fields of each update, the oldest first. `state`: the digest of the state.
    `resources`: the number of resources that updates count. `outputs`: the stack's outputs, empty
    before the first complete run.
    """

    updates: tuple[JsonObject, ...]
    state: str
    resources: int
    outputs: Outputs

    @property
    def has_failed(self) -> bool:
        """Whether the last update did not succeed."""
        return bool(self.updates) and self.updates[-1]["result"] != "succeeded"

    def part_of_record(self, known: Container[tuple[str, str]]) -> JsonObject:
        """Return the stack's part of a record, without the known updates."""
        updates = [
            fields
            for fields in self.updates
            if update_of(fields).key not in known
        ]
        return {
            "updates": updates,
            "state": self.state,
            "resources": self.resources,
        }


def read_stack(stack: str) -> EngineStack:
    """Return updates and state of a stack. Raises engine.cli.PulumiCliError."""
    state = export_state(stack)
    resources = resources_in(state)
    outputs: Outputs = {}
    for resource in resources:
        if resource["type"] == STACK:
            outputs = resource.get("outputs") or {}
    counted = sum(map(_is_counted, resources))
    return EngineStack(
        tuple(_updates(stack)), state_digest(state), counted, outputs
    )


def _is_counted(resource: Outputs) -> bool:
    """Return whether an update counts a resource (pulumi: engine, OnResourceStepPost).

    It counts no default provider, no resource of others, and no old copy before its deletion.
    """
    is_provider = resource["type"].startswith("pulumi:providers:")
    is_default = is_provider and logical_name(resource["urn"]).startswith(
        "default"
    )
    is_other = resource.get("external") or resource.get("delete")
    return not is_default and not is_other


def state_digest(state: Entry) -> str:
    """Return the SHA-256 of an exported state. Secrets are encrypted there."""
    text = json.dumps(state["deployment"], sort_keys=True)
    return sha256(text.encode()).hexdigest()


def _updates(stack: str) -> Iterator[JsonObject]:
    printed = pulumi(
        "stack",
        "history",
        "--json",
        "--page-size",
        _ALL,
        stack=stack,
        timeout=LONG,
    )
    for update in reversed(json.loads(printed)):
        yield _update(update)


def _update(update: Entry) -> JsonObject:
    """Return an update without its configuration and its message, which are free texts."""
    facts = {}
    for name, value in (update.get("environment") or {}).items():
        if name.startswith(_FACTS) or name == _VERSION:
            facts[name] = str(value)
    fields: JsonObject = {
        "kind": update["kind"],
        "start": update["startTime"],
        "result": update["result"],
        "changes": dict(update.get("resourceChanges") or {}),
        "facts": facts,
    }
    if update.get("endTime"):
        fields["end"] = update["endTime"]
    if update.get("version"):
        fields["version"] = update["version"]
    return fields
