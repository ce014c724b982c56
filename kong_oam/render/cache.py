"""A cache of the evaluator's answers, by question.

Each answer is a file in a folder that may be deleted at any time. Broken files count as missing,
and write errors are ignored. Unused answers expire. Everyone with write access to this folder
controls deployments, because the evaluator is in it too.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

from kong_oam.render.answers import Answer, Question, QuestionPart
from kong_oam.render.program import cache_folder, version

_DAY = 24 * 60 * 60.0
# The days after which an unused answer expires.
DAYS = 30
_SORTED = json.JSONEncoder(check_circular=False, sort_keys=True)
_EXACT = json.JSONEncoder(
    check_circular=False, ensure_ascii=False, allow_nan=False
)
# The only keys of an answer without errors and without values from a cluster.
RESULTS = frozenset({"objects", "definition", "value"})


@dataclass(frozen=True, slots=True)
class Cache:
    """The folder with the answers, and the version of their evaluator."""

    folder: Path
    version: str

    def key(self, request: Question) -> str:
        """Return the key of a question: a digest of the question and the evaluator's version."""
        if "component" in request:
            request = {
                **request,
                "component": _brief(request["component"]),
                "traits": [*map(_brief, request["traits"])],
            }
        return _digest(_SORTED.encode([self.version, request]))

    def find(self, request: Question) -> Answer | None:
        """Return the stored answer to a question, or None."""
        with suppress(OSError, ValueError, RecursionError):
            key = self.key(request)
            file = self._file(key)
            raw = file.read_bytes()
            if time.time() - file.stat().st_mtime > _DAY:
                os.utime(file)  # the time of last use, to a day
            text = raw.partition(b"\n")[2]
            if raw == _sealed(key, text):
                return cast(Answer, json.loads(text))
        return None

    def keep(self, key: str, answer: Answer) -> None:
        """Store an answer in one step, so that no other run reads a part of it."""
        with suppress(OSError, ValueError, RecursionError):
            text = _sealed(key, _EXACT.encode(answer).encode())
            target = self._file(key)
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                dir=target.parent, suffix=".json", delete=False
            ) as file:
                temporary = Path(file.name)
            try:
                temporary.write_bytes(text)
                temporary.rename(target)
            except OSError:
                temporary.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove answers that were unused for 30 days, at most once a day. Ignores errors."""
        with suppress(OSError):
            marker = self.folder / "looked"
            now = time.time()
            if marker.exists() and now - marker.stat().st_mtime < _DAY:
                return
            marker.touch()
            for file in self.folder.glob("[0-9a-f][0-9a-f]/*.json"):
                with suppress(OSError):  # another run removed it
                    if now - file.stat().st_mtime > DAYS * _DAY:
                        file.unlink()

    def _file(self, key: str) -> Path:
        return self.folder / f"{key[:2]}/{key}.json"


def _brief(part: QuestionPart) -> QuestionPart:
    """Return a part with a digest in place of its template."""
    return {**part, "template": _digest(part["template"])}


@lru_cache(256)
def _digest(text: str) -> str:
    """Return a digest of a text. The cache helps, since many questions have the same templates."""
    return hashlib.sha256(text.encode()).hexdigest()


def _sealed(key: str, text: bytes) -> bytes:
    """Return the content of a file: a digest of the question and the answer, then the answer."""
    return (
        hashlib.sha256(key.encode() + text).hexdigest().encode() + b"\n" + text
    )


def usual_cache() -> Cache:
    """Return the cache of this machine after removing expired answers. Raise EvaluatorError without
    an evaluator."""
    cache = Cache(cache_folder() / "renderings", version())
    cache.tidy()
    return cache
