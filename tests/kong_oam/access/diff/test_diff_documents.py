"""Documents about MCP endpoints in comparisons: a GET of a document reaches no component."""

from __future__ import annotations

from itertools import product

import pytest

from kong_oam.access.decide import Request, decide
from kong_oam.access.diff.change import CLOSING, Change, Difference
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.methods import METHODS
from kong_oam.access.paths import read_text
from tests.support.diffs import model, requests, settings
from tests.support.mcp_estates import HOST, NO_OTHER, ONLY_MCP, desk, pages
from tests.support.small_estates import changes_at

WELL_KNOWN = "/.well-known/oauth-protected-resource"
DOCUMENT = f"{WELL_KNOWN}/mcp"
TOOLS = desk(ONLY_MCP, NO_OTHER)
NO_TOOLS = TOOLS.replace("tools: [search, fetch]", "methods: [PUT]").replace(
    "tools: [close]", "methods: [PATCH]"
)
MOVED = TOOLS.replace("[/mcp]", "[/chat]").replace("{/mcp:", "{/chat:")
DESKS = {"tools": TOOLS, "no tools": NO_TOOLS, "moved": MOVED}
PLACES = ("/", "/.well-known", DOCUMENT, f"{DOCUMENT}/x")
VARIANTS = {
    (name, place): model(text, pages(place))
    for (name, text), place in product(DESKS.items(), PLACES)
}
PATHS = ["/", "/x", "/.well-known", WELL_KNOWN, f"{WELL_KNOWN}/"]
for name in ("mcp", "MCP", "chat", "mcps"):
    for ending in ("", "/", "/x", "/x/y"):
        PATHS.append(f"{WELL_KNOWN}/{name}{ending}")
DECLARED = {
    read_text(path.encode())
    for path in (*PLACES, "/mcp", "/chat", f"{WELL_KNOWN}/chat")
}


def changes_of(
    changes: list[Change], method: str, path: str, site: str = HOST
) -> list[Change]:
    """Return the changes of this request."""
    return changes_at(changes, site, method, read_text(path.encode()), DECLARED)


@pytest.mark.parametrize(("before", "after"), [*product(DESKS, repeat=2)])
def test_a_comparison_is_exact_about_documents(before: str, after: str) -> None:
    """For each request of everybody that `decide` answers otherwise, and for no other."""
    for places in product(PLACES, repeat=2):
        old, new = VARIANTS[before, places[0]], VARIANTS[after, places[1]]
        _check(old, new)


def _check(old: AccessModel, new: AccessModel) -> None:
    changes = [
        change
        for change in requests(diff(old, new))
        if any(caller.principal is None for caller in change.callers)
    ]
    for method, path in product(METHODS, PATHS):
        request = Request(method, HOST, path.encode())
        was, now = (
            decide(side.estate, request, None).allowed for side in (old, new)
        )
        found = changes_of(changes, method, path)
        kinds = {change.kind in CLOSING for change in found}
        assert kinds == (set() if was == now else {was}), (method, path)


def described(changes: tuple[Difference, ...]) -> list[tuple[str, str]]:
    return [
        (change.kind, "/".join(["", *change.region.subtree.path]))
        for change in requests(changes)
        if change.methods == ("GET",) and change.region.subtree.form
    ]


def test_a_document_that_goes_opens_a_public_page() -> None:
    """The example is the document's path, and its rule is the page's."""
    old, new = VARIANTS["tools", "/"], VARIANTS["no tools", "/"]
    changes = diff(old, new)
    assert described(changes) == [("newly public", DOCUMENT)]
    (change,) = (each for each in requests(changes) if each.methods == ("GET",))
    assert change.example.path == read_text(DOCUMENT.encode())
    assert change.position is not None
    assert change.position.file == "app1.yaml"
    assert described(diff(new, old)) == [("revoked", DOCUMENT)]


def test_stacks_are_compared_without_the_path_of_a_document() -> None:
    """A page is open in the other stack if one of its hosts has no document."""
    more = pages("/").replace(
        "        - type: access\n",
        "        - type: gateway\n"
        "          properties: {name: more, domain: more.example.com, http: {/: 80}}\n"
        "        - type: access\n",
    )
    other = settings("other")
    opened = model(NO_TOOLS, pages("/"), on=other)
    both = model(TOOLS, more, on=other)
    here = VARIANTS["tools", "/"]
    assert described(diff(here, opened)) == [("newly public", DOCUMENT)]
    assert described(diff(here, both)) == [("newly public", DOCUMENT)]
    assert described(diff(here, model(TOOLS, pages("/"), on=other))) == []
