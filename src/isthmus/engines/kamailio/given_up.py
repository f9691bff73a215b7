"""Gateways by UDP that a call has left, and that ring all the same: they are cancelled, or hung up on, once heard.

The engine cancels by itself what has answered anything in time, and knows of a branch that was silent for as long as
the call is set up and five seconds more. A gateway whose answers are lost, or late, may ring for minutes: so its branch
is remembered besides (`_TABLE`), in memory that all workers share, for as long as kamailio.cfg.j2 says. Each reply is
looked at before the engine does. What belongs to such a branch is dealt with here (calls/given_up.py), and neither the
engine nor the call, which goes on elsewhere, hears of it.

By TCP and TLS nothing is lost that the connection does not tell (waiting.py); what is late there is the engine's alone.
"""

from __future__ import annotations

from itertools import takewhile

from isthmus.calls import given_up
from isthmus.calls.given_up import Heard, Left
from isthmus.calls.waiting import branch_of
from isthmus.engines.kamailio import contact
from isthmus.engines.kamailio.ksr import KSR, header, headers, number, text
from isthmus.engines.kamailio.site import Site
from isthmus.sip.sealing import open_pass

_TABLE = "left"
_ANY = "any"
"""What stands in the table as long as anything does: one look is all that a reply costs where nothing was given up."""
_MOST_AT_ONCE = 50
"""Requests that go out together, as in waiting.py."""
_looked: dict[str, int] = {}
"""By the process that sends what is due: how often it has seen that."""


def leave(site: Site, *, gone: bool) -> None:
    """The branch of the call at hand that failed last: remember it where its gateway may be ringing for all we know.

    gone: nothing more was heard of a gateway that had rung.
    """
    trunk = site.trunks.get(text("$avp(trunk)"))
    if trunk is None or trunk.out_port:
        return
    unheard = KSR.tm.t_is_canceled() > 0 and KSR.tm.t_branch_replied() < 0
    if not (gone or unheard or KSR.tm.t_branch_timeout() > 0):
        return
    uri = text("$ru")
    due = ""
    if gone:
        # The engine has got an answer in its place, so it cancels nothing.
        via, sender, receiver = (text(f"$T_rpl($hdr({name}))") for name in ("Via", "From", "To"))
        due = given_up.cancel(uri, Heard(via, sender, receiver, text("$ci"), number("$T_rpl($cs)")))
    # In a failure route the former is how many branches there are, of which the last has failed.
    place = number("$T_branch_idx") - 1
    _keep(given_up.key(text("$ci"), number("$T(id_index)"), place), Left(text("$du"), uri, due))


def _keep(key: str, left: Left) -> None:
    KSR.htable.sht_sets(_TABLE, key, str(left))
    KSR.htable.sht_sets(_TABLE, _ANY, "1")


def hear(site: Site) -> None:
    """Any reply, before its transaction is looked for."""
    if KSR.htable.sht_get(_TABLE, _ANY) is not None and _is_met(site, text("$rm"), number("$rs")):
        KSR.set_drop()


def _is_met(site: Site, method: str, code: int) -> bool:
    """Whether the reply at hand belongs to a branch that was given up, and nobody else has to hear it."""
    via = header("Via")
    branch = branch_of(via)
    key = branch if method == "BYE" else given_up.key_of(text("$ci"), branch)
    kept = KSR.htable.sht_get(_TABLE, key) if method in ("INVITE", "CANCEL", "BYE") else None
    if kept is None or site.trunk_at(text("$si")) is None:
        return False
    left = Left.parse(str(kept))
    if method != "INVITE":
        if code >= 200:
            _keep(key, left._replace(due=""))
        return method == "BYE"  # the engine waits for the answer to a CANCEL of its own
    heard = Heard(via, header("From"), header("To"), text("$ci"), number("$cs"))
    if code < 200:
        _keep(key, left._replace(due=given_up.cancel(left.uri, heard)))
    elif code < 300:
        _hang_up(site, left, heard)
        _keep(key, left._replace(due=""))
    else:
        KSR.corex.send_data(left.to, given_up.ack(left.uri, heard))
        _keep(key, left._replace(due=""))
    return True


def _hang_up(site: Site, left: Left, heard: Heard) -> None:
    """Acknowledge the 2xx at hand each time that it comes, and hang up once."""

    def is_ours(uri: str) -> bool:
        return open_pass(site.secret, heard.call_id, contact.route_seal(uri)) is not None

    # The first are of who came last, so of what lies between here and the far end.
    beyond = list(takewhile(lambda uri: not is_ours(uri), contact.uris(headers("Record-Route"))))[::-1]
    uri = contact.first_uri(header("Contact")) or left.uri
    to = f"sip:{text('$si')}:{number('$sp')}"  # as all that follows in a dialog, where the answer came from
    KSR.corex.send_data(to, given_up.ack_of_2xx(uri, beyond, heard))
    key = given_up.branch_within("BYE", heard)
    if KSR.htable.sht_get(_TABLE, key) is None:
        _keep(key, Left(to, uri, given_up.bye(uri, beyond, heard)))


def tick(site: Site) -> None:
    """Once a second, in a process of its own: send what is due, and again ever more rarely until it is answered."""
    due: dict[str, Left] = {}
    if KSR.htable.sht_get(_TABLE, _ANY) is not None:
        KSR.htable.sht_iterator_start("left", _TABLE)
        while KSR.htable.sht_iterator_next("left") > 0:
            key = text("$shtitkey(left)")
            if key != _ANY and (left := Left.parse(text("$shtitval(left)"))).due:
                due[key] = left
        KSR.htable.sht_iterator_end("left")
    for key in [each for each in _looked if each not in due]:
        del _looked[key]
    sent = 0
    for key, left in due.items():
        looked = _looked.get(key, 0) + 1
        if looked & (looked - 1) == 0:  # 1, 2, 4, 8 ...
            if sent == _MOST_AT_ONCE:
                continue
            KSR.corex.send_data(left.to, left.due)
            sent += 1
        _looked[key] = looked
