"""What a trunk wants of requests, as plain values. Pure.

A `Shape` is made once, when the site file is read (isthmus.trunking.settings), and applied by `applying`.
"""

from __future__ import annotations

import msgspec


class NumberRule(msgspec.Struct, frozen=True):
    """What becomes of a number.

    of: `called`, `calling`, `asserted` or `diverting`. on: `out` or `in`. pattern: how the number begins (see
    patterns). strip: digits taken from its beginning, the `+` being one of them. prepend: what is then put before.
    set: a number in place of all that; empty for none. form: first brings it to this form: `e164`, `national`,
    `international`, `digits`, or empty for none.
    """

    of: str
    on: str
    pattern: str = ""
    form: str = ""
    strip: int = 0
    prepend: str = ""
    set: str = ""


class HeaderRule(msgspec.Struct, frozen=True):
    """What becomes of a header. Exactly one of set, copy and remove is given.

    set: its value, with `{called}`, `{calling}`, `{diverting}`, `{trunk}` and `{site}` filled in. copy: the header of
    the request at hand whose value it takes.
    """

    name: str
    on: str
    set: str = ""
    copy: str = ""
    remove: bool = False


class Shape(msgspec.Struct, frozen=True):
    """Everything of a trunk that is about how its requests look. See TrunkShape in settings for each."""

    country: str = ""
    identity: tuple[str, ...] = ("asserted",)
    identity_uri: str = "tel"
    private: str = "withhold"
    user_phone: bool = False
    request_uri: str = "sip"
    to_called: bool = False
    from_host: str = ""
    forwarding: str = "history-info"
    referred_by: bool = False
    extension: str = "drop"
    caller_from: str = "from"
    by_name: bool = False
    numbers: tuple[NumberRule, ...] = ()
    headers: tuple[HeaderRule, ...] = ()


class Diversion(msgspec.Struct, frozen=True, array_like=True):
    """Who forwarded a call. number: theirs. reason: see RFC 5806 section 4. private: they want it known to nobody."""

    number: str
    reason: str = "unknown"
    private: bool = False


class Call(msgspec.Struct, frozen=True):
    """A request on its way to or from a trunk.

    called, calling: numbers as they are before (E.164, or an emergency number or short code); calling empty: nobody.
    extension: digits behind the called number. private: the caller wants to be known to nobody. hides_history: and
    nobody to know who forwarded it (RFC 7044 section 10.1.2). diverted: who did, the first one first. referred_by:
    number of who transferred it. headers: name in lower case -> value of what was received, as far as rules copy it.
    """

    called: str
    calling: str = ""
    extension: str = ""
    private: bool = False
    hides_history: bool = False
    diverted: tuple[Diversion, ...] = ()
    referred_by: str = ""
    headers: dict[str, str] = {}


class Shaped(msgspec.Struct, frozen=True):
    """What the request looks like then.

    uri_user: user part of the Request-URI, with parameters. tel: whether that is a tel URI. from_uri: empty for
    nobody. to_uri: empty: as it is. remove: names of headers. add: name and value. steps: what each rule did, in
    words.
    """

    number: str
    uri_user: str
    tel: bool
    from_uri: str
    to_uri: str
    remove: tuple[str, ...]
    add: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]


class Read(msgspec.Struct, frozen=True):
    """What a request from a trunk means: the numbers in E.164 as far as the rules can tell.

    remove, add, steps: as of Shaped.
    """

    called: str
    calling: str
    diverted: tuple[Diversion, ...]
    remove: tuple[str, ...]
    add: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]
