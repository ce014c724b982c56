"""Data as files and tokens have them, before anything is known of their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Data = Mapping[str, Any]
"""Values by name, as JSON or YAML has them."""
