"""Classes of requests that estates cannot distinguish: on each site (access.sites), classes of
paths.

The decision on a path depends on two prefixes, byte by byte. The first is the longest declared
prefix. The second is the longest declared prefix that another server may read in the path
(access.paths), in small letters. Refusals also compare the text of the path
(access.path_texts). Paths with the same two prefixes and the same refused texts form a class. Every
class has an example path, for which the real functions are called.

Some paths may be read as several declared paths (`/s*` as /sales and /stock). Such a path has no
own class: it changes with one of these.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from kong_oam.access.data import Names, PathSegments
from kong_oam.access.methods import in_order
from kong_oam.access.path_texts import NO_TEXT, Form, PathText, Texts
from kong_oam.access.paths import beginnings, folded

# Numbers of classes of a site.
Members = tuple[int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Subtree:
    """A path and all paths below it. `spelled_otherwise`: paths that some servers read as a
    declared path. `form`: the paths that begin with this text, or exactly this text."""

    path: PathSegments
    spelled_otherwise: bool = False
    form: Form = ""


@dataclass(frozen=True, slots=True)
class PathClass:
    """A class of the paths of a site. `path` is its example: the declared prefix itself, unless
    other servers read it, or a rule refuses it.

    The class has every path of `subtree`, without the paths in its `children` (indexes into the
    site's classes).
    """

    path: PathSegments
    subtree: Subtree
    children: Members

    @property
    def spelled_otherwise(self) -> bool:
        return self.subtree.spelled_otherwise


@dataclass(frozen=True, slots=True)
class Region:
    """A subtree of a site without some of its subtrees."""

    subtree: Subtree
    exceptions: tuple[Subtree, ...] = ()


# A region and its classes.
_Merged = tuple[Region, Members]

# The longest declared prefix, and the longest prefix that other servers read, in small letters.
# Both are equal for declared paths. Then the longest text of a refusal.
_Key = tuple[PathSegments, PathSegments, PathText]
# The example and the subtree of a class.
_Examples = Mapping[_Key, tuple[PathSegments, Subtree]]


def path_classes(
    declared: Iterable[PathSegments], texts: Iterable[PathText] = ()
) -> tuple[PathClass, ...]:
    """Divide the paths below declared paths into classes. A class precedes its children.

    `texts` are the texts of refusals.
    """
    division = Division(declared, texts)
    return _tree(division, division.examples())


class Division:
    """The division of a site's paths: the declared paths, and the texts of refusals."""

    def __init__(
        self, declared: Iterable[PathSegments], texts: Iterable[PathText]
    ) -> None:
        self._exact = set(declared)
        self._by_folded = defaultdict(list)
        for path in self._exact:
            self._by_folded[folded(path)].append(path)
        self._texts = Texts(texts, self._by_folded)

    def key(self, path: PathSegments) -> _Key | None:
        """Return the key of a path's class. None without a declared prefix, and for a path that may
        be read as several paths.

        The path ends with an empty element if its text ends with a slash.
        """
        read_as = folded(path)
        if "*" in "".join(read_as) or any(map(_is_cut, path)):
            return None
        first = next(filter(self._exact.__contains__, beginnings(path)), None)
        if first is None:
            return None
        second = next(filter(self._by_folded.__contains__, beginnings(read_as)))
        text = self._texts.longest(second, read_as)
        return first, first if folded(first) == second else second, text

    def examples(self) -> _Examples:
        """Return an example of each class that has a path, with its subtree."""
        examples: dict[_Key, tuple[PathSegments, Subtree]] = {}
        for read_as, paths in self._by_folded.items():
            for path in paths:
                self._add(examples, (path, path, NO_TEXT), path, read_as)
            for length, element in enumerate(read_as):
                # Some servers drop the dot at the end of the element.
                spelled = f"{element}.", *read_as[length + 1 :]
                for beginning in self._by_folded.get(read_as[:length], ()):
                    key = beginning, read_as, NO_TEXT
                    self._add(examples, key, (*beginning, *spelled), read_as)
        return examples

    def _add(
        self,
        examples: dict[_Key, tuple[PathSegments, Subtree]],
        key: _Key,
        prefix: PathSegments,
        read_as: PathSegments,
    ) -> None:
        """Add the classes with two prefixes, one for each text. `prefix`: a path with them."""
        first, second, _ = key
        for text in (NO_TEXT, *self._texts.below(read_as)):
            if not self._texts:
                # A declared path is its own example.
                subtree = Subtree(prefix, first != second)
                examples[first, second, text] = prefix, subtree
                continue
            whole, endings = self._texts.examples(text, prefix, read_as)
            for example in endings:
                if self.key(example) == (first, second, text):
                    subtree = Subtree(whole, first != second, text.form)
                    examples[first, second, text] = example, subtree
                    break

    def above(self, key: _Key) -> Iterator[_Key]:
        """Yield the keys of the classes around a class, the nearest first."""
        first, second, text = key
        read_as = folded(second)
        for outer in self._texts.around(text, read_as):
            yield first, second, outer
        while first or second:
            inner = read_as
            if first == second:
                shorter = self._shorter(first)
                if shorter is None:
                    return
                first = second = shorter
            else:
                second = self._shorter_reading(first, second)
            read_as = folded(second)
            for outer in self._texts.containing(inner, read_as):
                yield first, second, outer

    def _shorter(self, path: PathSegments) -> PathSegments | None:
        """Return the next shorter declared path above a path."""
        above = filter(self._exact.__contains__, beginnings(path[:-1]))
        return next(above, None) if path else None

    def _shorter_reading(
        self, first: PathSegments, second: PathSegments
    ) -> PathSegments:
        """Return the next shorter reading below a declared path, or else this path."""
        for length in range(len(second) - 1, len(first), -1):
            if second[:length] in self._by_folded:
                return second[:length]
        return first


def _is_cut(element: str) -> bool:
    """Return whether some servers cut the element at a sign."""
    return "#" in element or ("$" in element and ":" in element)


def _tree(division: Division, examples: _Examples) -> tuple[PathClass, ...]:
    """Order classes as a tree."""
    keys = sorted(
        examples,
        key=lambda key: (len(key[1]), key[0] != key[1], key[:2], key[2].order),
    )
    index = {key: number for number, key in enumerate(keys)}
    children: list[list[int]] = [[] for _ in keys]
    for number, key in enumerate(keys):
        parent = next(filter(index.__contains__, division.above(key)), None)
        if parent is not None:
            children[index[parent]].append(number)
    classes = []
    for key, below in zip(keys, children, strict=True):
        example, subtree = examples[key]
        classes.append(PathClass(example, subtree, tuple(below)))
    return tuple(classes)


def regions(
    path_classes: Sequence[PathClass], by_method: Mapping[str, Collection[int]]
) -> Iterator[tuple[Region, Members, Names]]:
    """Merge the chosen classes of each method into few regions. Yield each region with the numbers
    of its classes and its methods."""
    shared = defaultdict(list)
    for method in in_order(by_method):
        for region_and_members in _regions(path_classes, by_method[method]):
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
                exceptions.append(path_classes[number].subtree)
        region = Region(path_classes[top].subtree, tuple(sorted(exceptions)))
        yield region, tuple(sorted(members))
