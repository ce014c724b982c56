"""Name conflicts at a provider: objects that have the names of ours and that the state does not know. No twin is made:
an object is adopted, or stays somebody's. The findings are worded alike for every kind.

Source: the file format of `pulumi import`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kong_oam.access.model import Estate
from kong_oam.access.settings.partitions import stack_of
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.state import Held


@dataclass(frozen=True, slots=True)
class Managed:
    """An object that the stack manages: the resource's type and logical name, and the object's name at the provider.

    The name of an app at Okta is its label, of a trusted origin the origin itself, which is in the org once.
    """

    type: str
    logical: str
    name: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """An object at the provider that has the name of one of ours. `id` is what its resource is imported by.

    `obstacle`: why it cannot be adopted, None where it can. `about`: a hint whose it is.
    """

    object: Managed
    id: str
    obstacle: str | None = None
    about: str = ""

    def __str__(self) -> str:
        module = self.object.type.partition(":")[2].partition("/")[0]
        kind = self.object.type.rpartition(":")[2]
        qualified = f"{module}.{kind}" if module != "index" else kind
        about = f" ({self.about})" if self.about else ""
        return f"{qualified} '{self.object.name}', {self.id}{about}" + (f": {self.obstacle}" if self.obstacle else "")


@dataclass(frozen=True, slots=True)
class Adoption:
    """Adopts objects at one kind of provider, by a command that the finding shows.

    `component` is the type of its component, `project` the Pulumi project. `environment`: the variables, none of them
    secret, that tell the provider's plugin where the provider is.
    """

    component: str
    project: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def diagnostics(
        self,
        settings: ProviderSettings,
        estate: Estate,
        held: Held,
        conflicts: Sequence[Conflict],
        foreign: Iterable[str],
    ) -> Iterator[Diagnostic]:
        """Reports the conflicts and what is foreign in them. There is no command while something foreign has to go."""
        if not conflicts:
            return
        foreign = tuple(foreign)
        stack = _stack_of(estate)
        ids: dict[Managed, list[str]] = {}
        for conflict in conflicts:
            ids.setdefault(conflict.object, []).append(conflict.id)
        ambiguous = [managed.name for managed, of_name in ids.items() if len(of_name) > 1]
        adoptable = [conflict for conflict in conflicts if conflict.obstacle is None]
        if ambiguous:
            advice: tuple[str, ...] = (
                f"There are several of '{ambiguous[0]}': rename or remove all but the one that is this stack's.",
            )
        elif foreign:
            advice = (
                _recovery(stack),
                "They cannot be adopted with what ENV404 names in them: remove that first, or have them renamed.",
            )
        else:
            advice = _advice(stack, self._command(settings, stack, adoptable, held) if adoptable else None)
        lines = tuple(f"  {conflict}" for conflict in conflicts)
        message = f"{settings.name} has what the state of stack '{stack}' does not know"
        yield Diagnostic("ENV403", message, details=(*lines, *advice))
        for finding in foreign:
            yield Diagnostic("ENV404", finding)

    def _command(self, settings: ProviderSettings, stack: str, adoptable: Sequence[Conflict], held: Held) -> str:
        """The one command that adopts them: into the state, as they are; the next `up` gives them their shape."""
        name = settings.name
        file: dict[str, Any] = {"resources": []}
        if (self.component, name) in held:
            file["nameTable"] = {name: f"urn:pulumi:{stack}::{self.project}::{self.component}::{name}"}
        else:
            file["resources"].append({"type": self.component, "name": name, "component": True})
        file["resources"] += [
            {"type": conflict.object.type, "name": conflict.object.logical, "id": conflict.id, "parent": name}
            for conflict in adoptable
        ]
        variables = "".join(f"{name}={shlex.quote(value)} " for name, value in self.environment.items())
        flags = f"--stack {stack} --yes --protect=false --generate-code=false --file /dev/stdin"
        return f"echo {shlex.quote(json.dumps(file))} | {variables}pulumi import {flags}"


def _stack_of(estate: Estate) -> str:
    """The stack that deploys what the estate has of its own: what is imported into another one, that one deletes."""
    partition = next((one.partition for one in estate.own.values() if one.partition), None)
    return stack_of(estate.stack.name, partition)


def _recovery(stack: str) -> str:
    return f"If an interrupted run made them, `python -m kong_oam recover -s {stack} --remove` removes them."


def _advice(stack: str, command: str | None) -> tuple[str, ...]:
    if command is None:
        return (_recovery(stack),)
    return (
        _recovery(stack),
        "If they are this stack's for another reason, look at each, adopt them, and run it again:",
        f"  {command}",
        "If they are somebody else's, have them renamed.",
    )
