"""The comment on a pull request, updated in place (GitHub's REST API, issue comments), with links
to files."""

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


def write_comment(
    text: str,
    number: int,
    repository: str | None,
    author: str,
    environment: Mapping[str, str],
) -> None:
    """Create or update the comment of a pull request. Raises ReviewError.

    `author` is the login of the token. Only that author's comment is updated: another author could
    edit their comment later and falsify the findings.
    """
    token = environment.get("GITHUB_TOKEN")
    if not token or not repository:
        raise ReviewError(
            "a comment on a pull request needs GITHUB_TOKEN and --repository OWNER/NAME"
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
        _send(client, method, path, json={"body": text})


def _comments(client: httpx.Client, number: int) -> Iterator[JsonObject]:
    for page in itertools.count(1):
        parameters = {"per_page": _PAGE, "page": page}
        comments = _send(
            client, "GET", f"issues/{number}/comments", params=parameters
        ).json()
        yield from comments
        if len(comments) < _PAGE:
            return


def read_comment(file: Path) -> str:
    """Read a comment that another job wrote. Raises ReviewError.

    That job may have run the change's program, so the file is only text. It may not be longer than
    a comment, and it must have the marker, by which the next run finds it.
    """
    try:
        text = file.read_bytes().decode()
    except OSError as error:
        raise ReviewError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ReviewError(
            f"{file} is not a comment of a review: it is not UTF-8"
        ) from None
    if len(text) > LONGEST:
        raise ReviewError(
            f"{file} is not a comment of a review: it has more than {LONGEST:,} characters"
        )
    if not text.startswith(f"{MARKER}\n"):
        raise ReviewError(
            f"{file} is not a comment of a review: its first line is not {MARKER}"
        )
    return text


def links(
    repository: str | None, environment: Mapping[str, str]
) -> Links | None:
    """Return where the change's files can be seen, from GitHub's environment variables; None
    elsewhere.

    The commit is the change's own, since the commit of a pull request's run is a temporary merge.
    """
    server = environment.get("GITHUB_SERVER_URL", "")
    commit = head_commit(environment)
    if not commit or not _SERVER.fullmatch(server):
        return None
    if not _REPOSITORY.fullmatch(repository or ""):
        return None
    return Links(f"{server}/{repository}/blob/{commit}", _folder())


def head_commit(environment: Mapping[str, str]) -> str:
    """Return the change's commit, from GitHub's environment variables; empty elsewhere."""
    try:
        event = json.loads(
            Path(environment["GITHUB_EVENT_PATH"]).read_text("utf-8")
        )
        commit = str(event["pull_request"]["head"]["sha"])
    except (OSError, ValueError, LookupError, TypeError):
        commit = environment.get("GITHUB_SHA", "")
    return commit if _COMMIT.fullmatch(commit) else ""


def _folder() -> str:
    """Return the project's folder in its repository; empty for the repository's root."""
    asked = ("git", "rev-parse", "--show-prefix")
    try:
        # Git runs without a shell.
        done = subprocess.run(asked, capture_output=True, text=True, timeout=60)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.removesuffix("\n") if done.returncode == 0 else ""


def _send(
    client: httpx.Client, method: str, path: str, **arguments: Any
) -> httpx.Response:
    try:
        answer = client.request(method, path, **arguments)
    except httpx.HTTPError as error:
        raise ReviewError(
            f"the comment cannot be written: {method} {path} failed with {type(error).__name__}"
        ) from None
    if answer.is_success:
        return answer
    hint = ""
    if answer.status_code in (403, 404):
        hint = "; the workflow needs the permission pull-requests: write"
    raise ReviewError(
        f"the comment cannot be written: {method} {path} answers {answer.status_code}{hint}"
    )
