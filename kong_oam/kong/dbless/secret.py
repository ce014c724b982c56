"""The Secret of a document, and its lock.

Its key `kong.json.gz` has the text that the nodes load, compressed. An annotation locks it for one
command.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kong_oam.kong.dbless.compressed import compressed, decompressed
from kong_oam.kong.dbless.document import Document, DocumentError
from kong_oam.kong.dbless.holder import Holder, holder_of, in_words, may_live
from kong_oam.kubernetes import kubectl
from kong_oam.kubernetes.kubectl import Context
from kong_oam.objects.pods import Manifest

KEY = "kong.json.gz"
LOCK = "kong-oam.dev/dbless"
# Source: MaxSecretSize of Kubernetes, for all values of a Secret together.
_MOST = 1024 * 1024
# kubectl copies the whole Secret into this annotation if `kubectl apply` once made it.
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class SecretDocument:
    """The place of a document: a Secret in the cluster. Raises DocumentError.

    Not frozen: it holds the Secret as the cluster returned it last. Its `resourceVersion` guards
    each replacement.
    """

    def __init__(self, context: Context, namespace: str, name: str) -> None:
        self._context = context
        self._namespace = namespace
        self._name = name
        self._secret: Manifest | None = None

    def __str__(self) -> str:
        return f"in the Secret {self._namespace}/{self._name}"

    def load(self, stack: str) -> Document | None:
        """Return the stack's document, or None without a document."""
        secret = self._read()
        encoded = (secret or {}).get("data", {}).get(KEY)
        if encoded is None:
            return None
        return decompressed(base64.b64decode(encoded), stack, self)

    def save(self, document: Document) -> None:
        """Replace the document, unless somebody else wrote the Secret since it was read."""
        content = compressed(document)
        if len(content) > _MOST:
            size = len(content) / _MOST
            raise DocumentError(
                f"the document has {size:.1f} MiB compressed, and a Secret holds 1 MiB; use "
                "gateway.document.file"
            )
        secret = self._secret or self._new()
        encoded = base64.b64encode(content).decode()
        self._write(
            {**secret, "data": {**secret.get("data", {}), KEY: encoded}}
        )

    @contextmanager
    def locked(self, command: str) -> Iterator[None]:
        """Hold the document for one command. `command`: its words, for messages."""
        secret = self._read() or self._new()
        if LOCK in _annotations(secret):
            raise DocumentError(
                f"the document {self} is in use by {in_words(_holder(secret))}; wait until it "
                "ends. If it is dead, free the document with `recover`"
            )
        lock = json.dumps(holder_of(command))
        self._write(_annotated(secret, lock))
        try:
            yield
        except BaseException:
            # The first error says more.
            with suppress(DocumentError):
                self._release(lock)
            raise
        self._release(lock)

    def holder(self) -> Holder:
        """Return the command that holds the document, or nothing."""
        return _holder(self._read() or {})

    def dead_holder(self) -> str | None:
        """Return the dead command that holds the document, in words, or None without a lock.

        Raises DocumentError if the command may live.
        """
        secret = self._read() or {}
        if LOCK not in _annotations(secret):
            return None
        holder = _holder(secret)
        if may_live(holder):
            command = kubectl.annotation_removal(
                self._context, self._namespace, f"secret/{self._name}", LOCK
            )
            raise DocumentError(
                f"the document {self} is in use by {in_words(holder)}, which may still run; end "
                f"it, then run `{command}`"
            )
        return in_words(holder)

    def free(self) -> str | None:
        """Remove the lock of a dead command, and return the command, as `dead_holder` does."""
        holder = self.dead_holder()
        if holder and self._secret:
            self._write(_annotated(self._secret, None))
        return holder

    def _release(self, lock: str) -> None:
        # Others may have changed labels and annotations meanwhile.
        secret = self._read() or {}
        if _annotations(secret).get(LOCK) == lock:
            self._write(_annotated(secret, None))

    def _new(self) -> Manifest:
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"namespace": self._namespace, "name": self._name},
        }

    def _read(self) -> Manifest | None:
        try:
            self._secret = kubectl.secret(
                self._context, self._namespace, self._name
            )
        except kubectl.KubectlError as error:
            raise DocumentError(
                f"the document {self} cannot be read: {error}"
            ) from None
        return self._secret

    def _write(self, secret: Manifest) -> None:
        """Create the Secret, or replace it if it is still as it was read."""
        exists = "resourceVersion" in secret["metadata"]
        write = kubectl.replace if exists else kubectl.create
        try:
            self._secret = write(self._context, secret)
        except kubectl.ConflictError:
            raise DocumentError(
                f"somebody else wrote the document {self} meanwhile; find the other writer, then "
                "repeat the command"
            ) from None
        except kubectl.KubectlError as error:
            raise DocumentError(
                f"the document {self} cannot be saved: {error}"
            ) from None


def _annotations(secret: Manifest) -> dict[str, str]:
    return secret.get("metadata", {}).get("annotations") or {}


def _annotated(secret: Manifest, lock: str | None) -> Manifest:
    """Return the Secret with a lock, or without."""
    annotations = {**_annotations(secret)}
    annotations.pop(_APPLIED, None)
    annotations.pop(LOCK, None)
    if lock is not None:
        annotations[LOCK] = lock
    return {
        **secret,
        "metadata": {**secret["metadata"], "annotations": annotations},
    }


def _holder(secret: Manifest) -> Holder:
    try:
        holder = json.loads(_annotations(secret).get(LOCK, ""))
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) else {}
