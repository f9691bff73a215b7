"""The values of presence: what a person chose, what a site sees of them, the state that is made of both."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Availability(StrEnum):
    """How somebody can be reached."""

    AVAILABLE = "available"
    BUSY = "busy"
    DO_NOT_DISTURB = "do-not-disturb"
    AWAY = "away"
    OFFLINE = "offline"
    UNKNOWN = "unknown"  # may not be seen, or was never heard of and can't be asked


class Level(StrEnum):
    """How much of somebody others see."""

    EVERYTHING = "everything"
    AVAILABILITY = "availability"  # neither note nor place, nor whether they talk
    NOTHING = "nothing"


class Device(StrEnum):
    """What the devices of a person come to at one site."""

    NONE = "none"
    IDLE = "idle"
    ACTIVE = "active"


class Chosen(msgspec.Struct, frozen=True):
    """What a person set. Times in milliseconds since 1970, 0: until it is set anew.

    availability: busy, do-not-disturb, away or offline; empty: as their devices and calls say. until_ms: of that.
    out_of_office, out_until_ms: beside it. location, time_zone: in words, and as IANA names it.
    exceptions: addresses and numbers whose calls ring although they don't want to be disturbed.
    shows: to all of the tenant. trusted: addresses of those who see everything whatever `shows` says.
    changed_ms: when; of two, the later one holds.
    """

    availability: str = ""
    until_ms: int = 0
    note: str = ""
    out_of_office: bool = False
    out_until_ms: int = 0
    location: str = ""
    time_zone: str = ""
    exceptions: tuple[str, ...] = ()
    shows: Level = Level.EVERYTHING
    trusted: tuple[str, ...] = ()
    changed_ms: int = 0


class Published(msgspec.Struct, frozen=True, array_like=True):
    """What a SIP client says of its person (RFC 3903): an Availability, a note, and where they are."""

    availability: Availability
    note: str = ""
    place: str = ""


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """What one site sees of a person: their devices, whether they talk, what their SIP clients say.

    emergency_until_ms: until when they are to be called back whatever they chose, since they called for help.
    phone: whether a phone that is no browser is registered.
    """

    device: Device = Device.NONE
    in_call: bool = False
    published: tuple[Published, ...] = ()
    emergency_until_ms: int = 0
    phone: bool = False


class State(msgspec.Struct, frozen=True):
    """How somebody is, as far as there is anything to see. since_ms: of the availability."""

    availability: Availability = Availability.OFFLINE
    in_call: bool = False
    out_of_office: bool = False
    note: str = ""
    location: str = ""
    time_zone: str = ""
    since_ms: int = 0


class Version(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Of a state: the person's home epoch, the run of the home's service (it only grows), its number in that run."""

    epoch: int = 0
    run: int = 0
    seq: int = 0


class Known(msgspec.Struct, frozen=True):
    """A person's state as their home told it, and what others may see of it. person: stable id."""

    person: str
    aor: str
    tenant: str
    home: str
    version: Version
    state: State
    shows: Level = Level.EVERYTHING
    trusted: tuple[str, ...] = ()


class Who(msgspec.Struct, frozen=True):
    """A person as the directory of this site has them. id: stable id."""

    id: str
    aor: str
    tenant: str
    home: str
    epoch: int
    enabled: bool = True


class Quiet(msgspec.Struct, frozen=True):
    """That somebody's phones are not to ring. exceptions: callers for whom they do. until_s: Unix seconds, 0: open."""

    exceptions: tuple[str, ...] = ()
    until_s: int = 0
