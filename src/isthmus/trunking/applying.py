"""A trunk's shape applied to requests: to it, and from it. Pure; the live path and the tester call the same.

Who asks for privacy (RFC 3323) is shown as nobody; whether a trusted network learns the number all the same, with
`Privacy: id` (RFC 3325 section 9.3), is the trunk's setting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from isthmus.trunking import forwarding, heading, numbering
from isthmus.trunking.model import Call, Diversion, Read, Shape, Shaped

NOBODY = "sip:anonymous@anonymous.invalid"
# What says who calls and who forwarded the call: what a trunk is told of it is made anew.
TOLD_ANEW = (
    "P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "History-Info", "Diversion", "Referred-By",
)  # fmt: skip
_ASSERTED = re.compile(r"<?\s*(?:sips?|tel):(\+?[0-9*#.()-]+)[@;>]", re.IGNORECASE)
_VISUAL = str.maketrans("", "", "-.()")


def outgoing(shape: Shape, call: Call, *, trunk: str, site: str, host: str, trunk_host: str) -> Shaped:
    """A request as that trunk wants it.

    trunk, site: their names. host: by which this site stands in From. trunk_host: host, with the port where it is no
    usual one, of URIs that lead to the trunk.
    """
    steps: list[str] = []
    one = _one_by_one(shape, "out", steps)
    called = one("called", call.called)
    hidden = call.private or not call.calling
    calling = one("calling", call.calling) if call.calling else ""
    asserted = ""
    if call.calling:
        apart = any(rule.of == "asserted" and rule.on == "out" for rule in shape.numbers)
        asserted = one("asserted", call.calling) if apart else calling
    diverted = _renumbered(call.diverted, one)
    own = shape.from_host or host
    phone = ";user=phone" if shape.user_phone else ""
    user = called + _extension(shape, call.extension)
    add = _identity(shape, asserted, own, hidden=hidden)
    if not call.hides_history:
        if shape.forwarding in ("history-info", "both"):
            add += forwarding.history(diverted, called, own)
        if shape.forwarding in ("diversion", "both"):
            add += forwarding.diversion(diverted, own)
        if shape.referred_by and call.referred_by and not hidden:
            add.append(("Referred-By", f"<sip:{one('diverting', call.referred_by)}@{own}{phone}>"))
    shown = [each.number for each in diverted if not each.private and not call.hides_history]
    fields = {
        "called": called, "calling": "" if hidden else calling, "diverting": shown[-1] if shown else "",
        "trunk": trunk, "site": site,
    }  # fmt: skip
    remove, more, told = heading.apply(shape.headers, "out", fields, call.headers)
    return Shaped(
        number=called,
        uri_user=user,
        tel=shape.request_uri == "tel",
        from_uri=NOBODY if hidden else f"sip:{calling}@{own}{phone}",
        to_uri=f"sip:{user}@{trunk_host}{phone}" if shape.to_called else "",
        remove=(*TOLD_ANEW, *remove),
        add=(*add, *more),
        steps=(*steps, *told),
    )


def incoming(
    shape: Shape, called: str, caller: str, received: Mapping[str, str], *, trunk: str, site: str, host: str
) -> Read:
    """What a request from that trunk means.

    called: user part of the Request-URI, with parameters. caller: of From. received: header name in lower case ->
    all its values with commas between.
    """
    steps: list[str] = []
    one = _one_by_one(shape, "in", steps)
    bare, _, parameters = called.partition(";")
    made = one("called", bare.translate(_VISUAL)) if numbering.is_number(bare.translate(_VISUAL)) else ""
    calling = _caller(shape, caller, received)
    calling = one("calling", calling) if numbering.is_number(calling) else ""
    found = forwarding.read(received.get("history-info", ""), received.get("diversion", ""))
    # Who wants to be known to nobody is not told to phones, nor to any other trunk.
    diverted = tuple(each for each in _renumbered(found, one) if not each.private)
    shown = diverted[-1].number if diverted else ""
    fields = {"called": made, "calling": calling, "diverting": shown, "trunk": trunk, "site": site}
    remove, add, told = heading.apply(shape.headers, "in", fields, received)
    history = forwarding.history(diverted, made or bare, host) if numbering.is_number(made or bare) else []
    names = [name for name in ("History-Info", "Diversion") if received.get(name.lower())]
    return Read(
        called=f"{made};{parameters}" if made and parameters else made or called,
        calling=calling or caller,
        diverted=diverted,
        remove=(*names, *remove),
        add=(*history, *forwarding.diversion(diverted, host), *add),
        steps=(*steps, *told),
    )


def request_uri(shape: Shape, shaped: Shaped, uri_tail: str) -> str:
    """The Request-URI. uri_tail: what follows `@` in a URI of the trunk, its parameters among it."""
    if shaped.tel:
        return f"tel:{shaped.uri_user}"
    return f"sip:{shaped.uri_user}@{uri_tail}{';user=phone' if shape.user_phone else ''}"


def _one_by_one(shape: Shape, on: str, steps: list[str]) -> Callable[[str, str], str]:
    """Applies the number rules, and notes what each did."""

    def one(of: str, number: str) -> str:
        made, told = numbering.apply(shape.numbers, of, on, number, shape.country)
        if told:
            steps.append(told)
        return made

    return one


def _renumbered(entries: tuple[Diversion, ...], one: Callable[[str, str], str]) -> tuple[Diversion, ...]:
    return tuple(Diversion(one("diverting", each.number), each.reason, each.private) for each in entries)


def _extension(shape: Shape, digits: str) -> str:
    if not digits or shape.extension == "drop":
        return ""
    return f";ext={digits}" if shape.extension == "parameter" else digits


def _identity(shape: Shape, number: str, host: str, *, hidden: bool) -> list[tuple[str, str]]:
    """The identity headers of RFC 3325, and Remote-Party-ID, which gateways still read."""
    if not number or (hidden and shape.private == "withhold"):
        return []
    phone = ";user=phone" if shape.user_phone else ""
    uri = f"sip:{number}@{host}{phone}" if shape.identity_uri == "sip" or number[0] != "+" else f"tel:{number}"
    found: list[tuple[str, str]] = []
    if "asserted" in shape.identity:
        found.append(("P-Asserted-Identity", f"<{uri}>"))
    if "preferred" in shape.identity:
        found.append(("P-Preferred-Identity", f"<{uri}>"))
    if "remote-party" in shape.identity:
        privacy = "full" if hidden else "off"
        found.append(("Remote-Party-ID", f"<sip:{number}@{host}{phone}>;party=calling;screen=yes;privacy={privacy}"))
    return found


def _caller(shape: Shape, caller: str, received: Mapping[str, str]) -> str:
    """The calling number as the trunk says it, where its profile says that it stands."""
    asserted = _ASSERTED.search(received.get("p-asserted-identity", ""))
    from_asserted = asserted[1].translate(_VISUAL) if asserted else ""
    if shape.caller_from == "asserted" and from_asserted:
        return from_asserted
    return caller.partition(";")[0].translate(_VISUAL)
