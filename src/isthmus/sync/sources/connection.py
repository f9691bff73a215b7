"""A connection to an LDAP server: always by TLS with the name verified, paged, ranges completed, referrals left alone.

`ldaps://` is TLS from the first byte, `ldap://` becomes TLS by StartTLS before anything is said (RFC 4513 3.1); there
is no way to turn that off. `ldapi://` is a socket on this machine.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ldap
import ldap.controls
import ldap.filter
from ldap.controls.libldap import SimplePagedResultsControl

from isthmus.errors import RefusedError, UnavailableError, UsageError
from isthmus.sync.sources import syncrepl
from isthmus.sync.sources.syncrepl import Record, Told

_PAGE = 1000
_CONNECT_S = 5
_ANSWER_S = 60
_RANGED = re.compile(r"(.+);range=[0-9]+-([0-9]+|\*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Server:
    """Where the directory is, and who asks. uris: tried in this order. ca_file: None for the system's authorities."""

    uris: tuple[str, ...]
    user: str
    password: str
    ca_file: Path | None = None

    def __repr__(self) -> str:
        return f"Server({self.uris}, {self.user})"


class Directory:
    """A signed-in connection; `with Directory.open(server) as directory`. Names of attributes come in lower case."""

    def __init__(self, connection: Any, uri: str) -> None:
        self._connection, self.uri = connection, uri

    @classmethod
    @contextlib.contextmanager
    def open(cls, server: Server) -> Iterator[Directory]:
        """Connect to the first server that answers. Raises UnavailableError, RefusedError."""
        directory = cls._first(server)
        try:
            yield directory
        finally:
            with contextlib.suppress(ldap.LDAPError):
                directory._connection.unbind_s()

    @classmethod
    def _first(cls, server: Server) -> Directory:
        faults: list[str] = []
        for uri in server.uris:
            try:
                return cls(_signed_in(uri, server), uri)
            except UnavailableError as error:
                faults.append(f"{uri}: {error.what}")
        raise UnavailableError(
            "; ".join(faults), do="Is the server up, and is ca_file the authority of its certificate?"
        )

    def search(
        self, base: str, filter_: str, attributes: Sequence[str], *, controls: Sequence[Any] = ()
    ) -> Iterator[Record]:
        """Everything below `base`, page by page. Raises as `translated` says: half a result is never taken for a whole.

        References to other servers are left alone.
        """
        cookie = b""
        while True:
            page = SimplePagedResultsControl(criticality=True, size=_PAGE, cookie=cookie)
            with translated(self.uri, base):
                message = self._connection.search_ext(
                    base, ldap.SCOPE_SUBTREE, filter_, list(attributes), serverctrls=[page, *controls]
                )
                _, found, _, answered = self._connection.result3(message, timeout=_ANSWER_S)
            for dn, values in found:
                if dn is not None:
                    yield dn, self._completed(dn, values)
            cookie = next((each.cookie for each in answered if each.controlType == page.controlType), b"")
            if not cookie:
                return

    def read(
        self, dn: str, attributes: Sequence[str], *, controls: Sequence[Any] = ()
    ) -> dict[str, list[bytes]] | None:
        """One object; None when there is none, or it is not shown to us."""
        try:
            with translated(self.uri, dn):
                found = self._connection.search_ext_s(
                    dn,
                    ldap.SCOPE_BASE,
                    "(objectClass=*)",
                    list(attributes),
                    serverctrls=list(controls),
                    timeout=_ANSWER_S,
                )
        except _NoSuchObjectError:
            return None
        return next((self._completed(name, values) for name, values in found if name is not None), None)

    def tells_changes(self) -> bool:
        """Whether the server may tell changes by itself (see `syncrepl`)."""
        return syncrepl.speaks(self.read("", ["objectClass", "supportedControl"]))

    def changes(self, base: str, filter_: str, attributes: Sequence[str], cookie: str | None) -> Told:
        """What the server says has changed below `base`. Raises StaleCookieError, NoTellingError, as `translated`."""
        with translated(self.uri, base):
            told = syncrepl.ask(self._connection, base, filter_, attributes, cookie, _ANSWER_S)
        told.records = {key: (dn, self._completed(dn, values)) for key, (dn, values) in told.records.items()}
        return told

    def write(self, dn: str, changes: Mapping[str, str | None]) -> None:
        """Replace attributes; None takes one away."""
        modifications = [
            (ldap.MOD_REPLACE, name, None if value is None else [value.encode()]) for name, value in changes.items()
        ]
        with translated(self.uri, dn):
            self._connection.modify_s(dn, modifications)

    def _completed(self, dn: str, values: Mapping[str, list[bytes]]) -> dict[str, list[bytes]]:
        """The attributes in lower case, with the rest of those that the server gave in part (MS-ADTS 3.1.1.3.1.3.3)."""
        whole: dict[str, list[bytes]] = {}
        for name, found in values.items():
            ranged = _RANGED.fullmatch(name)
            if ranged is None:
                whole.setdefault(name.lower(), []).extend(found)
                continue
            attribute, last = ranged.group(1), ranged.group(2)
            collected = list(found)
            while last != "*":
                collected_before = len(collected)
                with translated(self.uri, dn):
                    more = self._connection.search_ext_s(
                        dn,
                        ldap.SCOPE_BASE,
                        "(objectClass=*)",
                        [f"{attribute};range={int(last) + 1}-*"],
                        timeout=_ANSWER_S,
                    )
                last = "*"
                for part, rest in ((key, value) for _, each in more for key, value in each.items()):
                    if (again := _RANGED.fullmatch(part)) and again.group(1).lower() == attribute.lower():
                        collected += rest
                        last = again.group(2)
                if len(collected) == collected_before:
                    break
            whole.setdefault(attribute.lower(), []).extend(collected)
        return whole


class _NoSuchObjectError(UsageError):
    """The server has no object of that name, or does not show it."""


@contextlib.contextmanager
def translated(uri: str, where: str = "") -> Iterator[None]:
    """What the library raises becomes one clear line.

    UnavailableError: no answer, or a broken one; trying again can work. RefusedError: the account may not, or the
    server has limits. UsageError: a base or filter that is wrong.
    """
    place = f"{uri} {where}".strip()
    try:
        yield
    except ldap.NO_SUCH_OBJECT:
        raise _NoSuchObjectError(
            "there is no such object, or the account may not see it", where=place, do="Look at `base` and `group`."
        ) from None
    except (ldap.INVALID_CREDENTIALS, ldap.INVALID_DN_SYNTAX, ldap.INAPPROPRIATE_AUTH) as error:
        raise RefusedError(
            f"the server refuses the account ({_said(error)})", where=place, do="Look at `user` and `password_file`."
        ) from None
    except (ldap.FILTER_ERROR, ldap.PROTOCOL_ERROR) as error:
        raise UsageError(f"the server does not understand the question ({_said(error)})", where=place) from None
    except (ldap.OBJECT_CLASS_VIOLATION, ldap.UNDEFINED_TYPE, ldap.CONSTRAINT_VIOLATION) as error:
        raise RefusedError(f"the object can't have that ({_said(error)})", where=place) from None
    except (ldap.INSUFFICIENT_ACCESS, ldap.SIZELIMIT_EXCEEDED, ldap.ADMINLIMIT_EXCEEDED) as error:
        raise RefusedError(
            f"the server does not do that for this account ({_said(error)})",
            where=place,
            do="Give the account the right to it.",
        ) from None
    except ldap.LDAPError as error:
        raise UnavailableError(f"no answer ({_said(error)})", where=place) from None


def escaped(value: str | bytes) -> str:
    """The value for a filter (RFC 4515 3): whatever it holds, it stays one value."""
    if isinstance(value, bytes):
        return "".join(f"\\{byte:02x}" for byte in value)
    return str(ldap.filter.escape_filter_chars(value))


def texts(values: Sequence[bytes]) -> tuple[str, ...]:
    """Values as text; those that are none (photos) are left out."""
    found = []
    for value in values:
        with contextlib.suppress(UnicodeDecodeError):
            found.append(value.decode())
    return tuple(found)


def _signed_in(uri: str, server: Server) -> Any:
    if not uri.startswith(("ldaps://", "ldap://", "ldapi://")):
        raise UsageError(f"{uri!r} is no address of an LDAP server", do="Write it as ldaps://dc1.contoso.example.")
    if server.user and not server.password:
        raise UsageError(
            "the password is empty", where=uri, do="An empty one would sign in as nobody (RFC 4513 5.1.2)."
        )
    connection = ldap.initialize(uri)
    with _unreachable(uri):
        for option, value in _options(uri, server):
            connection.set_option(option, value)
        if uri.startswith("ldap://"):
            connection.start_tls_s()
    with translated(uri):
        if server.user:
            connection.simple_bind_s(server.user, server.password)
        elif uri.startswith("ldapi://"):
            connection.sasl_external_bind_s()
        else:
            connection.simple_bind_s("", "")
    return connection


def _options(uri: str, server: Server) -> list[tuple[int, Any]]:
    options: list[tuple[int, Any]] = [
        (ldap.OPT_PROTOCOL_VERSION, ldap.VERSION3),
        (ldap.OPT_REFERRALS, 0),
        (ldap.OPT_NETWORK_TIMEOUT, _CONNECT_S),
        (ldap.OPT_TIMEOUT, _ANSWER_S),
    ]
    if not uri.startswith("ldapi://"):
        options.append((ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND))
        options.append((ldap.OPT_X_TLS_PROTOCOL_MIN, 0x303))  # TLS 1.2
        if server.ca_file is not None:
            options.append((ldap.OPT_X_TLS_CACERTFILE, str(server.ca_file)))
        options.append((ldap.OPT_X_TLS_NEWCTX, 0))  # last: makes the others count
    return options


@contextlib.contextmanager
def _unreachable(uri: str) -> Iterator[None]:
    try:
        yield
    except ldap.LDAPError as error:
        raise UnavailableError(f"no TLS ({_said(error)})", where=uri) from None
    except ValueError as error:
        raise UnavailableError(f"no TLS ({error})", where=uri, do="Is ca_file a file of PEM certificates?") from None


def _said(error: Exception) -> str:
    details = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    said = ": ".join(str(details[key]) for key in ("desc", "info") if details.get(key))
    return " ".join(said.split()) or type(error).__name__
