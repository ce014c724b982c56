"""Check that a tag can be released, and print its release notes: `python .ci/release.py v0.1.0`.

The tag is `v` and the version in kong_oam/__init__.py. CHANGELOG.md has an entry of that version,
with a date and a text, which is printed. Otherwise the exit status is 1, after one line with the
remedy.
"""

from __future__ import annotations

import datetime
import re
import sys
from pathlib import Path


def notes(tag: str, version: str, changelog: str) -> str:
    """Return the version's entry in the changelog, without its heading. Raises ValueError if the
    version cannot be released."""
    if tag != f"v{version}":
        raise ValueError(
            f"the tag is {tag}, and the version in kong_oam/__init__.py is {version}: use the tag "
            f"v{version}"
        )
    entries = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    heading = re.compile(rf"\[?{re.escape(version)}\]? - (\d{{4}}-\d\d-\d\d)")
    for title, _, text in (entry.partition("\n") for entry in entries):
        if dated := heading.fullmatch(title.strip()):
            datetime.date.fromisoformat(dated[1])
            if not text.strip():
                raise ValueError(
                    f"the entry for {version} in CHANGELOG.md is empty"
                )
            return text.strip() + "\n"
    raise ValueError(
        f"CHANGELOG.md has no entry for {version}: add '## [{version}] - YYYY-MM-DD' below '## "
        "[Unreleased]'"
    )


def main(arguments: list[str]) -> int:
    """Print the notes of a tag's release. Return the exit status."""
    if len(arguments) != 1:
        print("usage: python .ci/release.py TAG", file=sys.stderr)
        return 2
    version = re.search(
        r'^__version__ = "(.+)"$',
        Path("kong_oam/__init__.py").read_text("utf-8"),
        re.MULTILINE,
    )
    try:
        print(
            notes(
                arguments[0],
                version[1] if version else "no version",
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
