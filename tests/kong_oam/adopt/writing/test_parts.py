"""The parts of adoption: cells, hosts, names and networks."""

from __future__ import annotations

import pytest

from kong_oam.adopt.entities import OldPlugin
from kong_oam.adopt.writing.cells import cells_of, paths_of
from kong_oam.adopt.writing.hosts import examples
from kong_oam.adopt.writing.names import Names, plain
from kong_oam.adopt.writing.networks import networks_of
from kong_oam.oam.position import FilePlace
from tests.support.old_kongs import old_kong


def test_every_text_is_in_the_region_of_its_longest_path() -> None:
    texts = ("/", "/a", "/ab/")
    regions = cells_of(texts, paths_of(texts))
    assert {
        path: [cell.words for cell in cells] for path, cells in regions.items()
    } == {
        (): ["/", "/*", "/a*", "/ab*"],
        ("a",): ["/a", "/a/", "/a/*"],
        ("ab",): ["/ab", "/ab/", "/ab/*"],
    }


def test_an_example_continues_no_other_declared_text() -> None:
    letters = "xyzabcdefghijklmnopqrstuvw0123456789"
    texts = ["/", "/a", *(f"/a{letter}" for letter in letters)]
    cells = cells_of(texts, [()])[()]
    (cell,) = (each for each in cells if each.text == "/a" and each.continues)
    assert cell.example.startswith("/a")
    longer = [text for text in texts if text.startswith("/a") and text != "/a"]
    longer += [f"{text}/" for text in longer]
    assert cell.example not in longer
    assert len(cell.example) > len("/a") + 2


def test_a_wildcard_is_asked_for_each_narrower_host() -> None:
    old = old_kong(
        "services: [{name: s, url: http://s, routes: [{hosts: ['*.b', x.b, '*.c.b', a.*, e]}]}]"
    )
    assert examples("*.b", old) == ("xx.b", "xx.c.b", "a.b", "x.b")
    assert examples("x.b", old) == ("x.b",)


def test_names_are_valid_and_unique() -> None:
    names = Names(longest=12)
    found = [names.of(text, text) for text in ("Ab c", "ab-c", "abC", "üü")]
    assert found == ["ab-c", "ab-c-2", "ab-c-3", "other"]
    assert names.of("Ab c", "x") == "ab-c"
    long = plain("a-very-long-name-of-a-service", 20)
    assert len(long) <= 20 and long.startswith("a-very-long-")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"allow": ["10.0.0.1"]}, ("10.0.0.1/32",)),
        ({"deny": ["128.0.0.0/1"]}, ("0.0.0.0/1", "::/0")),
        ({"allow": ["10.0.0.0/8"], "deny": ["10.0.0.0/8"]}, None),
        ({"allow": ["${OFFICE}"]}, None),
    ],
)
def test_networks_of_an_ip_restriction(
    config: dict[str, list[str]], expected: tuple[str, ...] | None
) -> None:
    place = FilePlace("kong.yaml", 1, 1)
    plugin = OldPlugin("ip-restriction", "", place, config=config)
    assert networks_of(plugin) == expected
