"""Decides the generation of each client's key or secret from this run on, and records it for the
next run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import pulumi
from pulumi import Output, log, runtime

from kong_oam.access.model import Client, Estate
from kong_oam.access.rotation import (
    Generation,
    GenerationOutput,
    Schedule,
    current_secret,
    is_shared,
    next_generation,
)
from kong_oam.oam.position import Texts

from .graph import Predecessors

# The facts about a client's credential that the next run reads. None of them is secret.
Recorded = Output[GenerationOutput]


@dataclass(frozen=True, slots=True)
class Turn:
    """The key that one client has when this run is over. `today` is the stack's `asOf`.

    `is_new`: this run introduces the client's next key. `before` identifies the keys in the state,
    by logical name; it is empty if the client has its first key or the next one.
    """

    client: str
    generation: Generation
    is_new: bool
    before: Texts
    schedule: Schedule
    today: date

    def record(self, resource: str, key: Output[str]) -> Recorded:
        """Return the record for the next run. Warn if the key changed out of turn.

        An emergency rotation changes the key without the program's knowledge. `resource` is the
        logical name of the resource with the key; `key` identifies the key, as in the state.
        """
        generation = self.generation
        before = self.before.get(resource)
        if before is None:
            return Output.from_input(generation.to_output(self.schedule))

        async def output() -> GenerationOutput:
            if not await _has_changed(key, before):
                return generation.to_output(self.schedule)
            log.info(
                f"credentials: {self.client}: the key of generation {generation.number}, since "
                f"{generation.since}, was replaced out of turn on {self.today}; the provider "
                "denies the old key"
            )
            return replace(generation, replaced=self.today).to_output(
                self.schedule
            )

        return Output.from_input(output())


@dataclass(frozen=True, slots=True)
class Rotation:
    """The rotation of all clients' credentials. `today` is the stack's `asOf`.

    `previous` has the outputs of Generation.to_output in the run before, by the client's name.
    `proofs` identify the keys and secrets in the state (kong_oam.identity.kinds.proofs_in).
    """

    estate: Estate
    today: date
    previous: Mapping[str, GenerationOutput]
    proofs: Texts

    def turn(self, client: Client) -> Turn:
        """Decide the client's key at the end of this run, and print this run's step."""
        last = self._last(
            client,
            "a key replaces the secret that it shared",
            shared=False,
        )
        schedule = self.estate.schedule_of(client)
        now = next_generation(last, schedule, self.today)
        stays = last is not None and last.number == now.number
        if last is not None and last != now:
            log.info(f"credentials: {client.name}: {last.step}")
        is_new = last is not None and not stays
        before = self.proofs if stays else {}
        return Turn(client.name, now, is_new, before, schedule, self.today)

    def shared_secret(
        self, client: Client, holder: Output[str], resource: str
    ) -> Recorded:
        """Return the record, for the next run, of a secret that a client shares with its provider.

        The provider accepts one secret at a time. `holder` is the id of the provider's object with
        the secret, `resource` its logical name. Each run in which the secret is due warns of it,
        with the command that replaces it.
        """
        last = self._last(
            client,
            "a shared secret replaces its key",
            shared=True,
        )
        schedule = self.estate.schedule_of(client)

        def output(holder: str) -> GenerationOutput:
            now = current_secret(last, holder, self.today)
            if self.today >= now.due(schedule):
                log.warn(
                    f"credentials: {client.name}: the shared secret is due since "
                    f"{now.due(schedule)}. Replace it: pulumi up -s {pulumi.get_stack()} "
                    f"--replace '**::{resource}'"
                )
            return now.to_output(schedule)

        return holder.apply(output)

    def _last(
        self, client: Client, to: str, *, shared: bool
    ) -> Generation | None:
        """Return the generation of the last run. Warn if it had the other kind of proof.

        The provider accepts one kind at a time: running pods lose access. `to` describes the new
        proof; `shared` is true for a secret.
        """
        previous = self.previous.get(client.name)
        if not previous:
            return None
        if is_shared(previous) == shared:
            return Generation.from_output(previous)
        log.warn(
            f"credentials: {client.name}: {to}; running pods get no tokens until they restart"
        )
        return None


async def _has_changed(key: Output[str], before: str) -> bool:
    """Return whether the key changed."""
    if await key.is_known():
        return await key.future() != before
    # A run does not know values that a flag leaves out; a preview does not know replaced values.
    return runtime.is_dry_run()


def once_deployed(record: Recorded, holders: Predecessors) -> Recorded:
    """Return the record once all workloads with the credential are registered."""
    urns = [holder.urn for holder in holders]
    return Output.all(record, *urns).apply(lambda outputs: outputs[0])
