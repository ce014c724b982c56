"""Read the two estates of a merge, and the second estate again with its new names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from kong_oam.access.merge.edits import (
    application_edits,
    list_edits,
    stack_edits,
)
from kong_oam.access.merge.renames import Renames
from kong_oam.access.merge.side import DefinedAt, MergeSide, values_of
from kong_oam.access.merge.together import Renamed
from kong_oam.access.settings.assumed import GROUPS, assumed
from kong_oam.access.settings.groups import SETTING as KNOWN_GROUPS
from kong_oam.access.settings.partitions import stack_of
from kong_oam.access.settings.project import STACKS, stack_file
from kong_oam.access.settings.stack import parse, stack_names
from kong_oam.access.settings.values import (
    APPLICATIONS,
    Settings,
    StackError,
)
from kong_oam.cli.command import UsageError
from kong_oam.cli.estates import (
    DEFAULT,
    Names,
    estate_of,
    reading_of,
    settings_of,
)
from kong_oam.diagnostics import printable
from kong_oam.errors import KongOamError
from kong_oam.oam.application import Reading, ReadOne, read_bytes
from kong_oam.oam.application import read_file as read_application_file
from kong_oam.oam.document import as_mapping, read
from kong_oam.oam.edit import Edit, unified, with_edits
from kong_oam.oam.model import OwnTypes
from kong_oam.oam.position import Document, FilePlace
from kong_oam.render.project import FOLDER, definition_files


@dataclass(frozen=True, slots=True)
class MergeFolder:
    """An operand of `merge`: its label, its path, the stack whose settings apply, and the path of
    the other operand."""

    label: str
    path: Path
    stack: str | None
    other: Path

    @property
    def folder(self) -> Path:
        """The folder that names in a patch are relative to."""
        return self.path if self.path.is_dir() else self.path.parent

    @property
    def has_stacks(self) -> bool:
        return bool(stack_names(self.path / STACKS))

    @property
    def project(self) -> Path:
        """The folder whose definitions apply: the own folder, or else the other estate's folder."""
        if self.has_stacks or (self.path / FOLDER).is_dir():
            return self.path
        return self.other if self.other.is_dir() else Path()

    def definitions(self, settings: Settings) -> Mapping[str, DefinedAt]:
        """Return the types that the estate defines: their definitions, with positions."""
        found: dict[str, DefinedAt] = {}
        for file, problem in definition_files(
            settings.definitions, self.project
        ):
            if not problem:
                found.update(_definitions(file))
        return found

    def settings(self) -> Settings:
        """Return the settings of the stack. Raises UsageError."""
        stacks = self.path / STACKS
        names = stack_names(stacks)
        name = self.stack or (names[0] if len(names) == 1 else DEFAULT)
        try:
            return settings_of(name, stacks)
        except StackError as error:
            raise UsageError(f"{self.text}: {error}") from None

    @property
    def text(self) -> str:
        return f"{self.label} ({printable(str(self.path))})"

    def side(self, settings: Settings) -> MergeSide:
        """Read the estate with these settings. Raises UsageError with all its errors."""
        if not self.path.exists():
            raise UsageError(f"{self.text}: no such file or folder")
        reading = self.reading(settings)
        if not reading.applications and not reading.diagnostics:
            raise UsageError(f"{self.text}: no Application")
        # Lists of known groups do not affect access, and a merge changes groups.
        stack = replace(settings.stack, known_groups=None)
        settings = replace(settings, stack=stack)
        try:
            estate = estate_of(reading, settings)
        except KongOamError as error:
            raise UsageError(
                f"{self.text}: {error.summary}", error.findings
            ) from None
        stacks, lists = self._stack_documents(settings)
        definitions = self.definitions(settings)
        return MergeSide(estate, settings, reading, stacks, lists, definitions)

    def reading(
        self, settings: Settings, read_one: ReadOne | None = None
    ) -> Reading:
        """Read the Applications of the stack in a project, or of a folder or a file."""
        if self.has_stacks:
            return reading_of(
                None, settings, folder=self.path, read_one=read_one
            )
        below = self.path.joinpath(*APPLICATIONS)
        names: Names = [str(below if below.is_dir() else self.path)]
        return reading_of(
            names, settings, project=self.project, read_one=read_one
        )

    def _stack_documents(
        self, settings: Settings
    ) -> tuple[tuple[Document, ...], tuple[Document, ...]]:
        """Return the documents of all stacks' files, the chosen stack first, and the lists of
        groups that they name."""
        if not self.has_stacks:
            file = self.folder / GROUPS
            return (), (_document(file),) if file.is_file() else ()
        stacks = self.path / STACKS
        chosen = settings.stack.name
        names = sorted(
            stack_names(stacks), key=lambda name: (name != chosen, name)
        )
        documents = [_document(stack_file(name, stacks)) for name in names]
        listed = [values_of(each).get(KNOWN_GROUPS) for each in documents]
        files = dict.fromkeys(
            stacks / name for name in listed if isinstance(name, str)
        )
        return tuple(documents), tuple(map(_document, files))

    def renamed(self, side: MergeSide, texts: Mapping[str, str]) -> Renamed:
        """Read the estate again, with these texts in place of its files."""

        def read_one(file: Path, name: str, own: OwnTypes) -> Reading:
            if name in texts:
                return read_bytes(name, texts[name].encode(), own)
            return read_application_file(file, name, own)

        settings = side.settings
        if side.stacks:
            first = side.stacks[0]
            documents, _ = read(first.file, texts[first.file].encode())
            settings = parse(
                settings.stack.name,
                values_of(documents[0]),
                folder=self.path / STACKS,
            )
        return Renamed(self.reading(settings, read_one), settings)


def _definitions(file: Path) -> Iterator[tuple[str, DefinedAt]]:
    """Yield the names of the types in a file, each with its definition. A file in CUE stands for
    its type."""
    raw = file.read_bytes()
    if file.suffix == ".cue":
        yield file.stem, (raw, FilePlace(str(file), 1, 1))
        return
    documents, _ = read(str(file), raw)
    for document in documents:
        data = as_mapping(document.data)
        name = as_mapping(data.get("metadata")).get("name")
        kind = str(data.get("kind"))
        if kind.endswith("Definition") and isinstance(name, str):
            yield f"{kind} {name}", (data.get("spec"), document.position())


def _document(file: Path) -> Document:
    """Return the only document of a settings file. Raises UsageError."""
    try:
        documents, findings = read(str(file), file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    if findings or len(documents) != 1:
        problem = str(findings[0]) if findings else f"{file}: not one document"
        raise UsageError(problem)
    return documents[0]


def first_settings(a: MergeFolder, b: MergeFolder) -> tuple[Settings, Settings]:
    """Return the settings of both. Applications without a stack have the settings of the other
    estate, or else default settings."""
    if not a.has_stacks and not b.has_stacks:
        settings = assumed(DEFAULT, date.today(), a.folder)
        return settings, settings
    if not a.has_stacks:
        settings = b.settings()
        return settings, settings
    settings = a.settings()
    return settings, b.settings() if b.has_stacks else settings


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch: its text, the new texts of all files, and the files that no patch can hold.

    A patch with a part of the renames would break references, so its text is empty then.
    """

    text: str
    texts: Mapping[str, str]
    by_hand: tuple[str, ...]


def patch(folder: MergeFolder, side: MergeSide, renames: Renames) -> Patch:
    """Return the patch that gives an estate its new names."""
    texts = {}
    hunks = []
    by_hand = []
    for file, documents in sorted(_files(side).items()):
        text = documents[0].text
        edits = {
            document.index: [*_edits(side, document, renames)]
            for document in documents
        }
        edited = with_edits(file, text, edits) if any(edits.values()) else text
        name = _inside(folder.folder, file)
        hunk = unified(name, text, edited or text, ("a/", "b/")) or ""
        is_written = bool(hunk) and not name.startswith("..")
        texts[file] = text
        if is_written:
            texts[file] = edited or text
            hunks.append(hunk)
        elif edited != text:
            by_hand.append(file)
    hunks += _moved_files(folder, side, renames)
    text = "" if by_hand else "".join(hunks)
    return Patch(text, texts, tuple(by_hand))


def _files(side: MergeSide) -> dict[str, list[Document]]:
    files: dict[str, list[Document]] = {}
    for document in (*side.documents, *side.stacks, *side.lists):
        files.setdefault(document.file, []).append(document)
    return files


def _edits(
    side: MergeSide, document: Document, renames: Renames
) -> Iterable[Edit]:
    if document in side.stacks:
        return stack_edits(document, renames)
    if document in side.lists:
        return list_edits(document, renames)
    return application_edits(document, renames, renames.scopes)


def _inside(folder: Path, file: str) -> str:
    """Return the name of a file relative to a folder, without links."""
    return os.path.relpath(os.path.realpath(file), os.path.realpath(folder))


def _moved_files(
    folder: MergeFolder, side: MergeSide, renames: Renames
) -> Iterator[str]:
    """Yield the renames of the stacks' files of renamed partitions, in git's format."""
    for document in side.stacks:
        estate = Path(document.file).stem.removeprefix("Pulumi.")
        for old, new in sorted(renames.partitions.items()):
            file = stack_file(stack_of(estate, old), folder.path / STACKS)
            if file.is_file():
                other = stack_file(stack_of(estate, new), folder.path / STACKS)
                before = _inside(folder.folder, str(file))
                after = _inside(folder.folder, str(other))
                yield (
                    f"diff --git a/{before} b/{after}\nsimilarity index 100%\n"
                    f"rename from {before}\nrename to {after}\n"
                )
