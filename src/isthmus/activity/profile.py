"""What is usual: for an account, for the whole organisation, and what came from one network. Pure, and bounded.

Nothing here grows with time or traffic: habits are at most so many, the weakest gives way; volumes are one number a
window. All of it fades by half in `HALF_LIFE_DAYS` unless it goes on, so what somebody did last year is not usual.
"""

from __future__ import annotations

import msgspec

HALF_LIFE_DAYS = 45.0
SEEN = 64  # accounts or networks of the last hour that are told apart
_FORGOTTEN = 0.25  # days' worth; below, a habit is none any more
_DAY_S = 86_400


def day_of(at: float) -> int:
    """The day (UTC) since 1970."""
    return int(at // _DAY_S)


class Habit(msgspec.Struct, array_like=True):
    """Something done on some days. days: how many, faded. owner: of the organisation's, who did it first."""

    days: float
    first: int
    last: int
    owner: str = ""
    shared: bool = False

    def faded(self, day: int) -> float:
        """How many days it is worth on `day`."""
        return self.days * float(0.5 ** (max(0, day - self.last) / HALF_LIFE_DAYS))


class Habits(msgspec.Struct, array_like=True):
    """Named habits, at most `most`."""

    most: int
    held: dict[str, Habit] = {}

    def knows(self, name: str, day: int) -> bool:
        """Whether it was done before today, and not too long ago."""
        habit = self.held.get(name)
        return habit is not None and habit.first < day and habit.faded(day) >= _FORGOTTEN

    def learn(self, name: str, day: int, owner: str = "") -> bool:
        """Done today. Whether that is new: never done, or long forgotten."""
        habit = self.held.get(name)
        if habit is None or habit.faded(day) < _FORGOTTEN:
            if len(self.held) >= self.most and habit is None:
                del self.held[min(self.held, key=lambda key: (self.held[key].faded(day), key))]
            self.held[name] = Habit(1.0, day, day, owner)
            return True
        if owner and owner != habit.owner:
            habit.shared = True
        if habit.last < day:
            habit.days, habit.last = habit.faded(day) + 1.0, day
        return False

    def teach(self, name: str, day: int, owner: str = "") -> None:
        """People said that it is usual."""
        self.learn(name, day - 1, owner)
        habit = self.held[name]
        habit.first = min(habit.first, day - 1)
        habit.days = max(habit.days, 3.0)

    def usual(self, day: int, most: int = 3) -> list[str]:
        """The strongest, first."""
        names = [name for name in self.held if self.knows(name, day)]
        return sorted(names, key=lambda name: (-self.held[name].faded(day), name))[:most]


class Volume(msgspec.Struct, array_like=True):
    """How much in a window of time, and the most there was in one (faded). A window with an alert is not learnt."""

    width_s: int
    window: int = 0
    current: float = 0.0
    before: float = 0.0
    peak: float = 0.0
    alerted: bool = False

    def add(self, at: float, amount: float) -> float:
        """Add, and give what lies in the window that ends now (the one before it counted by the part it overlaps)."""
        self.roll(at)
        self.current += amount
        part = at / self.width_s - self.window
        return self.current + self.before * max(0.0, 1.0 - part)

    def roll(self, at: float) -> None:
        """Close the windows that are over."""
        window = int(at // self.width_s)
        gap = window - self.window
        if gap <= 0:
            return
        fade = 0.5 ** (gap * self.width_s / _DAY_S / HALF_LIFE_DAYS)
        self.peak = self.peak * fade if self.alerted else max(self.peak * fade, self.current)
        self.before = self.current if gap == 1 else 0.0
        # A burst that goes on is still the same: the next window is not learnt from either.
        self.alerted = self.alerted and gap == 1
        self.window, self.current = window, 0.0


class Recent(msgspec.Struct, array_like=True):
    """Different things within the last hour, at most `most`."""

    most: int
    seen: dict[str, float] = {}

    def add(self, name: str, at: float, within_s: float = 3600.0) -> int:
        """See one; how many different ones there were lately, this one included."""
        self.seen = {key: when for key, when in self.seen.items() if at - when < within_s}
        if name not in self.seen and len(self.seen) >= self.most:
            del self.seen[min(self.seen, key=lambda key: (self.seen[key], key))]
        self.seen[name] = at
        return len(self.seen)


class OpenCall(msgspec.Struct, array_like=True):
    """A call under way. answered: Unix seconds, 0 while it is not. number: E.164."""

    began: float
    destination: str
    abroad: bool
    answered: float = 0.0
    number: str = ""


def _hours() -> list[float]:
    return [0.0] * 48


class Profile(msgspec.Struct):
    """One account. hours: how many days something was done in each hour of workdays and of the weekend, faded."""

    networks: Habits = msgspec.field(default_factory=lambda: Habits(32))
    clients: Habits = msgspec.field(default_factory=lambda: Habits(16))
    countries: Habits = msgspec.field(default_factory=lambda: Habits(12))
    destinations: Habits = msgspec.field(default_factory=lambda: Habits(24))
    hours: list[float] = msgspec.field(default_factory=_hours)
    last_hour: int = 0
    days: float = 0.0  # on which there was anything, faded
    acted_days: float = 0.0  # on which the person did something themselves, faded
    last_day: int = 0
    acted_day: int = 0
    novelties: float = 0.0  # new networks there were, faded
    new_countries: float = 0.0  # that it was used from, faded
    whereabouts: dict[str, tuple[str, float]] = {}  # country and time of the last use of a client; at most 8
    failures: Volume = msgspec.field(default_factory=lambda: Volume(600))
    failed_from: dict[str, float] = {}  # networks of the last failures, at most 8
    places: Recent = msgspec.field(default_factory=lambda: Recent(12))
    places_peak: Volume = msgspec.field(default_factory=lambda: Volume(_DAY_S))
    abroad_calls: Volume = msgspec.field(default_factory=lambda: Volume(3600))
    outside_calls: Volume = msgspec.field(default_factory=lambda: Volume(3600))
    abroad_minutes: Volume = msgspec.field(default_factory=lambda: Volume(_DAY_S))
    abroad_at_once: Volume = msgspec.field(default_factory=lambda: Volume(_DAY_S))
    exports: Volume = msgspec.field(default_factory=lambda: Volume(_DAY_S))
    numbers: Recent = msgspec.field(default_factory=lambda: Recent(32))  # that were called
    short_numbers: Recent = msgspec.field(default_factory=lambda: Recent(SEEN))  # where calls were short
    short_calls: Volume = msgspec.field(default_factory=lambda: Volume(3600))
    failed_calls: Volume = msgspec.field(default_factory=lambda: Volume(3600))
    night_abroad: Volume = msgspec.field(default_factory=lambda: Volume(3600))
    calls: dict[str, OpenCall] = {}  # at most 32

    def begin_day(self, day: int) -> bool:
        """Let everything fade that counts days. Whether the day is a new one."""
        if day <= self.last_day:
            return False
        fade = float(0.5 ** ((day - self.last_day) / HALF_LIFE_DAYS)) if self.last_day else 1.0
        self.days = self.days * fade + 1.0
        self.acted_days *= fade
        self.novelties *= fade
        self.new_countries *= fade
        self.hours = [weight * fade for weight in self.hours]
        self.last_day = day
        return True


class Organisation(msgspec.Struct):
    """What everybody of a tenant does together."""

    networks: Habits = msgspec.field(default_factory=lambda: Habits(1024))
    countries: Habits = msgspec.field(default_factory=lambda: Habits(64))
    destinations: Habits = msgspec.field(default_factory=lambda: Habits(256))
    first_day: int = 0
    # Accounts that had wrong passwords from networks where nobody is usually, an hour.
    failures: Volume = msgspec.field(default_factory=lambda: Volume(3600))
    failed_accounts: Recent = msgspec.field(default_factory=lambda: Recent(4 * SEEN))
    failed_networks: Recent = msgspec.field(default_factory=lambda: Recent(SEEN))

    def shares(self, habits: Habits, name: str, account: str, day: int) -> bool:
        """Whether somebody other than `account` does that usually."""
        habit = habits.held.get(name)
        return habit is not None and habits.knows(name, day) and (habit.shared or habit.owner != account)


class Source(msgspec.Struct):
    """What was refused from one network lately."""

    accounts: Recent = msgspec.field(default_factory=lambda: Recent(SEEN))
    strangers: Recent = msgspec.field(default_factory=lambda: Recent(SEEN))
    attempts: Volume = msgspec.field(default_factory=lambda: Volume(3600))
