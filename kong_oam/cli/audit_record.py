"""`audit record`: write a record of the last runs of an estate."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kong_oam.cli.command import OK, UsageError
from kong_oam.cli.console import Console
from kong_oam.cli.estates import (
    add_estate,
    read_estate,
    settings_of,
    with_definitions,
)
from kong_oam.errors import KongOamError
from kong_oam.oam.position import JsonObject, Texts

if TYPE_CHECKING:
    from kong_oam.access.diff.model import AccessModel
    from kong_oam.access.model import Estate
    from kong_oam.access.settings.values import Settings
    from kong_oam.audit.history.engine import EngineStack
    from kong_oam.audit.history.run import Run

RECORD_DETAILS = """\
Writes a JSON file about the runs of an estate since the last record, partitions included. Run it
after each `pulumi up`, in the same checkout. The file has the engine's facts, the access model that
is in force, the exact change of access, the result of `verify`, and the SHA-256 of the file before.

With GITHUB_TOKEN and GITHUB_REPOSITORY it also names the pull requests, their authors and their
approvers. Elsewhere these are "not known".

A record has no secrets. The command changes nothing else.

Exit status: 0 if a record is written, or nothing happened since the last record. 2 if it failed.

  python -m kong_oam audit record --stack prod --to evidence
  pulumi up -s prod --policy-pack policies --event-log events.json
  python -m kong_oam audit record --stack prod --to evidence --events events.json
"""


def record_arguments(parser: ArgumentParser) -> None:
    add_estate(parser)
    parser.add_argument(
        "--to",
        type=Path,
        metavar="FOLDER",
        help="the folder of records (default: the stack's setting `evidence`)",
    )
    parser.add_argument(
        "--events",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="event logs of the runs, for findings of the policy pack",
    )
    add_signing(parser)


def add_signing(parser: ArgumentParser) -> None:
    """Add the option to sign a record."""
    parser.add_argument(
        "--sign",
        type=Path,
        metavar="KEY",
        help="a private key (PEM); also writes a signed DSSE envelope",
    )


def check_signing(key: Path | None) -> None:
    """Check that a chosen key can sign, before a record is written. Raises SignatureError."""
    from kong_oam.audit.history.signature import check_private_key

    if key:
        check_private_key(key)


def sign_record(file: Path, key: Path | None) -> Iterator[str]:
    """Sign a record if a key is chosen. Yield a line about the signature. Raises SignatureError."""
    from kong_oam.audit.history.signature import sign

    if key:
        yield f"{sign(file, key)}: the signature"


def folder_of(chosen: Path | None, settings: Settings) -> Path:
    """Return the folder of records. Raises UsageError without one."""
    if chosen:
        return chosen
    if settings.evidence:
        return Path(settings.evidence)
    raise UsageError(
        "no folder of records: name it, or set kong-oam:evidence in the stack's file"
    )


def run_record(options: Namespace, console: Console) -> int:
    # Imported here, so that other verbs start faster.
    from kong_oam.audit.history.read import read_history
    from kong_oam.audit.history.write import check_folder, write_record
    from kong_oam.identity.kinds import describe

    settings = with_definitions(
        settings_of(options.stack, describe=describe), options.definitions
    )
    folder = folder_of(options.to, settings)
    check_signing(options.sign)
    check_folder(folder)
    runs = read_history(folder).runs
    stacks = stacks_of(settings)
    parts = _new_parts(stacks, runs)
    if not parts:
        console.print(f"nothing happened since the last record in {folder}")
        return OK
    estate = read_estate(options.applications, settings)
    fields = {
        "stacks": parts,
        **_in_force(settings, estate, stacks.values(), runs),
        **_policy(options.events),
        "verify": _verified(settings, estate),
        "forge": _forge(parts),
    }
    file = write_record(folder, "run", settings.stack.name, fields)
    console.print(f"{file}: {_summary(parts)}")
    console.print(*sign_record(file, options.sign))
    return OK


def stacks_of(settings: Settings) -> dict[str, EngineStack]:
    """Return the stacks of the estate that exist, as the engine knows them now."""
    from kong_oam.audit.history.engine import read_stack
    from kong_oam.engine.stacks import existing_stacks, stack_names

    base, *partitions = stack_names(settings)
    names = [base, *existing_stacks(partitions)] if partitions else [base]
    return {name: read_stack(name) for name in names}


def _new_parts(
    stacks: Mapping[str, EngineStack], runs: Iterable[Run]
) -> dict[str, JsonObject]:
    """Return the part of each stack in the next record. Empty if nothing happened since the last
    record."""
    from kong_oam.audit.history.chain import recorded_updates, state_at_end

    parts = {}
    is_new = False
    for name, stack in stacks.items():
        known = recorded_updates(runs, name)
        parts[name] = stack.part_of_record(known)
        is_new |= bool(parts[name]["updates"])
        is_new |= stack.state != state_at_end(runs, name)
    return parts if is_new else {}


def _in_force(
    settings: Settings,
    estate: Estate,
    stacks: Iterable[EngineStack],
    runs: Iterable[Run],
) -> JsonObject:
    """Return the model and the revisions in force, with owners, roles, positions and the change of
    access."""
    from kong_oam.access.diff.facts import model_of
    from kong_oam.access.diff.snapshot import (
        dump_model,
        exported_model,
        join_models,
        load_model,
    )
    from kong_oam.audit.history.facts import (
        client_ids,
        owners,
        roles_and_positions,
    )
    from kong_oam.engine.stacks import merge
    from kong_oam.kong.revisions import OUTPUT, revisions

    stacks = tuple(stacks)
    current = revisions(estate, settings.gateway.edition)
    deployed: Mapping[str, Texts] = {}
    for stack in stacks:
        deployed = merge(deployed, stack.outputs.get(OUTPUT) or {})
    fields: JsonObject = {"revisions": deployed}
    texts = [exported_model(stack.outputs) for stack in stacks]
    if any(texts):
        model = join_models(filter(None, texts))
        loaded = load_model(model)
        fields["model"] = model.splitlines()
        fields["clients"] = client_ids(stack.outputs for stack in stacks)
        fields["owners"] = owners(loaded.estate)
        fields["access"] = _access(loaded, runs)
        fields |= roles_and_positions(estate, deployed, current)
    if any(stack.has_failed for stack in stacks):
        wanted = dump_model(model_of(estate, settings))
        fields["attempted"] = {
            "model": wanted.splitlines(),
            "revisions": current,
        }
    return fields


def _access(model: AccessModel, runs: Iterable[Run]) -> JsonObject:
    """Return the change of access since the last record with a model, as `diff --json` does."""
    from kong_oam.access.diff.compare import diff
    from kong_oam.access.diff.model import empty
    from kong_oam.cli.changes import document

    before = empty(model)
    for run in reversed(tuple(runs)):
        if earlier := run.model():
            before = earlier
            break
    return {**document(diff(before, model), model.estate.stack.scheme)}


def _policy(events: Iterable[Path] | None) -> JsonObject:
    """Return the findings of the policy pack in event logs; nothing without a log."""
    from kong_oam.review.preview import read

    if not events:
        return {}
    findings = []
    for file in events:
        for violation in read(file.read_text("utf-8")).violations:
            findings.append(
                {
                    "policy": violation.rule,
                    "level": violation.level,
                    "message": violation.message,
                }
            )
    return {"policy": findings}


def _verified(settings: Settings, estate: Estate) -> JsonObject:
    """Return the findings of `verify`, or the reason why the command has no result."""
    from kong_oam.cli.verify import entries_of
    from kong_oam.verify.stack import verify, workloads

    try:
        result = verify(settings, estate)
        cluster = workloads(settings, estate)
    except KongOamError as error:
        return {"unknown": str(error)}
    return {"findings": entries_of(result, cluster)}


def _forge(parts: Mapping[str, JsonObject]) -> object:
    """Return the pull requests of the new updates' commits."""
    from kong_oam.audit.history.forge import pull_requests

    commits = []
    for part in parts.values():
        for update in part["updates"]:
            if commit := update["facts"].get("git.head"):
                commits.append(commit)
    return pull_requests(commits, os.environ)


def _summary(parts: Mapping[str, JsonObject]) -> str:
    counts = [
        f"{len(part['updates'])} update(s) of {stack}"
        for stack, part in parts.items()
        if part["updates"]
    ]
    return ", ".join(counts) or "a state that no update wrote"
