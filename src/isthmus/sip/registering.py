"""When to register at a carrier, again, and after a refusal (RFC 3261 section 10.2). Pure: the time is handed in.

    idle --sent--> waiting --accepted--> registered --(three quarters of the time over) sent--> waiting
    waiting --refused, or silence--> idle, for ever longer

Times are seconds of a clock that never goes back. A binding lasts on while it is refreshed in vain, until its end.
"""

from __future__ import annotations

import msgspec

TABLE = "registration"  # of Kamailio's shared memory, which has a Registration as JSON for each trunk
FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 600.0
SILENT_S = 15.0  # how long an answer is waited for; the engine gives up before
_LEAST_S = 10.0  # between two refreshes, whatever a carrier says


class Registration(msgspec.Struct, frozen=True):
    """One trunk's registration.

    until: end of the binding, 0 where there is none. next_at: when to send the next REGISTER. waiting: whether one is
    under way. failures: in a row. error: what was answered last, empty while all is well. expires_s: what is asked for.
    """

    expires_s: int
    until: float = 0.0
    next_at: float = 0.0
    waiting: bool = False
    failures: int = 0
    error: str = ""


def is_due(registration: Registration, now: float) -> bool:
    """Whether a REGISTER is to be sent."""
    return not registration.waiting and now >= registration.next_at


def sent(registration: Registration, now: float) -> Registration:
    """One is on its way."""
    return msgspec.structs.replace(registration, waiting=True, next_at=now + SILENT_S)


def waited(registration: Registration, now: float) -> Registration:
    """As time goes by: where nothing has come back at all, not even from the engine, this is a failure."""
    overdue = registration.waiting and now >= registration.next_at
    return silent(registration, now) if overdue else registration


def accepted(registration: Registration, now: float, granted_s: int) -> Registration:
    """200: the binding is there for so long. granted_s: 0 or less where the carrier said nothing usable."""
    granted = granted_s if granted_s > 0 else registration.expires_s
    refresh = max(_LEAST_S, granted * 0.75)
    return msgspec.structs.replace(
        registration, until=now + granted, next_at=now + refresh, waiting=False, failures=0, error=""
    )


def too_brief(registration: Registration, now: float, least_s: int) -> Registration:
    """423: the carrier wants longer intervals (section 10.2.8); at once with those, if they make sense."""
    if least_s <= registration.expires_s or least_s > 86400:
        return refused(registration, now, 423, "Interval Too Brief")
    return msgspec.structs.replace(registration, expires_s=least_s, next_at=now, waiting=False)


def refused(registration: Registration, now: float, code: int, reason: str, wait_s: float = 0.0) -> Registration:
    """Any other answer. wait_s: Retry-After.

    The wait doubles with each failure (RFC 5626 section 4.5). Who is told that user or password are wrong is not to
    ask so often that the carrier locks the account: the longest wait at once.
    """
    wrong = code in (401, 403, 404, 407)
    wait = LONGEST_WAIT_S if wrong else min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(registration.failures, 10))
    return msgspec.structs.replace(
        registration,
        next_at=now + max(wait, min(wait_s, 3600.0)),
        waiting=False,
        failures=registration.failures + 1,
        error=f"{code} {reason}".strip(),
    )


def silent(registration: Registration, now: float) -> Registration:
    """Nothing came back."""
    return refused(registration, now, 408, "No Answer")


def is_registered(registration: Registration, now: float) -> bool:
    """Whether the carrier knows where we are."""
    return now < registration.until


def granted(expires: str, contacts: str, own_user: str) -> int:
    """Seconds that a 200 gives (section 10.2.4): `expires` of our own Contact, else Expires; 0 where none is there."""
    for contact in contacts.split(","):
        uri, bracket, parameters = contact.partition(">")
        if bracket and f":{own_user}@" in uri:
            for parameter in parameters.split(";"):
                name, _, value = parameter.strip().partition("=")
                if name.lower() == "expires" and value.strip().isdigit():
                    return int(value)
    return int(expires) if expires.strip().isdigit() else 0
