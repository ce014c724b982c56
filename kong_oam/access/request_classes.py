"""Classes of requests that estates cannot distinguish: on each site (access.sites), classes of
paths.

The decision on a path depends on two prefixes, byte by byte. The first is the longest declared
prefix. The second is the longest declared prefix that another server may read in the path
(access.paths), in small letters. Paths with the same two prefixes form a class. Every class has an
example path, for which the real functions are called. Some paths may be read as several declared
paths (`/s*` as /sales and /stock). Such a path has no own class: it changes with one of these.
"""

from __future__ import annotations

from collections import defaultdict
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
    """A class of the paths of a site. `path` is its example: the declared prefix itself, unless
    `spelled_otherwise`.

    The class has every path below `path`, without the paths in its `children` (indexes into the
    site's classes).
    """

    path: PathSegments
    spelled_otherwise: bool
    children: Members


@dataclass(frozen=True, slots=True, order=True)
class Subtree:
    """A path and all paths below it. `spelled_otherwise`: paths that some servers read as a
    declared path."""

    path: PathSegments
    spelled_otherwise: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    """A subtree of a site without some of its subtrees."""

    subtree: Subtree
    exceptions: tuple[Subtree, ...] = ()


# A region and its classes.
_Merged = tuple[Region, Members]


def path_classes(declared: Iterable[PathSegments]) -> tuple[PathClass, ...]:
    """Divide the paths below declared paths into classes. A class precedes its children."""
    exact = set(declared)
    by_folded = defaultdict(list)
    for path in exact:
        by_folded[folded(path)].append(path)
    examples = {(path, path): path for path in exact}
    for read_as in by_folded:
        for length, element in enumerate(read_as):
            # Some servers drop the dot at the end of the element.
            spelled = f"{element}.", *read_as[length + 1 :]
            for beginning in by_folded.get(read_as[:length], ()):
                examples[beginning, read_as] = (*beginning, *spelled)
    return _tree(examples)


# The longest declared prefix, and the longest prefix that other servers read, in small letters.
# Both are equal for declared paths.
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
    """Merge the chosen classes of each method into few regions. Yield each region with the numbers
    of its classes and its methods."""
    shared = defaultdict(list)
    for method in METHODS:
        for region_and_members in _regions(
            path_classes, by_method.get(method, ())
        ):
            shared[region_and_members].append(method)
    for (region, members), methods in shared.items():
        yield region, members, tuple(methods)


def _regions(
    path_classes: Sequence[PathClass], chosen: Collection[int]
) -> Iterator[_Merged]:
    """Merge the chosen classes into few regions, each with the numbers of its classes. A class
    joins its parent's region if possible."""
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
