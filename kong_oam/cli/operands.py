"""The operands of `diff`: a folder, a revision, a stack, or a deployed state."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kong_oam.access.absent import with_absent_clients
from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.diff.snapshot import (
    exported_model,
    join_models,
    load_model,
)
from kong_oam.access.model import Estate
from kong_oam.access.settings.project import STACKS, stack_file
from kong_oam.access.settings.values import APPLICATIONS, Settings
from kong_oam.cli.command import UsageError
from kong_oam.cli.estates import (
    estate_of,
    read_at,
    reading_of,
    settings_of,
    settings_or_defaults,
    with_definitions,
)
from kong_oam.cli.revisions import is_revision
from kong_oam.diagnostics import printable
from kong_oam.engine.cli import LONG, pulumi
from kong_oam.engine.stacks import existing_stacks, stack_names
from kong_oam.engine.state import PLUGIN, STACK, Resource, logical_name
from kong_oam.errors import KongOamError
from kong_oam.kong.enforced import enforced_models
from kong_oam.oam.application import Reading
from kong_oam.oam.files import is_in
from kong_oam.render.project import FOLDER

AccessModels = tuple[AccessModel, ...]
"""The models of a stack, or of all its partitions."""


FORMS = """\
Forms of OLD and NEW:

  . or a folder    the folder of a project, or a folder of Applications. For Applications, the
                   stacks and definitions of the working directory apply, but a folder `definitions`
                   in it replaces the definitions. If both sides are folders, paths of -f and
                   --definitions are relative to each folder
  main, HEAD~1     the stacks and Applications of a git revision (write git:NAME or ./NAME if a file
                   has the same name). Files outside the repository are read as they are now, and a
                   remark lists them; to compare their versions, compare two folders
  stack:NAME       the working directory, with the settings of another stack
  deployed:NAME    the rules that the gates of a stack enforce, from its state (runs
                   `pulumi stack export`)
  state.json       the same from a saved `pulumi stack export`, or the model from a saved
                   `pulumi stack output --json`
"""


@dataclass(frozen=True, slots=True)
class Operand:
    """A side of a comparison: `OLD` or `NEW`, with its text. The stack of `options` applies if the
    text names no stack. `base` is the estate of the other side, if its Applications may be deleted
    here."""

    side: str
    text: str
    options: Namespace
    base: Estate | None = None

    def models(self) -> AccessModels:
        """Return the model of the operand. A deployed state may have two models, which both have to
        allow a request (kong_oam.kong.enforced).

        Raises UsageError with the name of the side.
        """
        try:
            return self._models()
        except KongOamError as error:
            side = f"{self.side} ({printable(self.text)})"
            raise UsageError(
                f"{side}: {error.summary}", error.findings
            ) from None

    def _models(self) -> AccessModels:
        if not self.text:
            raise UsageError("empty name: write . for the working directory")
        kind, _, name = self.text.partition(":")
        if kind == "stack" and name:
            return (self._model_of_folder(".", name),)
        if kind == "deployed":
            return _deployed_models(name or self.options.stack)
        if kind == "git" and name:
            return (self._model_of_revision(name, self.options.stack),)
        path = Path(self.text)
        # A branch and a folder may have the same name. The user has to choose.
        if path.exists() and path.name == self.text and is_revision(self.text):
            raise UsageError(
                f"ambiguous: a revision and a file; write git:{self.text} or ./{self.text}"
            )
        if path.is_file() and path.suffix == ".json":
            return _saved_models(path)
        model_of_side = (
            self._model_of_folder if path.exists() else self._model_of_revision
        )
        return (model_of_side(self.text, self.options.stack),)

    def _model_of_folder(self, name: str, stack: str) -> AccessModel:
        """Return the model of a project's folder, or of a folder of Applications with a stack of
        the working directory."""
        folder = Path(name)
        names = self.options.applications
        if (folder / STACKS).is_dir():
            settings = with_definitions(
                settings_of(stack, folder / STACKS), self.options.definitions
            )
            return self._model(
                reading_of(names, settings, folder=folder), settings
            )
        settings, project = self._with_own_definitions(
            folder, settings_or_defaults(stack)
        )
        default_folder = folder.joinpath(*APPLICATIONS)
        reading = reading_of(
            names or [default_folder if default_folder.is_dir() else folder],
            settings,
            folder=folder if names else Path(),
            project=project,
        )
        if not reading.applications and not reading.diagnostics:
            raise UsageError("no Application in this folder")
        return self._model(reading, settings)

    def _with_own_definitions(
        self, folder: Path, settings: Settings
    ) -> tuple[Settings, Path]:
        """Return the settings with the definitions for a folder of Applications, and the folder
        that these definitions are relative to. The folder's own definitions replace those in the
        stack's settings."""
        if not (folder / FOLDER).is_dir():
            return with_definitions(settings, self.options.definitions), Path()
        names = [
            name if is_in(folder, name) else str(Path(name).absolute())
            for name in self.options.definitions or ()
        ]
        return replace(settings, definitions=tuple(names)), folder

    def _model_of_revision(self, name: str, stack: str) -> AccessModel:
        """Return the model of the project at a revision. Files outside its repository are read in
        their current state, and a remark lists them."""
        reading, settings, _ = read_at(
            name,
            stack,
            self.options.applications,
            self.options.definitions,
            prefix=f"{name}:",
            label=f"{self.side} ({printable(name)})",
        )
        return self._model(reading, settings)

    def _model(self, reading: Reading, settings: Settings) -> AccessModel:
        # The list of known groups does not affect access, and a current list may lack groups of
        # the revision.
        stack = replace(settings.stack, known_groups=None)
        settings = replace(settings, stack=stack)
        base = self.base
        deleted = set[str]()
        # A complete base also has the Applications of other repositories.
        if base and (base.stack.partial or not stack.partial):
            deleted = {app.name for app in base.applications}
            deleted -= {*base.unjudged}
            deleted -= {app.name for app in reading.applications}
        # A role may still name their components: a note lists it, and `check` rejects it.
        reading = replace(reading, malformed=reading.malformed | deleted)
        estate = estate_of(reading, settings)
        estate = replace(
            estate,
            stack=replace(stack, partial=stack.partial or bool(deleted)),
            unjudged=tuple(sorted({*estate.unjudged} - deleted)),
        )
        return model_of(with_absent_clients(estate), settings)


def sides(
    options: Namespace, old: tuple[str, str], new: tuple[str, str]
) -> tuple[AccessModels, AccessModel, list[str]]:
    """Return the models of both sides, each a name and a text, and the Applications that they lack.
    Raises UsageError."""
    models = Operand(*old, options).models()
    base = models[0].estate
    model, *_ = Operand(*new, options, base).models()
    return models, model, sorted({*base.unjudged, *model.estate.unjudged})


def _deployed_models(stack: str) -> AccessModels:
    states = []
    for name in _stacks(stack):
        export = pulumi("stack", "export", stack=name, timeout=LONG)
        states.append(_parse(export))
    return _models_of_states(states)


def _stacks(stack: str) -> list[str]:
    """Return the stacks of the estate of a stack, the base first. A stack without a file is
    returned alone."""
    if not stack_file(stack).is_file():
        return [stack]
    names = stack_names(settings_of(stack))
    return names if len(names) == 1 else existing_stacks(names)


def _saved_models(path: Path) -> AccessModels:
    try:
        data = _parse(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read: {error}") from None
    if isinstance(data, dict) and "deployment" in data:
        return _models_of_states([data])
    return (
        load_model(exported_model(data) if isinstance(data, dict) else data),
    )


def _models_of_states(states: Sequence[Any]) -> AccessModels:
    """Return the models that the states of an estate's stacks enforce. The settings are the last
    outputs of these stacks."""
    rows = list[Any]()
    try:
        for state in states:
            rows.extend(state["deployment"].get("resources") or ())
        resources = [
            Resource(
                row["type"], logical_name(row["urn"]), row.get("outputs") or {}
            )
            for row in rows
        ]
    except (AttributeError, KeyError, TypeError):
        raise UsageError("no output of `pulumi stack export`") from None
    outputs = [
        exported_model(resource.outputs)
        for resource in resources
        if resource.type == STACK
    ]
    texts = list(filter(None, outputs))
    # A partition exports its part of the model.
    text = join_models(texts) if len(texts) > 1 else next(iter(texts), None)
    last_model = load_model(text)
    models = enforced_models(resources, last_model)
    # After a failed run, the state may hold the intended configuration of a plugin. Only the
    # outputs of the last successful run are certain.
    unknown = any(
        row["type"] == PLUGIN and row.get("initErrors") for row in rows
    )
    return (*models, last_model) if unknown else models


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"invalid JSON: {error}") from None
