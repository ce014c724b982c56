"""The type of pytest's fixture `capsys`."""

from __future__ import annotations

import pytest

Capsys = pytest.CaptureFixture[str]
