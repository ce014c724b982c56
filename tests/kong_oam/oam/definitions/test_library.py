"""Finding the definition of a type."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.definitions.definition import Definition, Kind
from kong_oam.oam.definitions.library import find, library
from kong_oam.oam.position import FilePlace

AT = FilePlace("shop.yaml", 9, 13)


def _definition(
    name: str, kind: Kind = "component", file: str = "a.yaml", **more: str
) -> Definition:
    return replace(
        Definition(kind, name, "output: {}", FilePlace(file, 1, 1)), **more
    )


VERSIONS = library(
    [
        _definition("web", version="1.2.3"),
        _definition("web", version="1.10.0"),
        _definition("web", version="1.10.0-rc.2"),
        _definition("web", version="2.0.0", revision="new"),
    ]
)


@pytest.mark.parametrize(
    ("type_", "version"),
    [
        ("web", "2.0.0"),
        ("web@v1", "1.10.0"),
        ("web@1", "1.10.0"),
        ("web@v1.2", "1.2.3"),
        ("web@1.2.3", "1.2.3"),
        ("web@new", "2.0.0"),
        ("web@web-new", "2.0.0"),
    ],
)
def test_a_type_means_the_newest_of_the_version_that_it_names(
    type_: str, version: str
) -> None:
    """Numbers sort as numbers: 1.10 is newer than 1.2 and than its own release candidate."""
    found = find(VERSIONS, "component", type_, AT)
    assert isinstance(found, Definition) and found.version == version


@pytest.mark.parametrize("type_", ["web@v3", "web@1.1", "web@2.0.0.0", "web@"])
def test_an_unknown_version_is_named_with_the_known_versions(
    type_: str,
) -> None:
    """`1.1` is not `1.10`."""
    found = find(VERSIONS, "component", type_, AT)
    assert isinstance(found, Diagnostic)
    assert (
        found.message
        == f"component type 'web' has no version '{type_[4:]}'; known: 2.0.0, new, 1.10.0, 1.10.0-rc.2, 1.2.3"
    )
    assert (found.code, found.position) == ("OAM104", AT)


def test_a_workload_definition_defines_a_component_type() -> None:
    """So it replaces a built-in type, and duplicates a component definition of the same name."""
    old, built_in = (
        _definition("old", "workload"),
        replace(_definition("old", file="built.yaml"), built_in=True),
    )
    assert find(library([old]), "component", "old", AT) == old
    assert find(library([built_in, old]), "component", "old", AT) == old
    assert [
        diagnostic.code
        for diagnostic in library(
            [_definition("old", file="b.yaml"), old]
        ).diagnostics
    ] == ["OAM106"]
    assert isinstance(find(library([old]), "trait", "old", AT), Diagnostic)


def test_project_definitions_override_built_in_definitions() -> None:
    """In any order."""
    own, built_in = (
        _definition("web"),
        replace(_definition("web", file="built.yaml"), built_in=True),
    )
    for order in ([own, built_in], [built_in, own]):
        stack = library(order)
        assert find(stack, "component", "web", AT) == own
        assert stack.diagnostics == ()


def test_duplicate_definitions_are_an_error_with_both_positions() -> None:
    """Definitions of different kinds or versions are fine."""
    stack = library(
        [
            _definition("web"),
            _definition("web", file="b.yaml"),
            _definition("web", "trait"),
            _definition("web", version="2"),
        ]
    )
    assert [
        str(diagnostic).splitlines()[0] for diagnostic in stack.diagnostics
    ] == [
        "b.yaml:1:1: error OAM106: component type 'web' is defined twice (first in a.yaml:1:1)"
    ]
