"""Paths at the workload: joined as Kong joins them, for the ports that a key concerns."""

from __future__ import annotations

import pytest

from kong_oam.access.forward import Forward, sent_path
from kong_oam.access.paths import declared, read_text
from kong_oam.oam.position import NO_POSITION
from sandbox.kong.router import upstream_path
from tests.support import estates


@pytest.mark.parametrize(
    ("key", "target", "path", "sent"),
    [
        ("/crm", "/", "/crm", "/"),
        ("/crm", "/", "/crm/", "/"),
        ("/crm", "/", "/crm/a", "/a"),
        ("/crm", "/", "/crm/a/", "/a/"),
        ("/foo", "/base", "/foo", "/base"),
        ("/foo", "/base", "/foo/", "/base/"),
        ("/foo", "/base", "/foo/a", "/base/a"),
        ("/foo", "/base/", "/foo", "/base"),
        ("/foo", "/base/", "/foo/", "/base/"),
        ("/foo", "/base/", "/foo/a", "/base/a"),
        ("/", "/base", "/", "/base"),
        ("/", "/base/", "/", "/base/"),
        ("/", "/base/", "/a", "/base/a"),
        ("/a/b", "/c", "/a/b/c/", "/c/c/"),
    ],
)
def test_a_path_is_joined_as_kong_joins_it(
    key: str, target: str, path: str, sent: str
) -> None:
    """The stand-in's join is compared with recordings of a Kong."""
    forward = Forward("80", declared(key), target, NO_POSITION)
    assert sent_path(forward, read_text(path.encode())) == sent
    assert upstream_path(target, path, key, strip=True) == sent


def sent_by(forward: str, host: str, path: str) -> str:
    """Return the path at the workload, of a component with `/` at port 80 and `/admin` at 81."""
    text = estates.api(
        domain="a.test",
        http="{/: 80, /admin: 81}",
        access=f"{{owner: t, forward: {forward}, rules: [{{public: {{reason: x}}}}]}}",
    )
    target = read_text(path.encode())
    pair = estates.estate(text).reached(host, target)
    assert pair is not None
    endpoint, component = pair
    return sent_path(component.forward(endpoint, target), target)


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/x", "/old/x"),
        ("/admin/x", "/admin/x"),
        ("/admin/deep/x", "/d/x"),
        ("/adminX", "/old/adminX"),
    ],
)
def test_a_key_concerns_the_port_right_above_it(path: str, sent: str) -> None:
    """Requests of another port keep their path."""
    forward = "{/: /old, /admin/deep: /d}"
    assert sent_by(forward, "a.test", path) == sent


@pytest.mark.parametrize(
    ("forward", "finding"),
    [
        (
            "{/b: /}",
            "ACC265 path '/b' is outside the paths of the gateway trait: /a",
        ),
        (
            "{/a/x: /, /a/X: /y}",
            "ACC267 some servers read '/a/X' and '/a/x' as one path; remove one of them",
        ),
        (
            "{/a/x: /, /a/x/: /y}",
            "ACC267 some servers read '/a/x/' and '/a/x' as one path; remove one of them",
        ),
        (
            "{/a: /x/../y}",
            "ACC213 path '/x/../y' contains a dot segment; write the resolved path",
        ),
        (
            "{/a/..: /x}",
            "ACC213 path '/a/..' contains a dot segment; write the resolved path",
        ),
    ],
)
def test_a_forward_that_cannot_be_meant_is_an_error(
    forward: str, finding: str
) -> None:
    access = (
        f"{{owner: t, forward: {forward}, rules: [{{public: {{reason: x}}}}]}}"
    )
    text = estates.api(domain="a.test", http="{/a: 80}", access=access)
    found = [
        f"{diagnostic.code} {diagnostic.message}"
        for diagnostic in estates.compiled(text).diagnostics
    ]
    assert found == [finding]
