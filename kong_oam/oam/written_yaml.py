"""Write YAML for people: lists below their key, without aliases, each value on one line."""

from __future__ import annotations

from typing import Any

import yaml

from kong_oam.oam.position import Fields


class _Dumper(yaml.SafeDumper):
    """A dumper that indents sequences below their key, and writes no aliases."""

    def increase_indent(
        self,
        flow: bool = False,
        indentless: bool = False,  # noqa: ARG002 - as it is called
    ) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - for no data
        return True


def to_yaml(data: Fields) -> str:
    """Return the data as YAML. Each value stays a single scalar."""
    text: str = yaml.dump(
        data,
        Dumper=_Dumper,
        default_flow_style=None,
        sort_keys=False,
        allow_unicode=True,
        width=10_000,
    )
    return text
