"""What a site tells another one of an emergency call that goes out there: where the phone is, how to call back. Pure.

The site that has the phone knows its address, and looks it up among its own places; the site that has the trunk may
have the places of that building, or of the person. So the first tells what is known of the phone, and where it thinks
that is; the second looks too, and the more exact of both is right.

It is one header, written by sites alone and read from sites alone. A peer's word is bounded and looked through all the
same: what can't be read is left out, and the call goes out with the rest.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import msgspec

from isthmus.addressing import is_e164
from isthmus.emergency import civic, elements, rules
from isthmus.emergency.compiled import NOWHERE, TenantMap
from isthmus.emergency.model import Choice, Civic, Found, Known, Located, Place, Point, Settings, Source
from isthmus.errors import UsageError

LONGEST = 6000  # characters of the header
_LONGEST_WHY = 10  # lines
_EXACT = tuple(Source)  # the most exact first, nothing at all last
_MOST_CHOICES = 8
_LATEST_MS = 253_402_300_799_000  # the end of the year 9999
_MINUTES = (10, 1440)  # as the policy has them


class Carried(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is told. address: the IP address of the phone, bssid: its access point; empty where it is not known.

    source: by what it was found where the phone is. name, civic, point: of that place; none where there is none. send:
    what is in force there, as in `Settings`. device: its name. lent: the number that the call goes out by, E.164; empty
    for the caller's own. minutes: how long a call back to it is for the caller. own_word: the phone says itself where
    it is, in a document that is left as it is. confirmed_ms: when the person last said so, milliseconds since 1970.
    """

    address: str = ""
    bssid: str = ""
    source: Source = Source.NOTHING
    name: str = ""
    civic: Civic | None = None
    point: Point | None = None
    why: tuple[str, ...] = ()
    send: str = "pidf-lo"
    device: str = ""
    lent: str = ""
    minutes: int = 60
    own_word: bool = False
    confirmed_ms: int = 0


_decoder = msgspec.json.Decoder(Carried)
_choices = msgspec.json.Decoder(list[Choice])


def of_call(known: Known, found: Found, *, device: str = "", lent: str = "", own_word: bool = False) -> Carried:
    """What to tell of a call."""
    place, settings = found.located.place, found.settings
    told = settings.send != "none"
    return Carried(
        known.address,
        known.bssid,
        found.located.source if told else Source.NOTHING,
        place.name if told and place else "",
        place.civic if told and place else None,
        place.point if told and place else None,
        found.located.why[:_LONGEST_WHY],
        settings.send,
        device,
        lent,
        settings.elin_minutes,
        own_word,
        found.located.confirmed_ms,
    )


def written(told: Carried) -> str:
    """The header's value; without the place where it would be too long."""
    value = _encoded(told)
    return value if len(value) <= LONGEST else _encoded(Carried(told.address, told.bssid, device=told.device))


def read(value: str) -> Carried | None:
    """What a peer says; None where it says nothing that can be read. Parts that can't be true are left out."""
    if not value or len(value) > LONGEST:
        return None
    try:
        told = _decoder.decode(base64.urlsafe_b64decode(value.encode("ascii")))
    except (msgspec.DecodeError, binascii.Error, UnicodeError, ValueError):
        return None
    address, where = elements.address(told.address), _civic(told.civic)
    point = _point(told.point)
    found = where is not None or point is not None
    return Carried(
        "" if address is None else str(address),
        _bssid(told.bssid),
        told.source if found else Source.NOTHING,
        _words(told.name) if found else "",
        where,
        point,
        tuple(_words(each) for each in told.why[:_LONGEST_WHY]),
        told.send if told.send in ("pidf-lo", "elin") else "none",
        _words(told.device),
        told.lent if is_e164(told.lent) else "",
        min(max(told.minutes, _MINUTES[0]), _MINUTES[1]),
        told.own_word,
        max(0, min(told.confirmed_ms, _LATEST_MS)),
    )


def known_of(told: Carried) -> Known:
    """What is known of the phone at the other site."""
    return Known(told.address, bssid=told.bssid)


def found(told: Carried, where: TenantMap, own: Settings, *, aor: str = "", number: str = "") -> tuple[Found, bool]:
    """Where the phone is, by what its site says and what is known here; and whether it was found here.

    where: what this site knows of the caller's tenant. own: what the policies say here of the caller. The default place
    of a site is for its own phones.
    """
    here = rules.found(
        msgspec.structs.replace(where, default=NOWHERE), known_of(told), own, aor=aor, device=told.device, number=number
    )
    if _EXACT.index(here.located.source) < _EXACT.index(told.source):
        return here, True
    place = Place("", told.name, told.civic or Civic(""), told.point) if told.source is not Source.NOTHING else None
    settings = msgspec.structs.replace(own, send=told.send, elin_minutes=told.minutes)
    return Found(Located(place, told.source, told.why, told.confirmed_ms), settings, False), False


def sharper(found: Located, told: Carried | None) -> Located:
    """Of what is found here and what was told, the more exact; of two alike what is found here."""
    if told is None or _EXACT.index(told.source) >= _EXACT.index(found.source):
        return found
    place = Place("", told.name, told.civic or Civic(""), told.point)
    return Located(place, told.source, told.why, told.confirmed_ms)


def written_choices(choices: Sequence[Choice], where: TenantMap) -> str:
    """What somebody chose at their home, for the site where their phone registers; empty for nothing.

    where: their home's map of their tenant, whose places the other site does not have.
    """
    told = [made for each in choices[:_MOST_CHOICES] if (made := _spelt_out(each, where)) is not None]
    value = base64.urlsafe_b64encode(msgspec.json.encode(told)).decode("ascii") if told else ""
    return value if len(value) <= LONGEST else ""


def read_choices(value: str, aor: str) -> tuple[Choice, ...]:
    """What a peer says that this person chose; what can't be true is left out."""
    if not value or len(value) > LONGEST:
        return ()
    try:
        told = _choices.decode(base64.urlsafe_b64decode(value.encode("ascii")))
    except (msgspec.DecodeError, binascii.Error, UnicodeError, ValueError):
        return ()
    read = [(each, _civic(each.civic)) for each in told[:_MOST_CHOICES]]
    return tuple(
        Choice(aor, _words(each.device), "", where, _point(each.point), max(0, min(each.confirmed_ms, _LATEST_MS)))
        for each, where in read
        if where is not None
    )


def _spelt_out(choice: Choice, where: TenantMap) -> Choice | None:
    """The choice with the address of the place that it names; None where that is no more."""
    if choice.civic is not None:
        return choice
    place = where.by_name(choice.place)
    if place is None:
        return None
    return msgspec.structs.replace(choice, place="", civic=place.civic, point=place.point)


def _encoded(told: Carried) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(told)).decode("ascii")


def _words(text: str) -> str:
    """Text of the other site's, fit to be shown."""
    return "".join(each for each in text[:200] if each.isprintable())


def _bssid(text: str) -> str:
    try:
        return elements.bssid(text) if text else ""
    except UsageError:
        return ""


def _civic(said: Civic | None) -> Civic | None:
    """In its form, whatever the country wants of it: somebody has to be found by it."""
    if said is None or len(said.country) != 2 or not (said.country.isascii() and said.country.isupper()):
        return None
    texts = {name: _words(text)[: civic.LONGEST] for name, text in said.elements if name in civic.ELEMENTS}
    return Civic(said.country, tuple((name, texts[name]) for name in civic.ELEMENTS if texts.get(name)))


def _point(said: Point | None) -> Point | None:
    try:
        return None if said is None else civic.checked_point(said.latitude, said.longitude)
    except UsageError:
        return None
