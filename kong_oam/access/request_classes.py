"""Classes of requests that estates cannot tell apart: on each site (access.sites) classes of paths.

What is decided about a path of a site depends on which of its beginnings some endpoint or rule
declares, byte by byte, and which ones another server may read in it (access.paths). So a class is
given by the longest declared beginning, and, for paths that are spelled so that some servers take
them for what is declared, by the longest beginning that these take them for, in small letters.
Every class has an example, at which the real functions are asked. A path that may be taken for
several (`/s*`, of /sales and /stock) is of no class of its own: what changes for it changes for one
of those.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from kong_oam.access.data import Names, PathSegments
from kong_oam.access.methods import METHODS
from kong_oam.access.paths import folded

# Numbers of classes of a site.
Members = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PathClass:
    """One class of the paths of a site. `path` is its example: the declared beginning itself,
    unless `spelled_otherwise`.

    Every path below `path` is in the class, too, except those in its `children` (indexes into the
    site's classes).
    """

    path: PathSegments
    spelled_otherwise: bool
    children: Members


@dataclass(frozen=True, slots=True, order=True)
class Subtree:
    """A path and all paths below it. `spelled_otherwise`: those that some servers take for what is
    declared."""

    path: PathSegments
    spelled_otherwise: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    """A subtree of a site without the subtrees that are excepted."""

    subtree: Subtree
    exceptions: tuple[Subtree, ...] = ()


# A region, and the classes that it is made of.
_Merged = tuple[Region, Members]


def path_classes(declared: Iterable[PathSegments]) -> tuple[PathClass, ...]:
    """Divide the paths that begin with a declared one into classes; a class stands before its
    children."""
    exact = set(declared)
    by_folded: dict[PathSegments, list[PathSegments]] = {}
    for path in exact:
        by_folded.setdefault(folded(path), []).append(path)
    examples = {(path, path): path for path in exact}
    for read_as in by_folded:
        for length, element in enumerate(read_as):
            # The dot at the end of the element is what some servers drop.
            spelled = f"{element}.", *read_as[length + 1 :]
            for beginning in by_folded.get(read_as[:length], ()):
                examples[beginning, read_as] = (*beginning, *spelled)
    return _tree(examples)


# The longest declared beginning, and the longest that other servers read, in small letters, or the
# same again.
_Key = tuple[PathSegments, PathSegments]


def _tree(examples: Mapping[_Key, PathSegments]) -> tuple[PathClass, ...]:
    """Order classes as a tree."""
    keys = sorted(
        examples, key=lambda key: (len(key[1]), key[0] != key[1], key)
    )
    index = {key: number for number, key in enumerate(keys)}
    children: list[list[int]] = [[] for _ in keys]
    for number, key in enumerate(keys):
        parent = _parent(key, index)
        if parent is not None:
            children[parent].append(number)
    classes = []
    for key, below in zip(keys, children, strict=True):
        spelled_otherwise = key[0] != key[1]
        classes.append(
            PathClass(examples[key], spelled_otherwise, tuple(below))
        )
    return tuple(classes)


def _parent(key: _Key, index: Mapping[_Key, int]) -> int | None:
    beginning, read_as = key
    if beginning == read_as:
        for length in range(len(beginning) - 1, -1, -1):
            shorter = beginning[:length]
            if (shorter, shorter) in index:
                return index[shorter, shorter]
        return None
    for length in range(len(read_as) - 1, len(beginning), -1):
        if (beginning, read_as[:length]) in index:
            return index[beginning, read_as[:length]]
    return index[beginning, beginning]


def regions(
    path_classes: Sequence[PathClass], by_method: Mapping[str, Collection[int]]
) -> Iterator[tuple[Region, Members, Names]]:
    """Merge the chosen classes of each method into few regions; yield each with the numbers of
    its classes and the methods that share it."""
    shared: dict[_Merged, list[str]] = {}
    for method in METHODS:
        for region_and_members in _regions(
            path_classes, by_method.get(method, ())
        ):
            shared.setdefault(region_and_members, []).append(method)
    for (region, members), methods in shared.items():
        yield region, members, tuple(methods)


def _regions(
    path_classes: Sequence[PathClass], chosen: Collection[int]
) -> Iterator[_Merged]:
    """Merge the chosen classes into few regions, each with the numbers of its classes: a class
    goes with its parent where it can."""
    below = {
        *chain.from_iterable(path_classes[number].children for number in chosen)
    }
    for top in sorted(set(chosen) - below):
        members = []
        exceptions = []
        waiting = [top]
        while waiting:
            number = waiting.pop()
            if number in chosen:
                members.append(number)
                waiting += path_classes[number].children
            else:
                exceptions.append(_subtree(path_classes[number]))
        region = Region(_subtree(path_classes[top]), tuple(sorted(exceptions)))
        yield region, tuple(sorted(members))


def _subtree(path_class: PathClass) -> Subtree:
    return Subtree(path_class.path, path_class.spelled_otherwise)
