"""Generated pairs of estates for `merge`, the estate of both, and a request to the second estate
as a request to both.

The documents come from the oracle's generator. The estate of both is put together here, without the
project's code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import yaml

from tests.support.oracle import meaning, worlds
from tests.support.oracle.meaning import Document, Request
from tests.support.oracle.worlds import World

_PROVIDERS = "kong-oam:identityProviders"
_DOMAINS = "kong-oam:domains"
_MOVED = {
    "sandbox.example.com": "sandbox.second.test",  # no suffix changes it
    "example.com": "example.edu",
    "example.org": "example.info",
    "example.net": "example.name",
    "id-of-": "second-",
}
_APART = {
    worlds.CORP["issuer"]: "https://sso.example.com",
    worlds.ENTRA["issuer"]: worlds.ENTRA["issuer"].replace("1111", "2222"),
}
"""The issuers of the second estate if it has providers apart."""


def pair(seed: int) -> tuple[World, World]:
    """Return two estates that share names, and no host, client id or group at the provider.

    They share their issuers, or the second estate has other issuers.
    """
    rng = Random(seed)
    first = worlds.estates(rng)[0]
    second = worlds.estates(rng)[0]
    text = json.dumps([second.applications, second.stack])
    for old, new in _MOVED.items():
        text = text.replace(old, new)
    applications, stack = json.loads(text)
    is_apart = rng.random() < 0.5
    originals = meaning.providers(second.stack)
    for provider, original in zip(
        stack["config"][_PROVIDERS], originals, strict=True
    ):
        if "issuer" in original:
            issuer = original["issuer"]
            provider["issuer"] = _APART[issuer] if is_apart else issuer
        provider["groups"] = {
            group: f"second {name}"
            for group, name in original["groups"].items()
        }
    return first, World(applications, stack)


def write(folder: Path, world: World, stack: str) -> None:
    """Write an estate as a project: a file for each Application, and one stack."""
    for name in ("applications", "stacks"):
        (folder / name).mkdir(parents=True)
    for number, application in enumerate(world.applications):
        (folder / f"applications/app{number}.yaml").write_text(
            _dumped(application), "utf-8"
        )
    (folder / f"stacks/Pulumi.{stack}.yaml").write_text(
        _dumped(world.stack), "utf-8"
    )


def _dumped(document: Document) -> str:
    """Return YAML without aliases: no object occurs twice in parsed JSON."""
    return yaml.safe_dump(json.loads(json.dumps(document)), sort_keys=False)


def read(folder: Path) -> World:
    """Read an estate that `write` has written."""
    applications = [
        yaml.safe_load(file.read_text("utf-8"))
        for file in sorted((folder / "applications").iterdir())
    ]
    (stack,) = (folder / "stacks").iterdir()
    return World(applications, yaml.safe_load(stack.read_text("utf-8")))


def joined(first: World, second: World) -> World:
    """Return the estate of both, with the settings of both. The first estate's settings win."""
    config = json.loads(json.dumps(first.stack["config"]))
    other = second.stack["config"]
    known = {provider["name"]: provider for provider in config[_PROVIDERS]}
    for provider in other[_PROVIDERS]:
        own = known.get(provider["name"])
        if own is None:
            config[_PROVIDERS].append(provider)
            continue
        for field in ("groups", "clients"):
            entries = {**provider.get(field, {}), **own.get(field, {})}
            if entries:
                own[field] = entries
    suffixes = other[_DOMAINS]["suffixes"]
    config[_DOMAINS]["suffixes"] = {
        **suffixes,
        **config[_DOMAINS]["suffixes"],
    }
    return World(
        [*first.applications, *second.applications], {"config": config}
    )


@dataclass(frozen=True)
class Renaming:
    """The second estate before and after the patch, part by part in the same order."""

    before: World
    after: World

    @cached_property
    def components(self) -> Mapping[str, str]:
        """The new key of each component."""
        return dict(zip(_keys(self.before), _keys(self.after), strict=True))

    @cached_property
    def providers(self) -> Mapping[str, str]:
        """The new name of each provider."""
        return dict(
            zip(_providers(self.before), _providers(self.after), strict=True)
        )

    def request(self, request: Request) -> Request:
        """Return the same request to the renamed estate."""
        token = request.token
        if token is None:
            return request
        groups = self._groups(token.provider)
        scopes = self._scopes(token.provider)
        components = self.components
        renamed = replace(
            token,
            provider=self.providers[token.provider],
            client=components.get(token.client or "", token.client),
            api=components.get(token.api or "", token.api),
            scopes=tuple(scopes.get(scope, scope) for scope in token.scopes),
            groups=tuple(groups.get(group, group) for group in token.groups),
        )
        return replace(request, token=renamed)

    def _scopes(self, provider: str) -> dict[str, str]:
        found = {}
        for old, new in self._parts():
            before = meaning.access_of(old) or {}
            after = meaning.access_of(new) or {}
            used = meaning.provider_of(old, self.before.stack)["name"]
            if used == provider:
                found.update(zip(before.get("scopes", ()), after.get("scopes", ()), strict=True))  # fmt: skip
        return found

    def _groups(self, provider: str) -> dict[str, str]:
        """Return the new names of groups, as the provider spells them."""
        names = _providers(self.before)[provider]["groups"]
        after = _providers(self.after)[self.providers[provider]]
        new_names = after.get("groups", {})
        found = {}
        for old, new in self._parts():
            before = (meaning.access_of(old) or {}).get("roles", {})
            roles = (meaning.access_of(new) or {}).get("roles", {})
            for name, role in before.items():
                pairs = zip(role.get("groups", ()), roles[name].get("groups", ()), strict=True)  # fmt: skip
                for group, renamed in pairs:
                    found[names.get(group, group)] = new_names.get(
                        renamed, renamed
                    )
        return found

    def _parts(self) -> list[tuple[Document, Document]]:
        before = meaning.components(self.before.applications)
        after = meaning.components(self.after.applications)
        return [*zip(before.values(), after.values(), strict=True)]


def _keys(world: World) -> list[str]:
    return [*meaning.components(world.applications)]


def _providers(world: World) -> dict[str, Any]:
    return {
        provider["name"]: provider
        for provider in meaning.providers(world.stack)
    }
