"""Numbers lent to emergency calls as they are made (ELIN), in memory that all workers share. Rules: emergency.elin.

The control service is told of each loan and writes it down. After a restart of Kamailio loans are known by the map of
locations, which has what was written down.
"""

from __future__ import annotations

import time

import msgspec

from isthmus.emergency import elin
from isthmus.emergency.compiled import EmergencyMap
from isthmus.emergency.model import Loan
from isthmus.engines.kamailio import locating
from isthmus.engines.kamailio.ksr import KSR, text
from isthmus.engines.kamailio.site import Site

_TABLE = "elin"
_loan_from = msgspec.json.Decoder(Loan)


def lend(site: Site, caller: str, device: str, number: str) -> str:
    """The number (E.164) that is lent to the call at hand; empty where it goes out by the caller's own.

    caller: address-of-record; device: as the digest named it; number: the caller's own, empty for none. Never raises:
    the call goes out whatever is wrong here.
    """
    try:
        return _lend(site, caller, device, number)
    except Exception as error:
        KSR.err(f"an emergency call of {caller} goes out without a number lent: {type(error).__name__}: {error}\n")
        return ""


def called_back(site: Site, number: str) -> str:
    """The address-of-record that a call from the PSTN to this number (E.164) is for by a loan; empty for none."""
    try:
        loan = elin.called_back(_present(site.locations.map(), number), int(time.time() * 1000))
    except Exception as error:
        KSR.err(f"whether {number} is lent is not known: {type(error).__name__}: {error}\n")
        return ""
    return "" if loan is None else loan.aor


def _lend(site: Site, caller: str, device: str, number: str) -> str:
    found = locating.found(site, caller, device, number)
    place = found.located.place
    if not found.elin or place is None:
        return ""
    known = site.locations.map()
    wanted = Loan(
        "", place.tenant, place.name, caller, device.partition(".")[0], text("$ci")[:256], int(time.time() * 1000)
    )
    pool = f"{place.tenant}/{place.name}"
    # One call at a time lends of a pool, whichever worker has it: two that look at once would take the same number.
    KSR.htable.sht_lock(_TABLE, pool)
    try:
        loans = [loan for each in place.elins if (loan := _present(known, each)) is not None]
        made, lost = elin.lent(loans, place.elins, wanted, found.settings.elin_minutes * 60)
        KSR.htable.sht_sets(_TABLE, made.number, msgspec.json.encode(made).decode())
    finally:
        KSR.htable.sht_unlock(_TABLE, pool)
    if lost is not None:
        KSR.warn(f"the numbers of {pool} are exhausted: {made.number} no longer reaches {lost.aor}\n")
    return made.number


def _present(known: EmergencyMap, number: str) -> Loan | None:
    """The last loan of a number."""
    raw = KSR.htable.sht_get(_TABLE, number)
    return known.loans.get(number) if raw is None else _loan_from.decode(str(raw))
