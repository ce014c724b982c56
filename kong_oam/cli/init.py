"""`init`: write the files of a repository of Applications, or of a repository that deploys them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import suppress
from datetime import date
from importlib import metadata
from pathlib import Path
from urllib.parse import urljoin

from kong_oam import __version__
from kong_oam.cli.command import OK, Command, check_stack_name
from kong_oam.cli.console import Console
from kong_oam.oam.editor import schema_text
from kong_oam.oam.position import Texts

_DETAILS = """\
Writes the files of a new repository for a team's Applications, with checks before each commit and
in CI. With --platform, it writes a repository that deploys Applications: a stack, the Pulumi
program, the policy pack and workflows. Existing files stay unchanged, and are listed.

--with writes definitions of common types into the folder definitions: `fluxcd` has helm and
kustomize, `terraform` has types of clouds, such as alibaba-rds. In an existing repository, it
writes nothing else.

  python -m kong_oam init orders
  python -m kong_oam init --platform platform --stack prod
  python -m kong_oam init --platform --with fluxcd
"""

STARTERS = Path(__file__).with_name("starters")
"""Templates for the files of each kind of repository."""

_ADDONS = ("fluxcd", "terraform")
_ENDING = ".template"
# Either is in each existing repository.
_EXISTING = ("applications", "Pulumi.yaml")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        nargs="?",
        default=".",
        metavar="FOLDER",
        help="the repository's folder (default: the working directory)",
    )
    parser.add_argument(
        "--platform",
        action="store_true",
        help="write a repository that deploys Applications",
    )
    parser.add_argument(
        "--stack",
        default="prod",
        metavar="NAME",
        help="with --platform: the name of its stack (default: prod)",
    )
    parser.add_argument(
        "--with",
        dest="addons",
        action="append",
        default=[],
        choices=_ADDONS,
        metavar="ADDON",
        help="also write definitions of an addon's types: fluxcd or terraform (repeatable)",
    )


def _run(options: Namespace, console: Console) -> int:
    check_stack_name(options.stack)
    values = {
        "VERSION": __version__,
        "STACK": options.stack,
        "TODAY": date.today().isoformat(),
        "DOCS": _documentation(),
    }
    folder = Path(options.folder)
    # An existing repository keeps its own stacks and workflows.
    adds = options.addons and any(
        (folder / name).exists() for name in _EXISTING
    )
    files: dict[str, str] = {}
    if not adds:
        files |= _files("platform" if options.platform else "team", values)
    for addon in options.addons:
        files |= _files(f"addons/{addon}", values)
    written = _write_missing(files, folder)
    for name in files:
        console.print(
            f"{folder / name}: {'new' if name in written else 'exists, unchanged'}"
        )
    if adds:
        console.print("next: kong-oam check")
        return OK
    next_one = f"kong-oam {f'check --stack {options.stack}' if options.platform else 'new'}"
    following = (
        f"then: {next_one}"
        if folder == Path()
        else f"and in {folder}: {next_one}"
    )
    console.print(f"next: read {folder / 'README.md'}, {following}")
    return OK


def _documentation() -> str:
    """Return the address of the pages, which the wheel of a release has, or else their folder."""
    with suppress(metadata.PackageNotFoundError):
        about = metadata.metadata("kong-oam")
        for entry in about.get_all("Project-URL", ()):
            label, _, address = str(entry).partition(", ")
            if label == "Documentation":
                return urljoin(address, ".")
    return "docs/"


def _files(kind: str, values: Texts) -> Texts:
    """Return the files of a kind of repository by name, with values in place of `@NAME@`."""
    root = STARTERS / kind
    files = {}
    for template in sorted(root.rglob(f"*{_ENDING}")):
        name = template.relative_to(root).as_posix().removesuffix(_ENDING)
        files[_fill(name, values).replace("dot_", ".")] = _fill(
            template.read_text("utf-8"), values
        )
    if kind == "team":
        files["application.schema.json"] = schema_text()
    return files


def _fill(text: str, values: Texts) -> str:
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def _write_missing(files: Texts, folder: Path) -> list[str]:
    """Write the missing files, and return their names. Raises OSError."""
    written = []
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        # Mode x fails for an existing file, even for a file that was created a moment ago.
        with suppress(FileExistsError), file.open("xb") as new:
            new.write(text.encode())
            written.append(name)
    return written


COMMAND = Command(
    "init",
    "write the files of a new repository",
    _DETAILS,
    _arguments,
    _run,
)
