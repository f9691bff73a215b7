"""The write path of connectors, at the site that they belong to: sites, invitations, enrolment, reports."""

from __future__ import annotations

import functools
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import Connection

from isthmus.audit import Actor, Origin
from isthmus.connectors import rules, store
from isthmus.connectors.model import Connector, ConnectorSite, Enrolled, State
from isthmus.database import reading, writing
from isthmus.directory import store as directory_store
from isthmus.directory.journal import Journal
from isthmus.directory.service import Directory
from isthmus.errors import ForbiddenError, NotFoundError, RefusedError
from isthmus.identity.throttle import BackOff
from isthmus.pki.rules import certificate_names
from isthmus.pki.service import CertificateAuthority
from isthmus.pki.store import parse_request
from isthmus.routing.compile import Connector as Compiled
from isthmus.routing.model import ConnectorRecord

_FREE_GUESSES = 5  # wrong codes from one address before it has to wait
_SIP_PORT = 5062
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Home:
    """The site that connectors belong to. authority: the CA, None where it is not on this machine.

    slots: most connectors at a time. lifetime_days: of their certificates.
    """

    fqdn: str
    slots: int
    authority: Callable[[], CertificateAuthority | None]
    lifetime_days: int = 30


class Connectors:
    """The connectors of one site. offered: the versions that there are packages of, and the hash of each.

    changed: called after each change of who is let in, or who drains.
    """

    def __init__(
        self,
        directory: Directory,
        home: Home,
        *,
        offered: Callable[[], Mapping[str, str]] = dict,
        changed: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.time,
        guesses: BackOff | None = None,
    ) -> None:
        self._directory, self._home, self._offered, self._clock = directory, home, offered, clock
        self.changed = changed
        self._guesses = guesses or BackOff(_FREE_GUESSES)
        self.edition = 0
        """Another number with each change of what connectors are told."""

    # --- sites ----------------------------------------------------------------------------------

    def sites(self, tenant: str | None = None) -> list[ConnectorSite]:
        """Of a tenant, or all."""
        with reading(self._directory.engine) as connection:
            return store.sites(connection, tenant)

    def site(self, tenant: str, name: str) -> ConnectorSite:
        """One. Raises NotFoundError."""
        with reading(self._directory.engine) as connection:
            return _of_tenant(store.site(connection, name), tenant, name)

    def put_site(self, wanted: ConnectorSite, *, actor: str) -> ConnectorSite:
        """Make the site as given, anew or changed. Raises UsageError, RefusedError (the name is taken)."""
        made = rules.checked_site(wanted)

        def work(log: Journal) -> ConnectorSite:
            if made.tenant not in directory_store.tenants(log.connection):
                raise NotFoundError(f"there is no tenant {made.tenant!r}")
            before = store.site(log.connection, made.name)
            if before is not None and before.tenant != made.tenant:
                raise RefusedError(f"the name {made.name} is taken", do="Choose another one.")
            if before != made:
                store.put_site(log.connection, made)
                old = public_site(before) if before else None
                log.entry("connector-site.set", made.name, old, public_site(made), tenant=made.tenant)
            return made

        return self._write(actor, work)

    def remove_site(self, tenant: str, name: str, *, actor: str) -> None:
        """Remove a site that has no connectors any more, nor certificates of some. Raises RefusedError."""

        def work(log: Journal) -> None:
            gone = _of_tenant(store.site(log.connection, name), tenant, name)
            for each in store.connectors(log.connection, site=name):
                if not each.removed:
                    raise RefusedError(f"{each.name} is there still", do=f"isthmus connector remove {each.name}")
                if each.certificate_until > self._now_ms():
                    end = datetime.fromtimestamp(each.certificate_until / 1000, UTC)
                    raise RefusedError(
                        f"the certificate of {each.name}, which was removed, lives until {end:%Y-%m-%d %H:%M} UTC",
                        do="Its name must not be given again before; remove the site then.",
                    )
            store.remove_site(log.connection, name)
            log.entry("connector-site.remove", name, public_site(gone), None, tenant=tenant)

        self._write(actor, work)

    # --- connectors -----------------------------------------------------------------------------

    def listed(self, tenant: str) -> list[dict[str, Any]]:
        """A tenant's connectors as they are shown, without those that were removed."""
        with reading(self._directory.engine) as connection:
            found = store.connectors(connection, tenant)
        return [self.shown(each) for each in found if not each.removed]

    def get(self, tenant: str, name: str) -> Connector:
        """One that was not removed. Raises NotFoundError."""
        with reading(self._directory.engine) as connection:
            return _there(store.by_name(connection, name), tenant, name)

    def invite(self, tenant: str, site: str, *, actor: str) -> tuple[Connector, str]:
        """Make room for a connector, and a code by which it can enrol; the site is made where there is none.

        Raises RefusedError (16 are there, no CA here, the name is another tenant's), UsageError.
        """
        self._authority()
        code = rules.new_code()
        if not any(each.name == site for each in self.sites(tenant)):
            self.put_site(ConnectorSite(tenant, site), actor=actor)

        def work(log: Journal) -> Connector:
            ever = store.connectors(log.connection, site=site)
            now = self._now_ms()
            if sum(1 for each in ever if not each.removed) >= rules.MOST:
                raise RefusedError(f"the site {site} has {rules.MOST} connectors already")
            number = max((each.number for each in ever), default=0) + 1
            name = f"{site}-{number}"
            certificate_names(rules.fqdn_of(name, self._home.fqdn))  # raises what enrolment would
            until = now + rules.CODE_LIVES_MS
            made = Connector(name, site, tenant, number, rules.code_hash(code), until)
            store.put(log.connection, made)
            log.entry("connector.invite", name, None, {"site": site, "code_until": until}, tenant=tenant)
            return made

        return self._write(actor, work), code

    def drain(self, tenant: str, name: str, drains: bool, *, actor: str) -> Connector:
        """Whether a connector is to take no new calls to the PSTN. Raises NotFoundError."""

        def work(log: Journal) -> Connector:
            before = _there(store.by_name(log.connection, name), tenant, name)
            after = replace(before, drains=drains)
            if before != after:
                store.put(log.connection, after)
                action = "connector.drain" if drains else "connector.resume"
                log.entry(action, name, {"drains": before.drains}, {"drains": drains}, tenant=tenant)
            return after

        return self._write(actor, work)

    def remove(self, tenant: str, name: str, *, actor: str) -> None:
        """Let a connector in no more: neither its certificate nor its code is good for anything then."""

        def work(log: Journal) -> None:
            gone = _there(store.by_name(log.connection, name), tenant, name)
            store.put(log.connection, replace(gone, removed=self._now_ms(), slot=None))
            log.entry("connector.remove", name, {"site": gone.site}, None, tenant=tenant)

        self._write(actor, work)

    # --- what connectors themselves do ------------------------------------------------------------

    def enrol(self, code: str, request: bytes, *, address: str) -> Enrolled:
        """A certificate for whoever has the code. request: PKCS #10, PEM. address: whose guesses are counted.

        Raises ForbiddenError (the code is unknown, used or too old), TooManyError, UsageError, RefusedError (no
        slot is free; the CA is not here).
        """
        self._guesses.check(address)
        key = parse_request(request)
        authority = self._authority()
        actor = Actor("connector:unknown", Origin("api", "" if address == "local" else address))
        hashed, now = rules.code_hash(code), self._now_ms()
        with reading(self._directory.engine) as connection:
            fault = _code_fault(store.by_code(connection, hashed), _key_hash(key), now)
        if fault:
            self._guesses.failed(address)
            refusal = {"why": fault}
            self._directory.write_here(actor, lambda log: log.entry("connector.refuse", "enrolment", None, refusal))
            raise ForbiddenError(fault, do="Make a new package: isthmus connector package --site SITE -o FILE")

        def work(log: Journal) -> tuple[Connector, bytes]:
            invited = store.by_code(log.connection, hashed)
            if (again := _code_fault(invited, _key_hash(key), now)) or invited is None:
                raise ForbiddenError(again)
            slot = invited.slot
            if slot is None:
                slot = rules.lowest_free(_slots(log.connection), self._home.slots)
            if slot is None:
                raise RefusedError(f"all {self._home.slots} slots of this site are taken", do="[connectors] slots")
            pem, until = self._certify(authority, invited.name, key)
            enrolled = replace(
                invited,
                slot=slot,
                key=_key_hash(key),
                enrolled=invited.enrolled or now,
                certificate_until=until,
            )
            store.put(log.connection, enrolled)
            facts = {"site": enrolled.site, "slot": slot, "key": enrolled.key, "certificate_until": until}
            log.entry("connector.enrol", enrolled.name, None, facts, tenant=enrolled.tenant)
            return enrolled, pem

        made, pem = self._write(actor, work)
        self._guesses.succeeded(address)
        fqdn = rules.fqdn_of(made.name, self._home.fqdn)
        return Enrolled(made.name, made.site, made.tenant, fqdn, pem.decode("ascii"))

    def renew(self, name: str, request: bytes) -> bytes:
        """A new certificate, with its chain, for a connector that still has a good one. Raises as `enrol` does."""
        key = parse_request(request)
        authority = self._authority()

        def work(log: Journal) -> bytes:
            before = self._let_in(log.connection, name)
            pem, until = self._certify(authority, name, key)
            after = replace(before, key=_key_hash(key), certificate_until=until)
            store.put(log.connection, after)
            facts = {"key": after.key, "certificate_until": until}
            log.entry("connector.renew", name, {"key": before.key}, facts, tenant=before.tenant)
            return pem

        return self._directory.write_here(Actor(f"connector:{name}", Origin("link")), work)

    def told(self, name: str, report: Mapping[str, Any]) -> None:
        """A connector said how it is. Raises NotFoundError."""
        with writing(self._directory.engine) as connection:
            before = self._let_in(connection, name).report
            store.saw(connection, name, self._now_ms(), dict(report))
        if any(before.get(key) != report.get(key) for key in ("phase", "version", "ok", "in_force")):
            self.edition += 1  # the next one to be updated may be another now
        if before.get("phase", "") != report.get("phase", ""):
            self.changed()  # who updates itself gets no new calls

    def orders(self, name: str) -> dict[str, Any]:
        """What a connector is told: its settings, whether it drains, the version to bring itself to, its hash.

        Raises NotFoundError.
        """
        with reading(self._directory.engine) as connection:
            one = self._let_in(connection, name)
            site = store.site(connection, one.site)
            there = store.connectors(connection, site=one.site)
        if site is None:
            raise NotFoundError(f"there is no site {one.site}")
        offered = self._offered()
        update = rules.to_update(site, there, offered, self._now_ms()) == name
        told = {
            "tenant": one.tenant,
            "site": site.name,
            "settings": site.settings,
            "revision": rules.revision_of(site.settings),
            "drains": one.drains,
            "version": site.version if update else "",
            "sha256": offered.get(site.version, "") if update else "",
        }
        return {**told, "edition": rules.revision_of(told)}

    # --- what others ask ----------------------------------------------------------------------------

    def find(self, name: str) -> tuple[str, str] | None:
        """Tenant and fqdn of a connector that is let in; None for any other name."""
        with reading(self._directory.engine) as connection:
            found = store.by_name(connection, name)
        if found is None or found.slot is None:
            return None
        return found.tenant, rules.fqdn_of(name, self._home.fqdn)

    def let_in(self) -> dict[str, int]:
        """Slot by fqdn of those that are let in."""
        with reading(self._directory.engine) as connection:
            found = store.connectors(connection)
        return {rules.fqdn_of(each.name, self._home.fqdn): each.slot for each in found if each.slot is not None}

    def compiled(self) -> list[Compiled]:
        """Those that are let in, for the snapshot."""
        with reading(self._directory.engine) as connection:
            found = store.connectors(connection)
        return [
            (each.tenant, functools.partial(_record, each, rules.fqdn_of(each.name, self._home.fqdn), each.slot))
            for each in found
            if each.slot is not None
        ]

    def shown(self, one: Connector) -> dict[str, Any]:
        """A connector as the API shows it."""
        report = one.report
        return {
            "name": one.name,
            "site": one.site,
            "tenant": one.tenant,
            "state": rules.state_of(one, self._now_ms()).value,
            "fqdn": rules.fqdn_of(one.name, self._home.fqdn),
            "drains": one.drains,
            "slot": one.slot,
            "code_until": one.code_until if not one.enrolled else None,
            "certificate_until": one.certificate_until or None,
            "seen": one.seen or None,
            "version": report.get("version"),
            "calls": report.get("calls"),
            "capacity": report.get("capacity"),
            "trunks": report.get("trunks") or [],
            "in_force": report.get("in_force"),
            "refused": report.get("refused") or "",
            "phase": report.get("phase") or "",
            "returned_from": report.get("returned_from") or "",
            "returned_why": report.get("returned_why") or "",
            "trouble": report.get("trouble") or [],
        }

    def _write(self, actor: str, work: Callable[[Journal], _T]) -> _T:
        done = self._directory.write_here(actor, work)
        self.edition += 1
        self.changed()
        return done

    def _let_in(self, connection: Connection, name: str) -> Connector:
        found = store.by_name(connection, name)
        if found is None or rules.state_of(found, self._now_ms()) in (State.REMOVED, State.INVITED):
            raise NotFoundError("this site has no such connector", where=name)
        return found

    def _authority(self) -> CertificateAuthority:
        found = self._home.authority()
        if found is None:
            raise RefusedError(
                "the CA is not on this machine, so no connector can get a certificate here",
                do="[pki] ca_directory has to name its folder.",
            )
        return found

    def _certify(self, authority: CertificateAuthority, name: str, key: ec.EllipticCurvePublicKey) -> tuple[bytes, int]:
        """The certificate, and its end in milliseconds since 1970."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        names = certificate_names(rules.fqdn_of(name, self._home.fqdn))
        pem = authority.certify(names, key, self._home.lifetime_days, now=now)
        return pem, int(x509.load_pem_x509_certificate(pem).not_valid_after_utc.timestamp() * 1000)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def public_site(site: ConnectorSite) -> dict[str, Any]:
    """A site as the API and the audit log show it."""
    return asdict(site)


def _record(one: Connector, fqdn: str, slot: int, tenant: int) -> ConnectorRecord:
    drains = one.drains or one.report.get("phase", "") != ""
    return ConnectorRecord(one.name, f"{fqdn}:{_SIP_PORT}", slot, tenant, one.site, drains)


def _slots(connection: Connection) -> set[int]:
    return {each.slot for each in store.connectors(connection) if each.slot is not None}


def _code_fault(invited: Connector | None, key: str, now_ms: int) -> str:
    """Why a code is not good for this key; empty when it is."""
    if invited is None:
        return "there is no such code"
    if invited.removed:
        return f"the connector {invited.name} was removed"
    if invited.enrolled:
        fresh = invited.key == key and now_ms - invited.enrolled <= rules.CODE_AGAIN_MS
        return "" if fresh else f"the code was used already, for {invited.name}"
    if now_ms > invited.code_until:
        return "the code is too old"
    return ""


def _key_hash(key: ec.EllipticCurvePublicKey) -> str:
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _of_tenant(found: ConnectorSite | None, tenant: str, name: str) -> ConnectorSite:
    if found is None or found.tenant != tenant:
        raise NotFoundError(f"there is no connector site {name!r}", do="See: isthmus connector list")
    return found


def _there(found: Connector | None, tenant: str, name: str) -> Connector:
    if found is None or found.tenant != tenant or found.removed:
        raise NotFoundError(f"there is no connector {name!r}", do="See: isthmus connector list")
    return found
