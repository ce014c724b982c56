"""`new`: a component with its access template, ready to preview."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import kong_oam.oam.application as oam
from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.lint.lint import lint
from kong_oam.access.model import EXTERNAL, Estate
from kong_oam.access.settings.stack import Settings
from kong_oam.cli.command import OK, Command, UsageError, quoted
from kong_oam.cli.console import Console
from kong_oam.cli.estates import add_estate, judging_settings
from kong_oam.cli.scaffold import CLIENTS, OUTSIDE, NotScaffolded, Wanted, scaffold
from kong_oam.diagnostics import Diagnostic, errors, suggestion
from kong_oam.oam.application import read_bytes, read_files, together
from kong_oam.oam.edit import unified
from kong_oam.oam.files import is_empty_folder

_DETAILS = """\
Writes a component with its access template: a new file, or behind the other components of an Application that exists.
What it calls is granted in the file of the called component, whose owner reviews that. Nothing is overwritten, and
nothing is written in which `check` would find something. On a terminal it asks for what no flag says.

  python -m kong_oam new --app billing --component invoices --image registry.example.com/billing:1.0 \\
      --owner team-billing --port 8080 --domain billing.example.com --group sales --calls orders/api:orders.read
  python -m kong_oam new --app billing --component nightly --type worker --image registry.example.com/nightly:1.0 \\
      --owner team-billing --calls billing/invoices:billing.read
  python -m kong_oam new --app billing --component app --client native --redirect-uri com.example.billing:/callback \\
      --owner team-billing --calls billing/invoices:billing.read
"""

_QUESTIONS: Mapping[str, tuple[str, str]] = {
    "app": ("Application", ""),
    "component": ("Component", ""),
    "client": (f"Client: {', '.join(CLIENTS)} (nothing: it calls as itself, or nobody)", ""),
    "type": ("webservice, or worker (nobody calls it)", "webservice"),
    "image": ("Image", ""),
    "owner": ("Team that answers for its access", ""),
    "port": ("Port", "8080"),
    "domain": ("Domain (nothing: the stack gives one)", ""),
    "redirect_uri": ("Where users come back to on their device (com.example.app:/callback)", ""),
    "jwks_uri": ("Where its owner publishes its keys (https://...)", ""),
}
"""By flag: what is asked on a terminal, and the answer that an empty line stands for."""

_OF_WORKLOADS, _OF_WEBSERVICES = ("image", "port", "domain"), ("port", "domain")
_OF_CLIENTS = {"redirect_uri": "native", "jwks_uri": "external"}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--app", metavar="NAME", help="the Application, new or not")
    parser.add_argument("--component", metavar="NAME", help="the new component")
    parser.add_argument(
        "--type", metavar="TYPE", help="webservice, worker, or external (default: webservice, or what the client needs)"
    )
    parser.add_argument("--image", help="its container image")
    parser.add_argument("--owner", metavar="TEAM", help="who answers for its access")
    parser.add_argument("--port", help="of a webservice, where it listens")
    parser.add_argument("--domain", help="of a webservice; without one the stack gives one")
    parser.add_argument("--path", default="/", help="of a webservice, what it owns of the domain (default: /)")
    parser.add_argument(
        "--group", action="append", default=[], metavar="NAME", help="whose users may read and change (repeatable)"
    )
    parser.add_argument(
        "--client",
        choices=CLIENTS,
        help="it calls as itself, on behalf of its users (on a server, in the browser, on devices), or is a partner's",
    )
    parser.add_argument(
        "--redirect-uri",
        action="append",
        metavar="URI",
        help="of a native client, where users come back to on their device (repeatable)",
    )
    parser.add_argument("--jwks-uri", metavar="URL", help="of an external client, where its owner publishes its keys")
    parser.add_argument(
        "--calls",
        type=_call,
        action="append",
        default=[],
        metavar="APP/COMPONENT:SCOPE[,SCOPE]",
        help="what it calls, and with which scopes (repeatable)",
    )
    add_estate(parser)


def _call(text: str) -> tuple[str, tuple[str, ...]]:
    component, _, scopes = text.partition(":")
    if not scopes:
        raise argparse.ArgumentTypeError(f"{text!r} is not APP/COMPONENT:SCOPE")
    return component, tuple(dict.fromkeys(scopes.split(",")))


def _run(options: argparse.Namespace, console: Console) -> int:
    settings = judging_settings(options.stack)
    names = options.applications or settings.applications
    folder, reading = _folder(names), read_files(name for name in names if not is_empty_folder(name))
    estate = _estate(reading, settings, "mend them first")
    wanted = _wanted(options)
    file = str(folder / f"{wanted.application}.yaml")
    try:
        changed = scaffold(wanted, file, reading.applications, estate, settings.as_of)
    except NotScaffolded as error:
        raise UsageError(str(error)) from None
    before = {application.place.file: application.place.document.text for application in reading.applications}
    _refuse_new_findings(
        together(read_bytes(file, text.encode()) for file, text in {**before, **changed}.items()), reading, settings
    )
    _write(changed, before)
    _report(changed, before, options.stack, console)
    return OK


def _folder(names: Sequence[str]) -> Path:
    """The folder in which a new Application is written: the first that is named. Raises UsageError."""
    folder = next((Path(name) for name in names if Path(name).is_dir()), None)
    if folder is None:
        raise UsageError(f"{' '.join(map(quoted, names))} names no folder that is there; a new Application needs one")
    return folder


def _wanted(options: argparse.Namespace) -> Wanted:
    """From flags, and on a terminal from answers. Raises UsageError where they do not say enough, or too much.

    Nothing is asked where JSON is printed: the questions would stand before it.
    """
    answers: dict[str, Any] = {flag: getattr(options, flag) for flag in _QUESTIONS}
    answers["type"] = answers["type"] or (EXTERNAL if answers["client"] in OUTSIDE else None)
    if sys.stdin.isatty() and sys.stdout.isatty() and not options.json:
        _ask_for_missing(answers)
    _check_flags(answers)
    return Wanted(
        application=answers["app"],
        component=answers["component"],
        type=answers["type"] or "webservice",
        image=answers["image"] or "",
        owner=answers["owner"],
        port=_port(answers["port"]) if answers["port"] else None,
        domain=answers["domain"] or None,
        path=options.path,
        client=answers["client"] or None,
        calls=tuple(options.calls),
        groups=tuple(options.group),
        redirect_uris=tuple(answers["redirect_uri"] or ()),
        jwks_uri=answers["jwks_uri"] or None,
    )


def _ask_for_missing(answers: dict[str, Any]) -> None:
    """Fills in what no flag says and what is of use by what is said until then."""
    for flag, (question, default) in _QUESTIONS.items():
        if answers[flag] is None and flag not in _useless_flags(answers):
            answer = _ask(question, default)
            answers[flag] = [answer] if flag == "redirect_uri" and answer else answer
            if flag == "client":
                if answer and answer not in CLIENTS:
                    raise UsageError(f"'{answer}' is no kind of client{suggestion(answer, CLIENTS)}")
                answers["type"] = answers["type"] or (EXTERNAL if answer in OUTSIDE else None)


def _useless_flags(answers: Mapping[str, Any]) -> set[str]:
    """Flags that say nothing about such a component."""
    without = {EXTERNAL: _OF_WORKLOADS, "worker": _OF_WEBSERVICES}.get(answers["type"], ())
    return {*without, *(flag for flag, kind in _OF_CLIENTS.items() if answers["client"] != kind)}


def _check_flags(answers: Mapping[str, Any]) -> None:
    """That what is needed is said, and nothing that would be dropped. Raises UsageError."""
    useless = _useless_flags(answers)
    needed = (flag for flag in _QUESTIONS if flag not in (*useless, "client", "type", "domain"))
    if missing := [_flag_name(flag) for flag in needed if not answers[flag]]:
        raise UsageError(f"{', '.join(missing)} missing; `new --help` has an example")
    for flag in useless:
        if answers[flag]:
            raise UsageError(f"{_reason(flag, answers['type'])}: leave {_flag_name(flag)} out")


def _reason(flag: str, component: str | None) -> str:
    """Why a flag says nothing about it."""
    if flag in _OF_CLIENTS:
        return f"only a client of kind {_OF_CLIENTS[flag]} has one"
    return "nobody calls a worker" if component == "worker" else "what runs elsewhere is not deployed here"


def _flag_name(flag: str) -> str:
    return f"--{flag.replace('_', '-')}"


def _ask(question: str, default: str) -> str:
    try:
        return input(f"{question} [{default}]: " if default else f"{question}: ").strip() or default
    except EOFError:
        raise UsageError("no more answers; nothing was written") from None


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 6):
        raise UsageError(f"{text!r} is no port")
    return int(text)


def _estate(reading: oam.Reading, settings: Settings, what_then: str) -> Estate:
    compiled = compile_estate(reading, settings.stack)
    if compiled.estate is None:
        raise UsageError(_listed(errors(compiled.diagnostics), f"error(s) in the Applications; {what_then}"))
    return compiled.estate


def _listed(diagnostics: tuple[Diagnostic, ...], what: str) -> str:
    return "\n".join([*map(str, diagnostics), f"{len(diagnostics)} {what}"])


def _refuse_new_findings(after: oam.Reading, before: oam.Reading, settings: Settings) -> None:
    """Raises UsageError where `check` would find in `after` what it does not find in `before`."""
    findings_before, findings_after = (
        lint(reading.applications, _estate(reading, settings, "nothing was written"), settings.as_of)
        for reading in (before, after)
    )
    counts = Counter((finding.code, finding.component, finding.message) for finding in findings_before)
    new = tuple(
        finding.diagnostic for finding in findings_after if not counts[finding.code, finding.component, finding.message]
    )
    if new:
        raise UsageError(_listed(new, "finding(s) in what would be written; nothing was"))


def _write(changed: Mapping[str, str], before: Mapping[str, str]) -> None:
    """Writes each file whole or not at all; a new one only where there is nothing, not even a link."""
    for file, text in sorted(changed.items(), key=lambda pair: pair[0] in before):
        path = Path(file)
        try:
            if file in before:
                _replace(path, text)
            else:
                with path.open("xb") as new:
                    new.write(text.encode())
        except FileExistsError:
            raise UsageError(f"{file} exists; nothing is overwritten") from None
        except OSError as error:
            raise UsageError(f"{file} cannot be written: {error.strerror}") from None


def _replace(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as draft:
        draft.write(text.encode())
    Path(draft.name).chmod(path.stat().st_mode)
    Path(draft.name).replace(path)


def _report(changed: Mapping[str, str], before: Mapping[str, str], stack: str, console: Console) -> None:
    if console.json:
        entries = [{"file": file, "new": file not in before, "text": text} for file, text in changed.items()]
        console.print_json({"files": entries})
        return
    for file, text in changed.items():
        console.print(console.paint("bold", f"{file}: {'extended' if file in before else 'new'}"))
        shown = unified(file, before[file], text) if file in before else text
        console.print_exactly(*(shown or "").removesuffix("\n").split("\n"), "")
    console.print(f"next: pulumi preview -s {stack}")


COMMAND = Command("new", "write a component with its access template", _DETAILS, _arguments, _run)
