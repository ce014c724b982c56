"""The removal of old routes as patches of decK files, step by step."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kong_oam.adopt.coverage import Exposed
from kong_oam.adopt.deck import read_deck
from kong_oam.adopt.retire import retirement
from kong_oam.adopt.retire_patch import Patches, patches
from tests.support.estates import exposing

FILE = """\
_format_version: "3.0"
_info: {select_tags: [old]}
services:
  # The orders.
  - name: orders
    url: http://orders.internal:8080/v1
    plugins:
      - name: key-auth
        config: {key_names: [apikey]}
    routes:
      - name: orders
        paths: [/orders/]
        plugins:
          - name: acl
            config: {allow: [sales]}
  - name: site
    host: site.internal
    routes:
      - name: site
        paths: [/site/]
      - name: other
        paths: [/other/]
plugins:
  - name: rate-limiting
    service: orders
    config: {minute: 5}
"""


def step(text: str, *paths: str) -> Patches:
    """Return the next step for a file whose host has Applications at these paths."""
    files = [("kong.yaml", text.encode())]
    old, findings = read_deck(files)
    assert old is not None, findings
    exposed = Exposed(exposing(*(("a.x.com", path) for path in paths)))
    plan = retirement(old, "tests", exposed, {})
    return patches(plan, old, exposed, files)


def applied(text: str, patch: str, folder: Path) -> str:
    """Apply a patch with the tool `patch`."""
    file = folder / "kong.yaml"
    file.write_text(text, "utf-8")
    command = ["patch", "-s", "-p0"]
    subprocess.run(command, input=patch, text=True, check=True, cwd=folder)
    return file.read_text("utf-8")


def test_a_service_leads_nowhere_before_its_lines_go(tmp_path: Path) -> None:
    first = step(FILE, "/orders")
    (diff,) = first.diffs
    assert first.is_closing
    closed = applied(FILE, diff, tmp_path)
    assert closed == FILE.replace(
        "http://orders.internal:8080/v1", "http://retired.invalid"
    )
    second = step(closed, "/orders")
    (diff,) = second.diffs
    assert not second.is_closing
    assert applied(closed, diff, tmp_path) == (
        '_format_version: "3.0"\n'
        "_info: {select_tags: [old]}\n"
        "services:\n"
        "  # The orders.\n"
        + FILE[FILE.index("  - name: site") : FILE.index("plugins:\n  - name: rate")]
    )  # fmt: skip


def test_a_route_without_plugins_goes_at_once(tmp_path: Path) -> None:
    (diff,) = step(FILE, "/site").diffs
    gone = "      - name: site\n        paths: [/site/]\n"
    assert applied(FILE, diff, tmp_path) == FILE.replace(gone, "")


def test_a_guarded_route_of_a_service_that_stays_waits() -> None:
    """A sync deletes plugins before routes, so the route would be open for a moment."""
    text = FILE.replace(
        "paths: [/site/]\n",
        "paths: [/site/]\n        plugins: [{name: key-auth}]\n",
    )
    found = step(text, "/site")
    assert found.diffs == ()
    assert found.waiting == (
        "route 'site': a sync would delete its plugins before it; use --format api",
    )


def test_a_route_waits_for_a_lower_route_of_the_same_step() -> None:
    """decK deletes both in any order, so requests could fall to the lower route."""
    text = FILE.replace(
        "      - name: other\n",
        "      - name: inner\n        paths: [/site/inner]\n      - name: other\n",
    )
    found = step(text, "/site")
    assert found.waiting == (
        "route 'inner': route 'site' goes first; run the command again after the sync",
    )
    (diff,) = found.diffs
    assert "-      - name: site\n" in diff and "inner" not in _removed(diff)


def _removed(diff: str) -> str:
    return "".join(
        line for line in diff.splitlines(True) if line.startswith("-")
    )


@pytest.mark.parametrize(
    "secret",
    [
        "consumers:\n  - username: robot\n    keyauth_credentials: [{key: S3CRET}]\n",
        "consumers:\n  - username: robot\n    basicauth_credentials:\n      - {username: u, password: S3CRET}\n",
        "certificates:\n  - key: |\n      S3CRET\n      S3CRET\n    cert: c\n",
        "plugins:\n  - name: http-log\n    service: orders\n    config: {http_endpoint: 'http://a', headers: {X-Api-Key: S3CRET}}\n",
        "plugins:\n  - name: request-transformer\n    service: orders\n    config: {add: {headers: ['Authorization: S3CRET']}}\n",
        "plugins:\n  - name: rate-limiting\n    service: orders\n    config: {minute: 1, redis: {password: S3CRET}}\n",
    ],
)  # fmt: skip
def test_no_patch_shows_a_secret(secret: str) -> None:
    head = FILE[: FILE.index("plugins:\n  - name: rate")].replace(
        "http://orders.internal:8080/v1", "http://retired.invalid"
    )
    found = step(head + secret, "/", "/orders", "/site", "/other")
    assert "S3CRET" not in "".join(found.diffs)
    reasons = ("kong.yaml has secrets in lines to remove",)
    assert found.unwritten in ((), reasons)
    assert bool(found.diffs) is not bool(found.unwritten)


@pytest.mark.parametrize(
    "text",
    [
        FILE.replace("routes:\n      - name: orders", "routes: &r\n      - name: orders") + "_anchor: *r\n",
        '_format_version: "3.0"\nservices: [{name: orders, host: retired.invalid, routes: [{name: orders, paths: [/orders/]}]}, {name: b, host: b, routes: [{name: b, paths: [/b]}]}]\n',
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_edited_safely_is_named(text: str) -> None:
    found = step(text, "/orders")
    assert found.diffs == ()
    assert found.unwritten == ("kong.yaml has flow style or aliases",)


def test_files_that_lose_nothing_are_no_part_of_a_patch() -> None:
    assert step(FILE, "/nowhere") == Patches()
