"""The partitions of an estate in its stacks' files: the base's has all settings, a partition's
names the estate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kong_oam.access.data import Names, YamlObject
from kong_oam.access.settings.fields import tuples
from kong_oam.access.settings.project import config_in
from kong_oam.access.stack import REST
from kong_oam.diagnostics import some, suggestion
from kong_oam.errors import SettingsError

ESTATE = "estate"
SETTING = "partitions"
Partition = str | None
"""A partition of an estate by name. None: its base."""


def partitions(data: YamlObject) -> dict[str, Names]:
    """The namespaces of each partition, by its name."""
    return tuples(data.get(SETTING, {}))


def partition_problems(data: YamlObject) -> Iterator[str]:
    """Yield what is wrong with partitions that the schema accepts."""
    first: dict[str, str] = {}
    for name, namespaces in partitions(data).items():
        for namespace in namespaces:
            if (earlier := first.setdefault(namespace, name)) != name:
                subject = f"namespace '{namespace}' is"
                if namespace == REST:
                    subject = "all other namespaces are"
                yield f"{SETTING}: {subject} in two partitions, '{earlier}' and '{name}'"


def file_problems(name: str, data: YamlObject, folder: Path) -> Iterator[str]:
    """Yield what is wrong with the files of partitions' stacks, of those that are in the folder.

    `prod-eu` may be an estate of its own, or a partition of another one: then what it has is not
    this estate's.
    """
    for partition in partitions(data):
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
                f"of estate '{other}'" if other else "an estate of its own"
            )
            yield (
                f"{SETTING}: the stack of partition '{partition}' is '{stack}', and by {file} that "
                f"is {belonging}: call the partition otherwise, or, if it is this estate's, set "
                f"kong-oam:{ESTATE}: {name} there and nothing else"
            )


def stack_of(estate: str, partition: Partition) -> str:
    """The name of a partition's stack; without a partition, of the base's, which is the
    estate's."""
    return f"{estate}-{partition}" if partition else estate


def estate_of(name: str, data: YamlObject) -> str:
    """The estate that the file of a partition's stack names. Raises SettingsError where it says
    anything else."""
    estate = data[ESTATE]
    file = f"stacks/Pulumi.{estate}.yaml"
    if not isinstance(estate, str) or not name.startswith(f"{estate}-"):
        raise SettingsError(
            f"{ESTATE}: the stack of a partition is called '<estate>-<partition>': '{name}' is of "
            f"no partition of '{estate}'; name its estate there"
        )
    others = sorted(data.keys() - {ESTATE})
    if others:
        listed = some(map("kong-oam:{}".format, others))
        raise SettingsError(
            f"the settings of a partition's estate stand in {file}: take {listed} out of this file"
        )
    return estate


def partition_of(name: str, estate: str, known: YamlObject) -> str:
    """The partition that the stack is of. Raises SettingsError where its estate has no such one."""
    partition = name.removeprefix(f"{estate}-")
    if partition not in known:
        file = f"stacks/Pulumi.{estate}.yaml"
        raise SettingsError(
            f"{ESTATE}: {file} knows no partition '{partition}' (of one that went `python -m "
            f"kong_oam move -s {estate}` brings what there is to its place, and `pulumi destroy -s "
            f"{name}` takes away what is left){suggestion(partition, known)}"
        )
    return partition
