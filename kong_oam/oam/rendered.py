"""A Kubernetes object that a definition makes of a component."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from kong_oam.diagnostics import Position
from kong_oam.oam.position import Fields

Path = tuple[str, ...]
"""A path in an object: fields, and the numbers of items in lists."""
Inside = Sequence[tuple[Path, Fields]]
"""The mappings in an object, with their paths."""
GroupKind = tuple[str, str]
"""The API group of an object, empty for the core, and its kind."""
_Mappings = list[tuple[Path, Fields]]
_LEAVES = frozenset({str, int, float, bool, type(None)})

_TEMPLATE = ("spec", "template")
WORKLOADS: Mapping[GroupKind, Path] = {
    ("", "Pod"): (),
    ("", "ReplicationController"): _TEMPLATE,
    ("apps", "Deployment"): _TEMPLATE,
    ("apps", "StatefulSet"): _TEMPLATE,
    ("apps", "DaemonSet"): _TEMPLATE,
    ("apps", "ReplicaSet"): _TEMPLATE,
    ("batch", "Job"): _TEMPLATE,
    ("batch", "CronJob"): ("spec", "jobTemplate", *_TEMPLATE),
}
"""Group and kind of what Kubernetes makes pods of, with the path of the template of these."""


@dataclass(frozen=True, slots=True)
class Options:
    """How an object is kept, by the rules of its Application: which of Pulumi's options hold."""

    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    retain_on_delete: bool = False
    read: bool = False
    """Whether it is somebody else's, and only looked at."""
    take_over: bool = False
    """Whether one that is there already is imported."""
    patch: bool = False
    """Whether no more is changed than what is said, since others own the object, too."""


STAND_IN = re.compile(r"awaited-value-[0-9a-f]{16}")
"""What stands in objects for a value that only the cluster knows, until they are deployed."""
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Awaited:
    """A value that only the cluster knows: what is at `path` in an object of another component once
    that is there."""

    stand_in: str
    component: str
    """The name of that component, in the same Application."""
    api: str
    kind: str
    namespace: str
    name: str
    path: tuple[str | int, ...]


@dataclass(frozen=True)
class RenderedObject:
    """An object in Kubernetes' own spelling, and where it comes from."""

    object: Fields
    trait: int | None
    """Which trait of the component made it, from 0; None: the component's own definition."""
    key: str
    """Its name in the definition's `outputs`; empty for the workload, which every component has one
    of."""
    position: Position = field(compare=False)
    """The type of that trait or component in the Application, or the object itself where it stands
    there."""
    pod_spec_path: str = ""
    """Of a workload of a kind that is not Kubernetes' own: where its definition says that the pods'
    spec is."""
    options: Options = Options()
    awaited: tuple[Awaited, ...] = ()
    """The values of other components that stand in it and that only the cluster knows."""
    defined: str = field(default="", compare=False)
    """Which of the project's own definitions made it, as messages have it; empty of any other."""
    nested: bool = False
    """Whether it stands in another object, of which a controller may make it."""
    plain: bool = False
    """Whether it follows from the properties of a plain component alone: no definition has a part
    in it."""
    inert: bool = False
    """Whether nothing in it can be wrong, as its source knows: nobody needs to judge it."""
    said: Mapping[Path, Position] = field(default_factory=dict, compare=False)
    """By path in the object, where the Application says what stands there; for all below that path,
    too."""

    def said_at(self, path: Path) -> Position:
        """Return where the Application says what is at a path: at the nearest path above it that is
        known, else `position`."""
        for length in range(len(path), 0, -1):
            if found := self.said.get(path[:length]):
                return found
        return self.position

    @cached_property
    def inside(self) -> Inside:
        """Every mapping in it at any depth, itself first."""
        found: _Mappings = []
        _walk(self.object, (), found)
        return found

    @cached_property
    def known(self) -> dict[Any, Any]:
        """What whoever judges it has found in it, by the function that finds it."""
        return {}

    def recall(self, find: Callable[[RenderedObject], Found]) -> Found:
        """Return what a function finds in it: who asks again, and often, asks once."""
        if find not in self.known:
            self.known[find] = find(self)
        found: Found = self.known[find]
        return found

    @cached_property
    def group_kind(self) -> GroupKind:
        """Its API group and its kind, as `group_kind` gives them."""
        return group_kind(self.object)

    @property
    def kind(self) -> str:
        return str(self.object.get("kind") or "")

    @property
    def api(self) -> str:
        """Its `apiVersion`."""
        return str(self.object.get("apiVersion") or "")

    @cached_property
    def name(self) -> str:
        return str(self._metadata.get("name") or "")

    @cached_property
    def namespace(self) -> str:
        """Its namespace; empty where it has none."""
        return str(self._metadata.get("namespace") or "")

    @property
    def _metadata(self) -> Fields:
        metadata = self.object.get("metadata")
        return metadata if isinstance(metadata, Mapping) else {}


Objects = tuple[RenderedObject, ...]


def group_kind(found: Fields) -> GroupKind:
    """Return an object's API group, which is empty for the core, and its kind."""
    group, slash, _ = str(found.get("apiVersion") or "").rpartition("/")
    return (group if slash else ""), str(found.get("kind") or "")


def _walk(value: Any, path: Path, found: _Mappings) -> None:
    if type(value) is dict or isinstance(
        value, Mapping
    ):  # a dict is seen sooner as a dict
        found.append((path, value))
        for key, item in value.items():
            if type(item) not in _LEAVES:
                _walk(item, (*path, str(key)), found)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            if type(item) not in _LEAVES:
                _walk(item, (*path, str(index)), found)
