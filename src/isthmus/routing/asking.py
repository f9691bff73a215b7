"""From what somebody types, who asks why a call goes where it goes, to the request that is asked about."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from isthmus.addressing import Aor
from isthmus.dialling.plan import Dialling
from isthmus.errors import NotFoundError, UsageError
from isthmus.routing import dialling, explain, located
from isthmus.routing.model import Request, Source
from isthmus.routing.snapshot import View

KINDS = {"INVITE": "Call", "MESSAGE": "Message", "REGISTER": "Registration"}


def request_of(
    caller: str, target: str, method: str, at: str | None, down: Sequence[str], view: View
) -> tuple[Request, str]:
    """The request that was asked about, and the site it enters at. Raises UsageError, NotFoundError."""
    if method not in KINDS:
        raise UsageError(f"{method!r} is none of {', '.join(KINDS)}")
    source, who, via = explain.caller_of(address_of(caller, view), view)
    dials = view.person(who) if source is Source.PHONE else None
    entrance = at or _entrance(who, source, view)
    for site in (entrance, *down):
        if site not in view.config.sites:
            raise NotFoundError(f"there is no site {site!r}", do=f"Sites are {', '.join(view.config.sites)}.")
    plan = view.config.class_of(dials).dialling if dials else Dialling()
    return Request(method, address_of(target, view, plan), source, who, via, unreachable=frozenset(down)), entrance


def address_of(text: str, view: View, plan: Dialling | None = None) -> str:
    """What is called, as the sites read it: a number, or an address; without a domain, of the site's first one.

    plan: the dial plan of who dials it.
    """
    bare = text.strip()
    scheme, colon, rest = bare.partition(":")
    if colon and scheme.lower() in ("sip", "sips", "tel"):
        bare = rest
    user, at, host = bare.partition("@")
    if not at or host.lower() in view.config.domains:
        address = f"{user}@{host or next(iter(view.config.domains), '')}".lower()
        found = dialling.target(user, address, plan or Dialling(), view)
        if found != address:
            return found
    if not user or bool(at) != bool(host) or not (host or view.config.domains):
        raise UsageError(
            f"{text!r} is neither an address nor a number", do="Write alice@contoso.example or +14255550101."
        )
    return str(Aor.parse(f"{user}@{host or next(iter(view.config.domains))}"))


def place_of(address: str, view: View) -> str:
    """The network site of a phone at that IP address; empty where it is at none. Raises UsageError."""
    if not address:
        return ""
    try:
        ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        raise UsageError(f"{address[:60]!r} is no IP address", where="phone") from None
    return located.place_of(view.config.network_sites, address)


def _entrance(who: str, source: Source, view: View) -> str:
    person = view.person(who) if source is Source.PHONE else None
    return view.config.site if person is None else view.config.sites[person.home]
