"""Trunks that see this site by its name: what stands in Contact, and the OPTIONS that they are asked by.

Microsoft Teams is such a one: it takes the name in Contact and Record-Route for the way back, and compares it with the
certificate (Direct Routing - SIP protocol, "Contact and Record-Route headers considerations"). The Record-Route comes
from the settings (config.py). A Contact has to lead back to the phone all the same: what everybody else would be told
is written into a parameter of it (`contact.named`).
"""

from __future__ import annotations

from isthmus.engines.kamailio import contact, hops
from isthmus.engines.kamailio.config import TrunkSettings
from isthmus.engines.kamailio.ksr import KSR, header, text
from isthmus.engines.kamailio.site import Site

_USER = "$dlg_var(seen_user)"
_LATER = "$avp(contact)"


def begin(site: Site, sealed: str) -> None:
    """Let this be the Contact of the call at hand; where trunks see names each branch writes it (`show_contact`)."""
    if site.has_names:
        KSR.hdr.remove("Contact")
        KSR.pv.sets(_LATER, sealed)
    else:
        hops.put_contact(sealed)


def show_contact(site: Site, far_end: str) -> None:
    """Write the Contact of the branch at hand, as the one who gets it is told it. far_end: see branches."""
    kept = KSR.pv.get(_LATER)
    trunk = seen_by(site, far_end)
    if trunk is not None:
        if kept is None:  # it came over the link, and is there still
            KSR.hdr.remove("Contact")
        KSR.hdr.append(f"Contact: {_named(trunk, str(kept) if kept is not None else header('Contact'))}\r\n")
    elif kept is not None:
        KSR.hdr.append(f"Contact: {kept}\r\n")


def put(trunk: TrunkSettings | None, value: str) -> None:
    """Let this be the Contact of the message at hand. trunk: that gets it, and sees a name; None for anybody else."""
    hops.put_contact(value if trunk is None else _named(trunk, value))


def caller(user: str) -> None:
    """As whom the caller of the call at hand is seen by the trunk."""
    KSR.pv.sets(_USER, user)


def called() -> None:
    """The call at hand is from such a trunk: the called is seen as whom it called."""
    if KSR.pv.get(_USER) is None:
        KSR.pv.sets(_USER, text("$tU"))


def seen_by(site: Site, edge: str) -> TrunkSettings | None:
    """The trunk behind a listener (`trunk:NAME`), if it sees this site by a name."""
    if not site.has_names or not edge.startswith("trunk:"):
        return None
    trunk = site.trunks.get(edge[6:])
    return trunk if trunk is not None and trunk.seen_as else None


def introduce(site: Site, arrival: str) -> None:
    """The OPTIONS at hand, if of such a trunk, is answered by our name, which leads back here (RFC 3261 11.2)."""
    trunk = seen_by(site, arrival)
    if trunk is not None:
        KSR.hdr.append_to_reply(_own_contact(trunk))


def own_request(site: Site) -> None:
    """A request of the engine's own: OPTIONS to such a trunk get its name in the Request-URI, and ours in Contact."""
    if text("$rm") != "OPTIONS":
        return
    asked = text("$ru")
    trunk = next((each for each in site.trunks.values() if each.seen_as and each.probe_uri == asked), None)
    if trunk is not None:
        KSR.seturi(f"sip:{trunk.uri_tail}")
        KSR.hdr.append(_own_contact(trunk))


def _own_contact(trunk: TrunkSettings) -> str:
    return f"Contact: <sip:{trunk.seen_as};transport=tls>\r\n"


def _named(trunk: TrunkSettings, value: str) -> str:
    return contact.named(value, text(_USER), trunk.seen_as)
