"""Tells the security desk of emergency calls, as Kamailio's workers report them."""

from __future__ import annotations

import collections
from collections.abc import Callable

from isthmus.activity.model import Alert, Event
from isthmus.addressing import Aor
from isthmus.directory.model import Person
from isthmus.directory.service import Directory
from isthmus.emergency import carried, reported
from isthmus.emergency.lending import Lending
from isthmus.emergency.model import Known, Loan
from isthmus.emergency.notice import EmergencyCall, notice
from isthmus.emergency.service import Locations
from isthmus.errors import IsthmusError

_WAITING = 10_000  # calls


class Telling:
    """tell: writes an alert of a tenant down and has it delivered (`Activity.tell_now`). wake: there is work."""

    def __init__(
        self, directory: Directory, locations: Locations, lending: Lending, tell: Callable[[str, Alert], None]
    ) -> None:
        self._directory, self._locations, self._lending, self._tell = directory, locations, lending, tell
        self._waiting: collections.deque[Event] = collections.deque(maxlen=_WAITING)
        self.wake: Callable[[], object] = lambda: None

    def called(self, event: Event) -> None:
        """An emergency call begins. Returns at once; `work` tells of it."""
        self._waiting.append(event)
        self.wake()

    def work(self) -> None:
        """Tell of all that waits. Raises UnavailableError; what was not told of is told the next time."""
        while self._waiting:
            self._tell_of(self._waiting[0])
            self._waiting.popleft()

    def _tell_of(self, event: Event) -> None:
        person = self._person(event.account)
        if person is None:
            return  # whoever it was is no more, and so of no tenant
        device = event.device.partition(".")[0]
        found = self._locations.find(
            person.tenant, Known(address=event.address, bssid=reported.bssid(event.access)), person, device
        )
        if event.lent:
            self._note(event, person, device, found.settings.elin_minutes)
        if not found.settings.notify:
            return
        call = EmergencyCall(
            event.at,
            str(person.aor),
            person.display_name,
            event.number,
            event.lent or event.own_number,
            device,
            event.address,
            event.call_id,
        )
        # What the person chose at their home is known to the call alone, where that is the other site.
        at = carried.sharper(found.located, carried.read(event.told))
        self._tell(person.tenant, notice(call, at, found.settings))

    def _note(self, event: Event, person: Person, device: str, minutes: int) -> None:
        """Write down the loan that was made in the call. minutes: its window."""
        owner = self._locations.lender(event.lent)
        if owner is None:
            return  # its place is no more
        at_ms = int(event.at * 1000)
        until_ms = at_ms + minutes * 60_000
        tenant, place = owner
        self._lending.note(Loan(event.lent, tenant, place, str(person.aor), device, event.call_id, at_ms, until_ms))

    def _person(self, account: str) -> Person | None:
        try:
            aor = Aor.parse(account)
        except IsthmusError:
            return None
        return self._directory.get_many([aor]).get(aor)
