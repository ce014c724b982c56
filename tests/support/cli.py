"""Run commands of the CLI in the process of the test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from kong_oam.__main__ import main
from tests.support.streams import Capsys


@dataclass(frozen=True, slots=True)
class Cli:
    """`cli("diff")` is the output of a command. The exit status must be `status`."""

    _capsys: Capsys

    def __call__(self, *arguments: str, status: int = 0) -> str:
        assert main(arguments) == status
        return self._capsys.readouterr().out

    def json(self, *arguments: str, status: int = 0) -> Any:
        """Return the output, which is JSON."""
        return json.loads(self(*arguments, status=status))

    def error(self, *arguments: str, status: int = 2) -> str:
        """Return the messages of a command."""
        assert main(arguments) == status
        return self._capsys.readouterr().err

    def usage(self, *arguments: str) -> str:
        """Return the messages of a command that prints nothing else."""
        assert main(arguments) == 2
        printed = self._capsys.readouterr()
        assert printed.out == ""
        return printed.err
