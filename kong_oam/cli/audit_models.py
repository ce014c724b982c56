"""The models that were in force, for the verbs of `audit`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kong_oam.cli.console import print_note
from kong_oam.cli.estates import add_estate, read_estate, selected_settings

if TYPE_CHECKING:
    from kong_oam.access.model import Estate
    from kong_oam.access.settings.values import Settings
    from kong_oam.audit.history.run import Run
    from kong_oam.audit.uses.replay import Models


@dataclass(frozen=True, slots=True)
class InForce:
    """The recorded models by revision, and the current Applications, which count too."""

    settings: Settings
    current: Estate
    runs: tuple[Run, ...]
    models: Models

    @property
    def estates(self) -> tuple[Estate, ...]:
        """All estates, each once."""
        by_identity = {id(self.current): self.current}
        for estate in self.models.values():
            by_identity[id(estate)] = estate
        return tuple(by_identity.values())


def add_runs(parser: ArgumentParser) -> None:
    """Add the options that select models: the estate's, and `--runs`."""
    parser.add_argument(
        "--runs",
        type=Path,
        metavar="FOLDER",
        help="the records of runs that `audit record` wrote (default: `evidence` of the stack)",
    )
    add_estate(parser)


def add_uses_files(parser: ArgumentParser) -> None:
    """Add the files with uses."""
    parser.add_argument(
        "uses",
        nargs="+",
        type=Path,
        metavar="USES",
        help="files that `audit uses` wrote",
    )


def in_force(options: Namespace) -> InForce:
    """Return the models for the options of `add_runs`. Raises UsageError, HistoryError."""
    # Imported here, so that other verbs start faster.
    from kong_oam.access.absent import with_absent_clients
    from kong_oam.audit.history.read import models_by_revision, read_history
    from kong_oam.kong.revisions import revisions

    settings = selected_settings(options)
    current = with_absent_clients(read_estate(options.applications, settings))
    runs: Sequence[Run] = ()
    folder = options.runs or settings.evidence
    if folder:
        history = read_history(Path(folder))
        print_note(*history.findings)
        runs = history.runs
    models = dict(models_by_revision(runs))
    for component, ports in revisions(
        current, settings.gateway.edition
    ).items():
        for port, revision in ports.items():
            # The Applications have positions, so their rules are shown with file and line.
            models[component, port, revision] = current
    return InForce(settings, current, tuple(runs), models)
