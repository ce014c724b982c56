"""The versions of Kong: those that passed the live tests, those that fail, and their features.

The check before a run, the live tests and the documentation read versions from here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kong_oam.diagnostics import Diagnostic, Diagnostics, some

# A version as numbers: (3, 9, 1). A shorter version is the first with these numbers.
Release = tuple[int, ...]

_TRY = "make test-live KONG_ADMIN_URL=... KONG_PROXY_URL=..."


@dataclass(frozen=True, slots=True)
class Proven:
    """A version that passed the live tests. `nodes`: in words. `day`: of the last run. `left_out`:
    the tests that did not run there, in words."""

    version: str
    nodes: str
    day: str
    left_out: str


@dataclass(frozen=True, slots=True)
class Failing:
    """Versions from `first` on, and before `fixed`, that break a promise."""

    first: Release
    fixed: Release
    defect: str


PROVEN = (
    Proven("3.4.2", "one, two", "2026-12-03", "-"),
    Proven("3.9.1", "one, two", "2026-12-03", "-"),
    Proven("3.10.0", "one, two", "2026-12-02", "-"),
)

FAILING = (
    Failing((0,), (3, 4), "is too old"),
    # Its expression for the characters to encode is invalid in PCRE2 (kong/tools/uri.lua).
    Failing(
        (3, 6), (3, 7), "sends an encoded space (%20) to workloads as a space"
    ),
)

# Defects of Kong that no script can mend, and that leave decisions right. A run only warns.
FLAWED = (
    # Kong answers without a read of the body, and nginx 1.21 keeps the connection.
    Failing(
        (3, 4),
        (3, 7),
        "takes the body of a HEAD to an unknown host for the caller's next request, so a balancer "
        "must not share connections between callers",
    ),
)

# The first version with each feature: a field of a plugin, a function of scripts, or a header.
SINCE: Mapping[str, Release] = {
    "X-Kong-Request-Id": (3, 5),
    "rate-limiting.redis": (3, 6),
    "opentelemetry.propagation": (3, 7),
    "opentelemetry.logs_endpoint": (3, 8),
    "opentelemetry.traces_endpoint": (3, 8),
    "kong.service.set_retries": (3, 8),
    "kong.request.get_raw_body of bodies in files": (3, 8),
}


def release_of(version: str) -> Release:
    """Return the numbers of a version; empty if the text is none.

    A version of Enterprise has its name behind the numbers: 3.10.0.0-enterprise-edition.
    """
    numbers = re.match(r"\d+(?:\.\d+)+", version)
    return tuple(map(int, numbers[0].split("."))) if numbers else ()


def has(version: str, feature: str) -> bool:
    """Return whether a version has a feature of `SINCE`."""
    return release_of(version) >= SINCE[feature]


def in_words(release: Release) -> str:
    """Return a version as text: 3.9.1."""
    return ".".join(map(str, release))


def defect_of(version: str, among: Iterable[Failing] = FAILING) -> str | None:
    """Return the defect of a version, with the remedy; None without a known defect."""
    release = release_of(version)
    for failing in among:
        if failing.first <= release < failing.fixed:
            fixed = in_words(failing.fixed)
            return f"Kong {version} {failing.defect}; use {fixed} or newer"
    return None


def warnings_of(version: str) -> Diagnostics:
    """Return warnings: about a defect, and about a version that no live test has run on."""
    messages = []
    if defect := defect_of(version, FLAWED):
        messages.append(defect)
    proven = [entry.version for entry in PROVEN]
    if version not in proven:
        messages.append(
            f"the live tests have run on Kong {some(proven)}, not on {version}; run them on a Kong "
            f"that nobody uses: {_TRY}"
        )
    return tuple(
        Diagnostic("ENV429", message, severity="warning")
        for message in messages
    )
