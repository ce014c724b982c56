"""Pages in Debian's Chromium, which call an API of another origin with `fetch`."""

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
"""Statuses that the pages of the sample estate's browser client see, by method and path. Their API
is on another host, and the user is in order-desk. 0: the scope is missing, so the browser sends
nothing."""

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


def fetched(
    folder: Path,
    origin: str,
    proxy: tuple[str, int],
    requests: Sequence[tuple[str, Mapping[str, Any]]],
) -> list[tuple[int, str]]:
    """Return status and body of these fetches by a page of `origin`, over http.

    Each is a URL and the options of `fetch`. 0: the browser hides the answer, or sends nothing.
    Every other host is at `proxy`.
    """
    assert CHROMIUM is not None
    text = (_PAGE % json.dumps(requests)).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    host, port = urlsplit(origin).hostname, server.server_address[1]
    rules = f"MAP {host} 127.0.0.1:{port}, MAP * {proxy[0]}:{proxy[1]}"
    command = [
        *(
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-proxy-server",
        ),
        *(
            f"--user-data-dir={folder}/profile",
            f"--host-resolver-rules={rules}",
        ),
        *("--virtual-time-budget=20000", "--dump-dom", f"{origin}/"),
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=90
        )
    finally:
        server.shutdown()
        server.server_close()
    written = re.search(r"<pre>(.*?)</pre>", done.stdout, re.DOTALL)
    assert written and written[1], (
        f"the page did not come to its end: {done.stdout[:2000]} {done.stderr[-2000:]}"
    )
    return [(status, body) for status, body in json.loads(unescape(written[1]))]
