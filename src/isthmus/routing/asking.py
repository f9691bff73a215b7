"""From what somebody types, who asks why a call goes where it goes, to the request that is asked about."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from typing import NamedTuple

from isthmus.addressing import Aor, Telephone, is_e164
from isthmus.dialling.plan import Dialled, Dialling, Kind, dialled, forms
from isthmus.errors import NotFoundError, UsageError
from isthmus.routing import dialling, explain, located
from isthmus.routing.model import SOS, PersonRecord, Request, Source
from isthmus.routing.snapshot import View

KINDS = {"INVITE": "Call", "MESSAGE": "Message", "REGISTER": "Registration"}


def request_of(
    caller: str,
    target: str,
    method: str,
    at: str | None,
    down: Sequence[str],
    view: View,
    may_know: Callable[[str], bool] = lambda tenant: True,
) -> tuple[Request, str]:
    """The request that was asked about, and the site it enters at: a connector, too. Raises UsageError, NotFoundError.

    may_know: whether who asks may know of a tenant's connectors, by the tenant's name.
    """
    if method not in KINDS:
        raise UsageError(f"{method!r} is none of {', '.join(KINDS)}")
    source, who, via = explain.caller_of(address_of(caller, view), view)
    dials = view.person(who) if source is Source.PHONE else None
    entrance = at or _entrance(who, source, view)
    hidden = {each.name for each in view.config.connectors if not may_know(view.config.tenants[each.tenant])}
    sites = [each for each in view.config.sites if each not in hidden]
    for site in (entrance, *down):
        if site not in sites:
            raise NotFoundError(f"there is no site {site!r}", do=f"Sites are {', '.join(sites)}.")
    called = _called(target, dials, view)
    if _is_connector(entrance, view):
        source = Source.BRANCH if source is Source.PHONE else source
        via = via if entrance == view.config.site else ""  # which trunks it has, the connector knows
    return Request(method, called, source, who, via, unreachable=frozenset(down)), entrance


def _is_connector(site: str, view: View) -> bool:
    if site == view.config.site:
        return bool(view.config.upstream)
    return any(each.name == site for each in view.config.connectors)


def _called(target: str, caller: PersonRecord | None, view: View) -> str:
    """What is dialled, by the plan of who dials it; at a connector its own emergency numbers come first."""
    if view.config.upstream:
        called = address_of(target, view, view.config.class_of(None).dialling)
        if caller is None or called.startswith(SOS):
            return called
    return address_of(target, view, view.config.class_of(caller).dialling if caller else Dialling())


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


class Meant(NamedTuple):
    """Whom somebody means who asks who reaches them, and why, in words; empty for an address or number as it is.

    extension: what stood behind `;ext=`; calls go by the number before it.
    """

    person: PersonRecord
    why: str = ""
    extension: str = ""


def meant(text: str, view: View, visible: Callable[[str], bool] = lambda aor: True) -> Meant:
    """Who is meant by an address, a number with an extension or without, or what is dialled by a dial plan in use here.

    visible: whether who asks may know of somebody, by their address. Raises NotFoundError, UsageError.
    """
    bare = text.strip().removeprefix("sip:").removeprefix("tel:")
    if ";" in bare and "@" not in bare:
        telephone = Telephone.parse(bare)
        person = view.owner_of(telephone.number)
        if person is None or not visible(person.aor):
            raise _nobody("Calls do not reach an extension, only who has the number; ask for their own address.")
        why = f"calls to {telephone} ring whoever has {telephone.number}: no call goes by the extension"
        return Meant(person, why, telephone.extension)
    try:
        address = address_of(bare, view)
    except UsageError:
        address = ""  # digits such as `*88`, which only a plan's rules know
    person = view.owner_of(address) if is_e164(address) else view.person(address)
    if person is not None and visible(person.aor):
        return Meant(person)
    return _dialled(bare, view, visible)


def _dialled(digits: str, view: View, visible: Callable[[str], bool]) -> Meant:
    people: dict[str, Meant] = {}
    others: list[Dialled] = []
    for plan in dict.fromkeys(each.dialling for each in view.config.classes):
        means = dialled(digits, plan)
        if means is None:
            continue
        person = view.owner_of(means.digits) if means.kind is Kind.NUMBER else None
        if person is not None and visible(person.aor):
            people.setdefault(person.aor, Meant(person, f"{digits} means {means.digits}: {means.why}"))
        elif means.kind is not Kind.NUMBER:
            others.append(means)
    if len(people) > 1:
        raise UsageError(
            f"{digits} means {len(people)} different people, by who dials it",
            where="to",
            do=f"Ask for one of {', '.join(people)}.",
        )
    if people:
        return next(iter(people.values()))
    if others:
        raise UsageError(
            f"{digits} reaches nobody here: {others[0].why}",
            where="to",
            do="Such calls go out to the telephone network; `isthmus call explain FROM TO` says by which trunk.",
        )
    raise _nobody("See: isthmus user list")


def _nobody(do: str) -> NotFoundError:
    return NotFoundError("this address or number belongs to nobody", where="to", do=do)


def forms_of(person: PersonRecord, view: View) -> list[Dialled]:
    """What is dialled instead of somebody's number by their own dial plan, where it does reach them."""
    if person.number is None:
        return []
    plan, domain = view.config.class_of(person).dialling, person.aor.rpartition("@")[2]
    return [
        each
        for each in forms(person.number, plan)
        # Somebody else's address may be those digits.
        if dialling.target(each.digits, f"{each.digits}@{domain}", plan, view) == person.number
    ]


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
