"""The values of emergency locations: addresses, places, what leads to them, and what is found. Frozen."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Civic(msgspec.Struct, frozen=True, array_like=True):
    """A civic address (RFC 5139). country: ISO 3166 code. elements: name and text, in the order of `civic.ELEMENTS`."""

    country: str
    elements: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """The element's text; empty where the address has none."""
        return next((text for each, text in self.elements if each == name), "")


class Point(msgspec.Struct, frozen=True, array_like=True):
    """A geodetic point: degrees north and east, WGS 84."""

    latitude: float
    longitude: float


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where people can be found: an address, down to floor and room.

    name: of the tenant's own choosing; empty for an address that a person gave for themselves. elins: numbers lent to
    calls from here, E.164, sorted. policy: the emergency policy of this place, which beats the person's; empty: none.
    default: whether it stands for the whole site, for devices of which nothing else is known.
    """

    tenant: str
    name: str
    civic: Civic
    point: Point | None = None
    elins: tuple[str, ...] = ()
    policy: str = ""
    default: bool = False


class Element(StrEnum):
    """What of a network leads to a place, the most exact first."""

    PORT = "port"  # of a switch, by LLDP: chassis id and port id
    SWITCH = "switch"  # by LLDP: chassis id
    BSSID = "bssid"  # of a Wi-Fi access point
    SUBNET = "subnet"


class NetworkElement(msgspec.Struct, frozen=True, array_like=True):
    """A part of a network, and the name of the place it leads to.

    id: chassis id, BSSID (with `*` for all that begin so) or subnet, in its one form. port: of PORT alone.
    """

    tenant: str
    kind: Element
    id: str
    place: str
    port: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.id}{' ' + self.port if self.port else ''}"


class Choice(msgspec.Struct, frozen=True, array_like=True):
    """Where a person says they are: at a place of the tenant (by name), or at an address of their own.

    device: of the person, by its name; empty for all that have none of their own. confirmed_ms: when they last said
    so, milliseconds since 1970.
    """

    aor: str
    device: str = ""
    place: str = ""
    civic: Civic | None = None
    point: Point | None = None
    confirmed_ms: int = 0


class Known(msgspec.Struct, frozen=True):
    """What is known of a device. address: the IP address it sends from. The others as the device reports them.

    chosen: where its person says it is. default: the place of the policy in force, by name; empty for none.
    """

    address: str = ""
    chassis: str = ""
    port: str = ""
    bssid: str = ""
    chosen: Choice | None = None
    default: str = ""


class Source(StrEnum):
    """By what a place was found."""

    PORT = "port"
    SWITCH = "switch"
    BSSID = "bssid"
    SUBNET = "subnet"
    CHOSEN = "chosen"
    POLICY = "policy"
    DEFAULT = "default"
    NOTHING = "nothing"


class Located(msgspec.Struct, frozen=True):
    """Where a device is, and why that is thought. place: None where nobody knows. why: one line a look, in order."""

    place: Place | None
    source: Source
    why: tuple[str, ...] = ()
    confirmed_ms: int = 0


class Settings(msgspec.Struct, frozen=True, array_like=True):
    """What is in force for an emergency call (policy kind `emergency`). place: by name; empty for none.

    send: `pidf-lo`, `elin` or `none`. elin_for: `no-number` or `everybody`. test_number: digits, empty for none.
    """

    place: str = ""
    send: str = "pidf-lo"
    elin_for: str = "no-number"
    elin_minutes: int = 60
    notify: bool = True
    desk: str = ""
    test_number: str = ""


class Found(msgspec.Struct, frozen=True):
    """Where a device is, and what is in force for a call from there. elin: whether a number is to be lent to it."""

    located: Located
    settings: Settings
    elin: bool


class Loan(msgspec.Struct, frozen=True, array_like=True):
    """A number of a place's pool (ELIN), lent to a call. Who calls it until `until_ms` reaches that device or person.

    device: the device's name, empty where the person's own credential was used.
    """

    number: str
    tenant: str
    place: str
    aor: str
    device: str = ""
    call_id: str = ""
    lent_ms: int = 0
    until_ms: int = 0
