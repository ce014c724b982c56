"""Errors of partitions: Applications in no partition (ACC249), and hosts in two partitions
(ACC250)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kong_oam.access.model import Stack
from tests.support.estates import STACK, api, compiled

THREE = replace(
    STACK, partitions={"one": ("a",), "two": ("b",), "three": ("c", "d")}
)


def found(*texts: str, stack: Stack = THREE) -> list[tuple[str, str]]:
    """Return codes and messages of the findings."""
    return [
        (diagnostic.code, diagnostic.message)
        for diagnostic in compiled(*texts, stack=stack).diagnostics
        if diagnostic.code in _CODES
    ]


_CODES = ("ACC249", "ACC250")


def at(name: str, domain: str, http: str = "{/: 8080}") -> str:
    """Return an Application on a host, in a namespace of the same name."""
    return api(
        name,
        domain=domain,
        http=http,
        access="{owner: o, rules: [{public: {reason: r}}]}",
    )


def test_an_application_is_in_a_partition() -> None:
    """Its namespace decides, and `*` has all other namespaces. An estate without partitions has no
    such error."""
    texts = at("a", "a.test"), at("z", "z.test")
    (finding,) = compiled(*texts, stack=THREE).diagnostics
    assert finding.code == "ACC249"
    assert str(finding).startswith("app2.yaml:3:")
    assert finding.message == (
        "namespace 'z' is in no partition of 'tests' (one, two, three); add it under kong-oam:partitions in "
        "stacks/Pulumi.tests.yaml, or use '*' for all other namespaces"
    )
    assert compiled(*texts, stack=THREE).estate is None
    assert found(*texts, stack=STACK) == []
    assert (
        found(
            *texts,
            stack=replace(
                THREE, partitions={**THREE.partitions, "rest": ("*",)}
            ),
        )
        == []
    )


def test_hosts_in_one_partition_are_shared_as_before() -> None:
    """One host on two paths, and a wildcard above another host."""
    assert found(at("c", "x.test"), at("d", "x.test", "{/d: 8080}")) == []
    assert found(at("c", "*.x.test"), at("d", "y.x.test")) == []
    assert found(at("a", "a.test"), at("b", "b.test"), at("c", "c.test")) == []


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (
            "x.test",
            "x.test",
            "x.test of 'b/api', partition 'two', is a host of 'a/api', partition 'one'",
        ),
        (
            "*.x.test",
            "*.x.test",
            "*.x.test of 'b/api', partition 'two', is a host of 'a/api', partition 'one'",
        ),
        (
            "*.x.test",
            "y.x.test",
            "y.x.test of 'b/api', partition 'two', lies below *.x.test, a host of 'a/api'",
        ),
        (
            "y.x.test",
            "*.x.test",
            "y.x.test of 'a/api', partition 'one', lies below *.x.test, a host of 'b/api'",
        ),
        (
            "*.test",
            "z.y.x.test",
            "z.y.x.test of 'b/api', partition 'two', lies below *.test, a host of 'a/api'",
        ),
        (
            "*.test",
            "*.x.test",
            "*.x.test of 'b/api', partition 'two', lies below *.test, a host of 'a/api'",
        ),
    ],
)
def test_a_host_is_one_partitions(first: str, second: str, words: str) -> None:
    """The same host, and a wildcard above a host, in either order and on other paths, too."""
    ((code, message),) = found(at("a", first), at("b", second, "{/b: 8080}"))
    assert code == "ACC250"
    assert words in message
    assert "put both namespaces into one partition" in message


def test_hosts_that_only_look_alike_are_not_shared() -> None:
    """A wildcard does not cover its parent, or a host that only ends with the same letters."""
    assert (
        found(at("a", "*.x.test"), at("b", "x.test"), at("c", "y.test")) == []
    )
    assert found(at("a", "*.x.test"), at("b", "yx.test")) == []


def test_each_of_three_partitions_that_meet_is_said() -> None:
    """For one host, the second and the third partition have findings. For a wildcard above two
    hosts, both have."""
    messages = [
        message
        for _, message in found(
            at("a", "x.test"),
            at("b", "x.test", "{/b: 80}"),
            at("c", "x.test", "{/c: 80}"),
        )
    ]
    assert [message.partition(", partition")[0] for message in messages] == [
        "x.test of 'b/api'",
        "x.test of 'c/api'",
    ]
    conflicts = [
        message
        for _, message in found(
            at("a", "*.x.test"), at("b", "y.x.test"), at("c", "z.x.test")
        )
    ]
    assert len(conflicts) == 2
    assert all(
        "lies below *.x.test, a host of 'a/api'" in message
        for message in conflicts
    )
