"""Answers of the evaluator, kept by what was asked: what did not change is not evaluated again.

A file per answer in a folder that may be deleted at any time. A file that is broken, or of another
question, counts as none; where none can be written, nothing is kept. What nobody asks for any more
goes. Whoever may write there decides what is deployed: the evaluator itself lies there, too.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from kong_oam.render.answers import Answer, Question
from kong_oam.render.program import cache_folder, version

_DAY = 24 * 60 * 60.0
DAYS = 30
"""After how many an answer goes that nobody asked for."""
_SORTED = json.JSONEncoder(check_circular=False, sort_keys=True)
_EXACT = json.JSONEncoder(
    check_circular=False, ensure_ascii=False, allow_nan=False
)
RESULTS = frozenset({"objects", "definition", "value"})
"""What an answer has alone where nothing is wrong with the question, nor awaited of a cluster."""


@dataclass(frozen=True, slots=True)
class Cache:
    """The folder of the answers, and the version of the evaluator that gave them."""

    folder: Path
    version: str

    def key(self, request: Question) -> str:
        """Return what this question is called: a digest of it and of who answers it."""
        text = _SORTED.encode([self.version, request])
        return hashlib.sha256(text.encode()).hexdigest()

    def find(self, request: Question) -> Answer | None:
        """Return the answer to this question that is kept, or None."""
        with suppress(OSError, ValueError, RecursionError):
            key = self.key(request)
            file = self._file(key)
            raw = file.read_bytes()
            if time.time() - file.stat().st_mtime > _DAY:
                os.utime(file)  # its time is when it was used last, to a day
            text = raw.partition(b"\n")[2]
            if raw == _sealed(key, text):
                return cast(Answer, json.loads(text))
        return None

    def keep(self, key: str, answer: Answer) -> None:
        """Keep an answer, in one step: no other run ever sees half of it."""
        with suppress(OSError, ValueError, RecursionError):
            text = _sealed(key, _EXACT.encode(answer).encode())
            kept = self._file(key)
            kept.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                dir=kept.parent, suffix=".json", delete=False
            ) as file:
                made = Path(file.name)
            try:
                made.write_bytes(text)
                made.rename(kept)
            except OSError:
                made.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove what was not used for 30 days. Once a day, and as far as it can."""
        with suppress(OSError):
            looked = self.folder / "looked"
            now = time.time()
            if looked.exists() and now - looked.stat().st_mtime < _DAY:
                return
            looked.touch()
            for file in self.folder.glob("[0-9a-f][0-9a-f]/*.json"):
                with suppress(OSError):  # another run has removed it
                    if now - file.stat().st_mtime > DAYS * _DAY:
                        file.unlink()

    def _file(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"


def _sealed(key: str, text: bytes) -> bytes:
    """Return a file's bytes: a digest by which it is known to be whole, and the answer to this
    question, and the answer."""
    return (
        hashlib.sha256(key.encode() + text).hexdigest().encode() + b"\n" + text
    )


def usual_cache() -> Cache:
    """Return the one of this machine, tidied. Raises EvaluatorError where there is no evaluator to
    be had."""
    cache = Cache(cache_folder() / "renderings", version())
    cache.tidy()
    return cache
