"""Build the site for `make docs`: the pages, their navigation, and a page for each code."""

import re
import sys
from pathlib import Path
from typing import Final

from sphinx.application import Sphinx

DOCS: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

from kong_oam.codes import CODES  # noqa: E402

project = "Kong-OAM"
extensions = ["myst_parser"]
exclude_patterns = ["conf.py"]
html_theme = "furo"
html_title = project
html_show_copyright = False
html_copy_source = False
myst_heading_anchors = 4

_PAGES: Final = DOCS / "reference" / "codes"
_BESIDE: Final = ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
_TO_BESIDE: Final = re.compile(
    rf"\]\(((?:\.\./)*)\.\./({'|'.join(map(re.escape, _BESIDE))})"
)


def _codes(_: Sphinx) -> None:
    """Write the page of each code, and remove pages of removed codes."""
    _PAGES.mkdir(exist_ok=True)
    for old in _PAGES.glob("*.md"):
        old.unlink()
    for number, code in CODES.items():
        title, warns, _ = code.title.partition(" (warning)")
        warned = warns or number.startswith("LINT")
        severity = (
            "error"
            if not warned
            else "error or warning"
            if warns and ", or " in title
            else "warning"
        )
        text = (
            f"{title}.\n\n**Severity:** {severity}.\n\n**Remedy:** {code.remedy}.\n\n"
            "[All codes](../codes.md)\n"
        )
        text = f"# {number}\n\n{text[0].upper()}{text[1:]}"
        (_PAGES / f"{number}.md").write_text(text, "utf-8")


def _beside(_: Sphinx) -> None:
    """Copy the pages beside docs/, with links relative to docs/."""
    for name in _BESIDE:
        text = (DOCS.parent / name).read_text("utf-8").replace("](docs/", "](")
        for other in _BESIDE:
            text = text.replace(f"]({other}", f"]({other.lower()}")
        text = re.sub(r"\[([^]]+)\]\((tests/[\w.]+)\)", r"\1 (`\2`)", text)
        (DOCS / name.lower()).write_text(text, "utf-8")


def _navigation(_: Sphinx, page: str, source: list[str]) -> None:
    """Make the navigation from the index's lists, and link codes to their pages."""
    source[0] = _TO_BESIDE.sub(
        lambda link: f"]({link[1]}{link[2].lower()}", source[0]
    )
    if page == "index":
        parts = re.split(r"^## (.+)$", source[0], flags=re.MULTILINE)[1:]
        for caption, text in zip(parts[::2], parts[1::2], strict=True):
            entries = "\n".join(
                re.findall(r"^- \[.*\]\(([\w/-]+)\.md\)$", text, re.MULTILINE)
            )
            source[0] += (
                f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{entries}\n```\n"
            )
    elif page == "reference/codes":
        source[0] = re.sub(
            r"^\| ([A-Z]+\d+) \|",
            r"| [\1](codes/\1.md) |",
            source[0],
            flags=re.MULTILINE,
        )
        source[0] += "\n```{toctree}\n:hidden:\n:glob:\n\ncodes/*\n```\n"


def setup(app: Sphinx) -> None:
    """Connect the functions to the events of Sphinx."""
    app.connect("builder-inited", _codes)
    app.connect("builder-inited", _beside)
    app.connect("source-read", _navigation)
