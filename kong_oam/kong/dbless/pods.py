"""The pods of a Kong without a database: list them, and forward local ports to their Admin APIs."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryFile
from typing import IO, cast

from kong_oam.access.data import Names
from kong_oam.access.settings.dbless import NodePods
from kong_oam.kong.dbless.nodes import NodeError
from kong_oam.kubernetes import kubectl
from kong_oam.kubernetes.kubectl import Context, KubectlError
from kong_oam.objects.pods import Manifest

# kubectl asks the API server, and may sign in first.
_PATIENCE = 60.0
_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ")


def unsettled(
    context: Context, pods: NodePods, written: frozenset[str]
) -> Iterator[str]:
    """Yield in words the pods that may serve requests with another document.

    `written`: the pods that got the document, as messages show them. Raises KubectlError.
    """
    by_state = _names_by_state(context, pods)
    for name in by_state.get("starting", ()):
        yield f"the pod {_shown(pods, name)} is starting, perhaps with another document"
    for name in by_state.get("ending", ()):
        if _shown(pods, name) not in written:
            yield f"the pod {_shown(pods, name)} is ending, with another document"


@contextmanager
def forwarded(context: Context, pods: NodePods) -> Iterator[dict[str, str]]:
    """Forward a local port to each running pod until the block ends.

    Yield the names of the pods, as messages show them, by URL. Raises KubectlError and NodeError.
    """
    with ExitStack() as opened:
        forwards = {}
        # All kubectl processes start at once.
        for name in _running(context, pods):
            forward = _Forward(context, pods, name)
            opened.callback(forward.close)
            forwards[_shown(pods, name)] = forward
        yield {forward.url(): name for name, forward in forwards.items()}


class _Forward:
    """A kubectl process that forwards a local port to a pod. Not frozen: it holds the process."""

    def __init__(self, context: Context, pods: NodePods, name: str) -> None:
        self._shown = _shown(pods, name)
        self._errors = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - see close
        command = kubectl.port_forward(context, pods.namespace, name, pods.port)
        try:
            # Ctrl-C on the terminal must not end it: the command still writes then.
            self._process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                start_new_session=True,
            )
        except OSError as error:
            self._errors.close()
            raise KubectlError(
                f"kubectl cannot be run ({error.strerror}); install it"
            ) from None
        self._output = cast("IO[str]", self._process.stdout)
        # It prints a line for each connection, and a full pipe would stop it.
        self._reader = threading.Thread(target=self._output.read, daemon=True)

    def url(self) -> str:
        """Return the URL of the local port. Raises NodeError."""
        timer = threading.Timer(_PATIENCE, self._process.kill)
        timer.start()
        line = self._output.readline()
        timer.cancel()
        found = _FORWARDING.match(line)
        if found is None:
            raise NodeError(
                f"kubectl cannot reach the pod {self._shown}: {self._reason()}"
            )
        self._reader.start()
        return f"http://127.0.0.1:{found[1]}"

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()
        if self._reader.is_alive():
            self._reader.join()
        self._output.close()
        self._errors.close()

    def _reason(self) -> str:
        self._process.kill()
        self._process.wait()
        self._errors.seek(0)
        *_, reason = self._errors.read().strip().splitlines() or [
            "it printed no reason"
        ]
        return reason[:300]


def _shown(pods: NodePods, name: str) -> str:
    """Return a pod's name as messages show it."""
    return f"{pods.namespace}/{name}"


def _running(context: Context, pods: NodePods) -> Names:
    """Return the names of the running pods, ready or not. Raises KubectlError and NodeError."""
    names = _names_by_state(context, pods).get("running", ())
    if not names:
        labels = " ".join(
            f"{key}={value}" for key, value in pods.labels.items()
        )
        raise NodeError(
            f"no pod runs in the namespace '{pods.namespace}' with the labels {labels}; start "
            "Kong, or correct gateway.nodes"
        )
    return tuple(sorted(names))


def _names_by_state(context: Context, pods: NodePods) -> dict[str, list[str]]:
    by_state: dict[str, list[str]] = {}
    for pod in kubectl.pods(context, pods.namespace, pods.labels):
        name = pod["metadata"]["name"]
        by_state.setdefault(_state(pod), []).append(name)
    return by_state


def _state(pod: Manifest) -> str:
    phase = pod.get("status", {}).get("phase")
    if phase in ("Succeeded", "Failed"):
        return "ended"
    if "deletionTimestamp" in pod["metadata"]:
        # It may still answer requests.
        return "ending"
    if phase == "Pending":
        # Without a machine, it has not read a document yet.
        has_machine = "nodeName" in pod.get("spec", {})
        return "starting" if has_machine else "waiting"
    return "running"
