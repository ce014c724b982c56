"""Objects at a provider that have the names of ours and that the state does not know: never a twin, but taken over or
left. What is said of them is the same for every kind.

Source: the file format of `pulumi import`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.state import Held


@dataclass(frozen=True, slots=True)
class Object:
    """One object: the resource's type and logical name, and what it is called at the provider.

    Of an app at Okta that is its label, and of a trusted origin the origin itself, which is in the org once.
    """

    type: str
    logical: str
    name: str


@dataclass(frozen=True, slots=True)
class Taken:
    """An object at the provider that has the name of one of ours. `id` is what its resource is imported by.

    `obstacle`: why it cannot be taken over, None where it can. `about`: what helps to see whose it is.
    """

    object: Object
    id: str
    obstacle: str | None = None
    about: str = ""

    def __str__(self) -> str:
        module = self.object.type.partition(":")[2].partition("/")[0]
        kind = self.object.type.rpartition(":")[2]
        named = f"{module}.{kind}" if module != "index" else kind
        about = f" ({self.about})" if self.about else ""
        return f"{named} '{self.object.name}', {self.id}{about}" + (f": {self.obstacle}" if self.obstacle else "")


@dataclass(frozen=True, slots=True)
class Takeover:
    """How one kind of provider is taken over: its component's type, and what tells the provider's plugin where it is
    and is no secret (variables of the environment)."""

    component: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def told(
        self, settings: ProviderSettings, estate: Estate, held: Held, found: Sequence[Taken], strays: Iterable[str]
    ) -> Iterator[Diagnostic]:
        """What is said of all that was found. There is no command while something foreign in it has to go first."""
        if not found:
            return
        strays = tuple(strays)
        stack = estate.stack.name
        ids: dict[Object, list[str]] = {}
        for taken in found:
            ids.setdefault(taken.object, []).append(taken.id)
        several = [one.name for one, known in ids.items() if len(known) > 1]
        possible = [one for one in found if one.obstacle is None]
        if several:
            advice: tuple[str, ...] = (
                f"There are several of '{several[0]}': rename or remove all but the one that is this stack's.",
            )
        elif strays:
            advice = (
                "If an interrupted run made them, `python -m kong_oam recover` removes them. They cannot be taken",
                "over with what ENV304 names in them: remove that first, or have them renamed.",
            )
        else:
            advice = _advice(self._command(settings, stack, possible, held) if possible else None)
        listed = tuple(f"  {one}" for one in found)
        message = f"{settings.name} has what the state of stack '{stack}' does not know"
        yield Diagnostic("ENV303", message, details=(*listed, *advice))
        for stray in strays:
            yield Diagnostic("ENV304", stray)

    def _command(self, settings: ProviderSettings, stack: str, found: Sequence[Taken], held: Held) -> str:
        """The one line that takes them over: into the state, as they are; the next `up` gives them their shape."""
        name = settings.name
        file: dict[str, Any] = {"resources": []}
        if (self.component, name) in held:
            file["nameTable"] = {name: f"urn:pulumi:{stack}::{pulumi.get_project()}::{self.component}::{name}"}
        else:
            file["resources"].append({"type": self.component, "name": name, "component": True})
        file["resources"] += [
            {"type": one.object.type, "name": one.object.logical, "id": one.id, "parent": name} for one in found
        ]
        where = "".join(f"{name}={shlex.quote(value)} " for name, value in self.environment.items())
        flags = f"--stack {stack} --yes --protect=false --generate-code=false --file /dev/stdin"
        return f"echo {shlex.quote(json.dumps(file))} | {where}pulumi import {flags}"


def _advice(command: str | None) -> tuple[str, ...]:
    if command is None:
        return ("If an interrupted run made them, `python -m kong_oam recover` removes them.",)
    return (
        "If an interrupted run made them, `python -m kong_oam recover` removes them. If they are this stack's for",
        "another reason, look at each, take them over, and run it again:",
        f"  {command}",
        "If they are somebody else's, have them renamed.",
    )
