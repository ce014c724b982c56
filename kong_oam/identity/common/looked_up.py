"""Ids of groups at identity providers, each looked up once: by a run, or by one of several runs of a command.

A command that makes several runs (`shared`) names them one file, in which each finds what another has looked up. It
lasts no longer than the command, so that what is renamed at a provider is seen by the next one.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kong_oam.identity.common.errors import InspectionError

VARIABLE = "KONG_OAM_LOOKED_UP"

Ids = Mapping[str, Sequence[str]]
"""Ids by name. A name that nothing has has none; one that several have, several."""


@dataclass(frozen=True)
class LookedUp:
    """What is known of groups. `file`: what runs of one command share; None for a run that is alone."""

    file: Path | None = None
    _found: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_command(cls) -> LookedUp:
        """Gives what the command that makes this run lets it know, where it makes several."""
        file = os.environ.get(VARIABLE)
        return cls(Path(file) if file else None)

    def groups(self, provider: str, place: str, names: Iterable[str], ask: Callable[[Collection[str]], Ids]) -> Ids:
        """Gives the ids of the groups of these names at a provider, which is at a `place` (an address).

        `ask` is asked for those that nobody has looked up, and may give more. Raises InspectionError.
        """
        wanted, known = sorted({*names}), self._shared().get(place, {})
        if missing := [name for name in wanted if name not in known]:
            known |= {name: [] for name in missing} | {name: [*ids] for name, ids in ask(missing).items()}
            self._keep(place, known)
        ids = {name: known[name] for name in wanted}
        self._found.update({f"{provider} {name}": found[0] for name, found in ids.items() if len(found) == 1})
        return ids

    def group(self, provider: str, name: str) -> str:
        """Gives the id of a group that was found once. Inspecting has ended the run where one was not."""
        return self._found[f"{provider} {name}"]

    def _shared(self) -> dict[str, dict[str, list[str]]]:
        """Reads what runs before have looked up, by place; nothing of a file that is none of theirs."""
        if self.file is None:
            return {}
        try:
            about = self.file.stat()
            if about.st_uid != os.getuid() or about.st_mode & 0o022:
                raise InspectionError(f"{VARIABLE} names {self.file}, which others may write: they could choose groups")
            return {
                str(place): {str(name): [str(one) for one in ids] for name, ids in known.items()}
                for place, known in json.loads(self.file.read_text("utf-8")).items()
            }
        except (OSError, ValueError, AttributeError, TypeError):
            return {}

    def _keep(self, place: str, known: Ids) -> None:
        """Writes the file as a whole. What another run wrote meanwhile is lost, and looked up again."""
        if self.file is None:
            return
        handle, name = tempfile.mkstemp(dir=self.file.parent)  # its owner's alone
        with os.fdopen(handle, "w", encoding="utf-8") as written:
            json.dump({**self._shared(), place: known}, written)
        Path(name).replace(self.file)


@contextmanager
def shared() -> Iterator[Mapping[str, str]]:
    """Makes the file for the runs of one command, and removes it. Gives what their environment says of it."""
    with tempfile.TemporaryDirectory(prefix="kong-oam-") as folder:
        yield {VARIABLE: str(Path(folder) / "looked-up.json")}
