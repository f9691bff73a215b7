"""Signs who calls out by a trunk, and verifies who calls in (STIR/SHAKEN, RFC 8224 and 8588).

Nothing on a call's path is fetched: a certificate that is not known is written down for the control service, which the
next call then has. What goes wrong with signing is logged, and the call goes on without.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from isthmus.engines.kamailio.config import BrainSettings
from isthmus.engines.kamailio.ksr import KSR, text
from isthmus.routing.model import Step
from isthmus.stir import identity, passport, rules
from isthmus.stir.known import ASKED, KnownFile
from isthmus.stir.model import Claim, Passport, Verdict, Verstat
from isthmus.stir.numbers import canonical

if TYPE_CHECKING:
    from isthmus.engines.kamailio.site import Site


class Voucher:
    """One a worker."""

    def __init__(self, settings: BrainSettings) -> None:
        self.url, self.refuses = settings.stir_url, settings.stir_refuses
        self.key = _key(settings.stir_key)
        self.origid = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{settings.site}|{settings.stir_url}"))
        self.known = KnownFile(Path(settings.snapshot)) if settings.stir_verifies else None


def _key(file: str) -> ec.EllipticCurvePrivateKey | None:
    """Without a key that can be read calls go out unsigned: better than none at all."""
    if not file:
        return None
    try:
        return passport.load_key(Path(file).read_bytes())
    except (OSError, ValueError) as error:
        KSR.err(f"calls are not signed: the key {file} can't be read ({error})\n")
        return None


def signed(site: Site, shown: str, number: str, caller: str) -> str:
    """The Identity header for the branch at hand, which goes to a trunk; empty where there is nothing to sign.

    shown: the number that the called see. number: that is called. caller: who calls, an address of ours or nobody.
    """
    voucher = site.voucher
    orig, dest = canonical(shown), canonical(number)
    if voucher.key is None or not orig or not dest:
        return ""
    try:
        with site.snapshot.view() as view:
            attest = rules.attestation(shown, view.person(caller), view.owner_of(shown))
        said = Passport(orig, (dest,), int(time.time()), voucher.url, attest, voucher.origid)
        return f"Identity: {identity.of_token(passport.sign(said, voucher.key), voucher.url)}\r\n"
    except Exception as error:
        KSR.err(f"a call goes out unsigned: {type(error).__name__}: {error}\n")
        return ""


def verified(site: Site, caller: str) -> Verdict | None:
    """What becomes of the signatures of a call that comes in from the number `caller`; None where nobody looks."""
    known = site.voucher.known
    if known is None:
        return None
    found: list[str] = []
    while (value := KSR.pv.get(f"$(hdr(Identity)[{len(found)}])")) is not None and len(found) <= rules.MAX_IDENTITIES:
        found.append(str(value))
    called = tuple(filter(None, (canonical(text("$tU")), canonical(text("$rU")))))
    verdict = rules.verify(Claim(tuple(found), canonical(caller), called), int(time.time()), known.get)
    if verdict.ask and len(verdict.ask) < 400:
        KSR.htable.sht_sets(ASKED, verdict.ask, "1")
    if verdict.verstat is Verstat.FAILED:
        KSR.warn(f"a call from {caller[:20]!r} is not vouched for: {verdict.why[:300]!r}\n")
    return verdict


def step(verdict: Verdict) -> Step:
    """For the trace."""
    return Step("caller", f"{verdict.verstat.value}: {verdict.why}")
