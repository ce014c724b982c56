"""Compare an old Kong with the Applications that replace it."""

from __future__ import annotations
