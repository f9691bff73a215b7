"""Looks now and then whether the records by which domains were proved are still in the DNS.

One that is gone is told of, and nothing else happens: whoever lost it by mistake would lose their phones as well.
Domains that an operator vouched for, and those of the site file, have no record to look for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from isthmus.database import reading
from isthmus.directory.journal import Journal
from isthmus.directory.service import Directory
from isthmus.errors import UnavailableError
from isthmus.tenancy import rules, store
from isthmus.tenancy.model import Claim, VerifiedBy
from isthmus.tenancy.service import Lookup

_log = logging.getLogger(__name__)
_ACTOR = "site:domains"


class Reproving:
    """every_s: how old a look may get; 0 for never looking. At the authority alone."""

    def __init__(
        self, directory: Directory, lookup: Lookup, every_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._directory, self._lookup, self._every_s, self._clock = directory, lookup, every_s, clock

    def run(self) -> int:
        """Look for the records that are due. Returns how many are gone now that were there before.

        A DNS that does not answer says nothing of a record; it is asked again the next time.
        """
        if not self._every_s or not self._directory.is_authority:
            return 0
        lost = 0
        for claim in self._proved():
            if claim.checked is not None and self._clock() - claim.checked < self._every_s:
                continue
            record = rules.record_of(claim)
            try:
                there = rules.proves(claim, self._lookup(record["name"]))
            except UnavailableError as error:
                _log.info("the record of %s can't be looked for: %s", claim.name, error)
                continue
            trouble = "" if there else f"the TXT record {record['value']} at {record['name']} is gone"
            self._note(claim, trouble)
            lost += bool(trouble and not claim.trouble)
        return lost

    def health(self) -> dict[str, Any]:
        """For GET /v1/health: domains whose record is gone."""
        lost = [{"domain": each.name, "tenant": each.tenant} for each in self._proved() if each.trouble]
        return {"ok": not lost, "unproved": lost}

    def _proved(self) -> list[Claim]:
        with reading(self._directory.engine) as connection:
            return [each for each in store.claims(connection) if each.verified_by is VerifiedBy.DNS]

    def _note(self, claim: Claim, trouble: str) -> None:
        """Keep what was seen; a change of it is in the audit log. A claim that was changed meanwhile stays as it is."""

        def work(log: Journal) -> None:
            if claim not in store.claims(log.connection, tenant=claim.tenant, name=claim.name):
                return
            store.put_claim(log.connection, replace(claim, checked=self._clock(), trouble=trouble))
            if bool(trouble) != bool(claim.trouble):
                action = "domain.proof-gone" if trouble else "domain.proof-back"
                log.entry(action, claim.name, {"tenant": claim.tenant}, {"tenant": claim.tenant, "trouble": trouble})
                _log.warning("%s: %s", claim.name, trouble or "its TXT record is back")

        self._directory.write(_ACTOR, work)
