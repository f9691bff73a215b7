"""Numbers lent to emergency calls as they are made (ELIN), in memory that all workers share. Rules: emergency.elin.

The control service is told of each loan of its own site's numbers, and writes it down. After a restart of Kamailio
loans are known by the map of locations, which has what was written down, and by files of the workers' own
(emergency/heard.py): the other site's numbers stand there alone, and so does what the control service was not there
for.
"""

from __future__ import annotations

import time

import msgspec

from isthmus.emergency import elin
from isthmus.emergency.carried import Carried
from isthmus.emergency.compiled import EmergencyMap
from isthmus.emergency.model import Found, Loan
from isthmus.engines.kamailio import locating
from isthmus.engines.kamailio.ksr import KSR, text
from isthmus.engines.kamailio.site import Site
from isthmus.routing.model import Request
from isthmus.routing.snapshot import View

_TABLE = "elin"
_loan_from = msgspec.json.Decoder(Loan)


def lend(site: Site, request: Request, device: str, number: str) -> str:
    """The number (E.164) that is lent to the call at hand; empty where it goes out by the caller's own.

    device: as the digest named it; number: the caller's own, empty for none. Never raises: the call goes out whatever
    is wrong here.
    """
    try:
        return lend_at(site, request.caller, locating.bare(device), locating.found(site, request, device, number)[1])
    except Exception as error:
        KSR.err(f"an emergency call of {request.caller} has no number lent: {type(error).__name__}: {error}\n")
        return ""


def called_back(site: Site, number: str) -> str:
    """The address-of-record that a call from the PSTN to this number (E.164) is for by a loan; empty for none."""
    try:
        loan = elin.called_back(_present(site, site.locations.map(), number), int(time.time() * 1000))
    except Exception as error:
        KSR.err(f"whether {number} is lent is not known: {type(error).__name__}: {error}\n")
        return ""
    return "" if loan is None else loan.aor


def lend_at(site: Site, caller: str, device: str, found: Found) -> str:
    """The number that is lent to the call at hand by the place where it was found; empty for none.

    caller: address-of-record; device: its name.
    """
    place = found.located.place
    if not found.elin or place is None:
        return ""
    known = site.locations.map()
    wanted = Loan("", place.tenant, place.name, caller, device, text("$ci")[:256], int(time.time() * 1000))
    pool = f"{place.tenant}/{place.name}"
    # One call at a time lends of a pool, whichever worker has it: two that look at once would take the same number.
    KSR.htable.sht_lock(_TABLE, pool)
    try:
        loans = [loan for each in place.elins if (loan := _present(site, known, each)) is not None]
        made, lost = elin.lent(loans, place.elins, wanted, found.settings.elin_minutes * 60)
        _keep(site, made)
    finally:
        KSR.htable.sht_unlock(_TABLE, pool)
    if lost is not None:
        KSR.warn(f"the numbers of {pool} are exhausted: {made.number} no longer reaches {lost.aor}\n")
    return made.number


def note(site: Site, view: View, caller: str, told: Carried) -> None:
    """The other site has lent this number to the call at hand, and whoever calls it back may come by our trunk.

    Not a number that is somebody's, or lent by this site to somebody else just now; not for somebody whom nobody knows
    here.
    """
    if not told.lent or view.person(caller) is None or view.owner_of(told.lent) is not None:
        return
    now = int(time.time() * 1000)
    held = elin.called_back(_present(site, site.locations.map(), told.lent), now)
    if held is not None and held.tenant and held.aor != caller:
        return
    loan = Loan(told.lent, "", told.name, caller, told.device, text("$ci")[:256], now, now + told.minutes * 60_000)
    _keep(site, loan)


def _keep(site: Site, made: Loan) -> None:
    raw = msgspec.json.encode(made)
    KSR.htable.sht_sets(_TABLE, made.number, raw.decode())
    try:
        site.loans.put(made.number, raw, made.until_ms / 1000)
    except OSError as error:
        KSR.warn(f"that {made.number} is lent to {made.aor} would not outlive a restart: {error.strerror}\n")


def _present(site: Site, known: EmergencyMap, number: str) -> Loan | None:
    """The last loan of a number."""
    raw = KSR.htable.sht_get(_TABLE, number)
    if raw is not None:
        return _loan_from.decode(str(raw))
    written, kept = known.loans.get(number), _kept(site, number)
    if written is None or kept is None:
        return written or kept
    return max(written, kept, key=lambda loan: loan.lent_ms)


def _kept(site: Site, number: str) -> Loan | None:
    try:
        raw = site.loans.get(number)
        return None if raw is None else _loan_from.decode(raw)
    except (OSError, msgspec.DecodeError) as error:
        KSR.warn(f"whether {number} was lent before a restart is not known: {error}\n")
        return None
