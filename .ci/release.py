"""Says whether a tag can be released, and what its release notes are: `python .ci/release.py
v0.1.0`.

The tag is `v` and the version that kong_oam/__init__.py says; CHANGELOG.md has an entry of that
version, with a day and something in it. Prints that entry. Ends with 1, and one line that says what
to do, where it cannot be released.
"""

from __future__ import annotations

import datetime
import re
import sys
from pathlib import Path


def notes(tag: str, version: str, changelog: str) -> str:
    """The version's entry in the changelog, without its heading. Raises ValueError where there is
    no release in it."""
    if tag != f"v{version}":
        raise ValueError(
            f"the tag is {tag}, and kong_oam/__init__.py says {version}: the tag of that is "
            f"v{version}"
        )
    entries = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    heading = re.compile(rf"\[?{re.escape(version)}\]? - (\d{{4}}-\d\d-\d\d)")
    for title, _, text in (entry.partition("\n") for entry in entries):
        if dated := heading.fullmatch(title.strip()):
            datetime.date.fromisoformat(dated[1])
            if not text.strip():
                raise ValueError(f"CHANGELOG.md says nothing of {version}")
            return text.strip() + "\n"
    raise ValueError(
        f"CHANGELOG.md has no entry for {version}: '## [{version}] - YYYY-MM-DD', below '## "
        "[Unreleased]'"
    )


def main(arguments: list[str]) -> int:
    """Prints the notes of a tag's release. Returns the exit status."""
    if len(arguments) != 1:
        print("usage: python .ci/release.py TAG", file=sys.stderr)
        return 2
    said = re.search(
        r'^__version__ = "(.+)"$',
        Path("kong_oam/__init__.py").read_text("utf-8"),
        re.MULTILINE,
    )
    try:
        print(
            notes(
                arguments[0],
                said[1] if said else "no version",
                Path("CHANGELOG.md").read_text("utf-8"),
            ),
            end="",
        )
    except ValueError as error:
        print(f"no release: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
