"""A made-up organisation at work, and attacks on it, as a history of events. The same seed gives the same history.

People of all kinds, and what happens to them without any harm: home networks that change, trips, new phones, mistyped
passwords, a desk phone with an old password, holidays, nights and rotating shifts, a new office. Each attack says whom
it hits and when, so that hits and false alarms can be counted.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from isthmus.activity.model import Event, Kind

DAY = 86_400
START = 1_767_571_200  # Monday, 5 January 2026, 00:00 UTC
_OFFICE = ("192.0.2.", "192.0.3.", "192.0.4.")
_NEW_OFFICE = "192.0.9."
_DESK = ("Yealink SIP-T46S 66.85.0.5", "snomD785/10.1.54.13", "PolyEdge-E350-UA/8.1.1")
_SOFT = ("Bria 6.7.1", "Linphone Desktop/5.0.2 (Windows)", "MicroSIP/3.21.3")
_MOBILE = ("LinphoneAndroid/5.2.3 (Pixel 7) LinphoneSDK/5.3", "Zoiper rv2.10.20.4", "Acrobits/6.1")
_ABROAD = {"FR": "+331", "GB": "+4420", "IT": "+3906", "PL": "+4822", "US": "+1212", "JP": "+813", "BR": "+5511"}
# Where somebody calls once in a while: one for a customer, one for a hotel.
_ONCE = (
    "+3222", "+3120", "+3511", "+35312", "+3584", "+35928", "+3613", "+37052", "+37167", "+38512", "+420222", "+4212",
    "+431", "+4122", "+4531", "+468", "+4722", "+5255", "+541145", "+562", "+571", "+603", "+622", "+63288", "+642",
    "+6562", "+662", "+8210", "+8621", "+902", "+9111", "+9714", "+9723", "+2721", "+2012", "+21252", "+30210", "+3491",
)  # fmt: skip
_TRIPS = (
    "FR", "GB", "IT", "PL", "US", "AT", "CH", "ES", "NL", "BE", "DK", "SE", "NO", "CZ", "HU", "PT", "GR", "TR", "AE",
    "SG", "JP", "CN", "IN", "KR", "CA", "MX", "ZA", "FI", "IE", "HR",
)  # fmt: skip
_THIEVES = ("RO", "VN", "NG", "RU", "BR")


@dataclass
class Person:
    """One account: where and with what it is used."""

    name: str
    kind: str
    desk: str = ""
    soft: str = ""
    office: str = ""
    home: str = ""
    carrier: list[str] = field(default_factory=list)
    partners: list[str] = field(default_factory=list)
    away: range = range(0)

    @property
    def aor(self) -> str:
        return f"{self.name}@contoso.example"


@dataclass(frozen=True)
class Attack:
    """Something an alert has to be raised about: between these times, about one of the subjects."""

    kind: str
    subjects: frozenset[str]
    since: float
    until: float


class Simulator:
    """The history of `people` accounts over `days` days, with `each` attacks of every kind (see ATTACKS)."""

    def __init__(self, seed: int, *, people: int = 120, days: int = 60, each: int = 2) -> None:
        self.random = random.Random(seed)
        self.days, self.attacks = days, list[Attack]()
        self.people = [self._person(index) for index in range(people)]
        self._networks = 0
        self._hit: set[str] = set()
        self._events: list[Event] = []
        for person in self.people:
            self._live(person)
        for kind, attack in ATTACKS.items():
            for _ in range(each):
                before = len(self._events)
                subjects = attack(self)
                times = [event.at for event in self._events[before:]]
                self.attacks.append(Attack(kind, subjects, min(times), max(times) + 3600))

    def history(self) -> list[Event]:
        """All events in the order of their times."""
        return sorted(self._events, key=lambda event: event.at)

    # People

    def _person(self, index: int) -> Person:
        chance = self.random
        kinds = ("office",) * 9 + ("home",) * 5 + ("traveller",) * 2 + ("mobile",) * 2 + ("shift",) * 2
        kind = "admin" if index < 4 else kinds[index % len(kinds)]
        person = Person(f"{kind}{index}", kind, chance.choice(_DESK), chance.choice(_SOFT), chance.choice(_OFFICE))
        person.home = self._home()
        person.carrier = [f"100.{64 + chance.randrange(8)}.{chance.randrange(250)}." for _ in range(5)]
        if kind in ("traveller", "mobile"):
            person.soft = chance.choice(_MOBILE)
        if chance.random() < 0.2 or kind == "traveller":
            person.partners = chance.sample(sorted(_ABROAD), chance.randrange(1, 4))
        begins = chance.randrange(self.days * 2)
        person.away = range(begins, begins + 12)
        return person

    def _home(self) -> str:
        return f"84.{self.random.randrange(128)}.{self.random.randrange(250)}."

    def fresh(self) -> str:
        """A network nobody was in before."""
        self._networks += 1
        return f"45.{self._networks // 250}.{self._networks % 250}."

    def _live(self, person: Person) -> None:
        chance = self.random
        shift = 0
        for day in range(self.days):
            if day in person.away:
                if person.kind in ("office", "shift"):  # the desk phone stays
                    self._registers(person, day, 0, 24, person.office, person.desk, "DE")
                continue
            weekend = day % 7 >= 5
            if person.kind == "shift" and day % 7 == 0:
                shift = (shift + 8) % 24
            self._upsets(person, day)
            if person.kind in ("office", "shift", "admin", "home"):
                self._registers(person, day, 0, 24, person.office, person.desk, "DE")
            if weekend and person.kind not in ("shift", "traveller", "mobile"):
                continue
            begin = (6 + shift) % 24 if person.kind == "shift" else 8 + chance.randrange(2)
            place, country, client = self._where(person, day)
            if place != person.office or client != person.desk:
                self._registers(person, day, begin, begin + 9, place, client, country)
            self._calls(person, day, begin, place, client, country)
            if person.kind == "admin":
                self._administers(person, day, place, country)

    def _where(self, person: Person, day: int) -> tuple[str, str, str]:
        """Today's network, country and client."""
        chance = self.random
        if person.kind == "home" and chance.random() < 0.002:  # from a holiday, or a friend's
            return self.fresh(), chance.choice(_TRIPS), person.soft
        if person.kind == "home" and chance.random() < 0.003:  # by a VPN that ends elsewhere
            return f"77.{chance.randrange(4)}.{chance.randrange(40)}.", chance.choice(("NL", "US")), person.soft
        if person.kind == "home" and day % 7 in (0, 2, 4):
            if chance.random() < 0.05:  # the provider gave another address
                person.home = self._home()
            return person.home, "DE", person.soft
        if person.kind == "mobile":
            if chance.random() < 0.05:
                person.carrier[chance.randrange(5)] = f"100.{64 + chance.randrange(8)}.{chance.randrange(250)}."
            return chance.choice(person.carrier), "DE", person.soft
        if person.kind == "traveller" and day % 7 in (1, 2):
            return self.fresh(), chance.choice(_TRIPS) if chance.random() < 0.5 else "DE", person.soft
        return person.office, "DE", person.desk

    def _upsets(self, person: Person, day: int) -> None:
        """What is odd and yet harmless."""
        chance = self.random
        noon = START + day * DAY + 43_200
        if chance.random() < 0.002:
            person.desk = chance.choice(_DESK)
        if chance.random() < 0.003:
            person.soft = chance.choice(_MOBILE if person.kind in ("traveller", "mobile") else _SOFT)
        if person.kind == "home" and chance.random() < 0.001:  # moves house, and has a new laptop
            person.home, person.soft = self._home(), chance.choice(_SOFT)
        if chance.random() < 0.01:  # mistyped
            place, client = (person.home, person.soft) if person.kind == "home" else (person.office, person.desk)
            for index in range(chance.randrange(1, 5)):
                self.add(noon + index * 20, Kind.REFUSED, person.aor, place, "DE", client)
        if chance.random() < 0.0005:  # a phone with the old password
            for index in range(240):
                self.add(noon + index * 60, Kind.REFUSED, person.aor, person.office, "DE", person.desk)
        if person.kind == "office" and day == self.days // 2 and chance.random() < 0.3:
            person.office = _NEW_OFFICE  # a new office opens

    def _registers(self, person: Person, day: int, begin: int, end: int, place: str, client: str, country: str) -> None:
        host = self.random.randrange(1, 250)
        for hour in range(begin, end):
            at = START + day * DAY + hour * 3600 + self.random.random() * 600
            self.add(at, Kind.REGISTER, person.aor, place, country, client, host=host)

    def _calls(self, person: Person, day: int, begin: int, place: str, client: str, country: str) -> None:
        chance = self.random
        for _ in range(chance.randrange(0, 7)):
            number = f"+4930{chance.randrange(10**6, 10**7)}"
            if person.partners and chance.random() < 0.3:
                number = self.number(chance.choice(person.partners))
            elif chance.random() < 0.002:
                number = chance.choice(_ONCE) + str(chance.randrange(10**6, 10**7))
            at = START + day * DAY + (begin + 9 * chance.random()) * 3600
            self.call(at, person.aor, number, place, country, client, chance.expovariate(1 / 240.0))

    def _administers(self, person: Person, day: int, place: str, country: str) -> None:
        at = START + day * DAY + 9 * 3600 + self.random.random() * 20_000
        self.add(at, Kind.SIGN_IN, person.aor, person.office, country, "Mozilla/5.0 (X11) Firefox/140.0")
        if day % 7 == 0:
            self.add(at + 60, Kind.EXPORT, person.aor, person.office, country, "", count=len(self.people))

    # What events are made of

    def number(self, country: str) -> str:
        prefix = _ABROAD[country]
        return prefix + "".join(str(self.random.randrange(2, 9)) for _ in range(8 if country in ("FR", "GB") else 7))

    def add(
        self, at: float, kind: Kind, account: str, place: str, country: str, client: str, *,
        host: int = 7, known: bool = True, count: int = 0,
    ) -> None:  # fmt: skip
        address = f"{place}{host}" if place else ""
        self._events.append(Event(at, kind, account, known, address, country, client, count=count))

    def call(self, at: float, account: str, number: str, place: str, country: str, client: str, seconds: float) -> None:
        call_id = f"c{len(self._events)}"
        self._events.append(
            Event(at, Kind.CALL, account, True, f"{place}7", country, client, number, "+49305550100", call_id)
        )
        self._events.append(Event(at + 8, Kind.ANSWERED, call_id=call_id))
        self._events.append(Event(at + 8 + seconds, Kind.ENDED, call_id=call_id))

    def victim(self, *kinds: str) -> Person:
        """Somebody who was not attacked yet."""
        free = [person for person in self.people if person.aor not in self._hit and (not kinds or person.kind in kinds)]
        chosen = self.random.choice(free)
        self._hit.add(chosen.aor)
        return chosen

    def night(self) -> float:
        """Between one and four of some night after the first three weeks."""
        day = self.random.randrange(21, self.days - 12)
        return START + day * DAY + 3600 * (1 + 3 * self.random.random())

    def thief(self) -> tuple[str, str]:
        return self.fresh(), self.random.choice(_THIEVES)


def _stolen(sim: Simulator) -> frozenset[str]:
    """Somebody abroad has the password and registers a client of their own."""
    person, (place, country), at = sim.victim(), sim.thief(), sim.night()
    for hour in range(5):
        sim.add(at + hour * 3600, Kind.REGISTER, person.aor, place, country, "friendly-phone 1.2")
    return frozenset({person.aor})


def _stolen_by_day(sim: Simulator) -> frozenset[str]:
    """The same in office hours, with the client that the victim has."""
    person, (place, country), at = sim.victim(), sim.thief(), sim.night() + 9 * 3600
    for hour in range(5):
        sim.add(at + hour * 3600, Kind.REGISTER, person.aor, place, country, person.soft or person.desk)
    return frozenset({person.aor})


def _stolen_and_dialled(sim: Simulator) -> frozenset[str]:
    """A stolen password, and at once calls to a country where fraud earns."""
    person, (place, country), at = sim.victim(), sim.thief(), sim.night()
    sim.add(at, Kind.REGISTER, person.aor, place, country, "friendly-phone 1.2")
    for index in range(20):
        sim.call(at + 60 + index * 45, person.aor, f"+2526{10_000_00 + index}", place, country, "friendly-phone", 600)
    return frozenset({person.aor})


def _spray(sim: Simulator) -> frozenset[str]:
    """One network, one password for each of many accounts."""
    (place, country), at = sim.thief(), sim.night() + 8 * 3600
    for index, person in enumerate(sim.people[:60]):
        sim.add(at + index * 30, Kind.REFUSED, person.aor, place, country, "pplsip")
    return frozenset({f"network:{place}0/24"})


def _slow_spray(sim: Simulator) -> frozenset[str]:
    """The same from thirty networks, two accounts an hour from each."""
    at, subjects = sim.night(), {"tenant:main"}
    for _ in range(30):
        place, country = sim.thief()
        subjects.add(f"network:{place}0/24")
        for hour in range(6):
            for person in sim.random.sample(sim.people, 2):
                subjects.add(person.aor)
                sim.add(at + hour * 3600, Kind.REFUSED, person.aor, place, country, "Linphone")
    return frozenset(subjects)


def _guessing(sim: Simulator) -> frozenset[str]:
    """Many passwords for one account, and one of them is right."""
    person, (place, country), at = sim.victim(), sim.thief(), sim.night() + 10 * 3600
    for index in range(100):
        sim.add(at + index * 4, Kind.REFUSED, person.aor, place, country, "pplsip")
    sim.add(at + 420, Kind.REGISTER, person.aor, place, country, "pplsip")
    return frozenset({person.aor, f"network:{place}0/24"})


def _scan(sim: Simulator) -> frozenset[str]:
    """Extensions tried one by one; few exist."""
    (place, country), at = sim.thief(), sim.night()
    for index in range(200):
        sim.add(at + index, Kind.REFUSED, f"{100 + index}@contoso.example", place, country, "x", known=False)
    return frozenset({f"network:{place}0/24"})


def _toll_fraud(sim: Simulator) -> frozenset[str]:
    """A phone in the office is taken over and calls at night: network and client are the usual ones."""
    person, at = sim.victim("office", "shift", "home"), sim.night()
    for index in range(30):
        sim.call(at + index * 100, person.aor, f"+53526{10_000 + index}", person.office, "DE", person.desk, 900)
    return frozenset({person.aor})


def _toll_fraud_first_day(sim: Simulator) -> frozenset[str]:
    """The same on the second day there is anything at all."""
    person, at = sim.victim("office", "shift", "home"), START + DAY + 2 * 3600
    for index in range(30):
        sim.call(at + index * 100, person.aor, f"+53526{10_000 + index}", person.office, "DE", person.desk, 900)
    return frozenset({person.aor})


def _premium(sim: Simulator) -> frozenset[str]:
    """A few calls to premium numbers in office hours."""
    person, at = sim.victim("office", "home"), sim.night() + 9 * 3600
    for index in range(3):
        sim.call(at + index * 1800, person.aor, f"+1900555{1000 + index}", person.office, "DE", person.desk, 600)
    return frozenset({person.aor})


def _slow_fraud(sim: Simulator) -> frozenset[str]:
    """Two calls a day to a new country in office hours, for ten days, from the usual phone."""
    person, at = sim.victim("office", "home"), sim.night() + 9 * 3600
    for day in range(10):
        for index in range(2):
            number = f"+2526{20_000_00 + index}"
            sim.call(at + day * DAY + index * 4000, person.aor, number, person.office, "DE", person.desk, 1500)
    return frozenset({person.aor})


def _slow_fraud_usual_country(sim: Simulator) -> frozenset[str]:
    """Long calls to a country that colleagues call as well, four hours a day, for ten days."""
    person, at = sim.victim("office", "home"), sim.night() + 7 * 3600
    for day in range(10):
        for index in range(4):
            number = sim.number("PL")
            sim.call(at + day * DAY + index * 4000, person.aor, number, person.office, "DE", person.desk, 3600)
    return frozenset({person.aor})


def _shared(sim: Simulator) -> frozenset[str]:
    """A password that was sold on: six places within the hour."""
    person, at = sim.victim(), sim.night() + 6 * 3600
    for index in range(6):
        place, country = sim.thief()
        sim.add(at + index * 300, Kind.REGISTER, person.aor, place, country, f"client{index}")
    return frozenset({person.aor})


def _export(sim: Simulator) -> frozenset[str]:
    """An administrator takes everything along, at night."""
    person, at = sim.victim("admin"), sim.night()
    sim.add(at, Kind.EXPORT, person.aor, person.office, "DE", "", count=5000)
    return frozenset({person.aor})


ATTACKS: dict[str, Callable[[Simulator], frozenset[str]]] = {
    "stolen password, from abroad": _stolen,
    "stolen password, usual client and hours": _stolen_by_day,
    "stolen password and fraud calls": _stolen_and_dialled,
    "password spray": _spray,
    "password spray, slow, 30 networks": _slow_spray,
    "guessing, and success": _guessing,
    "scan for extensions": _scan,
    "toll fraud at night, own phone": _toll_fraud,
    "toll fraud on the second day": _toll_fraud_first_day,
    "premium calls by day": _premium,
    "slow fraud to a new country": _slow_fraud,
    "slow fraud to a usual country": _slow_fraud_usual_country,
    "password shared by many": _shared,
    "export by an administrator": _export,
}


def without_countries(history: list[Event]) -> Iterator[Event]:
    """The same history where there is no table of countries by address."""
    for event in history:
        yield Event(*(getattr(event, name) if name != "country" else "" for name in Event.__struct_fields__))
