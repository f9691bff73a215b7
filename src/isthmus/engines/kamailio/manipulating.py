"""Requests to trunks as these want them, and from trunks as they are meant: applies isthmus.trunking to the message.

What phones say of who forwarded a call is believed no more than who they say they are: it is removed. What comes from a
trunk is kept for the way on, in the form that the next one wants.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from isthmus.addressing import dialled_number
from isthmus.engines.kamailio import naming, transferring
from isthmus.engines.kamailio.config import TrunkSettings
from isthmus.engines.kamailio.ksr import FLAG_PASS_LINK, FLAG_PRIVATE, KSR, header, headers, strip, text
from isthmus.engines.kamailio.site import Site
from isthmus.trunking import applying, forwarding
from isthmus.trunking.model import Call, Diversion, Read, Shape, Shaped

FORWARDED = ("History-Info", "Diversion")
_HIDES_HISTORY = ("history", "session", "header")
_READ = ("P-Asserted-Identity", *FORWARDED)


def request_uri(site: Site, trunk: TrunkSettings, number: str) -> str:
    """The Request-URI of the call at hand to that trunk. number: E.164, or of an emergency number or short code."""
    if KSR.pv.get("$avp(extension)") is None:
        KSR.pv.sets("$avp(extension)", _extension(text("$rU"), number) or "-")
    shaped = _shaped(site, trunk, Call(number, extension=text("$avp(extension)").strip("-")))
    return applying.request_uri(trunk.shape, shaped, trunk.uri_tail)


def show(site: Site, trunk: TrunkSettings, number: str, shown: str) -> None:
    """The branch at hand goes to that trunk: what it is told of who calls, who forwarded the call, and besides.

    number: that is called, as before the trunk's rules. shown: the number that the called see; empty for nobody.
    """
    privacy = header("Privacy").lower()
    call = Call(
        called=number,
        calling=shown,
        extension=text("$avp(extension)").strip("-"),
        private=KSR.isflagset(FLAG_PRIVATE) > 0,
        hides_history=any(each in privacy for each in _HIDES_HISTORY),
        diverted=_diverted(),
        referred_by=_number_of(header("Referred-By")) if trunk.shape.referred_by else "",
        headers={rule.copy.lower(): header(rule.copy) for rule in trunk.shape.headers if rule.copy},
    )
    shaped = _shaped(site, trunk, call)
    strip(*shaped.remove)
    if shaped.add:
        KSR.hdr.append(_lines(shaped.add))
    KSR.uac.uac_replace_from('"Anonymous"' if shaped.from_uri == applying.NOBODY else "", shaped.from_uri)
    transferring.hide(trunk)
    if trunk.seen_as:
        naming.caller(shaped.from_uri.partition(":")[2].partition("@")[0])
    if shaped.to_uri:
        KSR.uac.uac_replace_to("", shaped.to_uri)
    for step in shaped.steps:
        KSR.dbg(f"trunk {trunk.name}: {step}\n")


def read(site: Site, shape: Shape, name: str, called: str) -> Read:
    """What the request at hand, which came from a trunk, means. Remembers who forwarded it.

    called: whom it is for, as the trunk has it.
    """
    received = {each.lower(): headers(each) for each in _READ}
    received |= {rule.copy.lower(): header(rule.copy) for rule in shape.headers if rule.copy}
    found = applying.incoming(
        shape, called, text("$fU"), received, trunk=name, site=site.settings.site, host=_host(site)
    )
    if found.diverted:
        KSR.pv.sets("$avp(diverted)", msgspec.json.encode(found.diverted).decode())
    return found


def pass_on(found: Read) -> None:
    """Take from the request at hand, which came from a trunk, what is said anew in each branch."""
    strip(*found.remove)
    if found.add:
        KSR.pv.sets("$avp(told)", _lines(found.add))
    if found.calling and found.calling != text("$fU"):
        KSR.pv.sets("$avp(from)", found.calling)


def tell_inside(site: Site) -> None:
    """The branch at hand goes to a phone or the other site: what a trunk has said, if one has."""
    told, calling = KSR.pv.get("$avp(told)"), KSR.pv.get("$avp(from)")
    if told is not None:
        KSR.hdr.append(str(told))
    if calling is not None:
        KSR.uac.uac_replace_from("", f"sip:{calling}@{_host(site)}")


def disbelieve() -> None:
    """The request at hand came from a phone, which can't know who forwarded it."""
    strip(*FORWARDED)


def _shaped(site: Site, trunk: TrunkSettings, call: Call) -> Shaped:
    return applying.outgoing(
        trunk.shape,
        call,
        trunk=trunk.name,
        site=site.settings.site,
        host=_host(site),
        trunk_host=trunk.uri_tail.partition(";")[0],
    )


def _diverted() -> tuple[Diversion, ...]:
    """Who forwarded the call at hand: as a trunk of this site's has told, or over the link one of the other site's."""
    kept = text("$avp(diverted)")
    if kept:
        return msgspec.json.decode(kept, type=tuple[Diversion, ...])
    if KSR.isflagset(FLAG_PASS_LINK) > 0:
        return forwarding.read(headers("History-Info"), headers("Diversion"))
    return ()


def _number_of(value: str) -> str:
    """The number in an address header; empty where none is there."""
    user = value.partition("<")[2].partition(">")[0].partition(":")[2].partition("@")[0]
    return dialled_number(user) or ""


def _extension(dialled: str, number: str) -> str:
    """Digits of the extension that stood behind the number as it was dialled."""
    bare, _, parameters = dialled.partition(";")
    if dialled_number(bare) != number:
        return ""
    digits = next((each[4:] for each in parameters.split(";") if each.lower().startswith("ext=")), "")
    return digits if digits.isascii() and digits.isdigit() and len(digits) <= 10 else ""


def _lines(added: Sequence[tuple[str, str]]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in added)


def _host(site: Site) -> str:
    return site.settings.link_host.partition(":")[0]
