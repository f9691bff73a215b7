"""What changed in an OpenLDAP directory, told by the server itself: the content synchronisation of RFC 4533.

Asked with the cookie of last time (refreshOnly, 3.3), the server sends whoever was added or modified, and either the
ids of those who are gone (delete phase: it has a session log that reaches back so far) or of everybody who is unchanged
(present phase). It says so when it can't tell (e-syncRefreshRequired).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import ldap
from ldap.syncrepl import SyncreplConsumer, SyncRequestControl

_REFRESH_REQUIRED = 0x1000  # 4096 e-syncRefreshRequired, RFC 4533 4
_OPENLDAP = b"OpenLDAProotDSE"

Record = tuple[str, dict[str, list[bytes]]]


class StaleCookieError(Exception):
    """The server can't tell the changes since that cookie."""


class NoTellingError(Exception):
    """The server does not tell changes of this base to this account, or not so many."""


@dataclass(slots=True)
class Told:
    """What the server said. records: id (entryUUID) to name and attributes. gone: ids, some of them nobody's.

    present: ids of everybody who is there, changed or not; None where the server said who is gone instead.
    cookie: what to ask with next time; None where the one asked with stays good.
    """

    records: dict[str, Record] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    present: set[str] | None = None
    cookie: str | None = None


def speaks(root: dict[str, list[bytes]] | None) -> bool:
    """Whether the server with this root DSE tells changes by entryUUID.

    OpenLDAP with its overlay syncprov. 389 announces the same control where its plug-in is on, but names objects by
    nsUniqueId in it, which is not their entryUUID.
    """
    root = root or {}
    return _OPENLDAP in root.get("objectclass", ()) and SyncRequestControl.controlType.encode() in root.get(
        "supportedcontrol", ()
    )


def ask(
    connection: Any, base: str, filter_: str, attributes: Sequence[str], cookie: str | None, answer_s: float
) -> Told:
    """The changes since the cookie; everybody without one. Raises StaleCookieError, NoTellingError, ldap.LDAPError."""
    consumer = _Consumer(connection, cookie)
    try:
        message = consumer.syncrepl_search(
            base, ldap.SCOPE_SUBTREE, cookie=cookie, filterstr=filter_, attrlist=list(attributes)
        )
        # One message at a time, so that the limit is one for the silence and not for the whole.
        while consumer.syncrepl_poll(message, timeout=answer_s):
            pass
    except (ldap.UNAVAILABLE_CRITICAL_EXTENSION, ldap.SIZELIMIT_EXCEEDED, ldap.ADMINLIMIT_EXCEEDED):
        raise NoTellingError from None
    except ldap.UNWILLING_TO_PERFORM:
        # It was restored, or is a replica that is behind: "consumer state is newer than provider".
        raise StaleCookieError from None
    except ldap.LDAPError as error:
        if cookie is not None and _code(error) == _REFRESH_REQUIRED:
            raise StaleCookieError from None
        raise
    return consumer.told()


class _Consumer(SyncreplConsumer):  # type: ignore[misc]  # python-ldap has no annotations
    """Collects what `SyncreplConsumer` reads from the answers."""

    def __init__(self, connection: Any, cookie: str | None) -> None:
        self.search_ext, self.result4 = connection.search_ext, connection.result4
        self._told, self._present, self._listed, self._asked = Told(), set[str](), False, cookie

    def told(self) -> Told:
        self._told.present = self._present if self._listed else None
        return self._told

    def syncrepl_get_cookie(self) -> str | None:
        return self._asked

    def syncrepl_set_cookie(self, cookie: str) -> None:
        self._told.cookie = cookie

    def syncrepl_entry(self, dn: str, attrs: dict[str, list[bytes]], uuid: str) -> None:
        self._told.records[uuid] = (dn, attrs)

    def syncrepl_delete(self, uuids: Sequence[str]) -> None:
        self._told.gone.update(uuids)

    def syncrepl_present(self, uuids: Sequence[str] | None, refreshDeletes: bool = False) -> None:  # noqa: N803
        if uuids is not None:
            self._present.update(uuids)
        elif not refreshDeletes:
            self._listed = True


def _code(error: ldap.LDAPError) -> int | None:
    details = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    return details.get("result")
