"""Write a page in HTML that loads nothing from the network.

The page is a fixed text with its data as JSON, which no text in the data can leave. The script
inserts all values as text. The page's Content-Security-Policy allows only this script and this
style.
"""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from string import Template

from kong_oam.access.data import JsonObject

_IN_A_SCRIPT = {ord(c): f"\\u{ord(c):04x}" for c in "<>&"}


def part(name: str) -> str:
    """Return the text of a file beside this module."""
    return Path(__file__).with_name(name).read_text("utf-8")


def as_json(data: JsonObject) -> str:
    """Return data as compact JSON in ASCII, which cannot end a script."""
    return json.dumps(data, separators=(",", ":")).translate(_IN_A_SCRIPT)


def html_page(
    template: str, style: str, script: str, data: str, **more: str
) -> str:
    """Return the page of a template. `data` is a text of `as_json`, and `more` has further texts
    for the template, which are HTML."""
    policy = (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return Template(template).substitute(
        policy=policy, style=style, script=script, data=data, **more
    )


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
