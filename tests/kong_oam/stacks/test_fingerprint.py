"""The digest of everything that a run depends on: each part changes it, and nothing else does."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest

from kong_oam.access.model import Application, Client, Component, Estate
from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import Settings
from kong_oam.access.stack import Records
from kong_oam.errors import SettingsError
from kong_oam.oam.position import Document
from kong_oam.stacks import fingerprint as module
from kong_oam.stacks.fingerprint import configuration, digest_of, fingerprint
from tests.support.applications import WITH_CLIENTS
from tests.support.components import FIELDS, with_fields
from tests.support.estates import estate
from tests.support.repository import ROOT

SETTINGS = parse(
    "tests",
    {
        "cloud": "local",
        "asOf": "2026-11-25",
        "gateway": {"namespace": "kong", "podLabels": {"app": "kong"}},
        "knownGroups": ["b", "a", "c"],
        "identityProviders": [{"name": "main", "type": "oidc"}],
    },
)
ESTATE = estate(WITH_CLIENTS)
CALLED = next(
    component
    for component in ESTATE.components.values()
    if component.exposure.rules
)
CALLER = next(
    component
    for component in ESTATE.components.values()
    if component.identity.clients
)


def mark(
    settings: Settings = SETTINGS,
    model: Estate = ESTATE,
    configured: str = "",
    **marks: str,
) -> str:
    return fingerprint(
        module.settings_digest(settings),
        module.estate_digest(settings, model),
        marks,
        configured,
    )


def with_component(component: Component) -> Estate:
    """Return the estate with a component instead of the component with its key."""
    applications = (
        replace(
            application,
            components=tuple(
                component if part.key == component.key else part
                for part in application.components
            ),
        )
        for application in ESTATE.applications
    )
    return replace(ESTATE, applications=tuple(applications))


def test_the_same_has_the_same() -> None:
    """A second reading of the same text has the same digest."""
    assert mark() == mark(model=estate(WITH_CLIENTS))
    assert len(mark()) == module.DIGITS


@pytest.mark.parametrize(
    "name",
    [
        field.name
        for field in fields(Settings)
        if field.name not in ("as_of", "stack")
    ],
)
def test_every_setting_changes_it(name: str) -> None:
    """This holds for any setting."""
    assert mark(replace(SETTINGS, **{name: "other"})) != mark()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("part", "name"),
    [
        *(("stack", field.name) for field in fields(SETTINGS.stack)),
        *(("gateway", field.name) for field in fields(SETTINGS.gateway)),
        *(("cluster", field.name) for field in fields(SETTINGS.cluster)),
    ],
)
def test_every_setting_of_a_part_changes_it(part: str, name: str) -> None:
    """The settings are about the meaning of Applications, the gateway and the cluster."""
    changed = replace(getattr(SETTINGS, part), **{name: "another"})
    records = (
        part == "stack" and name == "records"
    )  # with request records, places count, but they are not settings
    before = (
        SETTINGS
        if not records
        else replace(SETTINGS, stack=replace(SETTINGS.stack, records=Records()))
    )
    assert mark(replace(SETTINGS, **{part: changed})) != mark(before)


def test_every_setting_of_a_provider_changes_it() -> None:
    """The number of providers and their order matter too: the first provider is the default."""
    (provider,) = SETTINGS.providers
    for field in fields(provider):
        changed = replace(provider, **{field.name: "another"})
        assert mark(replace(SETTINGS, providers=(changed,))) != mark(), (
            field.name
        )
    second = replace(provider, name="second")
    marked = mark(replace(SETTINGS, providers=(provider, second)))
    assert marked not in (
        mark(),
        mark(replace(SETTINGS, providers=(second, provider))),
    )


def test_the_day_does_not_change_it() -> None:
    """A record has the date of the next rotation beside the digest."""
    later = replace(SETTINGS, as_of=SETTINGS.as_of.replace(year=2030))
    assert mark(later) == mark()


@pytest.mark.parametrize(
    "name", [name for name in FIELDS if name != "position"]
)
def test_every_field_of_a_component_changes_it(name: str) -> None:
    """This includes fields that comparisons ignore, and foreign components."""
    changed_value = (CALLED.position,) if name == "waivers" else "another"
    changed = with_fields(CALLED, **{name: changed_value})
    foreign = replace(ESTATE, foreign=(CALLED,))
    assert mark(model=replace(ESTATE, foreign=(changed,))) not in (
        mark(),
        mark(model=foreign),
    )
    if name not in ("application", "name"):
        assert mark(model=with_component(changed)) != mark()


@pytest.mark.parametrize(
    "name", [field.name for field in fields(Client) if field.name != "position"]
)
def test_every_field_of_a_client_changes_it(name: str) -> None:
    """The fields are about its tokens, its credential, and the rotation of its key."""
    changed = replace(CALLER.identity.clients[0], **{name: "another"})  # type: ignore[arg-type]
    assert (
        mark(
            model=with_component(
                CALLER.with_clients((changed, *CALLER.identity.clients[1:]))
            )
        )
        != mark()
    )


@pytest.mark.parametrize("name", [field.name for field in fields(Application)])
def test_every_field_of_an_application_changes_it(name: str) -> None:
    """Labels and annotations are included, because every object has them."""
    first, *more = ESTATE.applications
    changed = replace(first, **{name: ("another",)})  # type: ignore[arg-type]
    assert mark(model=replace(ESTATE, applications=(changed, *more))) != mark()


def test_all_that_an_estate_holds_is_thought_of() -> None:
    """The stack is part of the settings. The role names the stack that runs, and estates with
    missing Applications are never deployed. The fingerprint must contain every further field."""
    assert {field.name for field in fields(Estate)} == {
        "applications",
        "foreign",
        "stack",
        "role",
        "unjudged",
    }
    assert (
        mark(model=replace(ESTATE, applications=ESTATE.applications[1:]))
        != mark()
    )
    assert mark(model=replace(ESTATE, foreign=(CALLED,))) != mark()


def test_source_positions_count_only_if_records_contain_them() -> None:
    """Moving a file, or a line in it, runs no other stack: neither the base nor partitions with
    foreign components."""
    moved = with_component(
        replace(
            CALLED,
            position=Document("other.yaml", "a: 1", 0, {"a": 1}).position(),
        )
    )
    assert mark(model=moved) == mark()
    recorded = replace(
        SETTINGS, stack=replace(SETTINGS.stack, records=Records())
    )
    assert mark(recorded, moved) != mark(recorded)
    assert mark(recorded, replace(moved, role="base")) == mark(
        recorded, replace(ESTATE, role="base")
    )
    called = moved.components[CALLED.key]
    assert mark(recorded, replace(ESTATE, foreign=(called,))) == mark(
        recorded, replace(ESTATE, foreign=(CALLED,))
    )


def test_outputs_of_other_stacks_change_it() -> None:
    """Each other stack counts, by its name."""
    assert (
        len(
            {
                mark(),
                mark(sales="1"),
                mark(sales="2"),
                mark(rest="1"),
                mark(sales="1", rest="1"),
            }
        )
        == 5
    )


def test_the_program_and_the_stacks_file_change_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run with another version or another account may have other results."""
    before = mark()
    assert mark(configured="1") not in (before, mark(configured="2"))
    monkeypatch.setattr(module, "program", lambda: "another")
    assert mark() != before


@pytest.mark.parametrize("seed", ["1", "2"])
def test_it_is_the_same_in_every_process(seed: str) -> None:
    """The order of sets does not matter."""
    code = (
        "from tests.kong_oam.stacks.test_fingerprint import mark; print(mark())"
    )
    root = str(ROOT)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == mark()


def test_equal_values_have_equal_digests() -> None:
    """The order of keys does not matter, but the order of a list, the type and the nesting do."""
    assert digest_of({"a": 1, "b": {3, 1, 2}}) == digest_of(
        {"b": {2, 3, 1}, "a": 1}
    )
    different: list[Any] = [
        ["a", "b"],
        ["b", "a"],
        ["ab"],
        [["a"], "b"],
        ["a", ["b"]],
        {"a": "b"},
        "ab",
        1,
        "1",
        True,
        None,
    ]
    different += [
        "None",
        "",
        [],
        {},
        set(),
        [""],
        [None],
        {"a": None},
        {"": "a"},
        {"a", "b"},
        ["'a'", "b"],
        ["]", "["],
    ]
    assert len({*map(digest_of, different)}) == len(different)


def test_two_types_with_the_same_fields_differ() -> None:
    """Their uses differ too."""

    @dataclass
    class One:
        field: int = 1

    @dataclass
    class Other:
        field: int = 1

    assert digest_of(One()) == digest_of(One()) != digest_of(Other())


@pytest.mark.parametrize(
    "value",
    [object(), lambda: None, {"a": [object()]}, iter(())],
    ids=["object", "function", "inside", "iterator"],
)
def test_a_value_without_a_form_is_rejected(value: Any) -> None:
    """An ignored value would mean that a needed run is skipped."""
    with pytest.raises(TypeError, match="has no fingerprint"):
        digest_of(value)


FILE = """\
config:
  kong-oam:cloud: local
  kong-oam:asOf: "{day}"
  kong-oam:certificates: {{secure: "{secret}"}}
  kong:kongAdminUri: {address}
encryptionsalt: {salt}
"""


def test_a_stacks_file_counts_but_for_the_day(tmp_path: Path) -> None:
    """The file's certificates and accounts change the results of a run."""
    file = tmp_path / "Pulumi.prod.yaml"

    def marked(
        day: str = "2026-11-25",
        secret: str = "v1:a",
        address: str = "http://a",
        salt: str = "v1:s",
    ) -> str:
        file.write_text(
            FILE.format(day=day, secret=secret, address=address, salt=salt),
            "utf-8",
        )
        return configuration(file)

    before = marked()
    assert marked(day="2027-01-01") == marked(salt="v1:t") == before
    assert before not in (marked(secret="v1:b"), marked(address="http://b"))
    file.write_text("config: [", "utf-8")
    with pytest.raises(SettingsError, match="cannot be read"):
        configuration(file)


def test_another_version_of_an_sdk_changes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK pins its plugin. Other packages do not count."""
    monkeypatch.syspath_prepend(tmp_path)
    found = []
    for name, version in (
        ("other", "1"),
        ("other", "2"),
        ("pulumi-x", "1"),
        ("pulumi-x", "2"),
    ):
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        module.program.cache_clear()
        found.append(mark())
        (folder / "METADATA").unlink()
        folder.rmdir()
    module.program.cache_clear()
    assert found[0] == found[1] == mark()
    assert len({*found}) == 3
