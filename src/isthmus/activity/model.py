"""The values of activity: what happened (Event), what is odd about it (Finding), and what people are told (Alert)."""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec


class Kind(StrEnum):
    """What happened."""

    REGISTER = "register"  # a phone registered with the right digest
    REFUSED = "refused"  # a wrong digest
    SIGN_IN = "sign-in"
    SIGN_IN_REFUSED = "sign-in-refused"
    CALL = "call"  # a call out to the PSTN begins
    ANSWERED = "answered"
    ENDED = "ended"
    EXPORT = "export"
    EMERGENCY = "emergency"  # a call to the emergency services begins: for who is told of it (emergency/) alone
    DEVICE = "device"  # a device proved itself: for its last use (devices/uses.py) alone
    BOUND = "bound"  # a binding was made or refreshed, at its account's home: for what reaches phones, and presence
    UNBOUND = "unbound"  # one was removed, ran out, or lost its connection: for presence (presence/phones.py) alone


class Event(msgspec.Struct, frozen=True, array_like=True):
    """One thing that happened. Its time is all the time there is: the rules look at no clock.

    at: Unix seconds. account: an address-of-record or an administrator's account; of a refused one what was claimed.
    known: whether the account exists. address: IP address that was proved to be the sender's, else empty.
    country: of that address (ISO 3166), empty where nobody knows. client: User-Agent as it was given.
    number: dialled, E.164. own_number: the caller's. call_id: joins CALL, ANSWERED and ENDED. count: records exported.
    device: its name, a dot, and the generation of its secret, where one did it; of a refused one the name it gave.
    edge: udp, tcp, tls or ws; of DEVICE and BOUND alone. Of EMERGENCY alone: access, P-Access-Network-Info as it was
    given, and lent, the number by which the caller is called back where it is not their own; told, where they were
    found as the call was made (emergency/carried.py).
    """

    at: float
    kind: Kind
    account: str = ""
    known: bool = True
    address: str = ""
    country: str = ""
    client: str = ""
    number: str = ""
    own_number: str = ""
    call_id: str = ""
    count: int = 0
    device: str = ""
    edge: str = ""
    access: str = ""
    lent: str = ""
    told: str = ""


class Severity(IntEnum):
    """How much it would hurt, and how sure it is."""

    NOTICE = 1
    WARNING = 2
    HIGH = 3


class Lesson(msgspec.Struct, frozen=True, array_like=True):
    """What a profile learns when an alert was a false alarm.

    kind: network, client, country (of an address), destination (of a number), or the name of a volume.
    """

    kind: str
    value: str = ""
    amount: float = 0.0


class Finding(msgspec.Struct, frozen=True):
    """One event that is out of the usual by one rule.

    subject: an account, or `network:PREFIX`. about: findings of one rule about the same thing are one alert.
    now, usual: in words. evidence: (name, value) pairs. blocks: what would stop it, see addressing/barring.py.
    """

    at: float
    subject: str
    rule: str
    about: str
    severity: Severity
    now: str
    usual: str
    evidence: tuple[tuple[str, str], ...] = ()
    lessons: tuple[Lesson, ...] = ()
    blocks: tuple[str, ...] = ()


class State(StrEnum):
    """What people said of an alert."""

    OPEN = "open"
    CONFIRMED = "confirmed"  # it was somebody else
    FALSE_ALARM = "false-alarm"  # it was all right, and is usual from now on


class Alert(msgspec.Struct, frozen=True):
    """What people are told. It grows while the same goes on. first, last: Unix seconds of events.

    severity: the highest so far. told: the count and severity when people were last told.
    """

    id: str
    subject: str
    rule: str
    about: str
    severity: Severity
    first: float
    last: float
    count: int
    now: str
    usual: str
    evidence: dict[str, list[str]] = {}
    lessons: tuple[Lesson, ...] = ()
    blocks: tuple[str, ...] = ()
    state: State = State.OPEN
    judged_by: str = ""
    judged_at: float | None = None
    told_count: int = 0
    told_severity: Severity = Severity.NOTICE

    @property
    def summary(self) -> str:
        """What, and why, in a sentence or two."""
        more = f" ({self.count} times since)" if self.count > 1 else ""
        return f"{self.now}{more}. Usual: {self.usual}."
