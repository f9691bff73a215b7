"""The kinds of policy: which settings each has, their types, bounds and defaults. docs/policies.md is made from this.

A setting that no granted policy says anything about has its default.
"""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from dataclasses import dataclass

import phonenumbers

from isthmus.addressing import normalise_number
from isthmus.dialling import patterns
from isthmus.errors import NotFoundError, UsageError

Value = bool | int | str | None


@dataclass(frozen=True, slots=True)
class Setting(ABC):
    """One setting of a kind: what can be chosen, and what it means. The forms of it are below."""

    name: str
    default: Value
    about: str

    @property
    @abstractmethod
    def form(self) -> str:
        """What may stand there, for the documentation."""

    @abstractmethod
    def checked(self, value: object) -> Value:
        """The value in its one form. Raises UsageError."""

    def parsed(self, text: str) -> Value:
        """The value that somebody typed. Raises UsageError."""
        return self.checked(text)

    def fault(self, value: object) -> UsageError:
        """What is said of a value that can't be."""
        return UsageError(f"{value!r} is not allowed", where=self.name, do=f"It takes {self.form}.")


@dataclass(frozen=True, slots=True)
class Flag(Setting):
    """Yes or no."""

    @property
    def form(self) -> str:
        return "true or false"

    def checked(self, value: object) -> Value:
        if not isinstance(value, bool):
            raise self.fault(value)
        return value

    def parsed(self, text: str) -> Value:
        words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
        if text.lower() not in words:
            raise self.fault(text)
        return words[text.lower()]


@dataclass(frozen=True, slots=True)
class Whole(Setting):
    """A whole number; the unit stands in the setting's name."""

    least: int = 0
    most: int = 0

    @property
    def form(self) -> str:
        return f"{self.least} to {self.most}"

    def checked(self, value: object) -> Value:
        if not isinstance(value, int) or isinstance(value, bool) or not self.least <= value <= self.most:
            raise self.fault(value)
        return value

    def parsed(self, text: str) -> Value:
        if not (text.isascii() and text.isdigit() and len(text) < 12):
            raise self.fault(text)
        return self.checked(int(text))


@dataclass(frozen=True, slots=True)
class Choice(Setting):
    """One of a few words."""

    choices: tuple[str, ...] = ()

    @property
    def form(self) -> str:
        return ", ".join(f"`{choice}`" for choice in self.choices)

    def checked(self, value: object) -> Value:
        if value not in self.choices:
            raise self.fault(value)
        return str(value)


@dataclass(frozen=True, slots=True)
class Text(Setting):
    """A short text; empty for none."""

    longest: int = 100

    @property
    def form(self) -> str:
        return f"text, at most {self.longest} characters"

    def checked(self, value: object) -> Value:
        if not isinstance(value, str) or len(value) > self.longest:
            raise self.fault(value)
        if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in value):
            raise self.fault(value)
        return value


@dataclass(frozen=True, slots=True)
class Number(Setting):
    """A telephone number, or none."""

    @property
    def form(self) -> str:
        return "a number as +14255550100, or `none`"

    def checked(self, value: object) -> Value:
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.fault(value)
        return normalise_number(value)

    def parsed(self, text: str) -> Value:
        return None if text.lower() == "none" else self.checked(text)


@dataclass(frozen=True, slots=True)
class Country(Setting):
    """A country by its code, or none."""

    @property
    def form(self) -> str:
        return "an ISO 3166 code as `US`, or `none`"

    def checked(self, value: object) -> Value:
        if value == "" or (isinstance(value, str) and value.upper() in phonenumbers.SUPPORTED_REGIONS):
            return str(value).upper()
        raise self.fault(value)

    def parsed(self, text: str) -> Value:
        return "" if text.lower() == "none" else self.checked(text)


@dataclass(frozen=True, slots=True)
class Digits(Setting):
    """Some digits, or none. lead: what stands before them (`+`)."""

    longest: int = 3
    lead: str = ""

    @property
    def form(self) -> str:
        return f"{'`+` and ' if self.lead else ''}at most {self.longest} digits, or `none`"

    def checked(self, value: object) -> Value:
        if not isinstance(value, str):
            raise self.fault(value)
        digits = value.removeprefix(self.lead)
        if value and not (
            value.startswith(self.lead) and digits.isascii() and digits.isdigit() and len(digits) <= self.longest
        ):
            raise self.fault(value)
        return value

    def parsed(self, text: str) -> Value:
        return "" if text.lower() == "none" else self.checked(text)


@dataclass(frozen=True, slots=True)
class DialRules(Setting):
    """The rules of a dial plan (dialling/patterns.py)."""

    @property
    def form(self) -> str:
        return "rules as `7|XXX -> +1425555`, with `;` between them"

    def checked(self, value: object) -> Value:
        if not isinstance(value, str) or len(value) > _LONGEST_RULES:
            raise self.fault(value)
        return patterns.written(patterns.parsed(value))


@dataclass(frozen=True, slots=True)
class Usages(Setting):
    """Names of PSTN usages, in order."""

    @property
    def form(self) -> str:
        return "names with a space between, as `local international`, or `none`"

    def checked(self, value: object) -> Value:
        if not isinstance(value, str):
            raise self.fault(value)
        names = value.split()
        if len(names) > _MOST_USAGES or any(_USAGE.fullmatch(name) is None for name in names):
            raise self.fault(value)
        return " ".join(dict.fromkeys(names))

    def parsed(self, text: str) -> Value:
        return "" if text.lower() == "none" else self.checked(text)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of policy. site_first: whether what is granted to a site beats what is granted to a person."""

    name: str
    about: str
    settings: tuple[Setting, ...]
    site_first: bool = False

    def setting(self, name: str) -> Setting:
        """The setting of that name. Raises UsageError."""
        for each in self.settings:
            if each.name == name:
                return each
        raise UsageError(
            f"{self.name} policies have no setting {name!r}",
            do=f"They have {', '.join(each.name for each in self.settings)}.",
        )

    def defaults(self) -> dict[str, Value]:
        """Every setting with its default."""
        return {each.name: each.default for each in self.settings}


_LONGEST_RULES = 6000  # characters
_MOST_USAGES = 20
_USAGE = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
_REACH = ("international", "domestic", "none")

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "calling",
            "What a person may do in calls.",
            (
                Choice(
                    "pstn_calls",
                    "international",
                    "Which numbers outside they may call: `domestic` means those of the country of their own number. "
                    "Emergency calls are always possible.",
                    _REACH,
                ),
                Flag(
                    "premium_numbers",
                    False,
                    "Whether they may call premium-rate, personal, pager and satellite numbers.",
                ),
                Flag(
                    "unassigned_numbers",
                    False,
                    "Whether they may call numbers in other countries that are in no range in use: fraud calls those.",
                ),
                Flag("forwarding", True, "Whether they may forward their calls."),
                Choice("forwarding_reach", "domestic", "Which numbers outside they may forward to.", _REACH),
                Flag("simultaneous_ring", True, "Whether other numbers may ring together with their phones."),
                Flag("transfer", True, "Whether they may transfer calls."),
                Flag("park", True, "Whether they may park calls."),
                Flag("delegation", True, "Whether they may let others call and answer for them."),
                Flag("call_waiting", True, "Whether a further call rings while they are in one."),
                Whole(
                    "most_calls",
                    8,
                    "Calls to numbers outside they may have at a time. Emergency calls are not counted.",
                    1,
                    100,
                ),
                Whole("minutes_a_day", 0, "Minutes they may call numbers outside a day; 0: any number.", 0, 100_000),
                Whole(
                    "cost_a_day",
                    0,
                    "What their calls outside may cost a day, in units of the rate table's currency; 0: anything.",
                    0,
                    1_000_000,
                ),
                Flag("end_at_limit", False, "Whether calls that are up end, too, when a limit of the day is reached."),
                Whole("ring_s", 20, "Seconds that their phones ring before a call is not answered.", 5, 120),
                Choice(
                    "recording",
                    "none",
                    "Which of their calls are recorded: `on_demand` lets them begin and end it.",
                    ("none", "on_demand", "all"),
                ),
            ),
        ),
        Kind(
            "dial-plan",
            "How the numbers that a person dials are read. Emergency numbers come first, whatever it says.",
            (
                Country("country", "", "Whose numbers, prefixes, emergency numbers and short codes they dial."),
                Digits("outside_line", "", "Digits dialled before a number outside, as 9.", 3),
                Whole("extension_digits", 0, "How many digits an extension has; 0 for none.", 0, 8),
                Digits("extension_base", "", "What stands before an extension to make it a number.", 14, "+"),
                DialRules("rules", "", "What comes before extensions and numbers outside, in this order."),
            ),
        ),
        Kind(
            "voice-routing",
            "By which voice routes a person's calls to the PSTN go (docs/pstn.md).",
            (
                Usages("usages", "default", "Usages of voice routes, the first to be tried first."),
                Choice(
                    "order",
                    "priority",
                    "By what the routes of one usage are tried: their priority, the longest prefix, or their cost.",
                    ("priority", "longest-prefix", "least-cost"),
                ),
                Flag(
                    "location_based",
                    False,
                    "Whether their calls pass trunks that have a network site only from and to there (docs/fraud.md).",
                ),
            ),
        ),
        Kind(
            "voicemail",
            "Whether and how callers can leave a message.",
            (
                Flag("enabled", True, "Whether they have voicemail."),
                Flag("transcription", True, "Whether messages are written down as well."),
                Flag("mask_profanity", False, "Whether swear words are masked in what is written down."),
                Flag("mail", True, "Whether messages are sent by mail."),
                Whole("longest_message_s", 300, "Seconds a message may last.", 10, 3600),
                Whole("keep_days", 180, "Days that messages are kept; 0 keeps them until they are deleted.", 0, 3650),
                Text("greeting_language", "", "Language of the greeting, as en-US; empty takes the tenant's.", 35),
            ),
        ),
        Kind(
            "caller-id",
            "Which number and name people outside see, and what is shown of callers.",
            (
                Choice(
                    "shown",
                    "own",
                    "What people outside see: their own number, the substitute, or nothing.",
                    ("own", "substitute", "anonymous"),
                ),
                Number("substitute", None, "The number shown instead of their own, such as the main line's."),
                Text("shown_name", "", "Name shown outside; empty takes their display name.", 64),
                Flag("may_hide", False, "Whether they may hide their number themselves."),
                Flag("hide_callers", False, "Whether the numbers of callers from outside are hidden from them."),
            ),
        ),
        Kind(
            "client",
            "What their apps and phones offer.",
            (
                Flag("web_phone", True, "Whether they may call from a browser."),
                Flag("messages", True, "Whether they may write messages."),
                Flag("file_transfer", True, "Whether they may send files."),
                Flag("keep_history", True, "Whether conversations are kept for them."),
                Flag("photo", True, "Whether photos are shown."),
                Choice("presence", "everyone", "Who sees whether they are there.", ("everyone", "contacts", "nobody")),
                Whole("sign_in_days", 30, "Days before an app must be signed in anew.", 1, 365),
                Flag("md5_digest", True, "Whether devices made for them may prove themselves by MD5 beside SHA-256."),
            ),
        ),
        Kind(
            "meetings",
            "What they may do in meetings that they hold.",
            (
                Flag("hold", True, "Whether they may hold meetings."),
                Flag("dial_in", False, "Whether their meetings have a number to call. Needs `audio-conferencing`."),
                Choice("dial_out", "domestic", "Which numbers may be called out of their meetings.", _REACH),
                Flag("video", True, "Whether there is video."),
                Flag("sharing", True, "Whether screens may be shared."),
                Flag("recording", True, "Whether meetings may be recorded."),
                Flag("guests", True, "Whether people may join who are not signed in."),
                Choice("lobby", "guests", "Who waits to be let in.", ("nobody", "guests", "everyone")),
                Whole("most_people", 250, "People who may be in a meeting.", 2, 10_000),
            ),
        ),
        Kind(
            "emergency",
            "What goes with a call to the emergency services, and who here is told of it (docs/emergency.md). The site "
            "comes before the person: of this kind a policy granted to a site beats all others but one that a place "
            "names.",
            (
                Text("place", "", "The place of devices that nothing else tells of, by name.", 63),
                Choice(
                    "send",
                    "pidf-lo",
                    "How the emergency centre is to know the place: by a document that goes with the call, by a number "
                    "of the place's pool, or by what it has on file for the caller's number.",
                    ("pidf-lo", "elin", "none"),
                ),
                Choice(
                    "elin_for",
                    "no-number",
                    "To whom a number of the pool is lent: to who has no number, or to everybody.",
                    ("no-number", "everybody"),
                ),
                Whole("elin_minutes", 60, "For how long a call back to a lent number reaches who called.", 10, 1440),
                Flag("notify", True, "Whether an emergency call is told by the site file's mail and webhook."),
                Text("desk", "", "Who is to look after it, as told there: a security desk's address or number.", 100),
                Digits("test_number", "", "Digits that read the place back and call nobody, as 933.", 8),
            ),
            site_first=True,
        ),
    )
}


def kind_of(name: str) -> Kind:
    """The kind of that name. Raises NotFoundError."""
    try:
        return KINDS[name]
    except KeyError:
        raise NotFoundError(f"there is no kind of policy {name!r}", do=f"Kinds: {', '.join(KINDS)}.") from None
