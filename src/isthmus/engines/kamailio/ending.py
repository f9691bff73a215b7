"""What has to be known of a call to end it from here (calls/ending.py), and ending one from inside a worker."""

from __future__ import annotations

import json
import secrets

from isthmus.calls import ending
from isthmus.engines.kamailio import contact
from isthmus.engines.kamailio.ksr import KSR, headers, text
from isthmus.engines.kamailio.site import Site
from isthmus.sip.sealing import Side, open_flow, open_pass

_OTHER_END = "$avp(other_end)"
_CUT_OFF = 'SIP ;cause=200 ;text="Hung Up While The Site Was Cut Off"'


def begins(caller: str) -> None:
    """The call at hand is on its way. caller: the caller's Contact, as the called get it."""
    KSR.pv.sets("$avp(caller_contact)", contact.first_uri(caller))


def answered(site: Site, callee: str) -> None:
    """The call at hand is answered. callee: the answerer's Contact, as the caller gets it."""
    caller = KSR.pv.get("$avp(caller_contact)")
    if caller is None or text("$rm") != "INVITE":
        return
    call_id = text("$ci")

    def is_ours(uri: str) -> bool:
        return open_pass(site.secret, call_id, contact.route_seal(uri)) is not None

    routes = contact.uris(headers("Record-Route"))
    kept = ending.kept(routes, is_ours, str(caller), contact.first_uri(callee))
    if kept:
        KSR.pv.sets(f"$dlg_var({ending.VARIABLE})", kept)


def keep_other_end(site: Site, call_id: str, side: Side) -> bool:
    """The BYE at hand goes to the other site, through which the call came back here: remember its end here.

    side: that of the passage which the BYE came by. Returns False where the call's other end is not at this site.
    """

    def is_ours(uri: str) -> bool:
        return open_pass(site.secret, call_id, contact.route_seal(uri)) is not None

    way = ending.way_to_other_end(text(f"$dlg_var({ending.VARIABLE})"), is_ours, from_caller=side is Side.EDGE)
    uri, sealed = contact.split_flow(contact.unnamed(way[0])) if way else ("", "")
    if not sealed or open_flow(site.secret, call_id, sealed, contact.bound(uri)) is None:
        return False
    KSR.pv.sets(_OTHER_END, " ".join(way))
    return True


def hang_up_other_end(site: Site) -> None:
    """The BYE at hand, or that of the failed transaction, reaches nobody by the other site: tell its end here."""
    way = text(_OTHER_END)
    if way:
        sender, receiver = (text("$fu"), text("$ft")), (text("$tu"), text("$tt"))
        _send(site, ending.bye(way.split(" "), sender, receiver, text("$ci"), _CUT_OFF))


def unheard(site: Site) -> None:
    """A BYE to the other site failed. Where that is silent, the call's end here is told from here."""
    if KSR.tm.t_branch_timeout() > 0 and KSR.tm.t_branch_replied() < 0:
        hang_up_other_end(site)
        KSR.tm.t_reply(200, "OK")


def end(site: Site, dialog: dict[str, object], reason: str) -> None:
    """End a call, as Kamailio's own commands show it."""
    for bye in ending.byes(dialog, reason):
        _send(site, bye)


def _send(site: Site, bye: ending.Bye) -> None:
    own, sender = (site.settings.sockets[name].partition(":")[2] for name in ("udp", "control"))
    # Not by the engine's own client, which makes up another From tag. Between two sockets of one machine nothing
    # is lost, and what is to be sent again from here on is done by the transaction that it begins.
    KSR.corex.send_data(f"sip:{own}", bye.data(sender, secrets.token_hex(8)).decode())


def rpc(method: str, *params: str | int) -> object:
    """One of the engine's own commands, by this worker itself: no other process has to be there."""
    KSR.jsonrpcs.exec(json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": 1}))
    return json.loads(text("$jsonrpl(body)") or "{}").get("result")
