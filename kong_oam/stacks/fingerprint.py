"""Digests of everything that a run of a stack depends on. With the same digest, a run changes
nothing.

A digest covers the stack's part of the estate (kong_oam.access.partitions), the settings, and the
outputs of other stacks of the estate. It also covers the accounts and certificates in the stack's
file, and this program with its SDKs. It leaves out environment variables, the day (`asOf`), and the
products' contents, whose changes are drift. A recorded fingerprint has the date of the next
rotation beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date
from functools import cache
from importlib import metadata
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

import kong_oam
from kong_oam.access.data import Names
from kong_oam.access.model import Estate
from kong_oam.access.settings.partitions import stack_of
from kong_oam.access.settings.project import NAMESPACE, config_in, stack_file
from kong_oam.access.settings.values import Settings
from kong_oam.oam.position import SourcePosition, Texts

DIGITS = 20
_DAY = f"{NAMESPACE}:asOf"
_OF_JSON = (str, int, float, bool, type(None))
_BY_REPR = (bytes, date, IPv4Network, IPv6Network)


def fingerprint(
    common: str, deployed: str, others: Texts, configured: str
) -> str:
    """Return the fingerprint of a run.

    `common` is the digest from `settings_digest`, and `deployed` is the digest from
    `estate_digest`. `others` are digests of the other stacks' outputs that the run reads.
    `configured` is the digest from `configuration`.
    """
    return digest_of((program(), common, deployed, configured, dict(others)))


def estate_digest(settings: Settings, estate: Estate) -> str:
    """Return a digest of a stack's part of the estate."""
    places = settings.stack.records is not None and estate.role != "base"
    foreign = digest_of(estate.foreign, places=False)
    return digest_of([foreign, digest_of(estate.applications, places=places)])


def settings_digest(settings: Settings) -> str:
    """Return a digest of the settings that all stacks of the estate share, without the day.

    Namespaces of partitions are left out: each stack's part of the estate already reflects them. So
    a namespace that changes its partition affects only two stacks.
    """
    names = dict.fromkeys(settings.stack.partitions, ())
    stack = replace(settings.stack, partitions=names)
    undated = replace(settings, as_of=date.min, stack=stack)
    return digest_of(undated, places=False)


def digest_of(value: Any, *, places: bool = True) -> str:
    """Return a digest of plain data, as of a stack's output. `places`: with files and lines."""
    plain = json.dumps(_plain(value, places))
    return hashlib.sha256(plain.encode()).hexdigest()[:DIGITS]


def configurations(settings: Settings) -> dict[str | None, str]:
    """Return the `configuration` digests of the existing stack files of an estate, by partition.
    Raises SettingsError."""
    name = settings.stack.name
    digests = {}
    for partition in (None, *settings.stack.partitions):
        file = stack_file(stack_of(name, partition))
        if file.is_file():
            digests[partition] = configuration(file)
    return digests


def configuration(file: Path) -> str:
    """Return a digest of a stack's file, without the day, and of the project's program. Raises
    SettingsError.

    Secrets count in their encrypted form.
    """
    project = file.parent.parent
    programs = (project / "Pulumi.yaml", *sorted(project.glob("*.py")))
    texts = [
        program.read_text("utf-8", "replace")
        for program in programs
        if program.is_file()
    ]
    configured = dict(config_in(file))
    configured.pop(_DAY, None)
    return digest_of([configured, texts])


@cache
def program() -> str:
    """Return a digest of this program and its Pulumi SDKs, which pin their plugins."""
    digest = hashlib.sha256()
    here = Path(kong_oam.__file__).parent
    for folder in (here, here.parent / "components"):
        for file in sorted(folder.rglob("*")):
            if file.suffix in (".py", ".lua", ".json") and file.is_file():
                digest.update(f"{file.relative_to(folder.parent)}\0".encode())
                digest.update(file.read_bytes())
    packages = {
        f"{each.name} {each.version}\n" for each in metadata.distributions()
    }
    for package in sorted(packages):
        if package.startswith("pulumi"):
            digest.update(package.encode())
    return digest.hexdigest()


def _plain(value: Any, places: bool) -> Any:
    """Return a value in JSON's types: equal for equal values, whatever the order of their sets and
    mappings.

    `places`: include files and lines, which request records name. Raises TypeError for a type
    without such a form.
    """
    kind: type = type(value)
    if isinstance(value, _OF_JSON):  # the most frequent case
        return value
    if isinstance(value, _BY_REPR):
        return [repr(value)]
    if isinstance(value, SourcePosition):
        return str(value) if places else ""
    names = _fields(kind)
    if names is not None:
        return [
            kind.__name__,
            {name: _plain(getattr(value, name), places) for name in names},
        ]
    if isinstance(value, list | tuple):
        return [_plain(entry, places) for entry in value]
    if isinstance(value, Mapping):
        return {
            repr(key): _plain(value[key], places)
            for key in sorted(value, key=repr)
        }
    if isinstance(value, frozenset | set):
        entries = [json.dumps(_plain(entry, places)) for entry in value]
        return [kind.__name__, *sorted(entries)]
    raise TypeError(f"{kind.__name__} has no fingerprint")


@cache
def _fields(kind: type) -> Names | None:
    """Return the names of a dataclass's fields; None for another type."""
    return (
        tuple(field.name for field in fields(kind))
        if is_dataclass(kind)
        else None
    )
