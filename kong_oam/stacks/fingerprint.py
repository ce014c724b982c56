"""What a run of a stack depends on, as a digest: the same one, and the run would change nothing.

A run is given what kong_oam.access.partitions leaves of the estate, the settings, what other stacks
of the estate exported, what its file says of accounts and certificates, and this program with its
SDKs; so all of that is in it, and nothing else. Not in it: what the environment says, the day
(`asOf`), beside which a recorded fingerprint says when the next rotation is due, and what products
have, which is drift.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from importlib import metadata
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

import kong_oam
from kong_oam.access.model import Estate
from kong_oam.access.settings.partitions import stack_of
from kong_oam.access.settings.project import config_in
from kong_oam.access.settings.stack import NAMESPACE, Settings, stack_file
from kong_oam.oam.document import Place

DIGITS = 20
_DAY = f"{NAMESPACE}:asOf"
_OF_JSON = (str, int, float, bool, type(None))
_BY_REPR = (bytes, datetime.date, IPv4Network, IPv6Network)


def fingerprint(
    common: str, given: str, others: Mapping[str, str], configured: str
) -> str:
    """The fingerprint of a run. `common`: what `in_common` gives of the settings; `given`: what
    `of_estate` gives of what the stack deploys; `others`: what of other stacks of the estate it
    reads, each as a digest; `configured`: what `configuration` gives of the stack's file."""
    return digest_of((program(), common, given, configured, dict(others)))


def of_estate(settings: Settings, estate: Estate) -> str:
    """A digest of what a stack is given of the estate."""
    places = settings.stack.records is not None and estate.role != "base"
    return _digest(
        [
            _plain(estate.foreign, places=False),
            _plain(estate.applications, places=places),
        ]
    )


def in_common(settings: Settings) -> str:
    """A digest of the settings as all stacks of the estate go by them, on whatever day.

    Which Applications are the stack's, the estate says: so a namespace that goes elsewhere concerns
    two partitions.
    """
    names = dict.fromkeys(settings.stack.partitions, ())
    undated = replace(
        settings,
        as_of=datetime.date.min,
        stack=replace(settings.stack, partitions=names),
    )
    return _digest(_plain(undated, places=False))


def digest_of(value: Any) -> str:
    """A digest of plain data, such as a stack's output."""
    return _digest(_plain(value))


def _digest(plain: Any) -> str:
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:DIGITS]


def configurations(settings: Settings) -> dict[str | None, str]:
    """What `configuration` gives of the files of an estate's stacks that are there, by partition.
    Raises SettingsError."""
    files = {
        one: stack_file(stack_of(settings.stack.name, one))
        for one in (None, *settings.stack.partitions)
    }
    return {one: configuration(file) for one, file in files.items() if file.is_file()}


def configuration(file: Path) -> str:
    """A digest of what a stack's file says to the engine, but for the day: also of products'
    accounts and certificates, secrets as they are encrypted; and of the project's own program.
    Raises SettingsError."""
    project = file.parent.parent
    programs = [
        one
        for one in (project / "Pulumi.yaml", *sorted(project.glob("*.py")))
        if one.is_file()
    ]
    texts = [one.read_text("utf-8", "replace") for one in programs]
    return digest_of(
        [{name: one for name, one in config_in(file).items() if name != _DAY}, texts]
    )


@cache
def program() -> str:
    """A digest of this program and of the SDKs that it deploys with, which pin their plugins."""
    digest = hashlib.sha256()
    here = Path(kong_oam.__file__).parent
    for folder in (here, here.parent / "components"):
        for file in sorted(folder.rglob("*")):
            if file.suffix in (".py", ".lua", ".json") and file.is_file():
                digest.update(
                    str(file.relative_to(folder.parent)).encode()
                    + b"\0"
                    + file.read_bytes()
                )
    packages = sorted(
        {f"{one.name} {one.version}\n" for one in metadata.distributions()}
    )
    for package in packages:
        if package.startswith("pulumi"):
            digest.update(package.encode())
    return digest.hexdigest()


def _plain(value: Any, *, places: bool = True) -> Any:
    """The value in JSON's types: equal for equal values, whatever the order of their sets and
    mappings.

    `places`: with files and lines, which records of requests name. Raises TypeError for a value
    that has no such form, rather than leave it out.
    """
    kind: type = type(value)
    if isinstance(value, _OF_JSON):  # most are
        return value
    if isinstance(value, _BY_REPR):
        return [repr(value)]
    if isinstance(value, Place):
        return str(value) if places else ""
    if (names := _fields(kind)) is not None:
        return [
            kind.__name__,
            {name: _plain(getattr(value, name), places=places) for name in names},
        ]
    if isinstance(value, list | tuple):
        return [_plain(entry, places=places) for entry in value]
    if isinstance(value, Mapping):
        return {
            repr(key): _plain(value[key], places=places)
            for key in sorted(value, key=repr)
        }
    if isinstance(value, frozenset | set):
        return [
            kind.__name__,
            *sorted(json.dumps(_plain(entry, places=places)) for entry in value),
        ]
    raise TypeError(f"{kind.__name__} has no fingerprint")


@cache
def _fields(kind: type) -> tuple[str, ...] | None:
    """The names of a dataclass's fields; None of another type."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else None
