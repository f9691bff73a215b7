"""Calls that wait for the answer of a peer, a connector or a gateway, and the end of that wait where it is gone.

Such an answer comes by the connection that the call went by, or not at all. A connection ends with whoever is at its
other end; where only the line is cut, haproxy finds out and ends it (see haproxy.cfg.j2). Once a second a process of
its own looks which are gone, and answers in their place, as if it had come from there: so each branch fails by itself,
and what becomes of the call is decided where any other failure is (carry.py).

A gateway by UDP has no connection. It counts as gone once it does not answer to OPTIONS any more, by the rules of
calls/silence.py: whatever rings at one that is not asked, or never answered them, is waited for.

Likewise whoever would hear the answer by a connection that is gone hears none: what rings for them is cancelled.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

from isthmus.calls import waiting
from isthmus.calls.silence import Asked, Silence
from isthmus.engines.kamailio import ending, trunks
from isthmus.engines.kamailio.config import TrunkSettings
from isthmus.engines.kamailio.ksr import FLAG_BEGINS, KSR, header, headers, number, text
from isthmus.engines.kamailio.site import Site

_TABLE, _CALLERS = "waiting", "callers"
_BY = "$avp(by)"
_GONE = "$avp(gone)"
_MOST_AT_ONCE = 50
"""Answers that go out together: what a socket's buffer takes for sure. The others follow a second later."""
_TRIES = 3
_tried: dict[str, int] = {}
"""By the process that looks: how often a branch was answered that is there still."""
_silences: list[Silence] = []
"""By the same: what it has seen of the trunks that are asked by OPTIONS. One, from the first look on."""
_began = time.monotonic()


def note(site: Site, code: int, answerer: str) -> None:
    """A reply to a request that was relayed. Remembers, or forgets, that the branch waits for an answer.

    answerer: see `Site.answerer`.
    """
    if KSR.isflagset(FLAG_BEGINS) < 0 or text("$rm") != "INVITE":
        return
    if KSR.pv.get(_BY) is not None:
        _note_caller(code)
    by: int | str | None = None
    if answerer == "control":
        # Nobody but this site's own processes reaches that socket, and no other reply comes there.
        KSR.pv.sets(_GONE, "1")
    elif answerer.startswith(("peer", "connector", "trunk:")):
        by = number("$conid")
    else:
        trunk = _asked_trunk(site)
        if trunk is None:
            return
        # One that is held for down and is heard all the same: what it does with OPTIONS says nothing of it.
        by = trunk.name if KSR.dispatcher.ds_is_active(trunk.probe_set) > 0 else None
    branch = waiting.branch_of(header("Via"))
    if code >= 200 or by is None:
        KSR.htable.sht_rm(_TABLE, branch)
    elif branch and KSR.htable.sht_get(_TABLE, branch) is None:
        answer = waiting.unanswered(
            headers("Via"), header("From"), header("To"), text("$ci"), header("CSeq"), secrets.token_hex(8)
        )
        KSR.htable.sht_sets(_TABLE, branch, str(waiting.Waiting(by, answer)))


def _asked_trunk(site: Site) -> TrunkSettings | None:
    """The trunk by UDP that the reply at hand came from, where it is asked by OPTIONS whether it is there."""
    name = KSR.pv.get("$avp(trunk)")
    trunk = site.trunks.get(str(name)) if name is not None else None
    if trunk is None or trunk.out_port or not trunk.probe_set or site.trunk_at(text("$si")) is None:
        return None
    return trunk


def comes_by_link() -> None:
    """The call at hand came by a connection to a peer or a connector, and its caller hears of it by that alone."""
    KSR.pv.sets(_BY, str(number("$conid")))


def _note_caller(code: int) -> None:
    branch = waiting.branch_of(header("Via"))
    if code >= 200:
        KSR.htable.sht_rm(_CALLERS, branch)
    elif branch and KSR.htable.sht_get(_CALLERS, branch) is None:
        asked = f"{header('CSeq').partition(' ')[0]} {text('$ci')}"
        KSR.htable.sht_sets(_CALLERS, branch, str(waiting.Waiting(int(text(_BY)), asked)))


def take_gone() -> bool:
    """Whether the branch of the call at hand that failed last did so because its connection is gone."""
    if KSR.pv.get(_GONE) is None:
        return False
    for variable in (_GONE, "$avp(rings)"):  # what rang there rings no more
        KSR.pv.unset(variable)
    return True


def tick(site: Site) -> None:
    """Once a second, in a process of its own: answer in the place of those that are gone."""
    for branch, asked in _gone(_CALLERS, frozenset()).items():
        cseq, _, call_id = asked.partition(" ")
        KSR.htable.sht_rm(_CALLERS, branch)
        ending.rpc("tm.cancel", call_id, cseq)
    gone = _gone(_TABLE, _silent(site))
    for branch in [each for each in _tried if each not in gone]:
        del _tried[branch]
    own = f"sip:{site.settings.sockets['control'].partition(':')[2]}"
    for branch, answer in list(gone.items())[:_MOST_AT_ONCE]:
        _tried[branch] = _tried.get(branch, 0) + 1
        if _tried[branch] > _TRIES:  # the call is over, and nothing was heard of that
            KSR.htable.sht_rm(_TABLE, branch)
            continue
        KSR.corex.send_data(own, answer)


def _silent(site: Site) -> frozenset[str]:
    """The trunks by UDP that have fallen silent, as far as that can be known."""
    uris = {each.probe_uri: each.name for each in site.trunks.values() if each.probe_set and not each.out_port}
    if not uris:
        return frozenset()
    if not _silences:
        _silences.append(Silence(site.settings.settled_s))
    found = {uris[uri]: _asked(each) for uri, each in trunks.asked(ending.rpc).items() if uri in uris}
    return _silences[0].look(found, time.monotonic() - _began)


def _asked(destination: Mapping[str, Any]) -> Asked:
    latency = destination.get("LATENCY") or {}
    return Asked(str(destination["FLAGS"])[:1], int(latency.get("TIMEOUT") or 0), bool(latency.get("AVG")))


def _gone(table: str, silent: frozenset[str]) -> dict[str, str]:
    """What stands in the table of those whose connection is gone, by the branch. silent: trunks that are gone, too."""
    found: dict[str, str] = {}
    alive: dict[int | str, bool] = {}
    KSR.htable.sht_iterator_start("waiting", table)
    while KSR.htable.sht_iterator_next("waiting") > 0:
        each = waiting.Waiting.parse(text("$shtitval(waiting)"))
        if each.by not in alive:
            by = each.by
            alive[by] = KSR.tcpops.tcp_conid_alive(by) > 0 if isinstance(by, int) else by not in silent
        if not alive[each.by]:
            found[text("$shtitkey(waiting)")] = each.answer
    KSR.htable.sht_iterator_end("waiting")
    return found
