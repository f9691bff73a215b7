"""Where a device is. Pure.

The first that is known decides:

1. The port of a switch (LLDP), then the switch.
2. The Wi-Fi access point (BSSID); of entries with `*` the longest that fits.
3. The subnet of the address the device sends from; the longest prefix that fits.
4. What the person has chosen for that device, then for themselves: an address of their own, such as home, or a place.
5. The place that the policy in force names.
6. The default place of the tenant at this site.

It is the device that is looked for, not its person: two phones of one person ring at one address and are found at two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from isthmus.emergency import elements
from isthmus.emergency.compiled import TenantMap, Value
from isthmus.emergency.model import Choice, Found, Known, Located, Place, Settings, Source
from isthmus.errors import UsageError

_SETTINGS = frozenset(Settings.__struct_fields__)
_Look = Callable[[TenantMap, Known], tuple[Place | None, str]]


def located(where: TenantMap, known: Known) -> Located:
    """Where the device is of which this is known, and why. Never raises: what can't be read is not known."""
    why: list[str] = []
    for source, place, line in _looks(where, known):
        if line:
            why.append(line)
        if place is not None:
            confirmed = known.chosen.confirmed_ms if source is Source.CHOSEN and known.chosen else 0
            return Located(place, source, tuple(why), confirmed)
    why.append("nothing leads to a place, and the tenant has no default place at this site")
    return Located(None, Source.NOTHING, tuple(why))


def _looks(where: TenantMap, known: Known) -> Iterator[tuple[Source, Place | None, str]]:
    """One look after the other: what by, what it gives, and a line about it (empty where there was nothing to ask)."""
    for source, look in _LOOKS.items():
        yield source, *look(where, known)


def _by_port(where: TenantMap, known: Known) -> tuple[Place | None, str]:
    chassis = _or_empty(elements.chassis, known.chassis)
    if not chassis or not known.port.strip():
        return None, ""
    port = known.port.strip()
    place = where.by_port(chassis, port)
    return place, f"port {port} of switch {chassis}: {_named(place)}"


def _by_switch(where: TenantMap, known: Known) -> tuple[Place | None, str]:
    chassis = _or_empty(elements.chassis, known.chassis)
    if not chassis:
        return None, ""
    place = where.by_switch(chassis)
    return place, f"switch {chassis}: {_named(place)}"


def _by_bssid(where: TenantMap, known: Known) -> tuple[Place | None, str]:
    bssid = _or_empty(elements.bssid, known.bssid)
    if not bssid:
        return None, f"{known.bssid[:40]!r} is no BSSID" if known.bssid else ""
    place, entry = where.by_bssid(bssid)
    by = f" (by {entry})" if entry not in ("", bssid) else ""
    return place, f"access point {bssid}: {_named(place)}{by}"


def _by_subnet(where: TenantMap, known: Known) -> tuple[Place | None, str]:
    address = elements.address(known.address)
    if address is None:
        return None, ""
    place, prefix = where.by_address(address)
    return place, f"address {address}: {_named(place)}{f' (by {prefix})' if prefix else ''}"


def _by_choice(where: TenantMap, known: Known) -> tuple[Place | None, str]:
    choice = known.chosen
    if choice is None:
        return None, ""
    whose = f"{choice.aor} for the device {choice.device}" if choice.device else choice.aor
    said = f"chosen by {whose}, confirmed {_day(choice.confirmed_ms)}"
    if choice.civic is not None:
        return Place("", "", choice.civic, choice.point), f"{said}: an address of their own"
    place = where.by_name(choice.place)
    return place, f"{said}: {_named(place)}"


def _by_policy(where: TenantMap, known: Known) -> tuple[Place | None, str]:
    if not known.default:
        return None, ""
    place = where.by_name(known.default)
    return place, f"the policy names {known.default}: {_named(place)}"


def _by_default(where: TenantMap, known: Known) -> tuple[Place | None, str]:
    place = where.at(where.default)
    return place, f"the default of the tenant: {_named(place)}" if place else ""


_LOOKS: dict[Source, _Look] = {
    Source.PORT: _by_port,
    Source.SWITCH: _by_switch,
    Source.BSSID: _by_bssid,
    Source.SUBNET: _by_subnet,
    Source.CHOSEN: _by_choice,
    Source.POLICY: _by_policy,
    Source.DEFAULT: _by_default,
}


def found(where: TenantMap, known: Known, own: Settings, *, aor: str = "", device: str = "", number: str = "") -> Found:
    """Where a device is, and what is in force for an emergency call from there: all that a call has to ask.

    known: what the device reports and sends from; the choice and the policy's place are added here. own: what the
    policies say of its person, or the defaults. aor: the person's, empty for nobody; device: its name; number: the
    person's own, E.164. Never raises: the call has to go out whatever is missing.
    """
    choice = chosen(where.choices.get(aor, ()), device)
    place = located(where, msgspec.structs.replace(known, chosen=choice, default=own.place))
    settings, note = _over(where, own, place.place)
    if note:
        place = msgspec.structs.replace(place, why=(*place.why, note))
    return Found(place, settings, wants_elin(settings, place.place, number))


def settings_over(own: Settings, values: Mapping[str, Value]) -> Settings:
    """`own`, with what these values of an emergency policy say instead."""
    return msgspec.structs.replace(own, **{name: each for name, each in values.items() if name in _SETTINGS})


def _over(where: TenantMap, own: Settings, place: Place | None) -> tuple[Settings, str]:
    """What is in force at a place: its policy beats the person's, setting by setting. With a line that says so."""
    if place is None or not place.policy:
        return own, ""
    if place.policy not in where.policies:
        return own, f"the policy {place.policy} of this place does not exist: the person's own is in force"
    return settings_over(own, where.policies[place.policy]), f"the policy {place.policy} of this place is in force"


def chosen(choices: Iterable[Choice], device: str) -> Choice | None:
    """Of a person's choices the one for this device; else the one for all of them."""
    by_device = {each.device: each for each in choices}
    return by_device.get(device) or by_device.get("")


def is_test(digits: str, settings: Settings) -> bool:
    """Whether these dialled digits are the test number, by which one hears one's place, and nobody else does."""
    return bool(settings.test_number) and digits == settings.test_number


def wants_elin(settings: Settings, place: Place | None, own_number: str) -> bool:
    """Whether the call is to go out with a number of the place's pool. own_number: E.164, empty for who has none."""
    if settings.send != "elin" or place is None or not place.elins:
        return False
    return settings.elin_for == "everybody" or not own_number


def _named(place: Place | None) -> str:
    return place.name if place is not None else "leads to no place"


def _day(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"


def _or_empty(read: Callable[[str], str], text: str) -> str:
    if not text:
        return ""
    try:
        return read(text)
    except UsageError:
        return ""
