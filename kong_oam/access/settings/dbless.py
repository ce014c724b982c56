"""The nodes of a Kong without a database, and the document that they load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from kong_oam.access.data import Names, TextList, Texts

# The settings that a place has together.
_PLACES = ({"file"}, {"secret", "namespace"})


class PodsYaml(TypedDict):
    """The setting `gateway.nodes`, if the nodes are pods."""

    namespace: str
    labels: Texts
    port: NotRequired[int]


class DocumentYaml(TypedDict, total=False):
    """The setting `gateway.document`."""

    file: str
    secret: str
    namespace: str


@dataclass(frozen=True, slots=True)
class NodePods:
    """The pods of a Kong. `port`: the Admin API (http) in each pod."""

    namespace: str
    labels: Texts
    port: int = 8001


@dataclass(frozen=True, slots=True)
class DocumentSecret:
    """The Secret of a document."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class DblessSettings:
    """The nodes of a Kong without a database, and the place of the document.

    The nodes are `urls` of Admin APIs, or `pods`. The document is `file`, or `secret`. `context`:
    the kubeconfig context of pods and Secret; None for the current context.
    """

    urls: Names = ()
    file: str = ""
    pods: NodePods | None = None
    secret: DocumentSecret | None = None
    context: str | None = None


def dbless_settings(
    nodes: TextList | PodsYaml | None,
    document: DocumentYaml | None,
    context: str | None,
) -> DblessSettings | None:
    """Return the checked settings; None if Kong has a database."""
    if not nodes or not document:
        return None
    urls: Names = ()
    pods = None
    if isinstance(nodes, list):
        urls = tuple(nodes)
    else:
        port = nodes.get("port", 8001)
        pods = NodePods(nodes["namespace"], nodes["labels"], port)
    secret = None
    if "secret" in document:
        secret = DocumentSecret(document["namespace"], document["secret"])
    return DblessSettings(urls, document.get("file", ""), pods, secret, context)


def dbless_problems(gateway: Mapping[str, object]) -> Iterator[str]:
    """Yield each problem, starting with the setting's name."""
    if ("nodes" in gateway) != ("document" in gateway):
        yield (
            "gateway: set nodes and document together; each node of a Kong without a database "
            "loads the document"
        )
    elif "nodes" in gateway and "adminUrl" in gateway:
        yield (
            "gateway: a Kong without a database has no adminUrl; remove it, and run commands with "
            "`kong-oam dbless`"
        )
    document = gateway.get("document")
    if isinstance(document, Mapping) and {*document} not in _PLACES:
        yield "gateway.document: set either file, or secret and namespace"
