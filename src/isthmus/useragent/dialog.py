"""SIP dialogs (RFC 3261 section 12): what two user agents remember of one another during a call."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Self

from isthmus.useragent.message import Request, Response, tag_of, uri_of
from isthmus.useragent.transaction import Flow

# sipmessage's URI refuses hosts such as `p1`, which the grammar of section 25.1 allows.
_URI = re.compile(r"(sips?):(?:[^@;?]*@)?(\[[^\]]+\]|[^:;?\s]+)(?::(\d+))?((?:;[^?]*)?)", re.IGNORECASE)
PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True)
class Hop:
    """The next hop of a request: a transport, and a host that may be a name."""

    transport: str
    host: str
    port: int

    @classmethod
    def of(cls, uri: str) -> Self:
        """Where a request goes whose topmost Route, or else Request-URI, is `uri` (RFC 3263 without DNS).

        Raises ValueError.
        """
        found = _URI.match(uri)
        if not found:
            raise ValueError(f"{uri!r} is no SIP URI")
        scheme, host, port, _ = found.groups()
        transport = _parameters(uri).get("transport") or ("tls" if scheme.lower() == "sips" else "udp")
        if transport not in PORTS:
            raise ValueError(f"{uri!r} names a transport nobody knows")
        return cls(transport, host.strip("[]"), int(port) if port else PORTS[transport])


@dataclass(frozen=True, slots=True)
class DialogId:
    """Call-ID and the two tags."""

    call_id: str
    local_tag: str
    remote_tag: str


@dataclass(slots=True)
class Dialog:
    """One side of a dialog. `local` and `remote` are From and To as they are written, tags included."""

    id: DialogId
    local: str
    remote: str
    target: str
    routes: tuple[str, ...]
    local_cseq: int
    remote_cseq: int
    flow: Flow

    @classmethod
    def as_caller(cls, invite: Request, response: Response, flow: Flow) -> Self:
        """The dialog an answer to our request makes: routes are Record-Route reversed (section 12.1.2)."""
        return cls(
            id=DialogId(invite.call_id, invite.from_tag, response.to_tag),
            local=invite.get("From"),
            remote=response.get("To"),
            target=_contact(response) or uri_of(invite.get("To")),
            routes=tuple(reversed(response.all("Record-Route"))),
            local_cseq=invite.cseq[0],
            remote_cseq=0,
            flow=flow,
        )

    @classmethod
    def as_callee(cls, invite: Request, local_tag: str, flow: Flow) -> Self:
        """The dialog our answer to a request makes: Record-Route in the order it came (section 12.1.1)."""
        to = invite.get("To")
        return cls(
            id=DialogId(invite.call_id, local_tag, invite.from_tag),
            local=to if tag_of(to) else f"{to};tag={local_tag}",
            remote=invite.get("From"),
            target=_contact(invite) or uri_of(invite.get("From")),
            routes=tuple(invite.all("Record-Route")),
            local_cseq=secrets.randbelow(1000) + 1,
            remote_cseq=invite.cseq[0],
            flow=flow,
        )

    def refresh(self, message: Request | Response) -> None:
        """Take over a new remote target; the route set stays (section 12.2)."""
        self.target = _contact(message) or self.target

    def leads(self) -> tuple[str, tuple[str, ...], str]:
        """Request-URI, Route values, and the URI that names the next hop (section 12.2.1.1)."""
        if not self.routes:
            return self.target, (), self.target
        first = uri_of(self.routes[0])
        if "lr" in _parameters(first):
            return self.target, self.routes, first
        return first, (*self.routes[1:], f"<{self.target}>"), first


def _parameters(uri: str) -> dict[str, str]:
    """The URI's parameters in lower case."""
    found = _URI.match(uri)
    words = found.group(4).lower().split(";") if found else []
    return {name: value for name, _, value in (word.partition("=") for word in words if word)}


def _contact(message: Request | Response) -> str:
    contacts = message.all("Contact")
    return uri_of(contacts[0]) if contacts else ""
