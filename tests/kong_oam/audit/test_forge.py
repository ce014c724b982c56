"""The forge tells who wrote and approved a change. The server here is a stand-in for GitHub."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from kong_oam.audit.history.forge import pull_requests
from kong_oam.errors import ManagementApiError

ANSWERS: dict[str, Any] = {}


class _GitHub(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.partition("?")[0].removeprefix("/repos/acme/platform/")
        known = path in ANSWERS and self.headers["Authorization"] == "Bearer t"
        body = json.dumps(
            ANSWERS[path] if known else {"message": "Not Found"}
        ).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    ANSWERS.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _GitHub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield {
        "GITHUB_TOKEN": "t",
        "GITHUB_REPOSITORY": "acme/platform",
        "GITHUB_API_URL": f"http://127.0.0.1:{server.server_port}",
    }
    server.shutdown()
    thread.join()
    server.server_close()


def asked(
    reviews: list[tuple[str, str]], merged_by: str, written: tuple[str, ...]
) -> None:
    """Let pull request 7 of ann have these reviews, and commits by these accounts."""
    ANSWERS["commits/c1/pulls"] = [{"number": 7, "user": {"login": "ann"}}]
    ANSWERS["pulls/7"] = {"number": 7, "merged_by": {"login": merged_by}}
    ANSWERS["pulls/7/commits"] = [
        {"author": {"login": login}} for login in written
    ]
    ANSWERS["pulls/7/reviews"] = [
        {"user": {"login": login}, "state": state} for login, state in reviews
    ]


@pytest.mark.parametrize(
    ("reviews", "merged_by", "written", "approvers", "alone"),
    [
        ([("bob", "APPROVED")], "ann", ("ann",), ["bob"], None),
        ([], "ann", ("ann",), [], "ann"),
        ([], "bob", ("ann",), [], None),
        ([("eve", "APPROVED")], "ann", ("ann", "eve"), ["eve"], "eve"),
        (
            [("bob", "APPROVED"), ("bob", "CHANGES_REQUESTED")],
            "ann",
            ("ann",),
            [],
            "ann",
        ),
        (
            [("bob", "APPROVED"), ("bob", "COMMENTED")],
            "ann",
            ("ann",),
            ["bob"],
            None,
        ),
    ],
)
def test_an_author_who_approved_alone_is_named(
    environment: dict[str, str],
    reviews: list[tuple[str, str]],
    merged_by: str,
    written: tuple[str, ...],
    approvers: list[str],
    alone: str | None,
) -> None:
    """The last review of an account counts. A comment changes no review."""
    asked(reviews, merged_by, written)
    found = pull_requests(["c1", "c1"], environment)
    assert found != "not known"
    (entry,) = found
    assert entry["number"] == 7
    assert (entry["approvers"], entry.get("alone")) == (approvers, alone)


def test_elsewhere_nobody_knows() -> None:
    """Without a token, nothing is asked."""
    assert pull_requests(["c1"], {}) == "not known"


def test_a_forge_that_denies_is_an_error(environment: dict[str, str]) -> None:
    """A record without approvers would look as if nobody approved."""
    with pytest.raises(ManagementApiError, match="pull-requests: read"):
        pull_requests(["c2"], environment)
