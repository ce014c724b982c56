"""The operands of `diff` as they are named on the command line: a folder, a revision, a stack, or what is deployed."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kong_oam.access.absent import with_absent_clients
from kong_oam.access.diff.snapshot import AccessModel, ModelError, exported, load_model, model_of
from kong_oam.access.settings.stack import APPLICATIONS, STACKS, Settings, stack_file, stack_names
from kong_oam.cli.command import UsageError
from kong_oam.cli.estates import estate_of, judging_settings, no_stack_is_here, settings_of
from kong_oam.cli.revisions import is_revision, revision
from kong_oam.diagnostics import nearest, printable
from kong_oam.engine.cli import LONG, CliError, pulumi
from kong_oam.engine.state import PLUGIN, Resource, logical_name
from kong_oam.kong.enforced import enforced
from kong_oam.oam.application import Reading, read_files
from kong_oam.oam.files import SUFFIXES, is_glob, root_of

FORMS = """\
OLD and NEW are each one of

  .  or a folder   a project's folder, or one of Applications (with the stacks of the project here)
  main, HEAD~1     a git revision: its stacks, and its Applications (git:NAME and ./NAME where both are there);
                   what lies in no repository or in another one is read as it is
  stack:NAME       what is here, on that stack
  deployed:NAME    what the gates of the stack NAME enforce, by its state (asks `pulumi stack export`)
  state.json       the same, saved with `pulumi stack export`; or what its program meant: `pulumi stack output --json`
"""


def unjudged(models: Iterable[AccessModel]) -> list[str]:
    """The Applications that are not here, of all the models."""
    return sorted({name for model in models for name in model.estate.unjudged})


Names = Sequence[str] | None
"""Files, folders and globs in which Applications are; None: those that the stack names."""


@dataclass(frozen=True, slots=True)
class Operand:
    """One side of a comparison: `OLD` or `NEW`, as it was written; the stack where it does not say one, and where the
    Applications are of a project or a revision."""

    side: str
    text: str
    stack: str
    applications: Names = None

    def models(self) -> tuple[AccessModel, ...]:
        """The models that the operand names: one; of what is deployed maybe two, each of which has to allow a request
        (kong_oam.kong.enforced).

        Raises UsageError, which names the side.
        """
        try:
            return self._models()
        except UsageError as error:
            raise UsageError(f"{self.side} ({printable(self.text)}): {error}") from None

    def _models(self) -> tuple[AccessModel, ...]:
        if not self.text:
            raise UsageError("an empty name compares nothing; write . for what is here")
        kind, _, name = self.text.partition(":")
        if kind == "stack" and name:
            return (_model_of_folder(".", name, self.applications),)
        if kind == "deployed":
            return _deployed_models(name or self.stack)
        if kind == "git" and name:
            return (_model_of_revision(name, self.stack, self.applications),)
        path = Path(self.text)
        if path.exists() and path.name == self.text and is_revision(self.text):
            raise UsageError(f"both a revision and a file or folder; write git:{self.text} or ./{self.text}")
        if path.is_file() and path.suffix == ".json":
            return _saved_models(path)
        of_side = _model_of_folder if path.exists() else _model_of_revision
        return (of_side(self.text, self.stack, self.applications),)


def _model_of_folder(name: str, stack: str, names: Names) -> AccessModel:
    """The model of a project's folder, or of one with nothing but Applications, on a stack of the project here."""
    folder = Path(name)
    if (folder / STACKS).is_dir():
        settings = settings_of(stack, folder / STACKS)
        return _model(read_files(names or settings.applications, folder=folder), settings)
    settings = judging_settings(stack)
    usual = folder.joinpath(*APPLICATIONS)
    reading = read_files(names, folder=folder) if names else read_files([usual if usual.is_dir() else folder])
    if not reading.applications and not reading.diagnostics:
        raise UsageError("no Application is in it")
    return _model(reading, settings)


def _model_of_revision(name: str, stack: str, names: Names) -> AccessModel:
    """The model of the project here as it was. What is not in its repository is read as it is."""
    of = revision(name)
    with tempfile.TemporaryDirectory() as temporary:
        top = Path(temporary)
        copy = of.copied(".", top)
        of.extract([STACKS, "Pulumi.yaml"], top)
        if not (copy / STACKS).is_dir() and not no_stack_is_here():
            raise UsageError(f"the revision has no folder {STACKS}")
        try:
            settings = judging_settings(stack) if no_stack_is_here() else settings_of(stack, copy / STACKS)
            held = {path: of.copied(path, top) for path in names or settings.applications if of.holds(path)}
            of.extract([path for path in held if not is_glob(path)], top)
            of.extract([root_of(Path(path)) for path in held if is_glob(path)], top, SUFFIXES)
            reading = read_files(
                (held.get(path, path) for path in names or settings.applications),
                lambda file: f"{name}:{os.path.relpath(file, copy)}" if file.is_relative_to(top) else str(file),
            )
            return _model(reading, settings)
        except UsageError as error:
            raise UsageError(str(error).replace(f"{copy}/", f"{name}:")) from None


def _model(reading: Reading, settings: Settings) -> AccessModel:
    # Which groups there are bears on nobody's access, and a list of now need not have those of then.
    settings = replace(settings, stack=replace(settings.stack, known_groups=None))
    return model_of(with_absent_clients(estate_of(reading, settings)), settings)


def _deployed_models(stack: str) -> tuple[AccessModel, ...]:
    try:
        return _models_of_state(_parsed(pulumi("stack", "export", stack=stack, timeout=LONG)))
    except CliError as error:
        unknown = "no stack named" in str(error) and not stack_file(stack).is_file()
        raise UsageError(f"{error}{nearest(stack, stack_names(), 1) if unknown else ''}") from None


def _saved_models(path: Path) -> tuple[AccessModel, ...]:
    try:
        data = _parsed(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read: {error}") from None
    if isinstance(data, dict) and "deployment" in data:
        return _models_of_state(data)
    return (_loaded_model(exported(data) if isinstance(data, dict) else data),)


def _models_of_state(state: Any) -> tuple[AccessModel, ...]:
    """The models that are enforced by the state; settings are those that the stack exported last."""
    try:
        rows = state["deployment"].get("resources") or ()
        resources = [Resource(row["type"], logical_name(row["urn"]), row.get("outputs") or {}) for row in rows]
    except (AttributeError, KeyError, TypeError):
        raise UsageError("not what `pulumi stack export` prints") from None
    outputs = next((resource.outputs for resource in resources if resource.type == "pulumi:pulumi:Stack"), {})
    last_model = _loaded_model(exported(outputs))
    models = enforced(resources, last_model)
    # Of a plugin at which a run failed the state may say what it was to become, and all that is known of it is what the
    # last run left that came to its end.
    unknown = any(row["type"] == PLUGIN and row.get("initErrors") for row in rows)
    return (*models, last_model) if unknown else models


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"no JSON: {error}") from None


def _loaded_model(data: Any) -> AccessModel:
    try:
        return load_model(data)
    except ModelError as error:
        raise UsageError(str(error)) from None
