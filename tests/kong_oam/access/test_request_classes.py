"""Classes of requests: each has an example, and its requests are decided alike."""

from __future__ import annotations

from string import ascii_letters, digits

from hypothesis import given
from hypothesis import strategies as st

from kong_oam.access.decide import Request, decide
from kong_oam.access.model import Estate
from kong_oam.access.path_texts import PathText
from kong_oam.access.paths import declared, read_text, written
from kong_oam.access.request_classes import Division, Subtree, path_classes
from kong_oam.access.sites import SitesByHost
from tests.support.small_estates import MANY, REQUESTS, estates, site_of


@MANY
@given(estates(), st.lists(REQUESTS, min_size=2, max_size=20))
def test_requests_of_one_class_are_decided_alike(
    estate: Estate, requests: list[Request]
) -> None:
    """Every request below a declared path belongs to a class, and its example is decided alike.
    Only paths with several readings have no class."""
    sites = SitesByHost(estate)
    for request in requests:
        site = site_of({*estate.by_host}, request.host)
        division = Division(sites.declared(site), sites.texts(site))
        path = read_text(request.target)
        key = division.key(path)
        if key is None or request.host != site.replace("*", "c"):
            continue
        example, _ = division.examples()[key]
        assert division.key(example) == key
        target = written(example).encode()
        alike = Request(request.method, request.host, target, request.address)
        for claims in (None,):
            was, now = (
                decide(estate, made, claims) for made in (request, alike)
            )
            assert (was.status, was.code, was.rule) == (
                now.status,
                now.code,
                now.rule,
            )


def test_a_class_stays_although_texts_begin_with_every_letter() -> None:
    """Refusals below `/` take every letter and digit: other paths are still a class of their
    own."""
    taken = [f"/{sign}" for sign in ascii_letters + digits]
    texts = [PathText("begins", text) for text in taken]
    (root, *_) = path_classes([()], [*texts, PathText("exactly", "/")])
    assert root.subtree == Subtree(())
    assert written(root.path) == "/^"


def test_a_class_without_a_path_is_left_out() -> None:
    """`/a` is refused exactly, and all paths below it are refused: no path of `/a` is left."""
    texts = [PathText("exactly", "/a"), PathText("begins", "/a/")]
    classes = path_classes([declared("/a")], texts)
    assert [(entry.subtree, written(entry.path)) for entry in classes] == [
        (Subtree(("a",), form="exactly"), "/a"),
        (Subtree(("a", ""), form="begins"), "/a/"),
    ]
