"""Read the partitions of an estate from its stacks' files.

The base's file has all settings. A partition's file names the estate.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kong_oam.access.data import NameLists, NamesByName, YamlObject
from kong_oam.access.settings.project import config_in
from kong_oam.access.stack import REST
from kong_oam.diagnostics import some, suggestion
from kong_oam.errors import SettingsError

ESTATE = "estate"
SETTING = "partitions"
Partition = str | None
"""The name of a partition, or None for the base of an estate."""


def partition_problems(partitions: NameLists) -> Iterator[str]:
    """Yield problems of partitions that the schema accepts."""
    first: dict[str, str] = {}
    for name, namespaces in partitions.items():
        for namespace in namespaces:
            if (earlier := first.setdefault(namespace, name)) != name:
                subject = f"namespace '{namespace}' is"
                if namespace == REST:
                    subject = "all other namespaces are"
                yield f"{SETTING}: {subject} in two partitions, '{earlier}' and '{name}'; keep one"


def file_problems(
    name: str, partitions: NameLists, folder: Path
) -> Iterator[str]:
    """Yield problems of partitions' stack files that exist in the folder.

    `prod-eu` may be another estate, or a partition of another estate. Its resources are not this
    estate's then.
    """
    for partition in partitions:
        stack = stack_of(name, partition)
        file = folder / f"Pulumi.{stack}.yaml"
        if not file.is_file():
            continue
        try:
            other = config_in(file).get(f"kong-oam:{ESTATE}")
        except SettingsError as error:
            yield f"{SETTING}: {error}"
            continue
        if other != name:
            belonging = (
                f"a partition of '{other}'" if other else "another estate"
            )
            yield (
                f"{SETTING}: partition '{partition}' needs the stack '{stack}', which is "
                f"{belonging} by {file}. Rename the partition, or set only kong-oam:{ESTATE}: "
                f"{name} in this file"
            )


def stack_of(estate: str, partition: Partition) -> str:
    """Return the name of a partition's stack. The base's stack has the estate's name."""
    return f"{estate}-{partition}" if partition else estate


def estate_of(name: str, data: YamlObject) -> str:
    """Return the estate in a partition's stack file. Raises SettingsError if the file sets anything
    else."""
    estate = data[ESTATE]
    file = f"stacks/Pulumi.{estate}.yaml"
    if not isinstance(estate, str) or not name.startswith(f"{estate}-"):
        raise SettingsError(
            f"{ESTATE}: '{name}' is not a partition of '{estate}': a partition's stack is named "
            "'<estate>-<partition>'; name the estate of this stack"
        )
    others = sorted(data.keys() - {ESTATE})
    if others:
        listed = some(map("kong-oam:{}".format, others))
        raise SettingsError(
            f"{ESTATE}: a partition's settings are in its estate's file; move {listed} to {file}"
        )
    return estate


def partition_of(name: str, estate: str, known: NamesByName) -> str:
    """Return the stack's partition. Raises SettingsError if the estate does not have this
    partition."""
    partition = name.removeprefix(f"{estate}-")
    if partition not in known:
        file = f"stacks/Pulumi.{estate}.yaml"
        raise SettingsError(
            f"{ESTATE}: {file} has no partition '{partition}' (if you removed it, run `python -m "
            f"kong_oam move -s {estate}`, then `pulumi destroy -s {name}`)"
            f"{suggestion(partition, known)}"
        )
    return partition
