"""Puts calling plans and carriers together for one site: what is bought, charged, refused and ended."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from isthmus.activity.model import Alert
from isthmus.carriers.build import carriers_of
from isthmus.carriers.buying import Buying
from isthmus.carriers.porting import PortFollowing
from isthmus.carriers.service import Purchases
from isthmus.directory.service import Directory
from isthmus.engines.kamailio.bulk import ask, end_call
from isthmus.errors import IsthmusError
from isthmus.numbers.porting import Porting
from isthmus.plans.charging import Charging
from isthmus.plans.service import Plans
from isthmus.routing.snapshot import SnapshotWriter
from isthmus.site.background import Background, Repeating
from isthmus.site.file import SiteFile

_log = logging.getLogger(__name__)
_BUY_S = 5.0  # until a purchase that waits is looked at again
_PORT_S = 60.0
_CHARGE_S = 2.0  # from a call's record to what follows from it
_END_S = 5.0  # a call may go on for so long after what pays for it has ended
_SPENT = 'SIP ;cause=402 ;text="Calling Credit Used Up"'  # RFC 3326


def run_calling(
    site_file: SiteFile,
    directory: Directory,
    plans: Plans,
    writer: SnapshotWriter,
    tell: Callable[[str, Alert], object],
    background: Background,
    facts: dict[str, Callable[[], Any]],
) -> Purchases:
    """Register what has to run. plans: is told of here whom to wake. Gives the purchases."""
    trunks = [trunk.name for trunk in site_file.trunk if trunk.calling_plan]
    charging = Charging(directory, site_file.site.name, trunks, writer, tell=tell)
    charge = Repeating("charge calls by calling plans", charging.work, _CHARGE_S)

    def changed() -> None:
        # At once, so that nobody calls by a new plan before what it refuses is refused; should that fail, soon.
        charging.touch()
        try:
            charging.refuse()
        except IsthmusError as error:
            _log.warning("what calling plans refuse will be written again: %s", error)
        charge.wake()

    def followed() -> None:
        charging.touch()
        charge.wake()

    plans.changed, plans.followed = changed, followed
    background.add("calling plans: charge", charge.start, charge.stop)
    if trunks:
        end = Repeating("end calls whose credit is used up", lambda: _end(site_file, charging), _END_S)
        background.add("calling plans: end calls", end.start, end.stop)
    facts["calling_plans"] = lambda: {"ok": not charge.trouble, "reason": charge.trouble}
    return _run_carriers(site_file, directory, background, facts)


def _run_carriers(
    site_file: SiteFile, directory: Directory, background: Background, facts: dict[str, Callable[[], Any]]
) -> Purchases:
    purchases = Purchases(directory, carriers_of(site_file))
    if not directory.is_authority:
        return purchases
    buying = Buying(directory, purchases)
    buy = Repeating("buy numbers from carriers", buying.work, _BUY_S)
    purchases.changed = buy.wake
    background.add("carriers: buy", buy.start, buy.stop)
    if purchases.carriers:
        following = PortFollowing(directory, Porting(directory), purchases.carriers)
        follow = Repeating("follow porting orders at carriers", following.work, _PORT_S)
        background.add("carriers: porting", follow.start, follow.stop)
    facts["purchases"] = buying.health
    return purchases


def _end(site_file: SiteFile, charging: Charging) -> None:
    wanted = set(charging.spent_calls())
    if not wanted:
        return
    for dialog in ask(site_file, "dlg.list") or ():
        if dialog.get("call-id") in wanted and end_call(site_file, dialog, _SPENT):
            _log.warning("call %s ends: the calling credit is used up", dialog["call-id"])
