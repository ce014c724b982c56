"""The meaning of Applications and a stack's settings, read from the documents alone.

A second reading that judges the first. It imports no code of the project, and takes the slow and
literal way. The documents are the plain dicts that `yaml.safe_load` gives. Where the pages leave a
choice, the docstring of the function that makes it names it.

`Token` describes a token by facts, not by claims: the providers' spellings are no part of this.
"""

from __future__ import annotations

import ipaddress
import re
import string
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

Document = dict[str, Any]
Elements = tuple[bytes, ...]
"""A path, element by element: `/` has none, and a path that ends with `/` has an empty last
element."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ANY_TOKEN: Document = {"rules": [{"scopes": []}]}
"""The meaning of a gateway trait without an access trait: a valid token, on every path."""
SIGN_IN = ("web", "browser", "native")
"""Kinds of clients that users sign in through."""
PER_API = ("entra",)
"""Kinds of providers whose tokens are for one API each."""


@dataclass(frozen=True)
class Token:
    """The facts about a token. `counts`: its signature, issuer, lifetime and form are valid."""

    provider: str
    counts: bool
    client: str | None
    """The component that got the token, as `application/component`, or None if no component was
    ever that client."""
    user: bool
    scopes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    """Groups of the user, in the provider's names."""
    api: str | None = None
    """The component that the token is for, if tokens of its provider are for one API each."""


@dataclass(frozen=True)
class Request:
    """A request. `host` is as in the Host header, `target` the raw bytes of the request line.
    `method` is `call NAME` for a message that calls an MCP tool.
    `address` is the client's address (None: any allowed address), `header` an additional header:
    its name and value."""

    method: str
    host: str
    target: bytes
    token: Token | None = None
    address: str | None = "127.0.0.1"
    header: tuple[str, str] | None = None


@dataclass(frozen=True)
class Answer:
    """A status, and the component and port of the rules. 200 stands for any answer of the
    workload."""

    status: int
    component: str | None = None
    port: int | None = None

    @property
    def allowed(self) -> bool:
        return self.status == 200


@dataclass(frozen=True)
class Endpoint:
    """A line of a gateway trait: paths below this path on this host go to this port of this
    component."""

    component: str
    host: str
    path: str
    port: int


# Reading the documents


def components(applications: list[Document]) -> dict[str, Document]:
    """Return every component, by `application/component`."""
    return {
        f"{application['metadata']['name']}/{component['name']}": component
        for application in applications
        for component in application["spec"]["components"]
    }


def traits(component: Document, kind: str) -> list[Document]:
    return [
        trait.get("properties", {})
        for trait in component.get("traits", [])
        if trait["type"] == kind
    ]


def access_of(component: Document) -> Document | None:
    found = traits(component, "access")
    return found[0] if found else None


def setting(stack: Document, name: str, default: Any) -> Any:
    return stack["config"].get(f"kong-oam:{name}", default)


def providers(stack: Document) -> list[Document]:
    found: list[Document] = setting(stack, "identityProviders", [])
    return found


def provider_of(component: Document, stack: Document) -> Document:
    """Return the provider whose tokens a component takes: its access trait names it, else it is the
    stack's first."""
    named = (access_of(component) or {}).get("identityProvider")
    for provider in providers(stack):
        if provider["name"] == named:
            return provider
    return providers(stack)[0]


def mapped(domain: str, stack: Document) -> str:
    """Return a domain in this environment. A suffix is whole labels; the longest suffix wins."""
    suffixes = setting(stack, "domains", {}).get("suffixes", {})
    fitting = [
        suffix
        for suffix in suffixes
        if domain == suffix or domain.endswith("." + suffix)
    ]
    if not fitting:
        return domain
    longest: str = max(fitting, key=len)
    return domain[: len(domain) - len(longest)] + str(suffixes[longest])


def endpoints(applications: list[Document], stack: Document) -> list[Endpoint]:
    found = []
    for key, component in components(applications).items():
        for gateway in traits(component, "gateway"):
            application, name = key.split("/")
            if "domain" in gateway:
                host = mapped(gateway["domain"], stack)
            else:
                host = f"{name}-{application}.{setting(stack, 'domains', {})['default']}"
            for path, port in gateway["http"].items():
                found.append(Endpoint(key, host, path, port))
    return found


# Paths


def elements(path: str) -> Elements:
    """Return the elements of an Application's path."""
    return () if path == "/" else tuple(path.encode().split(b"/")[1:])


def resolved(target: bytes) -> Elements | None:
    """Return the path of a request, or None if two servers could read it differently.

    Allowed encoded characters are decoded, unreserved or not: all servers that decode a path share
    this reading. Like Kong before it routes, slashes are merged before dot segments are resolved.
    `..` does not lead above the root (nginx answers 400).
    """
    path = target.partition(b"?")[0]
    if not path.startswith(b"/") or any(
        byte in b"\\;#" or control(byte) for byte in path
    ):
        return None
    decoded, at = b"", 0
    while at < len(path):
        if path[at : at + 1] != b"%":
            decoded, at = decoded + path[at : at + 1], at + 1
            continue
        digits = path[at + 1 : at + 3]
        if len(digits) < 2 or any(
            digit not in string.hexdigits.encode() for digit in digits
        ):
            return None
        byte = int(digits, 16)
        if byte in b"/\\;?%" or control(byte):
            return None
        decoded, at = decoded + bytes([byte]), at + 3
    try:
        decoded.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if any(
        is_none_or_several(part)
        for part in decoded.split(b"/")
        if part not in (b"", b".", b"..")
    ):
        return None
    return without_dots(decoded)


def control(byte: int) -> bool:
    return byte < 0x20 or byte == 0x7F


def without_dots(path: bytes) -> Elements | None:
    while b"//" in path:
        path = path.replace(b"//", b"/")
    parts = path.split(b"/")[1:]
    result: list[bytes] = []
    for part in parts:
        if part == b".." and not result:
            return None
        if part == b"..":
            result.pop()
        elif part != b".":
            result.append(part)
    if parts[-1] in (b".", b".."):
        result.append(b"")
    return tuple(result)


def owns(path: Elements, request: Elements) -> bool:
    return request[: len(path)] == path


# Other servers' readings of a path element


def _without_accents(text: str) -> str:
    return "".join(
        character
        for character in unicodedata.normalize("NFD", text)
        if unicodedata.category(character) != "Mn"
    )


def _without_what_cannot_be_seen(text: str) -> str:
    selectors = {
        chr(code)
        for code in (
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
            0x34F,
            0x3164,
            0xFFA0,
        )
    }
    return "".join(
        character
        for character in text
        if unicodedata.category(character) != "Cf"
        and character not in selectors
    )


HABITS: tuple[Callable[[str], str], ...] = (
    *(
        lambda text, form=form: unicodedata.normalize(form, text)
        for form in ("NFC", "NFKC", "NFKD")
    ),  # type: ignore[misc]
    str.casefold,
    str.lower,
    lambda text: text.upper().lower(),
    _without_accents,
    _without_what_cannot_be_seen,
    str.strip,
    lambda text: text.rstrip(". "),
    lambda text: re.sub(r":.*\$.*", "", text),  # streams of NTFS
    lambda text: (
        text.partition("#")[0] or text
    ),  # a fragment of the decoded text
    lambda text: text.encode("ascii", "ignore").decode() or text,
)
"""Known transformations that servers apply to an element before they look up its name."""


@lru_cache(maxsize=10_000)
def readings(part: bytes) -> frozenset[str]:
    """Return all results of the known transformations of an element, one after the other."""
    found: set[str] = set()
    new = {part.decode()}
    while new:
        found |= new
        new = {habit(text) for text in new for habit in HABITS} - found
    return frozenset(found)


def is_none_or_several(part: bytes) -> bool:
    """Return whether some server reads the element as empty, as a dot segment, or as several
    elements."""
    separators = set("/\\;?%#") - set(part.decode())
    return any(
        text in ("", ".", "..") or set(text) & separators
        for text in readings(part)
    )


def taken_for(part: bytes, rule: bytes) -> bool:
    """Return whether some server reads the element as the rule's element: by a transformation, a
    Windows wildcard, or a short name."""
    name = rule.decode().lower()
    jokers = {"*": ".*", "<": ".*", ">": ".?", '"': "[.]?"}
    for text in readings(part):
        pattern = "".join(
            jokers.get(character) or re.escape(character)
            for character in text.lower()
        )
        if re.fullmatch(pattern, name) or re.fullmatch(
            re.escape(name[:6]) + "~[0-9]", text.lower()
        ):
            return True
    return False


def may_own(path: Elements, request: Elements) -> bool:
    """Return whether some server takes the request's path for this path."""
    return len(path) <= len(request) and all(map(taken_for, request, path))


def text_of(path: Elements) -> bytes:
    """Return the text of a resolved path: `/orders/` for the elements `orders` and an empty element."""
    return b"/" + b"/".join(path)


def refused(rule: Document, path: Elements) -> bool:
    """Return whether the rule refuses a path by its text, or some server reads a refused text in
    it."""
    refusals = rule.get("refusals", {})
    parts = text_of(path).split(b"/")[1:]
    for exact in refusals.get("exactly", []):
        wanted = exact.encode().split(b"/")[1:]
        if len(parts) == len(wanted) and all(map(taken_for, parts, wanted)):
            return True
    starts = [
        *refusals.get("begins", []),
        *(below.rstrip("/") + "/" for below in refusals.get("below", [])),
    ]
    for start in starts:
        if text_of(path).startswith(start.encode()):
            return True
        *whole, last = start.encode().split(b"/")[1:]
        if (
            len(parts) > len(whole)
            and all(map(taken_for, parts, whole))
            and may_start(parts[len(whole)], last)
        ):
            return True
    return False


def may_start(part: bytes, start: bytes) -> bool:
    """Return whether some server reads the element as a name that starts so."""
    wanted = start.decode().lower()
    for text in readings(part):
        text = text.lower()
        if short := re.fullmatch("(.{1,6})~[0-9]", text):
            name = short[1]
            if name.startswith(wanted) or wanted.startswith(name):
                return True
        if starts_so(text, wanted):
            return True
    return False


def starts_so(text: str, wanted: str) -> bool:
    """Return whether a text with wildcards of Windows matches a name that starts so."""
    if not wanted:
        return True
    if not text:
        return False
    first, rest = text[0], text[1:]
    if first in "*<":
        return any(
            starts_so(rest, wanted[length:])
            for length in range(len(wanted) + 1)
        )
    if first in '>"' and (
        starts_so(rest, wanted)
        or ((first == ">" or wanted[0] == ".") and starts_so(rest, wanted[1:]))
    ):
        return True
    return first == wanted[0] and starts_so(rest, wanted[1:])


def is_spelled_oddly(target: bytes) -> bool:
    """Return whether the path has a part that servers read in several ways. The project may deny
    more of these than any server is known to misread, but no other path."""
    path = target.partition(b"?")[0]
    return bool(
        re.search(
            rb"[\x80-\xff*<>\"~]|%[89a-fA-F]|%2[2aA]|%3[cCeE]|%7[eE]|:.*[$]|%3[aA].*[$]",
            path,
        )
    )


# Deciding


def fits(pattern: str, host: str) -> bool:
    """Return whether a host of a gateway trait matches a request's host. `*.` stands for one label
    or more (RFC 4592)."""
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern[1:])
    return pattern == host


def picked(
    listed: list[Endpoint], host: str, path: Elements
) -> Endpoint | None:
    """Return the endpoint that takes a request. An exact host wins over a wildcard, a longer
    wildcard over a shorter wildcard, and then the longest path wins. Hosts are shared: an
    endpoint without a path for the request hides no other endpoint."""
    name = host.partition(":")[0]
    fitting = [
        endpoint
        for endpoint in listed
        if fits(endpoint.host, name) and owns(elements(endpoint.path), path)
    ]
    fitting.sort(
        key=lambda endpoint: (
            not endpoint.host.startswith("*."),
            len(endpoint.host),
            len(elements(endpoint.path)),
        )
    )
    return fitting[-1] if fitting else None


def rules_of(
    key: str, access: Document, listed: list[Endpoint]
) -> list[tuple[Elements, Document]]:
    """Return each path of each rule. A rule without a path has every path of the component's
    gateway traits."""
    own = [endpoint.path for endpoint in listed if endpoint.component == key]
    return [
        (elements(path), rule)
        for rule in access.get("rules", [])
        for path in rule.get("paths", own)
    ]


def lists(rule: Document, method: str) -> bool:
    if "tools" in rule:
        return method in [f"call {tool}" for tool in rule["tools"]]
    methods = rule.get("methods", METHODS)
    return method in methods or (method == "HEAD" and "GET" in methods)


def held_by_client(
    applications: list[Document], client: str | None, key: str, *, user: bool
) -> set[str]:
    """Return the scopes of a client at a component: its calls there (roles that cover them are
    checked).

    A sign-in client has them only for users, and any other client only for itself.
    """
    component = components(applications).get(client or "")
    own = [
        trait
        for trait in traits(component or {}, "client")
        if (trait["kind"] in SIGN_IN) == user
    ]
    calls = [call for trait in own for call in trait.get("calls", [])]
    return {
        scope
        for call in calls
        if call["component"] == key
        for scope in call["scopes"]
    }


def held_by_groups(
    access: Document, provider: Document, groups: tuple[str, ...]
) -> set[str]:
    """Return the scopes of the roles of groups, by the provider's names."""
    names = provider.get("groups", {})
    roles = access.get("roles", {}).values()
    return {
        scope
        for role in roles
        if any(
            names.get(group, group) in groups
            for group in role.get("groups", [])
        )
        for scope in role["scopes"]
    }


def counts(
    applications: list[Document], stack: Document, key: str, token: Token
) -> bool:
    """Return whether the component's own provider issued a token, for any of its APIs."""
    return (
        token.counts
        and token.provider
        == provider_of(components(applications)[key], stack)["name"]
    )


def is_for(
    applications: list[Document], stack: Document, key: str, token: Token
) -> bool:
    """Return whether a valid token is for the component. A component without an access trait is no
    API: a token for any called API of its provider is for it."""
    known = components(applications)
    if provider_of(known[key], stack)["type"] not in PER_API:
        return True
    if access_of(known[key]) is not None:
        return token.api == key
    if (
        token.api not in known
        or provider_of(known[token.api], stack)["name"] != token.provider
    ):
        return False
    calls = (
        call
        for component in known.values()
        for trait in traits(component, "client")
        for call in trait.get("calls", [])
    )
    return any(call["component"] == token.api for call in calls)


def effective(
    applications: list[Document], stack: Document, key: str, token: Token
) -> set[str]:
    """Return the effective scopes of a token: its client's grants here, and for a user the roles of
    their groups."""
    component = components(applications)[key]
    scopes = set(token.scopes) & held_by_client(
        applications, token.client, key, user=token.user
    )
    if token.user:
        scopes &= held_by_groups(
            access_of(component) or {},
            provider_of(component, stack),
            token.groups,
        )
    return scopes


def answer(
    applications: list[Document], stack: Document, request: Request
) -> Answer:
    """Return the answer to a request."""
    path = resolved(request.target)
    if path is None or (
        request.header and is_read_differently(*request.header)
    ):
        return Answer(400)
    listed = endpoints(applications, stack)
    endpoint = picked(listed, request.host, path)
    is_call = request.method.startswith("call ")
    has_route = is_call or request.method in METHODS
    if endpoint is None or not has_route:
        return Answer(404)
    status = _status(
        applications, stack, listed, endpoint.component, request, path
    )
    if status == 200 and not from_there(
        applications, listed, endpoint.component, request, path
    ):
        status = 403  # the last check
    return Answer(status, endpoint.component, endpoint.port)


def sent(
    applications: list[Document], stack: Document, request: Request
) -> bytes | None:
    """Return the decoded path at the workload. None if no component takes the request.

    The longest key of `forward` above the path wins, among the keys of the request's port. The
    gateway paths right above a key give its ports. A target and the rest are joined with one slash;
    only `/` alone keeps the target's own slash.
    """
    path = resolved(request.target)
    listed = endpoints(applications, stack)
    endpoint = None if path is None else picked(listed, request.host, path)
    if path is None or endpoint is None:
        return None
    access = access_of(components(applications)[endpoint.component]) or {}
    keys = [
        key
        for key in access.get("forward", {})
        if owns(elements(key), path)
        and endpoint.port in ports_of(endpoint.component, key, listed)
    ]
    if not keys:
        return text_of(path)
    longest = max(keys, key=lambda key: len(elements(key)))
    target = str(access["forward"][longest]).encode()
    rest = path[len(elements(longest)) :]
    if text_of(path) == b"/":
        return target
    if not rest:
        return target.rstrip(b"/") or b"/"
    return target.rstrip(b"/") + text_of(rest)


def ports_of(key: str, path: str, listed: list[Endpoint]) -> set[int]:
    """Return the ports of the longest gateway paths of a component above a path."""
    above = [
        endpoint
        for endpoint in listed
        if endpoint.component == key
        and owns(elements(endpoint.path), elements(path))
    ]
    longest = max(len(elements(endpoint.path)) for endpoint in above)
    return {
        endpoint.port
        for endpoint in above
        if len(elements(endpoint.path)) == longest
    }


OF_CONNECTIONS = {"", "close", "keep-alive", "upgrade", "te", "http2-settings"}
SPELLED_WITH_DASHES = re.compile(
    "content-length|transfer-encoding|keep-alive|proxy-connection|x-real-ip|x-kong-request-id|"
    "x-forwarded-(for|host|path|port|prefix|proto)"
)


def is_read_differently(name: str, value: str) -> bool:
    """Return whether servers read a header differently, by docs/reference/paths-and-headers.md."""
    name = name.lower()
    if name == "connection":
        return (
            not {part.strip().lower() for part in value.split(",")}
            <= OF_CONNECTIONS
        )
    return (
        "_" in name
        and SPELLED_WITH_DASHES.fullmatch(name.replace("_", "-")) is not None
    )


def from_there(
    applications: list[Document],
    listed: list[Endpoint],
    key: str,
    request: Request,
    path: Elements,
) -> bool:
    """Return whether the rules of the path allow the request's address. An IPv6 network contains no
    IPv4 address in any spelling."""
    component = components(applications)[key]
    rules = rules_of(key, access_of(component) or ANY_TOKEN, listed)
    owner = max((rule for rule, _ in rules if owns(rule, path)), key=len)
    for trait in traits(component, "ip-allow"):
        own = [
            rule
            for rule in trait.get("rules", [])
            if owner in map(elements, rule["paths"])
            and lists(rule, request.method)
        ]
        networks = own[0]["from"] if own else trait.get("from")
        if (
            networks is None
            or request.address is None
            or {"0.0.0.0/0", "::/0"} <= set(networks)
        ):
            return True  # both together allow any address
        return any(holds(network, request.address) for network in networks)
    return True


def holds(network: str, address: str) -> bool:
    """Return whether a network contains an address; an invalid address is in none."""
    try:
        read = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = (
        read.ipv4_mapped if isinstance(read, ipaddress.IPv6Address) else None
    )
    return (mapped or read) in ipaddress.ip_network(network)


def _status(
    applications: list[Document],
    stack: Document,
    listed: list[Endpoint],
    key: str,
    request: Request,
    path: Elements,
) -> int:
    token = request.token
    access = access_of(components(applications)[key])
    rules = rules_of(key, ANY_TOKEN if access is None else access, listed)
    owner = max(
        (len(rule) for rule, _ in rules if owns(rule, path)), default=-1
    )
    if any(len(rule) > owner and may_own(rule, path) for rule, _ in rules):
        return 400
    deciding = [
        rule
        for ruled, rule in rules
        if len(ruled) == owner
        and owns(ruled, path)
        and lists(rule, request.method)
        and not refused(rule, path)
    ]
    if any("public" in rule for rule in deciding):
        return 200
    if token is None or not counts(applications, stack, key, token):
        return 401
    if not is_for(applications, stack, key, token):
        return 403
    scopes = effective(applications, stack, key, token)
    return (
        200 if any(set(rule["scopes"]) <= scopes for rule in deciding) else 403
    )


# Answers that pages may read


@dataclass(frozen=True)
class Page:
    """A request of a page in a browser. `method` is the method that the page wants to use, also in
    a preflight."""

    origin: str
    method: str
    host: str
    target: bytes


def origins(
    applications: list[Document], stack: Document, client: str
) -> set[str]:
    """Return the origins of a browser client's pages: of its redirect URIs."""
    scheme = setting(stack, "gateway", {}).get("scheme", "https")
    return {
        f"{scheme}://{endpoint.host}"
        for trait in traits(components(applications)[client], "client")
        for path in trait.get("redirectPaths", [])
        for endpoint in endpoints(applications, stack)
        if trait["kind"] == "browser"
        and endpoint.component == client
        and owns(elements(endpoint.path), elements(path))
    }


def readable(applications: list[Document], stack: Document, page: Page) -> bool:
    """Return whether a browser gives the page the answer to its request.

    A page of a browser client may read the answers that its client's grants can allow its users,
    and public answers. No CORS header is needed if the API only has the page's own origin. A
    foreign page that the API names may read the answers of all rules.
    """
    path = resolved(page.target)
    endpoint = (
        None
        if path is None
        else picked(endpoints(applications, stack), page.host, path)
    )
    if path is None or endpoint is None or page.method not in METHODS:
        return False
    listed, key = endpoints(applications, stack), endpoint.component
    component = components(applications)[key]
    access = access_of(component)
    rules = rules_of(key, ANY_TOKEN if access is None else access, listed)
    owner = max(
        (len(rule) for rule, _ in rules if owns(rule, path)), default=-1
    )
    if any(len(rule) > owner and may_own(rule, path) for rule, _ in rules):
        return False
    deciding = [
        rule
        for ruled, rule in rules
        if len(ruled) == owner
        and owns(ruled, path)
        and lists(rule, page.method)
    ]
    if any(
        page.origin in trait.get("origins", [])
        for trait in traits(component, "cors")
    ):
        return bool(deciding)
    scheme = setting(stack, "gateway", {}).get("scheme", "https")
    if all(
        f"{scheme}://{endpoint.host}" == page.origin
        for endpoint in listed
        if endpoint.component == key
    ):
        return False
    held = (
        held_by_client(applications, client, key, user=True)
        for client in components(applications)
        if page.origin in origins(applications, stack, client)
    )
    return any(
        "public" in rule or set(rule["scopes"]) <= scopes
        for scopes in held
        if scopes
        for rule in deciding
    )


# During a run


def image(applications: list[Document], key: str) -> str | None:
    """Return the version of a component's workload."""
    found: str | None = (
        components(applications).get(key, {}).get("properties", {}).get("image")
    )
    return found


def over_tls(applications: list[Document], key: str) -> bool:
    """Return whether the gateway speaks only verified https to a component's workload. False if
    only some ports have it."""
    traits = components(applications).get(key, {}).get("traits", ())
    return any(
        trait["type"] == "upstream-tls"
        and "ports" not in trait.get("properties", {})
        for trait in traits
    )


def must_allow(before: Answer, after: Answer) -> bool:
    """Return whether a request must be allowed at any moment: both estates allow it at the same
    place."""
    return before.allowed and before == after
