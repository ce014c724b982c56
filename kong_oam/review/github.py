"""Keeps one comment of a pull request up to date, in place (GitHub's REST API, issue comments), and
links places."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from kong_oam.review.access_changes import ReviewError
from kong_oam.review.comment import LONGEST, MARKER
from kong_oam.review.failure import JsonObject
from kong_oam.review.markdown import Links

_TIMEOUT = httpx.Timeout(30.0)
_PAGE = 100
_SERVER = re.compile(r"https?://[\w.:-]+")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40,64}")


def say(
    text: str,
    number: int,
    repository: str | None,
    author: str,
    environment: Mapping[str, str],
) -> None:
    """Write the comment of a pull request, over the one that is there. Raises ReviewError.

    `author` is the login that the token belongs to. Only that author's comment is updated: anybody
    else's with the same marker could be changed again by its author, and say something else than
    what was found.
    """
    token = environment.get("GITHUB_TOKEN")
    if not token or not repository:
        raise ReviewError(
            "to comment on a pull request, set GITHUB_TOKEN and say --repository OWNER/NAME"
        )
    api = environment.get("GITHUB_API_URL", "https://api.github.com")
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
    }
    base = f"{api.rstrip('/')}/repos/{repository}/"
    method = "POST"
    path = f"issues/{number}/comments"
    with httpx.Client(
        base_url=base, headers=headers, timeout=_TIMEOUT
    ) as client:
        for comment in _comments(client, number):
            login = (comment.get("user") or {}).get("login")
            if login == author and str(comment.get("body", "")).startswith(
                MARKER
            ):
                method = "PATCH"
                path = f"issues/comments/{comment['id']}"
                break
        _sent(client, method, path, json={"body": text})


def _comments(client: httpx.Client, number: int) -> Iterator[JsonObject]:
    for page in itertools.count(1):
        parameters = {"per_page": _PAGE, "page": page}
        comments = _sent(
            client, "GET", f"issues/{number}/comments", params=parameters
        ).json()
        yield from comments
        if len(comments) < _PAGE:
            return


def read_comment(file: Path) -> str:
    """Read a comment that another job left. Raises ReviewError.

    Whoever wrote it may have run the change's program: it is taken as text and nothing else, no
    longer than a comment may be, and only with the marker by which the next run finds it again.
    """
    try:
        text = file.read_bytes().decode()
    except OSError as error:
        raise ReviewError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ReviewError(
            f"{file} is no comment of a review: it is not UTF-8"
        ) from None
    if len(text) > LONGEST:
        raise ReviewError(
            f"{file} is no comment of a review: it has more than {LONGEST:,} characters"
        )
    if not text.startswith(f"{MARKER}\n"):
        raise ReviewError(
            f"{file} is no comment of a review: its first line is not {MARKER}"
        )
    return text


def links(
    repository: str | None, environment: Mapping[str, str]
) -> Links | None:
    """Where the change's files can be seen, as the variables of GitHub's runs say; None elsewhere.

    The commit is the change's own: what a run of a pull request is of is a merge that nobody made.
    """
    server = environment.get("GITHUB_SERVER_URL", "")
    commit = head(environment)
    if not commit or not _SERVER.fullmatch(server):
        return None
    if not _REPOSITORY.fullmatch(repository or ""):
        return None
    return Links(f"{server}/{repository}/blob/{commit}", _folder())


def head(environment: Mapping[str, str]) -> str:
    """Return the change's commit, as the variables of GitHub's runs say; empty elsewhere."""
    try:
        event = json.loads(
            Path(environment["GITHUB_EVENT_PATH"]).read_text("utf-8")
        )
        commit = str(event["pull_request"]["head"]["sha"])
    except (OSError, ValueError, LookupError, TypeError):
        commit = environment.get("GITHUB_SHA", "")
    return commit if _COMMIT.fullmatch(commit) else ""


def _folder() -> str:
    """Return the project's folder in its repository: empty where it is all of it."""
    asked = ("git", "rev-parse", "--show-prefix")
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=60)  # noqa: S603 - no shell
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.removesuffix("\n") if done.returncode == 0 else ""


def _sent(
    client: httpx.Client, method: str, path: str, **arguments: Any
) -> httpx.Response:
    try:
        answer = client.request(method, path, **arguments)
    except httpx.HTTPError as error:
        raise ReviewError(
            f"the comment could not be written: {type(error).__name__} at {method} {path}"
        ) from None
    if answer.is_success:
        return answer
    hint = ""
    if answer.status_code in (403, 404):
        hint = "; the workflow needs the permission pull-requests: write"
    raise ReviewError(
        f"the comment could not be written: {method} {path} answers {answer.status_code}{hint}"
    )
