"""The operands of `diff` as they are named on the command line: a folder, a revision, a stack, or what is deployed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kong_oam.access.diff.snapshot import AccessModel, ModelError, load_model, model_of
from kong_oam.access.settings.stack import STACKS
from kong_oam.cli.command import UsageError
from kong_oam.cli.estates import APPLICATIONS, estate_of, settings_of
from kong_oam.cli.revisions import commit, extract, is_revision
from kong_oam.diagnostics import printable
from kong_oam.engine.cli import LONG, CliError, pulumi
from kong_oam.engine.state import PLUGIN, Resource, logical_name
from kong_oam.kong.enforced import enforced

FORMS = """\
OLD and NEW are each one of

  .  or a folder   a project's folder, or one of Applications (with the stacks of the project here)
  main, HEAD~1     a git revision: its applications/ and its stacks/ (git:NAME and ./NAME where both are there)
  stack:NAME       what is here, on that stack
  deployed:NAME    what the gates of the stack NAME enforce, by its state (asks `pulumi stack export`)
  state.json       the same, saved with `pulumi stack export`; or what its program meant: `pulumi stack output --json`
"""


@dataclass(frozen=True, slots=True)
class Operand:
    """One side of a comparison: `OLD` or `NEW`, as it was written, and the stack where it does not say one."""

    side: str
    text: str
    stack: str

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
            return (_model_of_folder(Path(), name),)
        if kind == "deployed":
            return _deployed_models(name or self.stack)
        if kind == "git" and name:
            return (_model_of_revision(name, self.stack),)
        path = Path(self.text)
        if path.exists() and path.name == self.text and is_revision(self.text):
            raise UsageError(f"both a revision and a file or folder; write git:{self.text} or ./{self.text}")
        if path.is_file() and path.suffix == ".json":
            return _saved_models(path)
        return (_model_of_folder(path, self.stack) if path.exists() else _model_of_revision(self.text, self.stack),)


def _model_of_folder(folder: Path, stack: str, named: Callable[[Path], str] = str) -> AccessModel:
    applications = folder / APPLICATIONS if (folder / APPLICATIONS).is_dir() else folder
    stacks = folder / STACKS if (folder / STACKS).is_dir() else STACKS
    settings = settings_of(stack, stacks)
    estate = estate_of([applications], settings, named)
    if applications == folder and not estate.applications:
        raise UsageError("no Application is in it")
    return model_of(estate, settings)


def _model_of_revision(revision: str, stack: str) -> AccessModel:
    commit_id = commit(revision)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        extract(commit_id, (APPLICATIONS, STACKS), folder)
        for part in (APPLICATIONS, STACKS):
            if not (folder / part).is_dir():
                raise UsageError(f"the revision has no folder {part}")
        try:
            return _model_of_folder(folder, stack, lambda file: f"{revision}:{file.relative_to(folder)}")
        except UsageError as error:
            raise UsageError(str(error).replace(f"{folder}/", f"{revision}:")) from None


def _deployed_models(stack: str) -> tuple[AccessModel, ...]:
    try:
        return _models_of_state(_parsed(pulumi("stack", "export", stack=stack, timeout=LONG)))
    except CliError as error:
        raise UsageError(str(error)) from None


def _saved_models(path: Path) -> tuple[AccessModel, ...]:
    try:
        data = _parsed(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read: {error}") from None
    if isinstance(data, dict) and "deployment" in data:
        return _models_of_state(data)
    return (_loaded_model(data.get("model") if isinstance(data, dict) else data),)


def _models_of_state(state: Any) -> tuple[AccessModel, ...]:
    """The models that are enforced by the state; settings are those that the stack exported last."""
    try:
        rows = state["deployment"].get("resources") or ()
        resources = [Resource(row["type"], logical_name(row["urn"]), row.get("outputs") or {}) for row in rows]
    except (AttributeError, KeyError, TypeError):
        raise UsageError("not what `pulumi stack export` prints") from None
    outputs = next((resource.outputs for resource in resources if resource.type == "pulumi:pulumi:Stack"), {})
    last_model = _loaded_model(outputs.get("model"))
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
