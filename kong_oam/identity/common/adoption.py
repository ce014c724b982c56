"""Name conflicts at a provider: objects that have the names of ours and that the state does not know. No twin is made:
an object is adopted, or stays somebody's. What is said of them is the same for every kind.

Source: the file format of `pulumi import`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.state import Held


@dataclass(frozen=True, slots=True)
class Managed:
    """An object that the stack manages: the resource's type and logical name, and what it is called at the provider.

    Of an app at Okta that is its label, and of a trusted origin the origin itself, which is in the org once.
    """

    type: str
    logical: str
    name: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """An object at the provider that has the name of one of ours. `id` is what its resource is imported by.

    `obstacle`: why it cannot be adopted, None where it can. `about`: what helps to see whose it is.
    """

    object: Managed
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
class Adoption:
    """How objects of one kind of provider are adopted: its component's type, the Pulumi project, and what tells the
    provider's plugin where it is and is no secret (variables of the environment)."""

    component: str
    project: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def diagnostics(
        self, settings: ProviderSettings, estate: Estate, held: Held, found: Sequence[Conflict], foreign: Iterable[str]
    ) -> Iterator[Diagnostic]:
        """What is said of all that was found. There is no command while something foreign in it has to go first."""
        if not found:
            return
        foreign = tuple(foreign)
        stack = estate.stack.name
        ids: dict[Managed, list[str]] = {}
        for taken in found:
            ids.setdefault(taken.object, []).append(taken.id)
        several = [one.name for one, known in ids.items() if len(known) > 1]
        possible = [one for one in found if one.obstacle is None]
        if several:
            advice: tuple[str, ...] = (
                f"There are several of '{several[0]}': rename or remove all but the one that is this stack's.",
            )
        elif foreign:
            advice = (
                "If an interrupted run made them, `python -m kong_oam.recover` removes them. They cannot be",
                "adopted with what ENV404 names in them: remove that first, or have them renamed.",
            )
        else:
            advice = _advice(self._command(settings, stack, possible, held) if possible else None)
        listed = tuple(f"  {one}" for one in found)
        message = f"{settings.name} has what the state of stack '{stack}' does not know"
        yield Diagnostic("ENV403", message, details=(*listed, *advice))
        for stray in foreign:
            yield Diagnostic("ENV404", stray)

    def _command(self, settings: ProviderSettings, stack: str, found: Sequence[Conflict], held: Held) -> str:
        """The one line that adopts them: into the state, as they are; the next `up` gives them their shape."""
        name = settings.name
        file: dict[str, Any] = {"resources": []}
        if (self.component, name) in held:
            file["nameTable"] = {name: f"urn:pulumi:{stack}::{self.project}::{self.component}::{name}"}
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
        return ("If an interrupted run made them, `python -m kong_oam.recover` removes them.",)
    return (
        "If an interrupted run made them, `python -m kong_oam.recover` removes them. If they are this stack's for",
        "another reason, look at each, adopt them, and run it again:",
        f"  {command}",
        "If they are somebody else's, have them renamed.",
    )
