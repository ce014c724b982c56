"""Pages in Debian's Chromium, also pages that call an API of another origin with `fetch`."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

CHROMIUM = shutil.which("chromium")
IN_A_BROWSER = pytest.mark.skipif(
    CHROMIUM is None, reason="needs Debian's chromium"
)

CONSOLE: Mapping[tuple[str, str], int] = {
    ("GET", "/reports"): 200,
    ("PUT", "/reports/7"): 200,
    ("GET", "/reports/published/drafts"): 200,
    ("GET", "/docs"): 200,
    ("POST", "/reports"): 0,
    ("GET", "/docs/internal"): 0,
}
"""The statuses that the browser client's pages see of its API on another host, by method and path.
The user is in order-desk. 0 means that the browser does not send the request, for want of a
grant."""

_PAGE = """<!doctype html><meta charset="utf-8"><title>pages</title><pre></pre><script>
const found = [];
async function all() {
  for (const [url, given] of %s) {
    try {
      const answer = await fetch(url, given);
      found.push([answer.status, await answer.text()]);
    } catch (error) {
      found.push([0, ""]);
    }
  }
  document.querySelector("pre").textContent = JSON.stringify(found);
}
all();
</script>"""


def dumped(folder: Path, html: str, fragment: str = "") -> str:
    """Return the elements of a page after its scripts, at an address with the fragment."""
    file = folder / "page.html"
    file.write_text(html, "utf-8")
    return _elements(folder, f"file://{file}#{fragment}")


def _elements(folder: Path, *arguments: str) -> str:
    """Return the elements of the page that Chromium shows with these arguments."""
    profile = f"--user-data-dir={folder}/profile"
    command = (
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--dump-dom",
    )
    done = subprocess.run(
        [*command, profile, *arguments],
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.stdout, done.stderr
    return done.stdout


def fetched(
    folder: Path,
    origin: str,
    proxy: tuple[str, int],
    requests: Sequence[tuple[str, Mapping[str, Any]]],
) -> list[tuple[int, str]]:
    """Return the results of a page of `origin`, of http, that fetches these URLs with options of
    `fetch`: status and body. The status is 0 where the browser hides the answer or sends no
    request. Every other host is at `proxy`."""
    text = (_PAGE % json.dumps(requests)).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Log no request."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    host, port = urlsplit(origin).hostname, server.server_address[1]
    rules = f"MAP {host} 127.0.0.1:{port}, MAP * {proxy[0]}:{proxy[1]}"
    options = (
        "--no-proxy-server",
        f"--host-resolver-rules={rules}",
        "--virtual-time-budget=20000",
    )
    try:
        shown = _elements(folder, *options, f"{origin}/")
    finally:
        server.shutdown()
        server.server_close()
    written = re.search(r"<pre>(.+?)</pre>", shown, re.DOTALL)
    assert written, f"the page did not come to its end: {shown[:2000]}"
    return [(status, body) for status, body in json.loads(unescape(written[1]))]
