"""Debian's Chromium, driven by the Chrome DevTools Protocol over its pipe."""

from __future__ import annotations

import json
import os
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import F_DUPFD, fcntl
from pathlib import Path
from typing import Any

from tests.support.pages import CHROMIUM

# Chromium reads commands from descriptor 3, and writes answers to descriptor 4.
_READS, _WRITES = 3, 4


class Page:
    """A page of a running browser. Downloads are files in `downloads`."""

    def __init__(self, commands: int, answers: int, downloads: Path) -> None:
        self.downloads = downloads
        self._commands = commands
        self._answers = os.fdopen(answers, "rb")
        self._number = 0
        self._session = ""
        target = self.call("Target.createTarget", url="about:blank")
        attached = self.call(
            "Target.attachToTarget",
            targetId=target["targetId"],
            flatten=True,
        )
        self.call(
            "Browser.setDownloadBehavior",
            behavior="allow",
            downloadPath=str(downloads),
        )
        self._session = attached["sessionId"]
        self.call("Page.enable")

    def call(self, method: str, **parameters: object) -> Any:
        """Send a command, and return its result."""
        self._number += 1
        command: dict[str, object] = {
            "id": self._number,
            "method": method,
            "params": parameters,
        }
        if self._session:
            command["sessionId"] = self._session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while True:
            message = self._message()
            if message.get("id") == self._number:
                assert "result" in message, message
                return message["result"]

    def _message(self) -> Any:
        text = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "the browser ended"
            text += byte
        return json.loads(text)

    def open(self, file: Path) -> None:
        """Open a file, and wait until its scripts ran."""
        self.call("Page.navigate", url=f"file://{file}")
        while self._message().get("method") != "Page.loadEventFired":
            pass

    def run(self, script: str) -> Any:
        """Run a script on the page, and return its value."""
        done = self.call(
            "Runtime.evaluate",
            expression=script,
            returnByValue=True,
            awaitPromise=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def downloaded(self) -> Path:
        """Wait for a download, and return its file."""
        for _ in range(200):
            files = [
                file
                for file in self.downloads.iterdir()
                if file.suffix == ".json"
            ]
            if files:
                return files[0]
            time.sleep(0.05)
        raise AssertionError("no download")

    def pdf(self) -> bytes:
        """Return the page as printed."""
        return b64decode(self.call("Page.printToPDF")["data"])


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """Run a browser with a new profile, and return its page."""
    downloads = folder / "downloads"
    downloads.mkdir(parents=True)
    reads, commands = os.pipe()
    answers, writes = os.pipe()

    def connect() -> None:
        # First to high numbers, since 3 or 4 may be in use.
        first, second = fcntl(reads, F_DUPFD, 10), fcntl(writes, F_DUPFD, 10)
        os.dup2(first, _READS)
        os.dup2(second, _WRITES)

    process = subprocess.Popen(
        [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--remote-debugging-pipe",
            f"--user-data-dir={folder}/profile",
        ],
        close_fds=False,
        preexec_fn=connect,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(reads)
    os.close(writes)
    try:
        page = Page(commands, answers, downloads)
        yield page
        page._answers.close()
    finally:
        os.close(commands)
        process.terminate()
        process.wait(timeout=30)
