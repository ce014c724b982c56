"""A real Keycloak on loopback: fetched from Maven Central once, started for one run, then removed.

with Keycloak() as server:
    server.realm("sandbox", groups=("sales",), users={"user-sales": ("sales",)})

This is no stand-in. It needs Java 17 or newer and Maven, which fetches the distribution
(org.keycloak:keycloak-quarkus-dist, Apache-2.0, 176 MB) into the cache of sandbox.toolchain. The
database is in memory.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Self

from sandbox.browser import PASSWORD
from sandbox.edges import Json
from sandbox.plugins.http import TIMEOUT, Answer, send, send_form
from sandbox.progress import shown
from sandbox.server import Server, StartError, free_port
from sandbox.toolchain import alone, cache, temporary

VERSION: Final = "26.7.3"
OLDEST_JAVA: Final = 17
_ARTIFACT: Final = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
_FETCHED: Final = 900.0  # seconds
_SILENT = 180.0
"""Seconds without progress after which a start ends. A first start builds, and takes 32 s on two
idle cores. Later starts take 12 s. Busy machines need many times more."""
_ANSWERED: Final = (
    15.0  # seconds for one try, because another server may use that port
)
_ADMIN: Final = "sandbox-admin"
ACCOUNT: Final = "kong-oam"
"""The client of a realm whose service account administers it."""
PERMISSIONS: Final = (
    "manage-clients",
    "manage-realm",
    "manage-users",
    "query-groups",
)
"""The account's roles of the client realm-management: exactly those that the program documents."""


class UnavailableError(Exception):
    """Keycloak is not available. The message has the reason and the remedy."""


def distribution() -> Path:
    """Return the folder of the unpacked distribution; fetch it if it is missing. Raises
    UnavailableError."""
    if java := _java_problem():
        raise UnavailableError(java)
    folder = cache() / f"keycloak-{VERSION}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with alone(
            folder.parent / "keycloak.lock", "fetching or starting Keycloak"
        ):
            if not folder.exists():
                _fetch(folder)
    return folder


def _java_problem() -> str | None:
    try:
        output = subprocess.run(
            ["java", "-version"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stderr
    except (OSError, subprocess.SubprocessError):
        return f"Keycloak needs Java {OLDEST_JAVA} or newer, and the PATH has no java: install it"
    number = re.search(r'version "(\d+)', output)
    if number is None or int(number[1]) < OLDEST_JAVA:
        return (
            f"Keycloak needs Java {OLDEST_JAVA} or newer; the PATH has "
            f"{output.splitlines()[0]}"
        )
    return None


def _fetch(folder: Path) -> None:
    if shutil.which("mvn") is None:
        raise UnavailableError(
            f"Keycloak is fetched by Maven ({_ARTIFACT}), and there is no mvn on the PATH"
        )
    with temporary(folder.parent, "fetch-") as made:
        command = [
            "mvn",
            "-q",
            "-B",
            "dependency:copy",
            f"-Dartifact={_ARTIFACT}",
            f"-DoutputDirectory={made}",
        ]
        limit = f"{_FETCHED / 60:.0f} minutes"
        try:
            with shown(
                lambda: (
                    f"fetching Keycloak {VERSION} by Maven: 176 MB, at most {limit}"
                )
            ):
                done = subprocess.run(
                    command,
                    cwd=made,
                    capture_output=True,
                    text=True,
                    timeout=_FETCHED,
                )
        except subprocess.TimeoutExpired:
            raise UnavailableError(
                f"Maven did not fetch {_ARTIFACT} within {limit}"
            ) from None
        archive = next(Path(made).glob("*.zip"), None)
        if done.returncode or archive is None:
            raise UnavailableError(
                f"Maven could not fetch {_ARTIFACT}:\n{done.stdout[-800:]}{done.stderr[-800:]}"
            )
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(made)
        # An atomic rename: other runs never see half of it.
        (Path(made) / f"keycloak-{VERSION}").rename(folder)


class Keycloak:
    """A context manager that runs one server. `url` is its address, and `log` its log file."""

    def __init__(self) -> None:
        self._secret = secrets.token_urlsafe(24)
        self._token = ""
        self._server: Server | None = None
        self._folder = Path()
        self.url = ""
        self.account_secret = secrets.token_urlsafe(24)

    def __enter__(self) -> Self:
        """Raises UnavailableError, StartError, and ToolchainError where another run is at it for
        too long."""
        home = distribution()
        self._folder = Path(tempfile.mkdtemp(prefix="kong-oam-keycloak-"))
        try:
            # The first start changes the distribution itself: one at a time.
            with alone(
                home.parent / "keycloak.lock", "fetching or starting Keycloak"
            ):
                self._start(home)
                self._await()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def log(self) -> str:
        return self._server.log if self._server is not None else ""

    def environment(self, realm: str) -> dict[str, str]:
        """Return the program's settings for its account at the realm."""
        return {
            "KEYCLOAK_URL": self.url,
            "KEYCLOAK_REALM": realm,
            "KEYCLOAK_CLIENT_ID": ACCOUNT,
            "KEYCLOAK_CLIENT_SECRET": self.account_secret,
        }

    @property
    def administrator(self) -> tuple[str, str]:
        """The client that administers all realms, and its secret."""
        return _ADMIN, self._secret

    def issuer(self, realm: str) -> str:
        return f"{self.url}/realms/{realm}"

    def realm(
        self,
        name: str,
        groups: Iterable[str] = (),
        users: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        """Create a realm with groups, users (groups by login) and an administrating client."""
        self.admin("POST", "", {"realm": name, "enabled": True})
        for group in groups:
            self.admin("POST", f"/{name}/groups", {"name": group})
        for login, held in (users or {}).items():
            self.admin("POST", f"/{name}/users", _user(login, held))
        client = {
            "clientId": ACCOUNT,
            "secret": self.account_secret,
            "serviceAccountsEnabled": True,
        }
        self.admin(
            "POST",
            f"/{name}/clients",
            {**client, "publicClient": False, "standardFlowEnabled": False},
        )
        user = self.admin(
            "GET",
            f"/{name}/clients/{self._id(name, ACCOUNT)}/service-account-user",
        ).body["id"]
        management = self._id(name, "realm-management")
        roles = [
            self.admin("GET", f"/{name}/clients/{management}/roles/{role}").body
            for role in PERMISSIONS
        ]
        self.admin(
            "POST",
            f"/{name}/users/{user}/role-mappings/clients/{management}",
            roles,
        )

    def rotate(self, realm: str, name: str, priority: int) -> None:
        """Add a signing key. The key with the highest priority signs from now on."""
        config = {
            "priority": [str(priority)],
            "keySize": ["2048"],
            "active": ["true"],
            "enabled": ["true"],
        }
        body = {
            "name": name,
            "providerId": "rsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider",
        }
        self.admin(
            "POST",
            f"/{realm}/components",
            {**body, "config": {**config, "algorithm": ["RS256"]}},
        )

    def admin(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request to the Admin API (below /admin/realms) as the administrator. Raises
        RuntimeError after an error status."""
        answer = self._asked(method, path, body)
        if (
            answer.status == 401
        ):  # tokens of the administrator live for a minute
            self._log_in()
            answer = self._asked(method, path, body)
        if answer.status >= 300:
            raise RuntimeError(
                f"{method} {path}: {answer.status} {answer.text}"
            )
        return answer

    def _asked(self, method: str, path: str, body: Any) -> Answer:
        return send(
            self.url,
            method,
            f"/admin/realms{path}",
            body,
            {"Authorization": f"Bearer {self._token}"},
        )

    def _id(self, realm: str, client: str) -> str:
        return str(
            self.admin("GET", f"/{realm}/clients?clientId={client}").body[0][
                "id"
            ]
        )

    def _log_in(self, timeout: float = TIMEOUT) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": _ADMIN,
            "client_secret": self._secret,
        }
        answer = send_form(
            self.url,
            "/realms/master/protocol/openid-connect/token",
            form,
            timeout,
        )
        if answer.status != 200:
            raise RuntimeError(
                f"the administrator cannot log in: {answer.status} {answer.text}"
            )
        self._token = answer.body["access_token"]

    def _start(self, home: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        flags = [
            "--http-host=127.0.0.1",
            f"--http-port={port}",
            "--db=dev-mem",
            "--log-level=warn",
        ]
        environment = {
            "KC_BOOTSTRAP_ADMIN_CLIENT_ID": _ADMIN,
            "KC_BOOTSTRAP_ADMIN_CLIENT_SECRET": self._secret,
            "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m",
        }
        command = ["sh", str(home / "bin" / "kc.sh"), "start-dev", *flags]
        self._server = Server(
            command, self._folder, self._folder / "log", environment
        )

    def _await(self) -> None:
        progress = None
        until = 0.0
        with shown(
            lambda: (
                f"waiting for Keycloak at {self.url} while it makes progress; a first start is the "
                "longest"
            )
        ):
            while not self._is_ready():
                assert self._server is not None
                if self._server.status is not None:
                    raise StartError(
                        f"Keycloak ended with {self._server.status}{self._last_words}"
                    )
                if progress != (progress := self._server.progress()):
                    until = time.monotonic() + _SILENT
                if time.monotonic() > until:
                    raise StartError(
                        f"Keycloak made no progress for {_SILENT:.0f} s{self._last_words}"
                    )
                time.sleep(0.5)

    def _is_ready(self) -> bool:
        with contextlib.suppress(OSError, RuntimeError):
            self._log_in(_ANSWERED)
            return True
        return False

    @property
    def _last_words(self) -> str:
        """Return the last errors in its log, as its own commands word them, otherwise its last
        lines."""
        lines = [line.strip() for line in self.log.splitlines() if line.strip()]
        errors = [
            line.partition("ERROR: ")[2] for line in lines if "ERROR: " in line
        ]
        last = " | ".join((errors or lines)[-3:])
        return f"; it said: {last}" if lines else ""

    def _end(self) -> None:
        if self._server is not None:
            self._server.end()
            self._server = None
        if self._folder != Path():
            shutil.rmtree(self._folder, ignore_errors=True)


def _user(login: str, groups: Iterable[str]) -> Json:
    """Return a user with a complete profile: otherwise Keycloak asks for it at the first login."""
    about = {
        "firstName": "A",
        "lastName": "User",
        "email": f"{login}@example.com",
        "emailVerified": True,
    }
    password = {"type": "password", "value": PASSWORD, "temporary": False}
    return {
        "username": login,
        "enabled": True,
        **about,
        "credentials": [password],
        "groups": [f"/{group}" for group in groups],
    }
